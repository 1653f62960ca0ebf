//! Workers: one process that takes task after task.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::presets::preset;
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::Acquire;
use gaia_locks::wire::Answer;

/// A stand-in for Claude Code with stream-json on both sides. What it is asked
/// for stands in the text.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import glob, json, os, subprocess, sys, time
def heard(mark):
    """What was printed before this was heard, and not only written."""
    print(json.dumps({"type": "system", "mark": mark}), flush=True)
    while not any(mark in open(log).read() for log in glob.glob("../logs/*.log")):
        time.sleep(0.01)
takes = 0
for line in sys.stdin:
    sent = json.loads(line)
    text = sent["message"]["content"]
    takes += 1
    if "deaf" in text and takes > 1:
        os._exit(3)
    print(json.dumps({"type": "system", "subtype": "init"}), flush=True)
    print(json.dumps({"type": "result", "is_error": True, "result": "of something else"}), flush=True)
    print(json.dumps({**sent, "isReplay": True}), flush=True)
    print("a note of", text, file=sys.stderr, flush=True)
    open("pid", "w").write(str(os.getpid()))
    if "leave" in text:
        heard("taken")
        child = subprocess.Popen(["sleep", "300"], start_new_session=True)
        open("child", "w").write(str(child.pid))
    if "long" in text:
        time.sleep(300)
    while "waits" in text and not any(map(os.path.exists, ("go", "../go"))):
        time.sleep(0.01)
    if "slow" in text:
        time.sleep(1)
    if "die" in text:
        os._exit(4)
    if "behind" in text:
        call = {"type": "tool_use", "name": "Bash", "input": {"command": "make", "run_in_background": True}}
        print(json.dumps({"type": "assistant", "message": {"content": [call]}}), flush=True)
    env = [name for name in ("GAIA_SESSION", "GAIA_TASK", "GAIA_LOCK_TOKEN") if name in os.environ]
    print(json.dumps({"type": "result", "is_error": "fail" in text, "terminal_reason": "completed",
        "result": f"{text} by {os.getpid()} {env}"}), flush=True)
    if "quit" in text:
        os._exit(1)
    stays = "stays" in text
if stays:
    open("stays", "w").close()
    time.sleep(300)
"#;

fn worker(fleet: &Fleet, name: &str) {
    let path = fleet.folder("bin").path().to_owned() + "/claude";
    std::fs::write(&path, STAND_IN).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = preset("claude-worker").unwrap().command;
    fleet.session(name, &command.replacen("claude", &path, 1));
}

fn pid(fleet: &Fleet, folder: &str) -> u32 {
    read(&fleet.path(folder).join("pid")).parse().unwrap()
}

#[test]
fn t11_a_worker_goes_on_in_a_folder_and_begins_anew_in_another() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let (folder, other) = (fleet.folder("f"), fleet.folder("g"));
    let at_work = fleet.work();
    let mut pids = Vec::new();
    for text in ["one\nline", "two", "fail", "three"] {
        let task = fleet.end_of(fleet.send(text, Some(&folder)));
        pids.push(pid(&fleet, "f"));
        let expected = format!("{text} by {} ['GAIA_SESSION']", pids[0]);
        // What it writes on stderr comes in by itself, not before its answer.
        let log = std::path::Path::new(task.log_file.as_deref().unwrap());
        until("its note is in the log", || read(log).contains("a note of"));
        match text {
            "fail" => {
                assert_eq!(task.status, Status::Failed);
                assert!(task.error.unwrap().contains(&expected));
            }
            _ => assert_eq!(task.response, Some(expected), "{:?}", task.error),
        }
        let ended = fleet.tasks.locks().verify(task.lock_token.unwrap());
        assert!(!ended.unwrap().active);
    }
    assert_eq!(pids, [pids[0]; 4]);
    assert!(lives(pids[0]));
    let task = fleet.end_of(fleet.send("elsewhere", Some(&other)));
    assert_eq!(task.status, Status::Completed);
    assert!(!lives(pids[0]) && lives(pid(&fleet, "g")));
    fleet.assert_at_rest();
    drop(at_work);
    assert!(!lives(pid(&fleet, "g")), "it is left behind");
}

#[test]
fn t03_what_a_workers_task_has_started_is_gone_with_it_and_the_worker_is_not() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("leave a child", Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    let child = read(&fleet.path("f/child")).parse().unwrap();
    if gaia_locks::os::offspring::sees_orphans() {
        assert_eq!((lives(child), lives(pid(&fleet, "f"))), (false, true));
    }
}

#[test]
fn t04_t06_a_worker_that_is_stopped_or_dies_is_followed_by_another() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let _at_work = fleet.work();
    let limit = |send: &mut gaia_assigner::service::Send| {
        send.time_limit = Duration::from_secs(1);
    };
    let task = fleet.end_of(fleet.send_with("long", Some(&folder), limit));
    assert_eq!(task.error.as_deref(), Some("timed out"));
    assert!(!lives(pid(&fleet, "f")));
    let task = fleet.end_of(fleet.send("die", Some(&folder)));
    assert_eq!(
        (task.error.as_deref(), task.exit_status),
        (Some("it ended with status 4"), Some(4))
    );
    let task = fleet.end_of(fleet.send("on", Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    fleet.assert_at_rest();
}

#[test]
fn t06_t11_a_worker_that_ends_as_soon_as_it_has_answered_is_judged_by_that_and_followed() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let _at_work = fleet.work();
    let limit = |send: &mut gaia_assigner::service::Send| {
        send.time_limit = Duration::from_secs(20);
    };
    for _ in 0..4 {
        let task = fleet.end_of(fleet.send_with("quit", Some(&folder), limit));
        assert_eq!(task.status, Status::Completed, "{task:?}");
    }
    fleet.assert_at_rest();
}

#[test]
fn t03_what_a_worker_locks_by_itself_ends_with_its_task_and_what_its_session_had_does_not() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let lock = |name: &str| {
        let own = Acquire::new(
            fleet.folder(name),
            SessionId::new("max").unwrap(),
            TaskId::NONE,
        );
        match fleet.tasks.locks().acquire(&own).unwrap() {
            Answer::Granted(granted) => granted.locks[0].id,
            answer => panic!("{answer:?}"),
        }
    };
    let before = lock("before");
    let _at_work = fleet.work();
    for folder in [Some(&folder), None] {
        let id = fleet.send("waits", folder);
        fleet.running(id);
        let token = lock("beside");
        std::fs::write(fleet.path("go"), "").unwrap();
        fleet.end_of(id);
        std::fs::remove_file(fleet.path("go")).unwrap();
        let locks = fleet.tasks.locks();
        assert!(!locks.verify(token).unwrap().active);
        assert!(locks.verify(before).unwrap().active);
    }
}

#[test]
fn t02_a_worker_that_ends_before_it_takes_a_text_is_another_try() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let _at_work = fleet.work();
    fleet.end_of(fleet.send("one", Some(&folder)));
    let task = fleet.end_of(fleet.send("deaf", Some(&folder)));
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 1),
        "{task:?}"
    );
}

#[test]
fn t03_a_worker_that_may_go_on_by_itself_is_gone_before_its_tasks_lock_is() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("behind", Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    assert!(!lives(pid(&fleet, "f")));
    let task = fleet.end_of(fleet.send("on", Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    assert!(lives(pid(&fleet, "f")));
}

#[test]
fn t04_a_task_that_is_cancelled_while_another_folders_worker_leaves_is_not_begun() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let (folder, other) = (fleet.folder("f"), fleet.folder("g"));
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("stays", Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    let id = fleet.send("elsewhere", Some(&other));
    until("its worker is to leave", || {
        fleet.path("f/stays").try_exists().unwrap()
    });
    fleet.tasks.cancel(id, "me").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Cancelled);
    assert!(!fleet.path("g/pid").try_exists().unwrap());
    fleet.assert_at_rest();
}

#[test]
fn t08_an_assigner_that_dies_while_another_folders_worker_leaves_is_missed() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let (folder, other) = (fleet.folder("f"), fleet.folder("g"));
    fleet.send("stays", Some(&folder));
    let id = fleet.send("elsewhere", Some(&other));
    let mut first = fleet.start_assigner();
    until("its worker is to leave", || {
        fleet.path("f/stays").try_exists().unwrap()
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let _second = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 0),
        "{task:?}"
    );
}

#[test]
fn t08_a_workers_task_outlives_its_assigner_and_the_worker_does_not() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let mut first = fleet.start_assigner();
    let id = fleet.send("slow", Some(&folder));
    until("it works", || !read(&fleet.path("f/pid")).is_empty());
    fleet.running(id);
    first.kill().unwrap();
    first.wait().unwrap();
    let _second = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Completed, 0),
        "{task:?}"
    );
    assert!(task.response.unwrap().contains("slow by"));
    assert!(!lives(pid(&fleet, "f")));
}
