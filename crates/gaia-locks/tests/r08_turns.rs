//! Who may pass whom in line, where requests overlap only in part.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use gaia_locks::clock::ManualClock;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId, WaiterId};
use gaia_locks::model::{Mode, Turn, WaiterLife};
use gaia_locks::service::{Acquire, Config, Line, Release};
use gaia_locks::store::memory::MemoryStore;
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Locks};

fn door() -> LockService {
    let store = MemoryStore::new(Arc::new(ManualClock::new()));
    LockService::new(Arc::new(store), Config::default())
}

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

fn ask(door: &LockService, who: &str, mode: Mode, folders: &[&str]) -> Answer {
    let folders: Vec<Folder> = folders
        .iter()
        .map(|path| Folder::clean(path).unwrap())
        .collect();
    let request = Acquire {
        mode,
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Granted,
        },
        ..Acquire::new(folders[0].clone(), session(who), TaskId::NONE)
    };
    door.acquire(&Acquire { folders, ..request }).unwrap()
}

fn held(door: &LockService, who: &str, mode: Mode, folders: &[&str]) {
    let answer = ask(door, who, mode, folders);
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
}

fn queued(door: &LockService, who: &str, mode: Mode, folders: &[&str]) -> WaiterId {
    match ask(door, who, mode, folders) {
        Answer::Queued(queued) => queued.waiter,
        answer => panic!("{answer:?}"),
    }
}

fn release(door: &LockService, who: &str, folder: &str) {
    let folder = Some(Folder::clean(folder).unwrap());
    let (session, task, token) = (session(who), None, None);
    door.release(&Release {
        folder,
        session,
        task,
        token,
    })
    .unwrap();
}

fn still_waits(door: &LockService, waiter: WaiterId) -> bool {
    let line = door.status(None).unwrap().waiters;
    line.iter().any(|one| one.id == waiter && !one.granted)
}

use Mode::{Exclusive, Shared};

/// What links them is a third waiter: the freed folder is his, the other two
/// meet elsewhere.
#[test]
fn r08_a_freed_folder_lets_nobody_past_a_waiter_elsewhere() {
    let door = door();
    held(&door, "reader", Shared, &["/k"]);
    held(&door, "other", Exclusive, &["/x"]);
    let early = queued(&door, "early", Exclusive, &["/k/a/b"]);
    queued(&door, "link", Shared, &["/x", "/k/c"]);
    let late = queued(&door, "late", Shared, &["/k"]);
    release(&door, "other", "/x");
    assert!(still_waits(&door, late), "it would pass the one for /k/a/b");
    release(&door, "reader", "/k");
    assert!(!still_waits(&door, early));
    assert!(still_waits(&door, late));
}

/// Whoever is waited for goes on, or both would wait for ever.
#[test]
fn r08_never_held_back_by_a_waiter_for_ones_own_lock_elsewhere() {
    let door = door();
    held(&door, "worker", Exclusive, &["/repo/x"]);
    queued(&door, "whole", Exclusive, &["/repo"]);
    held(&door, "worker", Exclusive, &["/repo/y"]);
    queued(&door, "pair", Exclusive, &["/repo/x", "/z"]);
    held(&door, "worker", Exclusive, &["/z"]);
}

#[test]
fn r08_a_part_does_not_pass_a_waiter_for_the_whole() {
    let door = door();
    held(&door, "worker", Exclusive, &["/repo/x"]);
    queued(&door, "whole", Exclusive, &["/repo"]);
    queued(&door, "third", Exclusive, &["/repo/y"]);
}
