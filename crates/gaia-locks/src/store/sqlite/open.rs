//! Opening: judged first, then opened, then looked into [R18].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection as Sqlite, MAIN_DB, OpenFlags};

use super::connection::{self, Connection};
use super::gate::Gate;
use super::{SqliteOptions, beside, earlier, migrate, settle, unusable, vfs};
use crate::error::StoreError;
use crate::os::{Trust, file_system_of};
use crate::settings::Durability;

/// How long another program may keep the database locked.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Opens a file, or gives the connection that the process has already.
pub(super) fn open(path: &Path, options: &SqliteOptions) -> Result<Arc<Connection>, StoreError> {
    refuse_untrusted(path)?;
    if let Some(directory) = path.parent() {
        crate::os::make_private_folder(directory).map_err(|error| unusable(directory, &error))?;
    }
    settle::hear_of_recovery();
    vfs::replace_calls();
    let file = touch(path)?;
    let file = (file.dev(), file.ino());
    connection::shared(file, || connect(path, file, options))
}

/// WAL needs memory that all processes share: on network and shared-folder
/// file systems it corrupts without an error.
fn refuse_untrusted(path: &Path) -> Result<(), StoreError> {
    let found = file_system_of(path).map_err(|error| unusable(path, &error))?;
    match found.trust {
        Trust::Local => Ok(()),
        Trust::Shared(reason) => Err(StoreError::UntrustedFileSystem {
            path: path.to_owned(),
            file_system: found.name,
            reason: reason.to_string(),
        }),
    }
}

/// When the last connection is closed SQLite deletes `-shm` first and the log
/// after it, and makes them the other way round. So where the log alone is
/// missing somebody deleted it, and with it locks and tokens that were given.
fn refuse_without_its_log(path: &Path) -> Result<(), StoreError> {
    let is_there = |suffix| beside(path, suffix).symlink_metadata().is_ok();
    if is_there("-wal") || !is_there("-shm") {
        return Ok(());
    }
    Err(unusable(
        path,
        &"its log (-wal) was deleted, and what stood only in it is lost; `gaia restore` a backup, \
          or delete -shm too and go on with an older state, in which locks and tokens are missing",
    ))
}

/// The file's identity; it is made when it is not there, so that it has one.
/// Only new files are touched: closing a descriptor of a file that is open
/// would take away the locks of other copies of SQLite in this process.
fn touch(path: &Path) -> Result<fs::Metadata, StoreError> {
    if let Ok(found) = fs::metadata(path) {
        return Ok(found);
    }
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| unusable(path, &error))?;
    fs::metadata(path).map_err(|error| unusable(path, &error))
}

fn connect(
    path: &Path,
    file: (u64, u64),
    options: &SqliteOptions,
) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    refuse_without_its_log(path)?;
    let gate = Gate::open(&beside(path, "-gate"))?;
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    let mut sqlite = Sqlite::open_with_flags(path, flags).map_err(failed)?;
    sqlite.busy_timeout(BUSY).map_err(failed)?;
    sqlite.set_prepared_statement_cache_capacity(256);
    migrate::enforce_no_foreign_keys(&sqlite).map_err(failed)?;
    // Without it, binding another value can make SQLite plan a statement anew
    // each time it runs, which costs more than running it.
    sqlite
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed)?;
    let made = {
        let _turn = gate.pass();
        let made = migrate::bring_up_to_date(&mut sqlite, path, &options.earlier, &*options.clock)?;
        refuse_read_only(&sqlite, path)?;
        made
    };
    if let Some(files) = &made {
        earlier::clear_away(files);
    }
    set_up(&sqlite, options.durability).map_err(failed)?;
    refuse_removed(path, file)?;
    let is_fresh = made.is_some();
    Ok(Connection::new(path.to_owned(), file, sqlite, gate).fresh(is_fresh))
}

/// It may have been removed between its being found and its being opened; from
/// now on nobody removes it (`remove`).
pub(super) fn refuse_removed(path: &Path, file: (u64, u64)) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if (found.dev(), found.ino()) == file => Ok(()),
        Ok(_) => Err(unusable(path, &"it was replaced just now; try again")),
        Err(error) => Err(unusable(path, &format!("it was removed just now: {error}"))),
    }
}

/// A file that cannot be opened for writing just now (no descriptor is free) is
/// opened by SQLite for reading, and would stay so for as long as the process
/// lives. Whoever else writes at this moment shows that it can be written.
fn refuse_read_only(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    use rusqlite::ErrorCode::{CannotOpen, ReadOnly};
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    if sqlite.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(unusable(path, &"it cannot be opened for writing"));
    }
    // The log beside it.
    sqlite.busy_timeout(Duration::ZERO).map_err(failed)?;
    let tried = sqlite.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
    sqlite.busy_timeout(BUSY).map_err(failed)?;
    let code = |error: &rusqlite::Error| error.sqlite_error_code();
    match tried {
        Err(error) if matches!(code(&error), Some(ReadOnly | CannotOpen)) => Err(failed(error)),
        _ => Ok(()),
    }
}

/// Settings of the connection; those of the file are made with it.
fn set_up(sqlite: &Sqlite, durability: Durability) -> rusqlite::Result<()> {
    sqlite.execute_batch(match durability {
        Durability::Normal => "PRAGMA synchronous=NORMAL",
        Durability::Full => "PRAGMA synchronous=FULL",
    })?;
    sqlite.execute_batch("PRAGMA wal_autocheckpoint=4000; PRAGMA temp_store=MEMORY")?;
    if cfg!(target_os = "macos") {
        sqlite.execute_batch("PRAGMA fullfsync=ON; PRAGMA checkpoint_fullfsync=ON")?;
    }
    Ok(())
}

/// What SQLite said, in words that help.
pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as Code;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => StoreError::Busy {
            path,
            seconds: BUSY.as_secs(),
        },
        Some(Code::DatabaseCorrupt) => StoreError::Damaged {
            path,
            detail: error.to_string(),
        },
        Some(Code::NotADatabase) => StoreError::Foreign {
            path,
            why: "it is no SQLite file".to_owned(),
        },
        Some(
            Code::ReadOnly
            | Code::CannotOpen
            | Code::PermissionDenied
            | Code::DiskFull
            | Code::SystemIoFailure,
        ) => StoreError::Unusable {
            path,
            detail: error.to_string(),
        },
        _ => StoreError::Failed(format!("{}: {error}", path.display())),
    }
}
