//! Answers that are kept are never older than what was acknowledged before
//! somebody asked.

use std::sync::atomic::{AtomicBool, Ordering};

use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::service::{Acquire, Locks as _};
use gaia_server::Role;

use crate::server::Server;

const LIST: &str = "/api/gaia/locks";

fn acquire(server: &Server, n: usize) -> LockId {
    let folder = Folder::clean(&format!("/repo/{n}")).unwrap();
    let session = SessionId::new("ivy").unwrap();
    let asked = server
        .locks
        .acquire(&Acquire::new(folder, session, TaskId::NONE));
    match asked.unwrap() {
        gaia_locks::wire::Answer::Granted(granted) => granted.locks[0].id,
        other => panic!("{other:?}"),
    }
}

/// Runs `work` while others ask the same all the time, so that there always is
/// an answer to keep.
fn in_a_crowd(server: &Server, token: &str, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(server.get(LIST, token).status, 200);
                }
            });
        }
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Relaxed);
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn what_was_granted_or_ended_before_the_question_is_in_the_answer() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let count = || server.get(LIST, &token).json()["count"].clone();
    in_a_crowd(&server, &token, || {
        for n in 0..100 {
            assert_eq!(count(), 0);
            let id = acquire(&server, n);
            assert_eq!(count(), 1, "lock {id:?} is granted and not shown");
            server.locks.force_release(id, "test", "over").unwrap();
        }
    });
}

#[test]
fn a_token_counts_no_more_from_the_moment_it_is_revoked() {
    let server = Server::start();
    let eye = server.token("eye", Role::Viewer);
    in_a_crowd(&server, &eye, || {
        for _ in 0..50 {
            let token = server.token("late", Role::Viewer);
            assert_eq!(server.get(LIST, &token).status, 200);
            server.accounts.revoke_token("late", "test").unwrap();
            assert_eq!(server.get(LIST, &token).status, 401);
        }
    });
}

#[test]
fn r03_a_lease_that_has_ended_is_in_no_answer() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let folder = Folder::clean("/repo/short").unwrap();
    let session = SessionId::new("ivy").unwrap();
    let asked = Acquire {
        ttl: Some(std::time::Duration::from_secs(1)),
        ..Acquire::new(folder, session, TaskId::NONE)
    };
    server.locks.acquire(&asked).unwrap();
    loop {
        let stands = !server.locks.status(None).unwrap().locks.is_empty();
        let listed = server.get(LIST, &token).json()["count"].clone();
        // Over before the question was sent.
        assert!(stands || listed == 0, "the lease is over and still shown");
        if !stands {
            break;
        }
    }
}
