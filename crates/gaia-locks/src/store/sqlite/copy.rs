//! Backup and restore, with SQLite's own backup: the file is never copied as
//! bytes while it is open.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection as Sqlite, OpenFlags, ffi};

use super::connection::Connection;
use super::earlier::Earlier;
use super::open::{self, BUSY, of_sqlite};
use super::{SqliteOptions, beside, migrate, tokens, unusable};
use crate::clock::{Clock, SystemClock};
use crate::error::StoreError;
use crate::os::moment;
use crate::settings::Durability;

/// More tokens than can be given while a restore runs and others go past its
/// gate. Tokens may have gaps; none may be given twice [R4].
const MEANWHILE: i64 = 1 << 20;

/// Writes a complete copy, durable when this returns; never over an existing
/// file, and never half of it under the final name.
pub(super) fn backup(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    write_copy(&connection.lock(), to)
}

/// As [`backup`], of a database that this connection has open.
pub(super) fn write_copy(from: &Sqlite, to: &Path) -> Result<(), StoreError> {
    if is_there(to)? {
        return Err(unusable(
            to,
            &"it exists already; a backup never overwrites a file",
        ));
    }
    let unfinished = unfinished(to);
    let copied = copy(from, &unfinished);
    let copied = copied.map_err(|error| under_its_name(error, &unfinished, to));
    let done = copied
        .and_then(|()| sync(&unfinished))
        .and_then(|()| fs::hard_link(&unfinished, to).map_err(|error| unusable(to, &error)));
    drop(fs::remove_file(&unfinished));
    done
}

/// Nobody but this file knows the name that a copy has while it is made.
fn under_its_name(error: StoreError, unfinished: &Path, to: &Path) -> StoreError {
    let (unfinished, name) = (unfinished.to_string_lossy(), to.to_string_lossy());
    match error {
        StoreError::Unusable { detail, .. } => unusable(to, &detail.replace(&*unfinished, &name)),
        other => other,
    }
}

pub(super) fn is_there(path: &Path) -> Result<bool, StoreError> {
    path.try_exists().map_err(|error| unusable(path, &error))
}

fn unfinished(to: &Path) -> PathBuf {
    beside(to, &format!(".{}.unfinished", std::process::id()))
}

fn copy(from: &Sqlite, to: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| of_sqlite(to, &error);
    make_private(to).map_err(|error| unusable(to, &error))?;
    let mut target = Sqlite::open(to).map_err(failed)?;
    step_through(from, &mut target).map_err(failed)?;
    // The copy is one file, without a log beside it.
    target
        .query_row("PRAGMA journal_mode=DELETE", [], |_| Ok(()))
        .map_err(failed)
}

/// Whatever the umask is: what agents were told, and who may sign in, stands in it.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map(drop)
}

/// Copies all pages. Another program that keeps one of the two locked is waited
/// for as long as everywhere else: whoever restores holds the gate meanwhile.
pub(super) fn step_through(from: &Sqlite, to: &mut Sqlite) -> rusqlite::Result<()> {
    let backup = Backup::new(from, to)?;
    let mut went_on = moment();
    loop {
        match backup.step(4096)? {
            StepResult::Done => return Ok(()),
            StepResult::More => went_on = moment(),
            _ if moment().since(went_on) >= BUSY => return Err(busy()),
            _ => wait_a_little(),
        }
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}

/// Another program holds the database: SQLite offers nothing to wait on here.
#[expect(
    clippy::disallowed_methods,
    reason = "SQLite's backup has no way to wait for a lock"
)]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(20));
}

fn sync(path: &Path) -> Result<(), StoreError> {
    fs::File::open(path)
        .and_then(|file| crate::os::full_sync(&file))
        .map_err(|error| unusable(path, &error))
}

/// Puts a backup in the place of a database, in one transaction of the
/// database itself, so that those who have it open go on with the new content.
///
/// Tokens go on above everything that either of the two may have given [R4].
/// Where the database to be replaced is missing or cannot be read, nobody
/// knows what it gave; then they go on from the time in milliseconds, which no
/// counting from 1 has reached.
///
/// # Errors
/// When the backup is no GAIA database, or either file cannot be used.
pub fn restore(backup: &Path, database: &Path) -> Result<(), StoreError> {
    let source = open_backup(backup)?;
    let known = highest_given(database).is_some();
    if !known && is_there(database)? {
        set_aside(database)?;
    }
    let connection = open::open(database, &full())?;
    let failed = |error: rusqlite::Error| of_sqlite(database, &error);
    let mut target = connection.lock();
    // Others wait here, though not for ever: some may be given tokens before the
    // new content is there.
    let _turn = connection.gate.pass();
    // Where it replaces a database it goes on as that one: the markers of both
    // are its own.
    let (given, id) = match known {
        true => (
            reserved(&target).map_err(failed)?.saturating_add(MEANWHILE),
            Some(migrate::id_of(&target).map_err(failed)?),
        ),
        false => (milliseconds(), None),
    };
    let raised = unfinished(database);
    let page_size = page_size(&target).map_err(failed)?;
    let done = raised_copy(&source, &raised, given, id.as_deref())
        .and_then(|copy| {
            use_page_size(&copy, page_size)
                .map_err(failed)
                .map(|()| copy)
        })
        .and_then(|copy| step_through(&copy, &mut target).map_err(failed));
    drop(fs::remove_file(&raised));
    done?;
    target
        .query_row("PRAGMA journal_mode=WAL", [], |_| Ok(()))
        .map_err(failed)
}

/// The backup with its tokens above all that were given. Raised in a copy:
/// were it done in the database after the content is there, somebody killed in
/// between would leave one that gives tokens a second time.
fn raised_copy(
    source: &Sqlite,
    to: &Path,
    given: i64,
    id: Option<&str>,
) -> Result<Sqlite, StoreError> {
    copy(source, to)?;
    let failed = |error: rusqlite::Error| of_sqlite(to, &error);
    let mut raised = Sqlite::open(to).map_err(failed)?;
    // Those who have the database open expect what they brought it to.
    migrate::bring_up_to_date(&mut raised, to, &Earlier::default(), &SystemClock)?;
    raise_tokens(&raised, given).map_err(failed)?;
    id.map_or(Ok(()), |id| migrate::take_id(&raised, id))
        .map_err(failed)?;
    Ok(raised)
}

/// Pages of an adopted database are as its first program made them, and
/// SQLite's backup copies only between databases whose pages are of one size:
/// that of a database with a log cannot be changed any more.
fn use_page_size(copy: &Sqlite, wanted: i64) -> rusqlite::Result<()> {
    if page_size(copy)? == wanted {
        return Ok(());
    }
    copy.pragma_update(None, "page_size", wanted)?;
    copy.execute_batch("VACUUM")
}

fn page_size(sqlite: &Sqlite) -> rusqlite::Result<i64> {
    sqlite.query_row("PRAGMA page_size", [], |row| row.get(0))
}

fn full() -> SqliteOptions {
    SqliteOptions {
        durability: Durability::Full,
        ..SqliteOptions::default()
    }
}

fn open_backup(path: &Path) -> Result<Sqlite, StoreError> {
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    let sqlite = Sqlite::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let sound: String = sqlite
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if sound != "ok" {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            detail: sound,
        });
    }
    reserved(&sqlite).map_err(|_| StoreError::Foreign {
        path: path.to_owned(),
        why: "it is no backup of a GAIA database".to_owned(),
    })?;
    Ok(sqlite)
}

fn reserved(sqlite: &Sqlite) -> rusqlite::Result<i64> {
    sqlite.query_row(
        "SELECT max(tokens_reserved, token_floor) FROM gaia_state",
        [],
        |row| row.get(0),
    )
}

/// The highest token that the database may have given, if it can be read.
fn highest_given(database: &Path) -> Option<i64> {
    if !is_there(database).unwrap_or(false) {
        return None;
    }
    let connection = open::open(database, &full()).ok()?;
    let sqlite = connection.lock();
    reserved(&sqlite).ok()
}

/// A damaged file is kept, under another name.
fn set_aside(database: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let from = beside(database, suffix);
        let to = beside(database, &format!("{suffix}.damaged"));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unusable(&from, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn milliseconds() -> i64 {
    SystemClock.now().wall.0 / 1000
}

fn raise_tokens(sqlite: &Sqlite, given: i64) -> rusqlite::Result<()> {
    sqlite.execute(
        "UPDATE gaia_state SET token_floor = max(token_floor, tokens_reserved, ?1) + 1,
                tokens_reserved = max(tokens_reserved, ?1)",
        [given],
    )?;
    tokens::reserve(sqlite)
}
