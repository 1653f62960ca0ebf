//! Workers: one process that takes task after task.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::presets::preset;
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;

/// A stand-in for Claude Code with stream-json on both sides. What it is asked
/// for stands in the text.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import json, os, subprocess, sys, time
for line in sys.stdin:
    sent = json.loads(line)
    text = sent["message"]["content"]
    print(json.dumps({"type": "result", "is_error": True, "result": "of something else"}), flush=True)
    print(json.dumps({**sent, "isReplay": True}), flush=True)
    print("a note of", text, file=sys.stderr, flush=True)
    open("pid", "w").write(str(os.getpid()))
    if "leave" in text:
        child = subprocess.Popen(["sleep", "300"], start_new_session=True)
        open("child", "w").write(str(child.pid))
    if "long" in text:
        time.sleep(300)
    if "slow" in text:
        time.sleep(1)
    if "die" in text:
        os._exit(4)
    env = [name for name in ("GAIA_SESSION", "GAIA_TASK", "GAIA_LOCK_TOKEN") if name in os.environ]
    print(json.dumps({"type": "result", "is_error": "fail" in text, "terminal_reason": "completed",
        "result": f"{text} by {os.getpid()} {env}"}), flush=True)
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
        let log = read(std::path::Path::new(task.log_file.as_deref().unwrap()));
        assert!(log.contains("a note of"), "{log}");
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
        assert!(!lives(child) && lives(pid(&fleet, "f")));
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
fn t08_a_workers_task_outlives_its_assigner_and_the_worker_does_not() {
    let fleet = Fleet::new();
    worker(&fleet, "max");
    let folder = fleet.folder("f");
    let mut first = fleet.start_assigner();
    let id = fleet.send("slow", Some(&folder));
    until("it works", || fleet.path("f/pid").is_file());
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
