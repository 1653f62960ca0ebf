//! The process beside each running task: it renews the lease, whoever is
//! dead, and stops the agent in time when it cannot.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::path::Path;
use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::task::Status;
use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::ids::LockId;

/// Until when a lock's lease goes, as the row says: nobody's proof of life is
/// counted.
fn lease_end(fleet: &Fleet, token: LockId) -> Option<Moment> {
    let lock = fleet.tasks.locks().look(|tx| tx.store().lock(token));
    lock.unwrap().map(|lock| lock.expires)
}

fn now() -> Moment {
    SystemClock.now().moment
}

fn pid(path: &Path) -> u32 {
    until("its number is written", || {
        read(path).trim().parse::<u32>().is_ok()
    });
    read(path).trim().parse().unwrap()
}

const DEAF: &str = "trap '' TERM; echo $$ > pid; while :; do sleep 0.02; done";

#[test]
fn heavy_t05_a_lease_is_renewed_while_no_assigner_lives() {
    let fleet = Fleet::with_ttl(Duration::from_secs(2));
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send("until [ -e go ]; do sleep 0.02; done", Some(&folder));
    let mut assigner = fleet.start_assigner();
    let token = fleet.running(id).lock_token.unwrap();
    let first = lease_end(&fleet, token).unwrap();
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    until("the first lease would be over", || now() > first);
    let renewed = lease_end(&fleet, token);
    assert!(
        renewed.is_some_and(|end| end > first),
        "{renewed:?}, {first:?}"
    );
    assert!(renewed > Some(now()), "it lapsed");
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    assert!(fleet.start_assigner().wait().unwrap().success());
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(
        (task.status, task.retry_count, task.lock_token),
        (Status::Completed, 0, Some(token))
    );
    fleet.assert_at_rest();
}

#[test]
fn alone_t05_an_agent_is_stopped_before_a_lease_that_cannot_be_renewed_ends() {
    let fleet = Fleet::with_ttl(Duration::from_secs(3));
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send_with(DEAF, Some(&folder), |new| new.max_tries = 1);
    let at_work = fleet.work();
    let token = fleet.running(id).lock_token.unwrap();
    let agent = pid(&fleet.path("repo/pid"));
    // Another program keeps the database to itself: no renewal can be written.
    let other = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let end = lease_end(&fleet, token).unwrap();
    until("the agent is gone", || !lives(agent));
    assert!(now() < end, "it outlived its lease");
    other.execute_batch("ROLLBACK").unwrap();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (
            Status::Failed,
            Some("its lease could not be renewed, so it was stopped")
        )
    );
    fleet.assert_at_rest();
    drop(at_work);
}

#[test]
fn alone_t05_a_database_that_was_moved_away_is_not_made_anew_and_the_agent_is_stopped() {
    let fleet = Fleet::with_ttl(Duration::from_secs(3));
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send(
        &format!("[ -e again ] && exit 0; touch again; {DEAF}"),
        Some(&folder),
    );
    let mut assigner = fleet.start_assigner();
    let token = fleet.running(id).lock_token.unwrap();
    let agent = pid(&fleet.path("repo/pid"));
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    let end = lease_end(&fleet, token).unwrap();
    let (here, away) = (fleet.path("assigner.db"), fleet.path("away.db"));
    std::fs::rename(&here, &away).unwrap();
    until("the agent is gone", || !lives(agent));
    assert!(now() < end, "it outlived its lease");
    assert!(!here.try_exists().unwrap(), "a second database was made");
    std::fs::rename(&away, &here).unwrap();
    assert!(fleet.start_assigner().wait().unwrap().success());
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!((task.status, task.retry_count), (Status::Completed, 1));
    fleet.assert_at_rest();
}

#[test]
fn heavy_t05_a_lock_that_was_lost_stops_the_agent_while_no_assigner_lives() {
    let fleet = Fleet::with_ttl(Duration::from_secs(2));
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send(DEAF, Some(&folder));
    let mut assigner = fleet.start_assigner();
    let token = fleet.running(id).lock_token.unwrap();
    let agent = pid(&fleet.path("repo/pid"));
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    let forced = fleet
        .tasks
        .locks()
        .transact(|tx| tx.force_release(token, "somebody", "just so"));
    forced.unwrap();
    until("the agent is gone", || !lives(agent));
    assert!(fleet.start_assigner().wait().unwrap().success());
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(task.status, Status::Failed);
    let error = task.error.unwrap();
    assert!(error.starts_with("its lock was lost: "), "{error}");
    fleet.assert_at_rest();
}

#[test]
fn heavy_t05_a_keeper_serves_the_next_task_after_one_whose_lease_it_renewed() {
    let fleet = Fleet::with_ttl(Duration::from_secs(1));
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let _at_work = fleet.work();
    for _ in 0..3 {
        let id = fleet.send("echo $PPID; sleep 1.2", Some(&folder));
        let task = fleet.end_of(id);
        assert_eq!(task.status, Status::Completed, "{task:?}");
    }
    fleet.assert_at_rest();
}

#[test]
fn t03_a_daemon_that_a_task_forked_is_gone_before_its_lock_is() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "setsid sh -c 'trap \"\" TERM HUP; echo $$ > daemon; while :; do sleep 0.05; done' \
                </dev/null >/dev/null 2>&1 & until [ -s daemon ]; do sleep 0.01; done; echo done";
    if !gaia_locks::os::offspring::sees_orphans() {
        eprintln!("!!! NOT TESTED: orphans are not seen here");
        return;
    }
    let task = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!(
        (task.status, task.response.as_deref()),
        (Status::Completed, Some("done\n"))
    );
    assert!(!lives(pid(&fleet.path("repo/daemon"))));
    fleet.assert_at_rest();
}

#[test]
fn t04_one_that_ignores_sigterm_is_killed() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send(DEAF, Some(&folder));
    let agent = pid(&fleet.path("repo/pid"));
    fleet.tasks.cancel(id, "me").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Cancelled);
    assert!(!lives(agent));
    fleet.assert_at_rest();
}
