//! Bringing a file up to date, and refusing what is not ours [R18].
//!
//! `application_id` says that a file is GAIA's, `user_version` how many
//! migrations it has seen. A file that has seen more than this program knows
//! is used all the same, unless it names a newer schema as the oldest that may
//! use it: each release works beside the one before it.

use std::path::Path;

use rusqlite::{Connection as Sqlite, TransactionBehavior};

use super::open::of_sqlite;
use super::unusable;
use crate::error::StoreError;

/// "GAIA".
const APPLICATION_ID: i64 = 0x4741_4941;

/// Numbered from 1; never changed once released, only added to.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/0001_locks.sql"),
    include_str!("migrations/0002_tasks.sql"),
    include_str!("migrations/0003_sessions.sql"),
    include_str!("migrations/0004_queue.sql"),
    include_str!("migrations/0005_verbs.sql"),
    include_str!("migrations/0006_database_id.sql"),
];

/// The schema that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful of migrations")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Makes a new file, extends an older one, refuses what cannot be used.
///
/// The usual case (the file is as it should be) is one look at its header: a
/// short-lived command runs no DDL.
pub(super) fn bring_up_to_date(sqlite: &mut Sqlite, path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    match schema_of(sqlite).map_err(failed)? {
        KNOWN if is_ours(sqlite).map_err(failed)? => return Ok(()),
        seen if seen > KNOWN => return refuse_too_new(sqlite, path),
        0 => make_new(sqlite, path)?,
        _ => refuse_foreign(sqlite, path)?,
    }
    migrate(sqlite).map_err(failed)
}

fn schema_of(sqlite: &Sqlite) -> rusqlite::Result<i64> {
    sqlite.query_row("PRAGMA user_version", [], |row| row.get(0))
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

fn is_ours(sqlite: &Sqlite) -> rusqlite::Result<bool> {
    let id: i64 = sqlite.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(id == APPLICATION_ID)
}

fn refuse_too_new(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    refuse_foreign(sqlite, path)?;
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

fn refuse_foreign(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    if is_ours(sqlite).map_err(|error| of_sqlite(path, &error))? {
        return Ok(());
    }
    let why = "another program made it; name another file, or move this one away".to_owned();
    Err(StoreError::Foreign {
        path: path.to_owned(),
        why,
    })
}

/// An empty file becomes a GAIA database; one with tables in it is somebody
/// else's.
fn make_new(sqlite: &Sqlite, path: &Path) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| of_sqlite(path, &error);
    let tables = tables_of(sqlite).map_err(failed)?;
    if !tables.is_empty() {
        if is_ours(sqlite).map_err(failed)? {
            return Ok(());
        }
        return Err(StoreError::Foreign {
            path: path.to_owned(),
            why: foreign(&tables),
        });
    }
    sqlite
        .execute_batch("PRAGMA page_size=1024")
        .map_err(failed)?;
    let mode: String = sqlite
        .query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))
        .map_err(failed)?;
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

fn foreign(tables: &[String]) -> String {
    let names = tables
        .iter()
        .take(5)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if tables.iter().any(|table| table == "prompts") {
        return format!(
            "an earlier assigner made it (tables {names}); this release does not open such files yet"
        );
    }
    format!("another program's tables are in it ({names}); name another file")
}

/// Runs what is missing, each migration whole or not at all; another process
/// may have done it meanwhile.
fn migrate(sqlite: &mut Sqlite) -> rusqlite::Result<()> {
    let tx = sqlite.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let seen = usize::try_from(schema_of(&tx)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(seen) {
        tx.execute_batch(&without_comments(migration))?;
    }
    if seen < MIGRATIONS.len() {
        tx.pragma_update(None, "user_version", KNOWN)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    tx.commit()
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
