//! Whoever gives up waiting leaves the line.

use crate::home::{Home, until};

#[test]
fn r08_an_interrupted_waiter_leaves_the_line() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let home = Home::new();
        assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
        let mut waiter = home.spawn(&["acquire", "a", "--session", "waiter", "--wait", "1h"]);
        // It stands in line a moment before it listens for signals.
        waiter.says("waiting, place 1");
        assert_eq!(home.waiters(), 1);
        waiter.signal(name);
        let (ended, out, err) = waiter.end();
        assert_eq!((ended, out.as_str()), (status, ""), "{err}");
        assert_eq!(home.waiters(), 0);
    }
}

#[test]
fn r08_a_killed_waiter_leaves_the_line() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let waiter = home.spawn(&["acquire", "a", "--session", "waiter", "--wait"]);
    until("it waits", || home.waiters() == 1);
    waiter.signal("KILL");
    drop(waiter);
    until("the line is empty", || home.waiters() == 0);
}

#[test]
fn acquire_waits_and_is_granted() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let waiter = home.spawn(&["--json", "acquire", "a", "--session", "waiter", "--wait"]);
    until("it waits", || home.waiters() == 1);
    let why = String::from_utf8(home.output(&["why", "a"]).stdout).unwrap();
    assert!(
        why.contains("held by session holder") && why.contains("waiter in place 1"),
        "{why}"
    );
    assert_eq!(home.status(&["release", "a", "--session", "holder"]), 0);
    let (status, out, _) = waiter.end();
    assert_eq!(status, 0);
    assert!(out.starts_with(r#"{"granted":true,"#), "{out}");
}

#[test]
fn r08_a_waiter_started_with_nohup_goes_on_waiting_when_the_terminal_is_gone() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let mut shell = std::process::Command::new("sh");
    shell
        .args([
            "-c",
            "trap '' HUP; exec \"$0\" acquire a --session waiter --wait",
        ])
        .arg(env!("CARGO_BIN_EXE_gaia"))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path(""))
        .current_dir(home.path("work"))
        .stderr(std::process::Stdio::piped());
    let waiter = crate::home::Guard(shell.spawn().unwrap());
    until("it waits", || home.waiters() == 1);
    waiter.signal("HUP");
    assert_eq!(home.status(&["release", "a", "--session", "holder"]), 0);
    let (ended, _, err) = waiter.end();
    assert_eq!(ended, 0, "{err}");
}

#[test]
fn r16_a_request_that_comes_again_when_its_lock_is_over_is_not_taken_for_held() {
    let home = Home::new();
    let again = ["acquire", "a", "--session", "s", "--request-id", "r"];
    assert_eq!(home.status(&again), 0);
    assert_eq!(home.status(&again), 0);
    assert_eq!(home.status(&["release", "a", "--session", "s"]), 0);
    let output = home.output(&again);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("is over (released)"), "{err}");
    assert!(output.stdout.is_empty());
    assert_eq!(home.json(&again)["locks"][0]["status"], "released");
}
