//! What is judged by time: how soon the locks of the dead are free, that
//! nobody stands still when many are killed at once, when leases end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::liveness::{Liveness, liveness};
use gaia_locks::model::Binding;
use gaia_locks::service::{Acquire, Config, Patience};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::store::{self, HistoryFilter};
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{LockService, Locks};
use gaia_testkit::hammer::{self, Crew, Draw, Plan, Work};

/// Role of a child: a worker of the hammer.
#[test]
fn hammer_worker() {
    hammer::worker_main().unwrap();
}

struct Place {
    there: tempfile::TempDir,
    plan: Plan,
    door: LockService,
}

fn place(work: Work, processes: usize) -> Place {
    let there = tempfile::tempdir().unwrap();
    let database = there.path().join("locks.db");
    let worker = ["hammer_worker", "--exact", "--nocapture"];
    let mut plan = Plan::new(&database, &there.path().join("shop"), &worker);
    (plan.work, plan.processes) = (work, processes);
    plan.duration = Duration::from_secs(240);
    let store = SqliteStore::open(&database, SqliteOptions::default()).unwrap();
    let door = LockService::new(Arc::new(store), Config::default());
    Place { there, plan, door }
}

fn now() -> Moment {
    SystemClock.now().moment
}

/// Looks again and again until something is so.
fn until(what: &str, limit: Duration, mut so: impl FnMut() -> bool) -> Moment {
    let end = now().plus(limit);
    loop {
        let at = now();
        if so() {
            return at;
        }
        assert!(at < end, "not within {limit:?}: {what}");
        std::thread::yield_now();
    }
}

fn folder(path: &str) -> Folder {
    Folder::clean(path).unwrap()
}

fn request(path: &str, who: &str, ttl: Duration) -> Acquire {
    let session = SessionId::new(who).unwrap();
    Acquire {
        ttl: Some(ttl),
        ..Acquire::new(folder(path), session, TaskId::NONE)
    }
}

fn granted(answer: Answer) -> LockInfo {
    match answer {
        Answer::Granted(mut granted) => granted.locks.remove(0),
        answer => panic!("{answer:?}"),
    }
}

fn waited(door: &LockService, request: &Acquire) -> LockInfo {
    let mut patience = Patience {
        limit: Some(Duration::from_secs(30)),
        ..Patience::default()
    };
    granted(door.acquire_waiting(request, &mut patience).unwrap())
}

/// When a lock was granted and when it ended, by the store's own moments.
fn moments(door: &LockService, id: LockId) -> (Moment, Option<Moment>) {
    let record = store::read(&**door.store(), |tx| tx.record(id))
        .unwrap()
        .unwrap();
    (record.granted, record.end.map(|end| end.moment))
}

fn highest(door: &LockService) -> i64 {
    let filter = HistoryFilter {
        limit: Some(1),
        ..HistoryFilter::default()
    };
    let newest = store::read(&**door.store(), |tx| tx.history(&filter)).unwrap();
    newest.first().map_or(0, |record| record.id.0)
}

/// Whether a lock is held by a process that is gone.
fn orphans(door: &LockService) -> usize {
    let locks = store::read(&**door.store(), |tx| tx.locks()).unwrap();
    let gone = |binding: &Binding| match binding {
        Binding::Lease | Binding::Agent(_) => false,
        Binding::Process(process) | Binding::Claim(process) => liveness(process) == Liveness::Gone,
    };
    locks.iter().filter(|lock| gone(&lock.binding)).count()
}

/// P4: kill -9 of 5 of 8 working processes, 20 rounds.
#[test]
fn alone_r11_five_of_eight_killed_again_and_again() {
    let mut place = place(Work::Random, 8);
    place.plan.duration = Duration::from_secs(100);
    let mut crew = Crew::start(&place.plan).unwrap();
    let mut draw = Draw::new(4);
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let begin = highest(&place.door);
        let goes_on = || highest(&place.door) >= begin + 30;
        until(
            &format!("round {round}: nobody stands still"),
            Duration::from_secs(30),
            goes_on,
        );
        let first = draw.index(8);
        let killed: Vec<usize> = (0..5).map(|nth| (first + nth) % 8).collect();
        for index in &killed {
            crew.kill(*index).unwrap();
        }
        let at = now();
        let free = until("orphans are freed", Duration::from_secs(10), || {
            place.door.cleanup().unwrap();
            orphans(&place.door) == 0
        });
        slowest = slowest.max(free.since(at));
        for index in killed {
            crew.replace(index).unwrap();
        }
    }
    println!("P4: 20 rounds, orphans freed after at most {slowest:?}");
    crew.end_at_once().unwrap();
    let verdict = hammer::verdict(&place.plan).unwrap();
    println!("{verdict}");
    if !verdict.is_clean() {
        panic!("{verdict}\nkept in {}", place.there.keep().display());
    }
    assert!(slowest <= Duration::from_secs(1), "{slowest:?}");
}

/// P6: the lock of a dead process is free while somebody waits.
#[test]
fn alone_r11_lock_of_a_dead_process_is_free_at_once() {
    let place = place(Work::Hold, 1);
    let mut crew = Crew::start(&place.plan).unwrap();
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..100 {
        until("the worker holds", Duration::from_secs(20), || {
            let held = place.door.status(Some(&folder("/held"))).unwrap().locks;
            held.first()
                .is_some_and(|held| held.lock.pid == Some(crew.pid(0)))
        });
        let door = place.door.clone();
        let waiter = std::thread::spawn(move || {
            let lock = waited(&door, &request("/held", "waiter", Duration::from_secs(600)));
            (now(), lock)
        });
        until("the other waits", Duration::from_secs(20), || {
            !place.door.status(None).unwrap().waiters.is_empty()
        });
        let killed = crew.kill(0).unwrap();
        let (free, lock) = waiter.join().unwrap();
        let (granted, _) = moments(&place.door, lock.id);
        assert!(granted > killed, "it was granted before the kill");
        took.push(free.since(killed));
        place
            .door
            .force_release(lock.id, "test", "next round")
            .unwrap();
        crew.replace(0).unwrap();
    }
    took.sort_unstable();
    let (half, p99) = (took[took.len() / 2], took[took.len() * 99 / 100 - 1]);
    println!(
        "P6: free after p50 {half:?}, p99 {p99:?}, at most {:?}",
        took[took.len() - 1]
    );
    assert!(p99 <= Duration::from_millis(250), "{took:?}");
}

/// P7: a lease ends when it says, with its holder stopped.
#[test]
fn alone_r03_lease_ends_in_time_while_its_holder_is_stopped() {
    let place = place(Work::Lease, 1);
    let mut crew = Crew::start(&place.plan).unwrap();
    let door = &place.door;
    let ttl = Duration::from_secs(1);
    let mut before = 0;
    for round in 0..5 {
        until("the worker holds", Duration::from_secs(20), || {
            highest(door) > before
        });
        crew.stop(0).unwrap();
        let first = LockId(highest(door));
        let next = waited(door, &request("/held/in", "next", ttl));
        let (begun, ended) = moments(door, first);
        let lasted = ended.unwrap().since(begun);
        let whole = moments(door, next.id).0.since(begun);
        println!(
            "P7: round {round}: a lease of {ttl:?} ended after {lasted:?}, next grant after {whole:?}"
        );
        assert_eq!(lasted, ttl);
        assert!(
            whole >= ttl && whole <= ttl + Duration::from_secs(1),
            "{whole:?}"
        );
        door.force_release(next.id, "test", "next round").unwrap();
        before = highest(door);
        crew.kill(0).unwrap();
        crew.replace(0).unwrap();
    }
}

/// What is bound to a process stands while that is stopped: it lives.
#[test]
fn alone_r11_stopped_is_not_dead() {
    let place = place(Work::Hold, 1);
    let crew = Crew::start(&place.plan).unwrap();
    until("the worker holds", Duration::from_secs(20), || {
        highest(&place.door) > 0
    });
    crew.stop(0).unwrap();
    let refused = place
        .door
        .acquire(&request("/held", "other", Duration::from_secs(1)));
    assert!(matches!(refused.unwrap(), Answer::Refused(_)));
    crew.resume(0).unwrap();
}

/// Role of a child: asks once for `/sleep`, says what came of it.
#[test]
fn child_that_asks() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    if line.is_empty() {
        return;
    }
    let store = SqliteStore::open(line.trim().as_ref(), SqliteOptions::default()).unwrap();
    let door = LockService::new(Arc::new(store), Config::default());
    let lock = waited(&door, &request("/sleep", "child", Duration::from_secs(5)));
    let (begun, _) = moments(&door, lock.id);
    println!("\nchild: {} {}", lock.id.0, begun.0);
}

/// P7: to who enters a time namespace the machine seems to have slept that
/// long. The lease went on meanwhile, and ends neither earlier nor later.
#[cfg(target_os = "linux")]
#[test]
fn alone_r13_lease_ends_in_time_after_a_sleep() {
    use std::io::Write;
    let place = place(Work::Hold, 0);
    let ttl = Duration::from_secs(3600);
    let lock = granted(
        place
            .door
            .acquire(&request("/sleep", "sleeper", ttl))
            .unwrap(),
    );
    let exe = std::env::current_exe().unwrap();
    // Two seconds of the lease are left when the child wakes.
    let mut command = Command::new("unshare");
    command.args(["-T", "--boottime", "3598", "--"]).arg(exe);
    command.args(["child_that_asks", "--exact", "--nocapture"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("NOT TESTED: there is no unshare(1) here");
        return;
    };
    let path = place.plan.database.display().to_string();
    let written = child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{path}\n").as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(line) = said.lines().find_map(|line| line.strip_prefix("child: ")) else {
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(why.contains("unshare"), "{written:?} {said} {why}");
        println!("NOT TESTED: no time namespace may be made here: {why}");
        return;
    };
    let next: i64 = line.split(' ').nth(1).unwrap().parse().unwrap();
    let (begun, _) = moments(&place.door, lock.id);
    let whole = Moment(next).since(begun);
    println!("P7: after a sleep, a lease of {ttl:?} ended after {whole:?}");
    assert!(
        whole >= ttl && whole <= ttl + Duration::from_secs(1),
        "{whole:?}"
    );
}
