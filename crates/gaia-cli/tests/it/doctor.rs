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

/// What doctor finds in a mount namespace of the test's own, made by a script;
/// none where that is not allowed here.
fn inside(home: &Home, script: &str) -> Option<Vec<serde_json::Value>> {
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .env("GAIA", env!("CARGO_BIN_EXE_gaia"))
        .current_dir(home.path("work"))
        .output();
    let found: serde_json::Value = serde_json::from_slice(&output.ok()?.stdout).ok()?;
    Some(found["checks"].as_array().unwrap().clone())
}

fn named<'a>(checks: &'a [serde_json::Value], name: &str) -> &'a serde_json::Value {
    let mut checks = checks.iter();
    checks.find(|check| check["name"] == name).unwrap()
}

/// As in a sandbox that hides it: then neither the machine's start nor who lives
/// can be told.
#[test]
fn a_system_that_shows_no_processes_is_noticed() {
    let home = Home::new();
    assert_eq!(check(&home, "processes").0, "ok");
    assert_eq!(check(&home, "clock").0, "ok");
    let place = home.path("home");
    let script = format!(
        "mount -t tmpfs none /proc && $GAIA doctor --json --home {}",
        place.display()
    );
    let Some(checks) = inside(&home, &script) else {
        return loudly("nothing can be mounted here");
    };
    let processes = named(&checks, "processes");
    assert_eq!(processes["state"], "warning", "{processes}");
    assert_eq!(processes["remedy"], "mount /proc");
    let clock = named(&checks, "clock");
    assert_eq!(clock["state"], "warning", "{clock}");
}

/// What a program serves; this one's program is gone, and it has only a name.
#[test]
fn r18_a_file_system_to_which_others_write_is_found() {
    let home = Home::new();
    let place = home.path("served");
    std::fs::create_dir(&place).unwrap();
    let options = "fd=3,rootmode=40000,user_id=0,group_id=0";
    let script = format!(
        "exec 3<>/dev/fuse && mount -t fuse -o {options} none {0} && exec 3>&- && \
         $GAIA doctor --json --home {1} --locks-dir {0}/locks",
        place.display(),
        home.path("home").display()
    );
    let Some(checks) = inside(&home, &script) else {
        return loudly("nothing can be served as a file system here");
    };
    let found = named(&checks, "file system");
    assert_eq!(found["state"], "problem", "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("local disk"));
}

/// What every check says when all is well, and that a script sees it.
#[test]
fn all_is_well() {
    let home = Home::new();
    assert_eq!(home.status(&["init", "--yes"]), 0);
    let found = home.json(&["doctor"]);
    for check in found["checks"].as_array().unwrap() {
        assert_eq!(check["state"], "ok", "{check}");
    }
    assert_eq!(found["ok"], true);
    assert_eq!(home.status(&["doctor"]), 0);
}

#[test]
fn a_home_that_others_may_write_in_is_found_and_mended() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    assert_eq!(home.status(&["init", "--yes"]), 0);
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(home.path(".gaia"), open).unwrap();
    assert_eq!(check(&home, "permissions").0, "warning");
    assert_eq!(home.status(&["doctor", "--fix"]), 0);
    assert_eq!(check(&home, "permissions").0, "ok");
}

#[test]
fn settings_that_cannot_be_read_are_a_finding() {
    let home = Home::new();
    let output = home
        .gaia(&["--json", "doctor"])
        .env("GAIA_MARKERS", "sideways")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let check = &found["checks"][0];
    assert_eq!(
        (check["name"].as_str(), check["state"].as_str()),
        (Some("settings"), Some("problem"))
    );
    assert!(
        check["finding"].as_str().unwrap().contains("sideways"),
        "{check}"
    );
}

/// One that is no gaia, one that is not there; one that lives is in
/// client_mode.
#[test]
fn a_server_that_does_not_answer_is_a_problem() {
    use std::io::{Read, Write};
    let home = Home::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let ask = || {
        let output = home
            .gaia(&["--json", "doctor"])
            .env("GAIA_SERVER", &server)
            .output()
            .unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = found["checks"].as_array().unwrap().clone();
        let of_server = |check: &serde_json::Value| check["name"] == "server";
        checks.into_iter().find(of_server).unwrap()
    };
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let length = stream.read(&mut [0; 512]).unwrap();
        assert!(length > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    let found = ask();
    answer.join().unwrap();
    assert_eq!(found["state"], "problem", "{found}");
    for wrong in [found, ask()] {
        assert_eq!(wrong["state"], "problem", "{wrong}");
        let finding = wrong["finding"].as_str().unwrap();
        assert!(finding.contains(&server), "{wrong}");
    }
}

#[test]
fn sessions_in_a_tmux_that_is_gone_are_found() {
    let home = Home::new();
    assert_eq!(check(&home, "file system").0, "ok");
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    assert_eq!(check(&home, "tmux").0, "ok");
    let database = home.path(".gaia/locks/assigner.db");
    let row = "INSERT INTO sessions (name, kind, server) VALUES ('t', 'tmux', '/nowhere/socket')";
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute(row, [])
        .unwrap();
    let (state, finding) = check(&home, "tmux");
    let without = home
        .gaia(&["--json", "doctor"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let without = String::from_utf8(without.stdout).unwrap();
    assert!(without.contains("no tmux in the PATH"), "{without}");
    if !Command::new("tmux")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return loudly("there is no tmux here");
    }
    assert_eq!(state, "warning", "{finding}");
    assert!(finding.contains("/nowhere/socket"), "{finding}");
}

#[test]
fn stale_markers_are_found_and_mended() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    assert_eq!(check(&home, "marker files").0, "ok");
    let dir = home.path(".gaia/locks");
    let is_marker = |path: &std::path::PathBuf| path.to_string_lossy().ends_with(".lock");
    let mut entries = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let marker = entries.find(is_marker).unwrap();
    let text = std::fs::read(&marker).unwrap();
    assert_eq!(home.status(&["release", "a", "--session", "s"]), 0);
    std::fs::write(&marker, text).unwrap();
    assert_eq!(check(&home, "marker files").0, "warning");
    assert_eq!(home.status(&["doctor", "--fix"]), 0);
    assert!(!marker.exists());
    assert_eq!(check(&home, "marker files").0, "ok");
}

/// Patterns are bytes; and one that is overruled is not mended by another.
#[test]
fn what_a_repository_leaves_out_stays_as_it_is_when_the_pattern_is_added() {
    let home = Home::new();
    let made = std::process::Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(home.path("work"))
        .status();
    assert!(made.unwrap().success());
    let exclude = home.path("work/.git/info/exclude");
    std::fs::write(&exclude, b"# caf\xe9\nbuild").unwrap();
    home.output(&["doctor", "--fix"]);
    let fixed = b"# caf\xe9\nbuild\n.gaia*\n";
    assert_eq!(std::fs::read(&exclude).unwrap(), fixed);
    std::fs::write(home.path("work/.gitignore"), "!.gaia*\n").unwrap();
    home.output(&["doctor", "--fix"]);
    assert_eq!(std::fs::read(&exclude).unwrap(), fixed);
    std::fs::write(&exclude, "").unwrap();
    let mut unmarked = home.gaia(&["doctor", "--fix"]);
    unmarked.env("GAIA_MARKERS", "off").output().unwrap();
    assert_eq!(std::fs::read(&exclude).unwrap(), b"");
}
