//! What a store says stands for all it holds changes with each commit, of
//! whichever process, and with nothing else.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write, pipe};
use std::path::Path;
use std::sync::Arc;

use gaia_locks::clock::ManualClock;
use gaia_locks::service::LockTx;
use gaia_locks::store::Version;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{Error, LockService, Locks, Scope};
use gaia_testkit::conformance::{StageWitness, ask, service_on};

fn open(path: &Path) -> LockService {
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    let witness = StageWitness::new(ManualClock::new());
    service_on(store, Scope::local(), &witness)
}

fn version(service: &LockService) -> Version {
    service.store().version().unwrap()
}

#[test]
fn it_changes_with_each_commit_and_with_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let service = open(&home.path().join("assigner.db"));
    let mut before = version(&service);
    for n in 0..50 {
        service.acquire(&ask("A", &format!("/a/{n}")).0).unwrap();
        let after = version(&service);
        assert_ne!(before, after, "a grant");
        service.status(None).unwrap();
        let fails =
            |_: &mut LockTx<'_>| Err::<(), _>(Error::InvalidRequest("on purpose".to_owned()));
        assert!(service.transact(fails).is_err());
        assert_eq!(version(&service), after, "a look, and what was undone");
        before = after;
    }
}

#[test]
fn it_changes_with_what_another_process_commits_before_that_is_told_of_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let (mut asked, mut ask_child) = pipe().unwrap();
    let (mut told, mut tell) = pipe().unwrap();
    // SAFETY: there is one thread yet, and the child ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop((ask_child, told));
        let own = open(&path);
        for n in 0.. {
            if asked.read_exact(&mut [0]).is_err() {
                break;
            }
            own.acquire(&ask("B", &format!("/b/{n}")).0).unwrap();
            tell.write_all(b"!").unwrap();
        }
        // SAFETY: ends this process without the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    drop((asked, tell));
    let service = open(&path);
    for n in 1..=200 {
        let before = version(&service);
        ask_child.write_all(b"!").unwrap();
        told.read_exact(&mut [0]).unwrap();
        assert_ne!(version(&service), before);
        assert_eq!(service.status(None).unwrap().count, n);
    }
    drop(ask_child);
    let pid = rustix::process::Pid::from_raw(child);
    rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap();
}
