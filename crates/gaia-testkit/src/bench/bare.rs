//! SQLite alone, on the settings that the embedded store has: what two write
//! transactions cost before any rule is thought about.

use std::path::Path;

use rusqlite::Connection;

use super::Trouble;
use super::race::Subject;

const SETTINGS: &str = "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
    PRAGMA wal_autocheckpoint=4000";

const LOCKS: &str = include_str!("../../../gaia-locks/src/store/sqlite/migrations/0001_locks.sql");

/// The goal's baseline: one row in, one row out.
pub(super) const ONE_ROW: &str = "two bare transactions, one row";
/// What the store has to write at the least, without any rule.
pub(super) const SAME_ROWS: &str = "two bare transactions, the same rows";

/// Two transactions of one row each.
pub(super) fn one_row(folder: &Path) -> Result<Subject<'static>, Trouble> {
    let db = open(&folder.join("one-row.db"))?;
    db.execute_batch("CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")?;
    Ok(Subject::repeated(ONE_ROW, move || {
        in_transaction(&db, || {
            run(&db, "INSERT INTO t VALUES ('/some/folder', 'session')")
        })?;
        in_transaction(&db, || run(&db, "DELETE FROM t WHERE k = '/some/folder'"))?;
        Ok(())
    }))
}

/// Two transactions that write the rows which a lock leaves: the active one,
/// the history with its three indexes.
pub(super) fn same_rows(folder: &Path) -> Result<Subject<'static>, Trouble> {
    let db = open(&folder.join("same-rows.db"))?;
    db.execute_batch(LOCKS)?;
    let mut token = 0;
    Ok(Subject::repeated(SAME_ROWS, move || {
        token += 1;
        in_transaction(&db, || grant(&db, token))?;
        in_transaction(&db, || end(&db, token))?;
        Ok(())
    }))
}

fn open(path: &Path) -> Result<Connection, Trouble> {
    let db = Connection::open(path)?;
    db.execute_batch(SETTINGS)?;
    Ok(db)
}

fn in_transaction(
    db: &Connection,
    work: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    run(db, "BEGIN IMMEDIATE")?;
    work()?;
    run(db, "COMMIT")
}

fn run(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([]).map(drop)
}

fn grant(db: &Connection, token: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at, status, mode, scope, granted_ns)
         VALUES (?1, '/tmp/.tmp12345/a', 'bench', 0, '2026-11-23 08:00:00.123456', 'active', 'exclusive', 'local', 1)",
    )?
    .execute([token])?;
    db.prepare_cached(
        "INSERT INTO active_locks (scope, folder_key, id, session_id, task_id, shared, granted_at, expires_ns, ttl_ns,
             own, releaser, binding)
         VALUES ('local', '/tmp/.tmp12345/a', ?1, 'bench', 0, 0, 1, 2, 3, 0, 0, 0)",
    )?
    .execute([token])
    .map(drop)
}

fn end(db: &Connection, token: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM active_locks WHERE scope = 'local' AND folder_key = '/tmp/.tmp12345/a' AND id = ?1",
    )?
    .execute([token])?;
    db.prepare_cached(
        "UPDATE lock_history SET status = 'released', released_at = '2026-11-23 08:00:00.123456',
             end_reason = 'released', ended_by = 'bench', ended_ns = 2, expires_at = '2026-11-23 08:00:00.123456'
         WHERE id = ?1 AND status = 'active'",
    )?
    .execute([token])
    .map(drop)
}
