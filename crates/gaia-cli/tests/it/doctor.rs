//! What `gaia doctor` finds.

use std::process::{Command, Stdio};

use crate::home::{Guard, Home, signal, until};

fn check(home: &Home, name: &str) -> (String, String) {
    let found = home.json(&["doctor"]);
    let checks = found["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("finding"))
}

/// flock(1) stands in for a gaia that was stopped inside.
#[test]
fn a_stopped_process_that_keeps_everybody_out_is_named() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    let gate = home.path(".gaia/locks/assigner.db-gate");
    let holder = Command::new("flock")
        .args(["--no-fork", gate.to_str().unwrap(), "sleep", "600"])
        .stdout(Stdio::null())
        .spawn();
    let holder = Guard(holder.unwrap());
    until("the gate is shut", || {
        let tried = Command::new("flock")
            .args(["-n", gate.to_str().unwrap(), "true"])
            .status();
        !tried.unwrap().success()
    });
    signal(holder.pid(), "STOP");
    let (state, finding) = check(&home, "database");
    assert_eq!(state, "problem");
    let named = format!("process {} was stopped", holder.pid());
    assert!(finding.contains(&named), "{finding}");
    drop(holder);
    assert_eq!(check(&home, "database").0, "ok");
}

#[test]
fn markers_that_git_would_commit_are_found_and_mended() {
    let home = Home::new();
    let made = Command::new("git")
        .args(["init", "-q"])
        .arg(home.path("work"))
        .status();
    assert!(made.unwrap().success());
    assert_eq!(check(&home, "git ignores").0, "warning");
    assert_eq!(home.status(&["doctor", "--fix"]), 0);
    assert_eq!(check(&home, "git ignores").0, "ok");
}

#[test]
fn a_locks_directory_that_cannot_be_used_is_a_problem() {
    let home = Home::new();
    std::fs::write(home.path("file"), "a file").unwrap();
    let output = home.output(&["--locks-dir", home.path("file").to_str().unwrap(), "doctor"]);
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.contains("problem  locks directory"), "{found}");
    assert_eq!(output.status.code(), Some(1));
}
