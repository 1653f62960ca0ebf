//! How long acquire and release take in one process, beside two bare SQLite
//! write transactions on the same settings.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]

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
    let store = SqliteStore::open(&dir.path().join("assigner.db"), SqliteOptions::default()).unwrap();
    let service = LockService::new(Arc::new(store), Config::default());
    let folder = dir.path().join("a");
    std::fs::create_dir(&folder).unwrap();
    let mode = std::env::args().nth(1).unwrap_or_default();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        if mode != "gaia" {
            theirs.push(time(2000, || two_transactions(&bare)));
        }
        if mode != "bare" {
            ours.push(time(2000, || cycle(&service, &folder)));
        }
    }
    ours.sort();
    theirs.sort();
    if mode.is_empty() {
        let (a, b) = (ours[7], theirs[7]);
        println!("cycle {a:?}, two bare transactions {b:?}, ratio {:.2}", a.as_secs_f64() / b.as_secs_f64());
        println!("fastest: cycle {:?}, bare {:?}, ratio {:.2}", ours[0], theirs[0], ours[0].as_secs_f64() / theirs[0].as_secs_f64());
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
    let Answer::Granted(granted) = service.acquire(&Acquire::new(folder, session.clone(), TaskId(0))).unwrap() else {
        return;
    };
    let release = Release { folder: None, session, task: None, token: Some(granted.locks[0].id) };
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
    for sql in ["INSERT INTO t VALUES ('/some/folder', 'session')", "DELETE FROM t WHERE k = '/some/folder'"] {
        db.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        db.prepare_cached(sql).unwrap().execute([]).unwrap();
        db.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
}
