//! Forked children and the embedded database: a child shares none of its
//! parent's locks on the file, and a fork in the middle of other threads' work
//! leaves nothing locked for ever [R1, R14].

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write, pipe};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gaia_locks::clock::ManualClock;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore, quiesce_forks};
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Locks, Scope};
use gaia_testkit::conformance::{StageWitness, ask, service_on};

fn open(path: &Path) -> LockService {
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    let witness = StageWitness::new(ManualClock::new());
    service_on(store, Scope::local(), &witness)
}

/// Runs `work` in a forked child; what it says is the child's exit status.
fn fork(work: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child does what a forked Python program does, and ends by
    // _exit, whatever happens in it.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // SAFETY: ends this process without the parent's exit handlers.
        unsafe { libc::_exit(if done.unwrap_or(false) { 7 } else { 1 }) };
    }
    pid
}

fn went_well(pid: libc::pid_t) -> bool {
    let pid = rustix::process::Pid::from_raw(pid);
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap();
    ended.unwrap().1.exit_status() == Some(7)
}

#[test]
fn r01_a_forked_child_and_its_parent_never_write_at_once() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let parent = open(&path);
    parent.acquire(&ask("A", "/a").0).unwrap();
    let (mut is_inside, mut say_inside) = pipe().unwrap();
    let (mut may_leave, mut say_leave) = pipe().unwrap();
    let child = fork(|| {
        let own = open(&path);
        own.transact(|_| {
            say_inside.write_all(b"!").unwrap();
            may_leave.read_exact(&mut [0]).unwrap();
            Ok(())
        })
        .is_ok()
    });
    is_inside.read_exact(&mut [0]).unwrap();
    let left = AtomicBool::new(false);
    let entered_after = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            parent
                .transact(|_| Ok(left.load(Ordering::SeqCst)))
                .unwrap()
        });
        // Longer than anybody waits at the gate, which is no lock.
        #[expect(
            clippy::disallowed_methods,
            reason = "what must not happen has no sign"
        )]
        std::thread::sleep(std::time::Duration::from_millis(500));
        left.store(true, Ordering::SeqCst);
        say_leave.write_all(b"!").unwrap();
        writer.join().unwrap()
    });
    assert!(went_well(child));
    assert!(entered_after, "the parent wrote while its child did");
}

#[test]
fn r14_a_fork_in_the_middle_of_other_threads_work_leaves_nothing_locked() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let service = open(&path);
    quiesce_forks();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for name in ["A", "B"] {
            let (service, over) = (&service, &over);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    service.acquire(&ask(name, &format!("/{name}")).0).unwrap();
                }
            });
        }
        for round in 0..100 {
            let child = fork(|| {
                let folder = format!("/child/{round}");
                let answer = open(&path).acquire(&ask("C", &folder).0);
                matches!(answer, Ok(Answer::Granted(_)))
            });
            assert!(went_well(child), "round {round}");
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(service.status(None).unwrap().count, 102);
}
