//! What a power cut, a backup and a restore do to tokens and to what was
//! acknowledged [R4, R14].
//!
//! A power cut is simulated by the files as they were when they were last
//! synced: everything written later is lost, wholly or in part, and the machine
//! starts anew. The synced state is caught inside a transaction: its work runs
//! again right after a block of tokens was reserved on disk.

#![expect(clippy::unwrap_used, reason = "tests")]

mod full;
mod restored;
mod tokens;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gaia_locks::clock::ManualClock;
use gaia_locks::service::{Acquire, Attempt};
use gaia_locks::settings::Durability;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore, restore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockId, LockService, Locks, Scope, StoreError};
use gaia_testkit::conformance::{StageWitness, ask, service_on};
use tempfile::TempDir;

fn open(path: &Path, clock: &ManualClock, durability: Durability) -> LockService {
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        durability,
        ..SqliteOptions::default()
    };
    let store = Arc::new(SqliteStore::open(path, options).unwrap());
    service_on(store, Scope::local(), &StageWitness::new(clock.clone()))
}

fn normal(path: &Path, clock: &ManualClock) -> LockService {
    open(path, clock, Durability::Normal)
}

fn grant(service: &LockService, path: &str) -> LockId {
    let answer = ask("A", path).own().at(service).unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    granted.locks[0].id
}

/// The database file and its log.
#[derive(Clone)]
struct Disk {
    main: Vec<u8>,
    log: Vec<u8>,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

impl Disk {
    fn of(path: &Path) -> Self {
        Self {
            main: fs::read(path).unwrap(),
            log: fs::read(beside(path, "-wal")).unwrap(),
        }
    }

    fn put(&self, home: &TempDir, name: &str) -> PathBuf {
        let path = home.path().join(name);
        fs::write(&path, &self.main).unwrap();
        fs::write(beside(&path, "-wal"), &self.log).unwrap();
        path
    }
}

/// Grants one lock; gives its token and what was on disk for certain when a
/// block of tokens had to be reserved for it.
fn grant_caught(service: &LockService, path: &Path) -> (LockId, Option<Disk>) {
    let request: Acquire = ask("A", "/caught").own().0;
    let want = service.want(&request).unwrap();
    let runs = RefCell::new(Vec::new());
    let answer = service
        .transact(|tx| {
            runs.borrow_mut().push(Disk::of(path));
            tx.acquire(&Attempt {
                want: &want,
                request: &request,
            })
        })
        .unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    let mut runs = runs.into_inner();
    let synced = if runs.len() > 1 { runs.pop() } else { None };
    (granted.locks[0].id, synced)
}

/// A database that has just reserved tokens, used a little, and what a power
/// cut would leave of it.
struct Scene {
    home: TempDir,
    path: PathBuf,
    clock: ManualClock,
    synced: Disk,
    acknowledged: Vec<LockId>,
}

fn scene() -> Scene {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let service = normal(&path, &clock);
    let (first, synced) = grant_caught(&service, &path);
    let mut acknowledged = vec![first];
    acknowledged.extend((0..50).map(|n| grant(&service, &format!("/{n}"))));
    Scene {
        synced: synced.unwrap(),
        home,
        path,
        clock,
        acknowledged,
    }
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}
