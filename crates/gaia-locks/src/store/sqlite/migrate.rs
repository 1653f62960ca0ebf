//! Bringing a file up to date, and refusing what is not ours [R18].
//!
//! `application_id` says that a file is GAIA's, `user_version` how many
//! migrations it has seen; of one that came from an earlier assigner, whose own
//! program may set that as it likes, `gaia_state.adopted` says it. A file that has seen more than this program knows
//! is used all the same, unless it names a newer schema as the oldest that may
//! use it: each release works beside the one before it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection as Sqlite, TransactionBehavior};

use super::earlier::{self, Earlier};
use super::open::of_sqlite;
use super::{tokens, unusable};
use crate::clock::Clock;
use crate::error::StoreError;

/// "GAIA".
const APPLICATION_ID: i64 = 0x4741_4941;

/// Numbered from 1; never changed once released, only added to.
const MIGRATIONS: [&str; 13] = [
    include_str!("migrations/0001_locks.sql"),
    include_str!("migrations/0002_tasks.sql"),
    include_str!("migrations/0003_sessions.sql"),
    include_str!("migrations/0004_queue.sql"),
    include_str!("migrations/0005_verbs.sql"),
    include_str!("migrations/0006_database_id.sql"),
    include_str!("migrations/0007_accounts.sql"),
    include_str!("migrations/0008_adopted.sql"),
    include_str!("migrations/0009_others.sql"),
    include_str!("migrations/0010_names.sql"),
    include_str!("migrations/0011_agents.sql"),
    include_str!("migrations/0012_replaced.sql"),
    include_str!("migrations/0013_completed.sql"),
];

/// The schema that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Makes a new file, extends an older one, takes over an earlier assigner's,
/// refuses what cannot be used.
///
/// The usual case (the file is as it should be) is one look at its header: a
/// short-lived command runs no DDL. For a file that was made or taken over it
/// gives the lock files that are not needed any more.
pub(super) fn bring_up_to_date(
    sqlite: &mut Sqlite,
    path: &Path,
    earlier: &Earlier,
    clock: &dyn Clock,
) -> Result<Option<Vec<PathBuf>>, StoreError> {
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    if !is_ours(sqlite).map_err(failed)? {
        if !tables_of(sqlite).map_err(failed)?.is_empty() {
            return earlier::take_over(sqlite, path, earlier, clock).map(Some);
        }
        make_new(sqlite, path)?;
        let mut files = Vec::new();
        let mut first = |new: &Sqlite| {
            files = earlier::take_over_files(new, earlier, clock)?;
            match files.is_empty() {
                true => Ok(()),
                false => tokens::raise(new),
            }
        };
        migrate(sqlite, &mut first).map_err(failed)?;
        return Ok(Some(files));
    }
    let seen = schema_of(sqlite).map_err(failed)?;
    if seen > KNOWN {
        refuse_too_new(sqlite, path)?;
    } else if seen < KNOWN {
        migrate(sqlite, &mut |_| Ok(())).map_err(failed)?;
    }
    Ok(None)
}

/// Tables of earlier assigners declare foreign keys, which their programs never
/// enforced: a task may name a session that has no row.
pub(super) fn enforce_no_foreign_keys(sqlite: &Sqlite) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "foreign_keys", false)
}

/// How many migrations a file has seen; of one of ours only.
fn schema_of(sqlite: &Sqlite) -> rusqlite::Result<i64> {
    let adopted = sqlite.query_row("SELECT adopted FROM gaia_state", [], |row| row.get(0));
    match adopted {
        Ok(adopted) if adopted > 0 => Ok(adopted),
        // An older file of ours does not have the column, an empty one no table.
        Ok(_) | Err(rusqlite::Error::SqliteFailure(..) | rusqlite::Error::SqlInputError { .. }) => {
            sqlite.query_row("PRAGMA user_version", [], |row| row.get(0))
        }
        Err(error) => Err(error),
    }
}

/// The id that a database was given when it was made.
pub(super) fn id_of(sqlite: &Sqlite) -> rusqlite::Result<String> {
    sqlite.query_row("SELECT database_id FROM gaia_state", [], |row| row.get(0))
}

/// Gives a copy the id of the database whose place it takes.
pub(super) fn take_id(sqlite: &Sqlite, id: &str) -> rusqlite::Result<()> {
    let taken = sqlite.execute("UPDATE gaia_state SET database_id = ?1", [id]);
    taken.map(drop)
}

pub(super) fn is_ours(sqlite: &Sqlite) -> rusqlite::Result<bool> {
    let id: i64 = sqlite.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(id == APPLICATION_ID)
}

fn refuse_too_new(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    let oldest: i64 = sqlite
        .query_row("SELECT oldest_schema FROM gaia_state", [], |row| row.get(0))
        .map_err(|error| of_sqlite(path, &error))?;
    if oldest > KNOWN {
        return Err(StoreError::TooNew {
            path: path.to_owned(),
            oldest,
            known: KNOWN,
        });
    }
    Ok(())
}

/// An empty file becomes a GAIA database.
fn make_new(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    sqlite
        .execute_batch("PRAGMA page_size=1024")
        .map_err(|error| of_sqlite(path, &error))?;
    use_wal(sqlite, path)
}

/// The journal in which readers and a writer do not wait for each other.
pub(super) fn use_wal(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    let mode: String = sqlite
        .query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))
        .map_err(|error| of_sqlite(path, &error))?;
    if mode != "wal" {
        return Err(unusable(
            path,
            &format!("its journal mode stays {mode}, but WAL is needed"),
        ));
    }
    Ok(())
}

fn tables_of(sqlite: &Sqlite) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        sqlite.prepare("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Runs what is missing, each migration whole or not at all; another process
/// may have done it meanwhile. What a new file begins with is put into it in the
/// same transaction.
pub(super) fn migrate(
    sqlite: &mut Sqlite,
    first: &mut dyn FnMut(&Sqlite) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let tx = sqlite.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let seen = usize::try_from(schema_of(&tx)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(seen) {
        tx.execute_batch(&without_comments(migration))?;
    }
    if seen < MIGRATIONS.len() {
        tx.execute(
            "UPDATE gaia_state SET adopted = ?1 WHERE adopted > 0",
            [KNOWN],
        )?;
        sign(&tx)?;
    }
    if seen == 0 {
        first(&tx)?;
    }
    tx.commit()
}

/// Writes into the header whose the file is and how far it was brought.
pub(super) fn sign(sqlite: &Sqlite) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "user_version", KNOWN)?;
    sqlite.pragma_update(None, "application_id", APPLICATION_ID)
}

/// SQLite keeps each definition word for word, and every process that opens the
/// file reads and parses them all: what is for people only stays here.
fn without_comments(sql: &str) -> String {
    let words = |line: &str| {
        let (sql, _) = line.split_once("--").unwrap_or((line, ""));
        sql.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = sql.lines().map(words).collect();
    lines.join("\n")
}
