//! A night in a minute: what happens to a machine while a fleet is left alone.
//! The clock is set, it sleeps, its disk fills up, another program holds the
//! database, somebody tidies away the logs.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleet::{Fleet, read, until};
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;
use gaia_locks::clock::{BootId, Clock, Moment, Now, SystemClock, Wall};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::Acquire;
use gaia_locks::store::sqlite::SqliteOptions;
use gaia_locks::wire::Answer;

const DAY: i64 = 86_400;
const TTL: Duration = Duration::from_secs(2 * 3600);

/// The system's clocks, set by hand: in seconds, the wall and the moments.
#[derive(Default)]
struct SetClock {
    wall: AtomicI64,
    slept: AtomicI64,
}

impl Clock for SetClock {
    fn now(&self) -> Now {
        let now = SystemClock.now();
        let slept = self.slept.load(Ordering::SeqCst) * 1_000_000_000;
        let wall = self.wall.load(Ordering::SeqCst) * 1_000_000;
        Now {
            moment: Moment(now.moment.0 + slept),
            wall: Wall(now.wall.0 + wall + slept / 1000),
        }
    }

    fn boot(&self) -> BootId {
        SystemClock.boot()
    }
}

fn fleet_by(clock: &Arc<SetClock>) -> Fleet {
    let options = SqliteOptions {
        clock: clock.clone(),
        ..SqliteOptions::default()
    };
    let fleet = Fleet::at(tempfile::tempdir().unwrap(), options, TTL);
    fleet.shell("worker");
    fleet
}

/// A task that runs until it is told to go on, and notes each of its tries.
fn long(fleet: &Fleet, folder: &Folder) -> TaskId {
    let text = "echo begun >> runs; until [ -e go ]; do sleep 0.02; done; echo done";
    let id = fleet.send(text, Some(folder));
    until("it runs", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    id
}

fn let_go(fleet: &Fleet, id: TaskId) {
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 0),
        "{task:?}"
    );
    assert_eq!(read(&fleet.path("repo/runs")).lines().count(), 1);
}

fn is_refused(fleet: &Fleet, folder: &Folder) -> bool {
    let stranger = SessionId::new("stranger").unwrap();
    let request = Acquire::new(folder.clone(), stranger, TaskId::NONE);
    matches!(
        fleet.tasks.locks().acquire(&request).unwrap(),
        Answer::Refused(_)
    )
}

#[test]
fn heavy_t05_a_clock_set_by_a_day_both_ways_ends_and_delays_nothing() {
    let clock = Arc::new(SetClock::default());
    let fleet = fleet_by(&clock);
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = long(&fleet, &folder);
    for step in [DAY, -DAY, -2 * DAY, 0] {
        clock.wall.store(step, Ordering::SeqCst);
        assert!(is_refused(&fleet, &folder), "free at {step}");
        // Another that fails once is tried again after its pause, not a day later.
        let marker = fleet.path(&format!("tried{step}"));
        let text = format!("[ -e {0} ] || {{ touch {0}; exit 1; }}", marker.display());
        fleet.shell(&format!("other{step}"));
        let other = fleet.send_with(&text, None, |new| new.retry = true);
        assert_eq!(fleet.end_of(other).status, Status::Completed);
    }
    let_go(&fleet, id);
    fleet.assert_at_rest();
}

#[test]
fn heavy_t05_a_machine_that_slept_past_the_lease_finds_its_task_at_work() {
    let clock = Arc::new(SetClock::default());
    let fleet = fleet_by(&clock);
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = long(&fleet, &folder);
    let token = fleet.tasks.show(id).unwrap().lock_token.unwrap();
    clock.slept.store(DAY, Ordering::SeqCst);
    assert!(is_refused(&fleet, &folder), "its lease is over, it is not");
    assert_eq!(fleet.tasks.locks().cleanup().unwrap(), 0);
    assert!(fleet.tasks.locks().verify(token).unwrap().active);
    let_go(&fleet, id);
    fleet.assert_at_rest();
}

/// `GAIA_NIGHT_SECONDS=300` for longer.
#[test]
fn heavy_t08_a_database_that_another_program_holds_delays_and_fails_nothing() {
    let fleet = Fleet::new();
    for name in ["one", "two", "three"] {
        fleet.shell(name);
    }
    let folder = fleet.folder("repo");
    let ids: Vec<TaskId> = (0..12)
        .map(|at| {
            let text = format!("echo {at} >> ../runs; sleep 0.3");
            let place = fleet.folder(&format!("repo{}", at % 3));
            fleet.send(&text, Some(&place))
        })
        .collect();
    let _at_work = fleet.work();
    until("some run", || read(&fleet.path("runs")).lines().count() > 3);
    let other = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    pass(seconds());
    other.execute_batch("COMMIT").unwrap();
    let free = SystemClock.now().moment;
    for id in ids {
        let task = fleet.end_of(id);
        assert_eq!(
            (task.status, task.retry_count),
            (Status::Completed, 0),
            "{task:?}"
        );
    }
    let took = SystemClock.now().moment.since(free);
    assert!(
        took < Duration::from_secs(8),
        "it went on only after {took:?}"
    );
    assert_eq!(read(&fleet.path("runs")).lines().count(), 12, "sent twice");
    assert!(!is_refused(&fleet, &folder));
}

#[expect(clippy::disallowed_methods, reason = "for whoever runs the tests")]
fn seconds() -> u64 {
    std::env::var("GAIA_NIGHT_SECONDS").map_or(30, |text| text.parse().unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "for so long somebody does this to them"
)]
fn pass(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// Waits until so many tasks have ended.
fn until_over(fleet: &Fleet, many: i64) {
    until("some more have ended", || {
        let counts = fleet.tasks.counts().unwrap();
        let over = counts.iter().filter(|(status, _)| status.is_over());
        over.map(|(_, count)| count).sum::<i64>() >= many
    });
}

fn queue(fleet: &Fleet, many: usize) -> Vec<TaskId> {
    let folders = ["r", "r/a", "s"].map(|name| fleet.folder(name));
    let send = |at: usize| fleet.send("sleep 0.05", Some(&folders[at % 3]));
    (0..many).map(send).collect()
}

fn all_done_at_once(fleet: &Fleet, ids: &[TaskId]) {
    for id in ids {
        let task = fleet.end_of(*id);
        assert_eq!(
            (task.status, task.retry_count),
            (Status::Completed, 0),
            "{task:?}"
        );
    }
    fleet.assert_at_rest();
}

#[test]
fn heavy_t08_a_folder_of_logs_that_is_tidied_away_costs_no_task() {
    let fleet = Fleet::new();
    fleet.shell("one");
    fleet.shell("two");
    let ids = queue(&fleet, 30);
    let _at_work = fleet.work();
    until_over(&fleet, 5);
    until("the logs are gone", || {
        // Tasks may be writing there meanwhile.
        std::fs::remove_dir_all(fleet.path("logs")).is_ok()
    });
    until_over(&fleet, 15);
    // Something else in its place: nothing can be written there.
    let logs = fleet.path("logs");
    until("something else is in its place", || {
        // Tasks may be writing there meanwhile.
        let _ = std::fs::rename(&logs, fleet.path("elsewhere"));
        std::fs::File::create_new(&logs).is_ok()
    });
    pass(3);
    std::fs::remove_file(&logs).unwrap();
    // One or two may have been on their way just then.
    for id in ids {
        assert_eq!(fleet.end_of(id).status, Status::Completed);
    }
    let spent: u32 = fleet
        .tasks
        .list(&Filter::default())
        .unwrap()
        .tasks
        .iter()
        .map(|task| task.retry_count)
        .sum();
    assert!(spent <= 4, "{spent} tries spent");
    fleet.assert_at_rest();
}

#[test]
#[cfg(target_os = "linux")]
fn heavy_t08_a_full_disk_costs_no_task_and_it_goes_on_when_there_is_room() {
    in_own_mounts(
        "heavy_t08_a_full_disk_costs_no_task_and_it_goes_on_when_there_is_room",
        || {
            let small = tempfile::tempdir().unwrap();
            let options = "size=4m".to_owned();
            let mount = [
                "-t",
                "tmpfs",
                "-o",
                &options,
                "tmpfs",
                small.path().to_str().unwrap(),
            ];
            assert!(run("mount", &mount));
            let home = tempfile::tempdir_in(small.path()).unwrap();
            let fleet = Fleet::at(home, SqliteOptions::default(), TTL);
            fleet.shell("one");
            fleet.shell("two");
            let ids = queue(&fleet, 30);
            let _at_work = fleet.work();
            until_over(&fleet, 5);
            fill(&small.path().join("full"));
            pass(4);
            let counts = fleet.tasks.counts().unwrap();
            assert!(
                counts.iter().any(|(status, _)| *status == Status::Pending),
                "{counts:?}"
            );
            std::fs::remove_file(small.path().join("full")).unwrap();
            all_done_at_once(&fleet, &ids);
        },
    );
}

#[cfg(target_os = "linux")]
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
}

/// Plays a case in a mount namespace of its own, or says that it cannot.
#[cfg(target_os = "linux")]
#[expect(
    clippy::disallowed_methods,
    reason = "how a test speaks to itself in another process"
)]
fn in_own_mounts(test: &str, case: impl Fn()) {
    if std::env::var_os("GAIA_TEST_OWN_MOUNTS").is_some() {
        return case();
    }
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    let mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    let allowed = |way: &&&[&str]| run("unshare", &[**way, &mount].concat());
    let Some(way) = ways.iter().find(allowed) else {
        return loudly("no mounts allowed here, so no small disk");
    };
    let mut inside = std::process::Command::new("unshare");
    inside.args(*way).arg(std::env::current_exe().unwrap());
    inside
        .args([test, "--exact", "--nocapture"])
        .env("GAIA_TEST_OWN_MOUNTS", "1");
    assert!(
        inside.status().unwrap().success(),
        "failed in its own mounts"
    );
}

#[cfg(target_os = "linux")]
fn run(program: &str, args: &[&str]) -> bool {
    let done = std::process::Command::new(program).args(args).output();
    done.is_ok_and(|done| done.status.success())
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}
