//! How long acquire and release take in one process, beside two bare SQLite
//! write transactions on the same settings.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gaia_locks::folder::Folder;
use gaia_locks::service::{Acquire, Config, Release};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Locks, SessionId, TaskId};

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let bare = bare(&dir.path().join("bare.db"));
    let store =
        SqliteStore::open(&dir.path().join("assigner.db"), SqliteOptions::default()).unwrap();
    let service = LockService::new(Arc::new(store), Config::default());
    let folder = dir.path().join("a");
    std::fs::create_dir(&folder).unwrap();
    let mode = std::env::args().nth(1).unwrap_or_default();
    let same = bare_rows(&dir.path().join("rows.db"));
    let mut token = 0;
    let (mut ours, mut theirs, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        if mode != "gaia" {
            rows.push(time(2000, || {
                token += 1;
                same_rows(&same, token);
            }));
        }
        if mode != "gaia" {
            theirs.push(time(2000, || two_transactions(&bare)));
        }
        if mode != "bare" {
            ours.push(time(2000, || cycle(&service, &folder)));
        }
    }
    ours.sort();
    theirs.sort();
    rows.sort();
    if mode.is_empty() {
        println!(
            "the same rows without rules: {:?}, ratio {:.2}",
            rows[7],
            ours[7].as_secs_f64() / rows[7].as_secs_f64()
        );
        let (a, b) = (ours[7], theirs[7]);
        println!(
            "cycle {a:?}, two bare transactions {b:?}, ratio {:.2}",
            a.as_secs_f64() / b.as_secs_f64()
        );
        println!(
            "fastest: cycle {:?}, bare {:?}, ratio {:.2}",
            ours[0],
            theirs[0],
            ours[0].as_secs_f64() / theirs[0].as_secs_f64()
        );
    }
}

fn time(times: u32, mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed() / times
}

fn cycle(service: &LockService, folder: &Path) {
    let folder = Folder::resolve(folder, Path::new("/")).unwrap();
    let session = SessionId::new("bench").unwrap();
    let Answer::Granted(granted) = service
        .acquire(&Acquire::new(folder, session.clone(), TaskId(0)))
        .unwrap()
    else {
        return;
    };
    let release = Release {
        folder: None,
        session,
        task: None,
        token: Some(granted.locks[0].id),
    };
    service.release(&release).unwrap();
}

fn bare(path: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;
         CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID",
    )
    .unwrap();
    db
}

fn two_transactions(db: &rusqlite::Connection) {
    for sql in [
        "INSERT INTO t VALUES ('/some/folder', 'session')",
        "DELETE FROM t WHERE k = '/some/folder'",
    ] {
        db.prepare_cached("BEGIN IMMEDIATE")
            .unwrap()
            .execute([])
            .unwrap();
        db.prepare_cached(sql).unwrap().execute([]).unwrap();
        db.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
}

fn bare_rows(path: &Path) -> rusqlite::Connection {
    let db = bare(path);
    db.execute_batch(include_str!(
        "../src/store/sqlite/migrations/0001_locks.sql"
    ))
    .unwrap();
    db
}

/// What the store must write, and nothing else.
fn same_rows(db: &rusqlite::Connection, token: i64) {
    let run = |sql: &str| db.prepare_cached(sql).unwrap().execute([]).unwrap();
    let with = |sql: &str| db.prepare_cached(sql).unwrap().execute([token]).unwrap();
    run("BEGIN IMMEDIATE");
    with("INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at, status, mode, scope, granted_ns)
          VALUES (?1, '/tmp/.tmp12345/a', 'bench', 0, '2026-11-23 08:00:00.123456', 'active', 'exclusive', 'local', 1)");
    with("INSERT INTO active_locks (scope, folder_key, id, session_id, task_id, shared, granted_at, expires_ns, ttl_ns,
              own, keeper, binding) VALUES ('local', '/tmp/.tmp12345/a', ?1, 'bench', 0, 0, 1, 2, 3, 0, 0, 0)");
    run("COMMIT");
    run("BEGIN IMMEDIATE");
    with(
        "DELETE FROM active_locks WHERE scope = 'local' AND folder_key = '/tmp/.tmp12345/a' AND id = ?1",
    );
    with("UPDATE lock_history SET status = 'released', released_at = '2026-11-23 08:00:00.123456',
              end_reason = 'released', ended_by = 'bench', ended_ns = 2, expires_at = '2026-11-23 08:00:00.123456'
          WHERE id = ?1 AND status = 'active'");
    run("COMMIT");
}
