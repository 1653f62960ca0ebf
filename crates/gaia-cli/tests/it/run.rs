//! `gaia run`: the lock lasts exactly as long as the command.

use std::os::unix::process::CommandExt;

use crate::home::{Guard, Home, line_of, signal, until};

/// A command that tells its pid in a file and lives until the file `end` is
/// there or it is signalled.
fn living(home: &Home) -> String {
    format!(
        "echo $$ > {0}; while [ ! -e {1} ]; do sleep 0.02; done",
        home.path("pid").display(),
        home.path("end").display(),
    )
}

fn pid_of_command(home: &Home) -> u32 {
    line_of(&home.path("pid")).parse().unwrap()
}

fn start(home: &Home, words: &[&str]) -> Guard {
    let script = living(home);
    let words = [&["run", "a"], words, &["--", "sh", "-c", &script]].concat();
    home.spawn(&words)
}

fn last_end(home: &Home) -> String {
    let history = home.json(&["history", "-n", "1"]);
    history["locks"][0]["end_reason"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

#[test]
fn run_ends_with_the_commands_own_status() {
    let home = Home::new();
    let status = |command: &[&str]| home.status(&[&["run", "a", "--"], command].concat());
    assert_eq!(status(&["true"]), 0);
    assert_eq!(status(&["sh", "-c", "exit 3"]), 3);
    assert_eq!(status(&["sh", "-c", "exit 255"]), 255);
    assert_eq!(status(&["sh", "-c", "kill -9 $$"]), 137);
    assert_eq!(status(&["sh", "-c", "kill -TERM $$"]), 143);
    assert_eq!(status(&["no-such-program"]), 127);
    assert_eq!(status(&["/"]), 126);
    assert!(home.locks().is_empty());
    assert_eq!(last_end(&home), "released");
}

#[test]
fn run_tells_the_command_who_it_is_and_passes_streams() {
    let home = Home::new();
    let script = "cat; echo $GAIA_SESSION $GAIA_LOCK_TOKEN; echo oops >&2";
    let mut command = home.gaia(&["run", "a", "b", "--session", "me", "--", "sh", "-c", script]);
    let mut child = Guard(command.stdin(std::process::Stdio::piped()).spawn().unwrap());
    let mut stdin = child.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"in\n").unwrap();
    drop(stdin);
    assert_eq!(
        child.end(),
        (0, "in\nme 1,2\n".to_owned(), "oops\n".to_owned())
    );
}

#[test]
fn run_two_at_once_exclude_each_other_and_the_second_waits() {
    let home = Home::new();
    let first = start(&home, &[]);
    pid_of_command(&home);
    assert_eq!(home.status(&["run", "a/b", "--", "true"]), 3);
    assert_eq!(
        home.status(&["run", "a", "--conflict-status", "75", "--", "true"]),
        75
    );
    let second = home.spawn(&["run", "a", "--wait", "--", "echo", "mine now"]);
    until("the second waits", || home.waiters() == 1);
    std::fs::write(home.path("end"), "").unwrap();
    assert_eq!(first.end().0, 0);
    let (status, out, err) = second.end();
    assert_eq!((status, out.as_str()), (0, "mine now\n"));
    assert!(err.contains("waiting, place 1"), "{err}");
}

#[test]
fn r11_run_killed_leaves_the_lock_as_long_as_the_command_lives() {
    let home = Home::new();
    let gaia = start(&home, &["--session", "me"]);
    let command = pid_of_command(&home);
    gaia.signal("KILL");
    drop(gaia);
    let locks = home.locks();
    assert_eq!(locks[0]["pid"], command, "{locks:?}");
    assert_eq!(home.status(&["acquire", "a", "--session", "other"]), 3);
    std::fs::write(home.path("end"), "").unwrap();
    until("the lock is free", || {
        home.status(&["acquire", "a", "--session", "other"]) == 0
    });
    let history = home.json(&["history", "--session", "me"]);
    assert_eq!(history["locks"][0]["end_reason"], "died");
}

#[test]
fn run_passes_signals_sent_to_it_alone() {
    for (name, status) in [
        ("TERM", 143),
        ("HUP", 129),
        ("INT", 130),
        ("QUIT", 131),
        ("USR1", 138),
    ] {
        let home = Home::new();
        let words = ["run", "a", "--", "sh", "-c"];
        let script = format!(
            "trap 'echo got {name}; trap - {name}; kill -{name} $$' {name}; {}",
            living(&home)
        );
        let mut command = home.gaia(&[&words[..], &[&script]].concat());
        let gaia = Guard(command.process_group(0).spawn().unwrap());
        pid_of_command(&home);
        gaia.signal(name);
        let (ended, out, err) = gaia.end();
        assert_eq!(
            (ended, out),
            (status, format!("got {name}\n")),
            "{name}: {err}"
        );
    }
}

#[test]
fn run_stops_the_command_and_its_children_when_the_lock_is_ended() {
    let home = Home::new();
    let child = home.path("child");
    // The child takes no notice of a polite word, its parent does.
    let script = format!(
        "sh -c 'echo $$ > {}; exec sleep 600' & {}",
        child.display(),
        living(&home)
    );
    let gaia = home.spawn(&["run", "a", "--", "sh", "-c", &script]);
    pid_of_command(&home);
    let child: u32 = line_of(&child).parse().unwrap();
    assert_eq!(home.status(&["force-release", "1", "--reason", "test"]), 0);
    let (status, _, err) = gaia.end();
    assert_eq!(status, 4, "{err}");
    assert!(err.contains("is lost"), "{err}");
    until("the child is gone", || !is_alive(child));
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn run_stops_a_command_whose_lease_cannot_be_kept() {
    let home = Home::new();
    let bell = home.path(".gaia/locks/assigner.db.bell");
    // Nothing can be listened to where a folder stands in the doorbell's place.
    let script = format!(
        "rm {0}; mkdir {0}; while :; do sleep 0.02; done",
        bell.display()
    );
    let run = ["run", "a", "--ttl", "4s", "--", "sh", "-c", &script];
    let (status, _, err) = home.spawn(&run).end();
    assert_eq!(status, 4, "{err}");
    assert!(err.contains("not renewed yet"), "{err}");
    assert!(err.contains("could not be renewed"), "{err}");
    assert!(err.lines().count() < 10, "{err}");
}

#[test]
fn run_only_warns_of_a_lost_lock_when_told_so() {
    let home = Home::new();
    let gaia = start(&home, &["--on-lost", "warn", "--ttl", "3"]);
    pid_of_command(&home);
    assert_eq!(home.status(&["force-release", "1", "--reason", "test"]), 0);
    // Somebody else has it now, and the command goes on.
    assert_eq!(home.status(&["acquire", "a", "--session", "other"]), 0);
    std::fs::write(home.path("end"), "").unwrap();
    let (status, _, _) = gaia.end();
    assert_eq!(status, 0);
    assert_eq!(home.locks().len(), 1, "the other's lock stays");
}

#[test]
fn run_tells_of_those_who_wait() {
    let home = Home::new();
    let gaia = start(&home, &[]);
    pid_of_command(&home);
    let other = home.spawn(&["acquire", "a", "--session", "other", "--wait"]);
    until("the other waits", || home.waiters() == 1);
    // gaia starts to listen only when the command has lasted a second, and
    // then looks for who came before.
    let lasted = std::time::Instant::now();
    until("a second has passed", || {
        lasted.elapsed().as_millis() > 1500
    });
    std::fs::write(home.path("end"), "").unwrap();
    let (_, _, err) = gaia.end();
    assert!(err.contains("session other waits for"), "{err}");
    assert_eq!(other.end().0, 0);
}

#[test]
fn run_stopped_and_continued_takes_the_command_along() {
    let home = Home::new();
    let mut command = home.gaia(&["run", "a", "--", "sh", "-c", &living(&home)]);
    let gaia = Guard(command.process_group(0).spawn().unwrap());
    let command = pid_of_command(&home);
    let state = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next())
    };
    gaia.signal("TSTP");
    until("both are stopped", || {
        state(command) == Some('T') && state(gaia.pid()) == Some('T')
    });
    signal(gaia.pid(), "CONT");
    until("the command goes on", || state(command) != Some('T'));
    std::fs::write(home.path("end"), "").unwrap();
    assert_eq!(gaia.end().0, 0);
}

#[test]
fn run_ends_with_4_when_the_lock_of_a_short_command_was_ended() {
    let home = Home::new();
    let gaia = env!("CARGO_BIN_EXE_gaia");
    let words = |on_lost| {
        let run = ["run", "a", "--on-lost", on_lost, "--"];
        [&run[..], &["sh", "-c"]].concat()
    };
    let end = format!("{gaia} force-release $GAIA_LOCK_TOKEN --reason test");
    let stopped = home.output(&[&words("stop")[..], &[&end]].concat());
    let err = String::from_utf8_lossy(&stopped.stderr);
    assert_eq!(stopped.status.code(), Some(4), "{err}");
    assert!(err.contains("(forced)"), "{err}");
    let warned = home.output(&[&words("warn")[..], &[&end]].concat());
    let err = String::from_utf8_lossy(&warned.stderr);
    assert_eq!(warned.status.code(), Some(0), "{err}");
    assert!(err.contains("(forced)"), "{err}");
}

#[test]
fn run_has_the_status_that_was_asked_for_when_another_database_holds_the_folder() {
    let home = Home::new();
    std::fs::create_dir(home.path("work/a")).unwrap();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let other = format!("sqlite://{}", home.path("other.db").display());
    let run = ["run", "a", "--database", &other, "--conflict-status", "77"];
    let output = home.output(&[&run[..], &["--", "true"]].concat());
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(77), "{err}");
    assert!(err.contains("other.db"), "{err}");
}

#[test]
fn run_holds_a_folder_once_however_often_it_was_named() {
    let home = Home::new();
    let script = "echo $GAIA_LOCK_TOKEN";
    let output = home.output(&["run", "a", "./a", "b", "a", "--", "sh", "-c", script]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1,2\n");
    assert!(home.locks().is_empty());
}

#[test]
fn what_run_starts_elsewhere_finds_the_same_home_when_it_was_a_relative_one() {
    let home = Home::new();
    std::fs::create_dir(home.path("work/inner")).unwrap();
    let gaia = env!("CARGO_BIN_EXE_gaia");
    let script = format!("cd inner && {gaia} status --json");
    let mut command = home.gaia(&["run", "a", "--session", "me", "--", "sh", "-c", &script]);
    let output = command.env("GAIA_HOME", "home").output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(out.contains(r#""count":1"#), "{out}{err}");
    let here = home.path("work/home");
    let warning = format!(
        "GAIA_HOME is a relative path: here it means {}",
        here.display()
    );
    assert!(err.contains(&warning), "{err}");
}

/// Many who wait for one folder, each for a moment: whoever is quicker than the
/// release of the one before does not make a dead holder of it.
#[test]
fn heavy_run_under_contention_nobody_stands_in_the_history_as_died() {
    let home = Home::new();
    let workers: Vec<_> = (0..6)
        .map(|worker| {
            let gaia = env!("CARGO_BIN_EXE_gaia");
            let script = format!(
                "for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do {gaia} run a --session w{worker} --wait -- true 2>/dev/null || exit 1; done"
            );
            let mut shell = home.gaia(&[]);
            let environment: Vec<_> = shell
                .get_envs()
                .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
                .collect();
            shell = std::process::Command::new("sh");
            shell.args(["-c", &script]).env_clear().envs(environment);
            shell.current_dir(home.path("work"));
            Guard(shell.spawn().unwrap())
        })
        .collect();
    for worker in workers {
        assert_eq!(worker.end().0, 0);
    }
    let history = home.json(&["history", "-n", "1000"]);
    let locks = history["locks"].as_array().unwrap();
    assert_eq!(locks.len(), 90);
    let ends: Vec<_> = locks
        .iter()
        .map(|lock| lock["end_reason"].as_str().unwrap())
        .collect();
    let died = ends.iter().filter(|end| **end != "released").count();
    assert_eq!(died, 0, "{ends:?}");
}
