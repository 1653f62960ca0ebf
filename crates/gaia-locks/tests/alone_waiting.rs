//! How soon a waiter learns of its turn, by the real clock: it is told, it does
//! not find out at its next look.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::service::{Config, Patience};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{LockService, Locks};
use gaia_testkit::conformance::{Ask, ask};

const SECOND: Duration = Duration::from_secs(1);

fn open(home: &Path) -> LockService {
    let store = SqliteStore::open(&home.join("assigner.db"), SqliteOptions::default()).unwrap();
    LockService::new(Arc::new(store), Config::default())
}

fn now() -> Moment {
    SystemClock.now().moment
}

fn granted(service: &LockService, request: &Ask) -> LockInfo {
    let Ok(Answer::Granted(granted)) = request.at(service) else {
        unreachable!("it is free");
    };
    granted.locks[0].clone()
}

/// Waits for /r in a thread. Gives the moment at which it was granted, once it
/// has begun to wait.
fn waiting(service: &LockService) -> mpsc::Receiver<Moment> {
    let (service, (looked, look), (told, tell)) =
        (service.clone(), mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let mut on_look = |_: &_| {
            looked.send(()).ok();
        };
        let mut patience = Patience {
            on_look: Some(&mut on_look),
            ..Patience::default()
        };
        let answer = service
            .acquire_waiting(&ask("B", "/r").0, &mut patience)
            .unwrap();
        let at = now();
        let Answer::Granted(granted) = answer else {
            return;
        };
        service
            .force_release(granted.locks[0].id, "test", "done")
            .unwrap();
        told.send(at).ok();
    });
    look.recv_timeout(10 * SECOND).unwrap();
    tell
}

#[test]
fn alone_r08_a_waiter_is_told_of_its_grant_and_does_not_poll_for_it() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    let mut took: Vec<Duration> = (0..21)
        .map(|_| {
            let held = granted(&service, &ask("A", "/r"));
            let told = waiting(&service);
            let freed = now();
            service.force_release(held.id, "test", "its turn").unwrap();
            freed.until(told.recv_timeout(10 * SECOND).unwrap())
        })
        .collect();
    took.sort_unstable();
    // Looking every 250 ms would find it after 125 ms at the median.
    assert!(took[10] < Duration::from_millis(50), "{took:?}");
}

#[test]
fn alone_r03_a_waiter_is_granted_within_a_second_of_the_leases_end() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    let asked = now();
    granted(&service, &ask("A", "/r").ttl(1));
    let told = waiting(&service).recv_timeout(10 * SECOND).unwrap();
    let after = asked.until(told);
    assert!(after >= SECOND, "not before its end: {after:?}");
    assert!(after < 2 * SECOND, "within a second of its end: {after:?}");
}

#[test]
fn alone_r11_a_waiter_is_granted_within_a_second_of_the_holders_death() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let process = ProcessIdentity::of(child.id()).unwrap().unwrap();
    granted(&service, &ask("A", "/r").ttl(1000).bound_to(&process));
    let told = waiting(&service);
    let killed = now();
    child.kill().unwrap();
    let after = killed.until(told.recv_timeout(10 * SECOND).unwrap());
    child.wait().unwrap();
    assert!(after < SECOND, "{after:?}");
}
