//! Whoever gives up waiting leaves the line.

use crate::home::{Home, until};

#[test]
fn r08_an_interrupted_waiter_leaves_the_line() {
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let home = Home::new();
        assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
        let waiter = home.spawn(&["acquire", "a", "--session", "waiter", "--wait", "1h"]);
        until("it waits", || home.waiters() == 1);
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
