//! What `gaia doctor` finds.

use std::process::{Command, Stdio};

use crate::home::{Guard, Home, loudly, signal, until};

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

#[test]
fn a_row_that_cannot_be_read_is_a_finding() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    assert_eq!(check(&home, "rows").0, "ok");
    let written = Command::new("sqlite3")
        .arg(home.path(".gaia/locks/assigner.db"))
        .arg("UPDATE active_locks SET mode = 'sideways'; UPDATE lock_history SET mode = 'sideways'")
        .status();
    if !written.is_ok_and(|status| status.success()) {
        return loudly("there is no sqlite3 here");
    }
    let (state, finding) = check(&home, "rows");
    assert_eq!(state, "problem", "{finding}");
    assert_eq!(home.status(&["doctor"]), 1);
}

/// A disk of two megabytes in a mount namespace of the test's own.
#[test]
fn a_disk_that_is_nearly_full_is_noticed() {
    let home = Home::new();
    assert_eq!(check(&home, "room").0, "ok");
    let small = home.path("small");
    std::fs::create_dir(&small).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=2m none {0} && {1} doctor --json --home {0}/home",
        small.display(),
        env!("CARGO_BIN_EXE_gaia")
    );
    let inside = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(home.path("work"))
        .output();
    let Some(found) = inside
        .ok()
        .and_then(|output| serde_json::from_slice::<serde_json::Value>(&output.stdout).ok())
    else {
        return loudly("nothing can be mounted here");
    };
    let checks = found["checks"].as_array().unwrap();
    let room = checks.iter().find(|check| check["name"] == "room").unwrap();
    assert_eq!(room["state"], "problem", "{room}");
    assert_eq!(found["ok"], false);
}
