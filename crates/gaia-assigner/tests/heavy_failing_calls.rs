//! P8 for assigning: each of an assigner's calls that write, and those that
//! open files, fails once, or the assigner is killed in it. Whatever came of
//! it, the next one does the task once, or another try is recorded.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod fleet;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use fleet::{Fleet, example, read, until};
use gaia_assigner::task::Status;
use gaia_locks::folder::Folder;

/// What is done to a call: at which of its times.
fn injected(call: &str, how: &str, at: u32) -> String {
    format!("inject={call}:{how}:when={at}")
}

fn is_traceable() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-e", "trace=none", "true"]);
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    let there = strace.status().is_ok_and(|status| status.success());
    if !there {
        eprintln!("!!! NOT TESTED: strace is not installed or may not trace");
    }
    there
}

/// An assigner that works until nothing is left to do, under strace.
fn traced(fleet: &Fleet, call: &str, inject: &str) -> Child {
    let mut strace = Command::new("strace");
    strace
        .args(["-e", &format!("trace={call}"), "-e", inject, "-o"])
        .arg(fleet.path("trace"))
        .arg(example("assigner"))
        .args([fleet.path("assigner.db"), fleet.path("logs")])
        // What the loader looks for in many places is not what is tested.
        .env_remove("LD_LIBRARY_PATH")
        .stderr(Stdio::null());
    strace.spawn().unwrap()
}

fn end_of(mut child: Child, what: &str) -> ExitStatus {
    let mut status = None;
    until(&format!("it ends although {what}"), || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// One task under a call that fails; whether there was such a call.
fn one(fleet: &Fleet, folder: &Folder, call: &str, how: &str, at: u32) -> bool {
    let ran = format!("{call} {how} {at}");
    let id = fleet.send_with(&format!("echo {ran} >> ran"), Some(folder), |new| {
        new.max_tries = 20;
    });
    let inject = injected(call, how, at);
    let status = end_of(traced(fleet, call, &inject), &inject);
    let hit = status.signal() == Some(9) || read(&fleet.path("trace")).contains("(INJECTED)");
    // Whoever comes next finds the old state or the new one.
    let next = fleet.start_assigner();
    assert!(end_of(next, &inject).success(), "{inject}");
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(task.status, Status::Completed, "{inject}: {task:?}");
    let lines = read(&Path::new(folder.path()).join("ran"));
    let times = lines.lines().filter(|line| *line == ran).count();
    let most = 1 + task.retry_count as usize;
    assert!((1..=most).contains(&times), "{inject}: {times}, {task:?}");
    fleet.assert_at_rest();
    hit
}

/// At each of its times, one after the other; how many there were.
fn all(call: &str, how: impl Fn(u32) -> &'static str) -> u32 {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let calls = (1..).take_while(|at| one(&fleet, &folder, call, how(*at), *at));
    let calls = calls.count();
    let sql = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    let sound: String = sql
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    u32::try_from(calls).unwrap()
}

#[test]
fn heavy_t02_each_write_to_the_database_fails_or_kills_the_assigner() {
    if is_traceable() {
        let how = |at| ["error=EIO", "signal=KILL", "error=ENOSPC"][at as usize % 3];
        let calls = all("pwrite64", how);
        // One for each commit: the task's beginning and its end at least.
        assert!(calls >= 2, "{calls}");
    }
}

#[test]
fn heavy_t02_each_file_that_cannot_be_opened_or_written_costs_no_task() {
    if is_traceable() {
        let calls = all("openat", |_| "error=EMFILE") + all("write", |_| "error=EIO");
        assert!(calls > 10, "{calls}");
    }
}
