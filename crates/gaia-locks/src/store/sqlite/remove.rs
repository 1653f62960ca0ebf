//! Removing a database that nobody has used.
//!
//! A process that has the database open would go on in the deleted file, while
//! others make a new one in its place: two holders of one folder. So it is
//! removed only while nobody else has it open. SQLite leaves its log only then,
//! and in exclusive mode it keeps whoever comes out until the files are gone;
//! they find that they opened what is no longer there (`open`).

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection as Sqlite, ErrorCode};

use super::open::{self, BUSY, of_sqlite};
use super::{SqliteOptions, beside, unusable};
use crate::error::StoreError;

/// All that lies beside a database, the database last: whoever comes before it
/// is gone waits for it, and makes nothing new.
const FILES: [&str; 7] = ["-journal", "-wal", "-shm", "-gate", ".bell", "-up", ""];

/// What keeps a database from being removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InUse {
    /// Another process has it open.
    Open,
    /// Something stands in it that somebody did.
    Used,
}

/// What would keep a database from being removed now; nothing is changed.
///
/// # Errors
/// When it cannot be opened or read.
pub fn in_use(database: &Path) -> Result<Option<InUse>, StoreError> {
    alone(database, |_| Ok(()))
}

/// Removes a database with all that lies beside it, unless something keeps it
/// from that.
///
/// # Errors
/// When it cannot be opened or read, or a file cannot be removed.
pub fn remove_unused(database: &Path) -> Result<Option<InUse>, StoreError> {
    alone(database, remove)
}

/// Does something with a database that nobody has used and nobody else has open.
/// Where that left the file in its place, it is as it was before.
fn alone(
    database: &Path,
    work: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<Option<InUse>, StoreError> {
    let connection = open::open(database, &SqliteOptions::default())?;
    let sqlite = connection.lock();
    let _turn = connection.gate.pass();
    let failed = |error: rusqlite::Error| of_sqlite(database, &error);
    let found = match keep_others_out(&sqlite).map_err(failed)? {
        false => Some(InUse::Open),
        true => {
            // In exclusive mode SQLite keeps the journal of its last change.
            drop(fs::remove_file(beside(database, "-journal")));
            is_used(&sqlite).map_err(failed)?.then_some(InUse::Used)
        }
    };
    let done = found.map_or_else(|| work(database), |_| Ok(()));
    if fs::symlink_metadata(database).is_ok() {
        let_others_in(&sqlite).map_err(failed)?;
    }
    done.map(|()| found)
}

/// Whether nobody else has it open; then nobody can until they are let in.
fn keep_others_out(sqlite: &Sqlite) -> rusqlite::Result<bool> {
    sqlite.busy_timeout(Duration::ZERO)?;
    sqlite.query_row("PRAGMA locking_mode=EXCLUSIVE", [], |_| Ok(()))?;
    let mode = sqlite.query_row("PRAGMA journal_mode=DELETE", [], |row| {
        row.get::<_, String>(0)
    });
    match mode {
        Ok(mode) => Ok(mode == "delete"),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(false),
            _ => Err(error),
        },
    }
}

/// As it was before. A lock is let go of with the next read; a log that was begun
/// before that would be for this connection alone.
fn let_others_in(sqlite: &Sqlite) -> rusqlite::Result<()> {
    let read = || sqlite.query_row("SELECT count(*) FROM gaia_state", [], |_| Ok(()));
    sqlite.query_row("PRAGMA locking_mode=NORMAL", [], |_| Ok(()))?;
    read()?;
    sqlite.query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))?;
    read()?;
    sqlite.busy_timeout(BUSY)
}

/// Whether anything stands in any table but what a new database has. Numbers
/// that were given and rows that were deleted since are something too.
fn is_used(sqlite: &Sqlite) -> rusqlite::Result<bool> {
    let mut tables = sqlite
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'gaia_state'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        let name = name?.replace('"', "\"\"");
        let any = format!("SELECT EXISTS (SELECT 1 FROM \"{name}\")");
        if sqlite.query_row(&any, [], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn remove(database: &Path) -> Result<(), StoreError> {
    for suffix in FILES {
        let path = beside(database, suffix);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unusable(&path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new database; this process's connection to it is kept.
    fn made() -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("assigner.db");
        open::open(&file, &SqliteOptions::default()).unwrap();
        (home, file)
    }

    fn other(file: &Path) -> Sqlite {
        let other = Sqlite::open(file).unwrap();
        other.busy_timeout(Duration::ZERO).unwrap();
        other
            .query_row("SELECT 1 FROM gaia_state", [], |_| Ok(()))
            .unwrap();
        other
    }

    #[test]
    fn one_that_another_has_open_is_left_and_both_go_on() {
        let (_home, file) = made();
        let other = other(&file);
        assert_eq!(remove_unused(&file).unwrap(), Some(InUse::Open));
        other
            .execute("UPDATE gaia_state SET boot = boot", [])
            .unwrap();
        drop(other);
        assert_eq!(in_use(&file).unwrap(), None);
        let mode = Sqlite::open(&file).unwrap();
        let mode = mode.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
        assert_eq!(mode.unwrap(), "wal", "it is left as it was");
    }

    #[test]
    fn whoever_comes_while_it_is_removed_finds_it_gone() {
        let (home, file) = made();
        let come = |path: &Path| {
            let late = Sqlite::open(path).unwrap();
            late.busy_timeout(Duration::ZERO).unwrap();
            let read = late.query_row("SELECT 1 FROM gaia_state", [], |_| Ok(()));
            assert!(read.is_err(), "kept out");
            remove(path)
        };
        assert_eq!(alone(&file, come).unwrap(), None);
        let left: Vec<_> = fs::read_dir(home.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn one_that_was_opened_and_is_gone_then_is_refused() {
        let (_home, file) = made();
        let found = fs::metadata(&file).unwrap();
        fs::remove_file(&file).unwrap();
        use std::os::unix::fs::MetadataExt as _;
        let gone = open::refuse_removed(&file, (found.dev(), found.ino()));
        assert!(gone.unwrap_err().to_string().contains("just now"));
    }
}
