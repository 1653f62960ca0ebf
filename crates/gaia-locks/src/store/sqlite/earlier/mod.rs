//! Files that an earlier assigner wrote, and lock files of an earlier lock
//! manager: extended in place, nothing lost (section 4).
//!
//! # How a file is taken over
//! 1. Tried: everything below is done in a transaction that is rolled back. What
//!    stands in the way is named, and then the file is left as it is.
//! 2. Copied aside, with SQLite's own backup: `assigner.db.before-gaia.TIME`.
//! 3. Extended, in one transaction: missing columns, tables and indexes are
//!    added (`extend`), it is tried whether all that GAIA will write can be
//!    written (`probe`), and locks that are still active are taken over from a
//!    `lock_history` made by hand (`history`) and from lock files (`files`).
//!
//! Killed anywhere in between, the file is as it was or as it will be; at worst
//! a copy stays that nobody needed.
//!
//! # What it must keep to
//! The other program goes on working on the file: nothing of its own is renamed,
//! rebuilt or taken away, and all that is added has defaults, so that its plain
//! INSERTs go on working. It may set `user_version` for its own purposes; so the
//! schema of such a file stands in `gaia_state.adopted` too.
//!
//! The schema is not written down a second time: it is read from an empty
//! database made by the migrations, and what the file lacks of it is added. So
//! files of every age come to the same schema, however many migrations there
//! will be.

mod extend;
mod files;
mod history;
mod probe;
mod survey;
mod template;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection as Sqlite, Transaction, TransactionBehavior};
use serde::Serialize;

use super::open::of_sqlite;
use super::{copy, unusable};
use crate::clock::{Clock, Wall};
use crate::error::StoreError;

pub use survey::survey;

/// What is to be known of what was there before GAIA.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// How long a lock in a `lock_history` made by hand lasts, from its grant on.
    pub lease: Duration,
    /// Where lock files of an earlier lock manager may lie.
    pub locks_dir: Option<PathBuf>,
}

impl Default for Earlier {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(7200),
            locks_dir: None,
        }
    }
}

/// What is added to a file of an earlier assigner, and what was found in it.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Takeover {
    /// The rows of each of its tables that GAIA uses.
    pub rows: Vec<Rows>,
    /// Columns that are added: `table.column`.
    pub columns: Vec<String>,
    /// Tables that are made.
    pub tables: Vec<String>,
    /// Indexes and triggers that are made.
    pub indexes: Vec<String>,
    /// Tables, views and triggers of others, which are left alone.
    pub others: Vec<String>,
    /// Active locks of its history and of lock files that go on.
    pub locks: Vec<String>,
    /// Active locks of its history that have lapsed.
    pub lapsed: Vec<String>,
    /// Lock files of an earlier manager that are not needed any more.
    pub files: Vec<PathBuf>,
    /// What is left alone because it cannot be understood.
    pub left: Vec<String>,
}

/// How many rows a table has.
#[derive(Clone, Debug, Serialize)]
pub struct Rows {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: i64,
}

/// Why a file is not taken over.
enum Refused {
    /// Something in the file stands in the way.
    Obstacle(String),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Refused {
    fn of(self, path: &Path) -> StoreError {
        match self {
            Self::Obstacle(why) => StoreError::Foreign {
                path: path.to_owned(),
                why,
            },
            Self::Sqlite(error) => of_sqlite(path, &error),
        }
    }
}

/// Takes a file over that is not GAIA's own yet; whoever comes second finds it
/// done. Gives the lock files that are not needed any more.
pub(super) fn take_over(
    sqlite: &mut Sqlite,
    path: &Path,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Vec<PathBuf>, StoreError> {
    let tried = try_out(sqlite, earlier, clock).map_err(|refused| refused.of(path))?;
    if tried.is_none() {
        return Ok(Vec::new());
    }
    let mode = journal_mode(sqlite).map_err(|error| of_sqlite(path, &error))?;
    let aside = copy_aside(sqlite, path, clock.now().wall)?;
    let done = super::migrate::use_wal(sqlite, path)
        .and_then(|()| extend_in_place(sqlite, earlier, clock).map_err(|refused| refused.of(path)));
    let done = match done {
        Ok(Some(done)) => done,
        // Another process was quicker, and has made a copy too.
        Ok(None) => {
            drop(std::fs::remove_file(&aside));
            return Ok(Vec::new());
        }
        Err(error) => {
            leave_as_it_was(sqlite, &mode, &aside);
            return Err(error);
        }
    };
    tracing::info!(
        database = %path.display(), copy = %aside.display(), columns = done.columns.len(),
        locks = done.locks.len(), "a database of an earlier assigner was extended"
    );
    for left in &done.left {
        tracing::warn!(database = %path.display(), "left alone: {left}");
    }
    Ok(done.files)
}

fn journal_mode(sqlite: &Sqlite) -> rusqlite::Result<String> {
    sqlite.query_row("PRAGMA journal_mode", [], |row| row.get(0))
}

/// Nothing was extended: the copy says nothing, and takes room on a disk that
/// may be full.
fn leave_as_it_was(sqlite: &Sqlite, mode: &str, aside: &Path) {
    drop(std::fs::remove_file(aside));
    let back = format!("PRAGMA journal_mode={mode}");
    // In either mode every program can read it.
    drop(sqlite.query_row(&back, [], |_| Ok(())));
}

/// `None`: another process was quicker.
fn try_out(
    sqlite: &mut Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Option<Takeover>, Refused> {
    let tx = begin(sqlite)?;
    let tried = extend_unless_done(&tx, earlier, clock)?;
    tx.rollback()?;
    Ok(tried)
}

/// As [`try_out`], and it stays so.
fn extend_in_place(
    sqlite: &mut Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Option<Takeover>, Refused> {
    let tx = begin(sqlite)?;
    let done = extend_unless_done(&tx, earlier, clock)?;
    tx.commit()?;
    Ok(done)
}

fn begin(sqlite: &mut Sqlite) -> rusqlite::Result<Transaction<'_>> {
    sqlite.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// The transaction waits for another process that extends the file, so it is
/// asked again whose it is.
fn extend_unless_done(
    file: &Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Option<Takeover>, Refused> {
    match super::migrate::is_ours(file)? {
        true => Ok(None),
        false => extend::extend(file, earlier, clock).map(Some),
    }
}

/// Copies the file as it is to a new name beside it.
fn copy_aside(sqlite: &Sqlite, path: &Path, now: Wall) -> Result<PathBuf, StoreError> {
    let time: String = now.to_rfc3339().chars().take(19).collect();
    let time = time.replace([':', '-'], "");
    for count in 0..1000 {
        let suffix = match count {
            0 => format!(".before-gaia.{time}Z"),
            more => format!(".before-gaia.{time}Z-{more}"),
        };
        let to = super::beside(path, &suffix);
        if !copy::is_there(&to)? {
            copy::write_copy(sqlite, &to)?;
            return Ok(to);
        }
    }
    Err(unusable(path, &"there are a thousand copies of it already"))
}

/// Takes over the lock files that lie beside a database that is being made, in
/// the transaction that makes it.
pub(super) fn take_over_files(
    new: &Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> rusqlite::Result<Vec<PathBuf>> {
    let mut done = Takeover::default();
    files::take_over(new, earlier, clock, &mut done)?;
    for left in &done.left {
        tracing::warn!("left alone: {left}");
    }
    Ok(done.files)
}

/// Removes the lock files whose locks stand in the database now, or have
/// lapsed: an earlier manager that still looks finds GAIA's own in their place.
pub(super) fn clear_away(files: &[PathBuf]) {
    for file in files {
        if let Err(error) = std::fs::remove_file(file) {
            tracing::warn!(file = %file.display(), %error, "an earlier lock file could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    /// Two that looked while it was nobody's yet: the second waits for the first.
    #[test]
    fn a_file_that_another_process_has_extended_meanwhile_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("assigner.db");
        let mut first = Sqlite::open(&path).unwrap();
        let made = "CREATE TABLE prompts (id INTEGER PRIMARY KEY, content TEXT, status TEXT);
                    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT)";
        first.execute_batch(made).unwrap();
        let mut second = Sqlite::open(&path).unwrap();
        for sqlite in [&mut first, &mut second] {
            let done = take_over(sqlite, &path, &Earlier::default(), &SystemClock).unwrap();
            assert_eq!(done, Vec::<PathBuf>::new());
        }
        let copies = std::fs::read_dir(dir.path()).unwrap();
        let is_copy = |name: &str| name.contains(".before-gaia.");
        let copies = copies.filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            is_copy(&name.to_string_lossy())
        });
        assert_eq!(copies.count(), 1);
    }
}
