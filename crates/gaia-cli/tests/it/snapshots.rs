//! stdout, stderr and exit status of each command, for people and as JSON,
//! with good and bad input.

use crate::home::Home;
use crate::told::check;

#[test]
fn acquire_and_release() {
    check(
        "acquire_and_release",
        &Home::new(),
        &[
            &["acquire", "a", "--session", "s1"],
            &["acquire", "a", "--session", "s1"],
            &["acquire", "a/b", "--session", "s2"],
            &["acquire", "a/b", "--session", "s2", "--wait", "0"],
            &[
                "acquire",
                "b",
                "c",
                "--session",
                "s2",
                "--task",
                "7",
                "--shared",
                "--ttl",
                "30m",
            ],
            &["status"],
            &["status", "a/b/c"],
            &["status", "--session", "s2"],
            &["why", "a/b"],
            &["why", "z"],
            &["release", "a", "--session", "s2"],
            &["release", "a", "b", "--session", "s1"],
            &["release", "--token", "2,3", "--session", "s2"],
            &["release", "a", "--session", "s1"],
            &["history"],
            &["history", "--folder", "b", "--limit", "1"],
        ],
    );
}

#[test]
fn acquire_and_release_as_json() {
    check(
        "acquire_and_release_as_json",
        &Home::new(),
        &[
            &["--json", "acquire", "a", "--session", "s1"],
            &["--json", "acquire", "a", "--session", "s1"],
            &["--json", "acquire", "a/b", "--session", "s2"],
            &["--json", "acquire", "a/b", "--session", "s2", "--wait", "0"],
            &["--json", "status"],
            &["--json", "why", "a/b"],
            &["--json", "release", "a", "b", "--session", "s1"],
            &["--json", "history"],
        ],
    );
}

#[test]
fn renew_and_verify() {
    let commands: &[&[&str]] = &[
        &["acquire", "a", "b", "--session", "s1"],
        &[
            "renew",
            "a",
            "--token",
            "1",
            "--session",
            "s1",
            "--ttl",
            "2h",
        ],
        &["renew", "b", "--token", "1", "--session", "s1"],
        &["renew", "--token", "1,2", "--session", "s1"],
        &["renew", "--token", "1", "--session", "s2"],
        &["renew", "a", "--session", "s1"],
        &["verify", "--token", "1"],
        &["verify", "--token", "99"],
        &["release", "a", "--session", "s1"],
        &["verify", "--token", "1"],
        &["verify", "--token", "1", "--token", "2"],
        &["renew", "--token", "1", "--session", "s1"],
    ];
    check("renew_and_verify", &Home::new(), commands);
    let json: Vec<Vec<&str>> = commands
        .iter()
        .map(|words| [&["--json"], *words].concat())
        .collect();
    let json: Vec<&[&str]> = json.iter().map(Vec::as_slice).collect();
    check("renew_and_verify_as_json", &Home::new(), &json);
}

#[test]
fn admin() {
    let home = Home::new();
    let backup = home.path("backup.db");
    let backup = backup.to_str().unwrap();
    check(
        "admin",
        &home,
        &[
            &["acquire", "a", "--session", "s1"],
            &["force-release", "1"],
            &["force-release", "1", "--reason", " "],
            &["force-release", "1", "--reason", "it\nhangs"],
            &["force-release", "1", "--reason", "again"],
            &["--json", "force-release", "7", "--reason", "none"],
            &["pause", "--reason", "release day"],
            &["acquire", "a", "--session", "s1"],
            &["--json", "acquire", "a", "--session", "s1"],
            &["why", "a"],
            &["status"],
            &["resume"],
            &["resume"],
            &["--json", "pause", "a", "--reason", "x"],
            &["--json", "resume", "a"],
            &["cleanup"],
            &["--json", "cleanup"],
            &["backup", backup],
            &["backup", backup],
            &["restore", backup],
            &["--json", "restore", "/nowhere.db"],
            &["prune", "--older-than", "90d"],
            &["--json", "prune", "--older-than", "soon"],
            &["history"],
        ],
    );
}

#[test]
fn bad_input() {
    let long = "x".repeat(4000);
    let deep = format!("/{}", "d/".repeat(3000));
    check(
        "bad_input",
        &Home::new(),
        &[
            &["--json"],
            &["--json", "task"],
            &["acquire", "", "--session", "s"],
            &["acquire", &long, "--session", "s"],
            &["acquire", &deep, "--session", "s"],
            &["acquire", "a", "--session", ""],
            &["acquire", "a", "--session", "two\nlines"],
            &["acquire", "a", "--session", &long],
            &["acquire", "a"],
            &["--json", "acquire", "a"],
            &["acquire"],
            &["--json", "acquire"],
            &["acquire", "a", "--session", "s", "--wait", "1h30"],
            &["acquire", "a", "--session", "s", "--ttl", "0"],
            &["acquire", "a", "--session", "s", "--ttl", "31d"],
            &["acquire", "a", "--session", "s", "--task", "-1"],
            &["acquire", "a", "--session", "s", "--pid", "4194305"],
            &["--json", "verify", "--token", "x"],
            &["--json", "nonsense"],
            &["nonsense"],
            &["history", "--since", "yesterday"],
            &["run", "a"],
            &["--json", "run", "a"],
        ],
    );
}

#[test]
fn odd_names_are_shown_and_do_no_harm() {
    let odd = "with space 'quote' \"double\" <script>\n\u{1b}[31m\u{202e}ü";
    check(
        "odd_names",
        &Home::new(),
        &[
            &["acquire", odd, "--session", "s <b> 'x'"],
            &["acquire", odd, "--session", "other"],
            &["status"],
            &["--json", "status"],
            &["why", odd],
            &["release", odd, "--session", "s <b> 'x'"],
        ],
    );
}

#[test]
fn settings_that_cannot_be_read_are_named() {
    let home = Home::new();
    let with = |name: &str, value: &str| {
        let output = home
            .gaia(&["--json", "status"])
            .env(name, value)
            .output()
            .unwrap();
        let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let message = error["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(name) && message.contains(value),
            "{message}"
        );
        (
            output.status.code().unwrap(),
            error["error"]["code"].as_str().unwrap().to_owned(),
        )
    };
    for (name, value) in [
        ("GAIA_LOCK_TIMEOUT_HOURS", "soon"),
        ("GAIA_DATABASE_URL", "mysql://x"),
        ("GAIA_MARKERS", "perhaps"),
        ("GAIA_DURABILITY", "eternal"),
    ] {
        assert_eq!(
            with(name, value),
            (2, "invalid_setting".to_owned()),
            "{name}"
        );
    }
    // What is understood but not there is no silent default either.
    let (status, code) = {
        let output = home
            .gaia(&["--json", "status"])
            .env("GAIA_SERVER", "http://127.0.0.1:1")
            .output()
            .unwrap();
        let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            output.status.code().unwrap(),
            error["error"]["code"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!((status, code.as_str()), (5, "server_unreachable"));
}

#[test]
fn a_store_that_cannot_be_used_is_named_and_ends_with_5() {
    let home = Home::new();
    std::fs::write(
        home.path("text.db"),
        "this is no database, whatever its name says",
    )
    .unwrap();
    std::fs::write(home.path("file"), "").unwrap();
    let url = |name: &str| format!("sqlite://{}", home.path(name).display());
    check(
        "unusable_store",
        &home,
        &[
            &[
                "--database",
                &url("text.db"),
                "acquire",
                "a",
                "--session",
                "s",
            ],
            &["--database", &url("text.db"), "--json", "status"],
            &[
                "--database",
                &url("file/x.db"),
                "acquire",
                "a",
                "--session",
                "s",
            ],
            &[
                "--locks-dir",
                "/proc/gaia",
                "acquire",
                "a",
                "--session",
                "s",
            ],
            &[
                "--database",
                &url("text.db"),
                "run",
                "a",
                "--",
                "echo",
                "never",
            ],
        ],
    );
}

#[test]
fn doctor() {
    let home = Home::new();
    let commands: &[&[&str]] = &[
        &["doctor"],
        &["acquire", "a", "--session", "s"],
        &["doctor"],
        &["--json", "doctor"],
    ];
    check("doctor", &home, commands);
}

#[test]
fn help_names_every_command_and_every_setting() {
    let home = Home::new();
    let help = String::from_utf8(home.output(&["--help"]).stdout).unwrap();
    for word in [
        "acquire",
        "release",
        "run",
        "why",
        "doctor",
        "GAIA_LOCK_TIMEOUT_HOURS",
        "GAIA_MARKERS",
    ] {
        assert!(help.contains(word), "{word}");
    }
    let script = home.output(&["completions", "zsh"]);
    assert!(
        String::from_utf8(script.stdout)
            .unwrap()
            .contains("force-release")
    );
    let man = home.path("man");
    assert_eq!(home.status(&["man", man.to_str().unwrap()]), 0);
    assert!(man.join("gaia-run.1").is_file());
}

#[test]
fn a_session_is_told_by_flag_then_environment_then_client() {
    let home = Home::new();
    let who = |variables: &[(&str, &str)], words: &[&str]| {
        let words = [&["--json", "acquire"], words].concat();
        let output = home
            .gaia(&words)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let lock = &answer["locks"][0];
        (
            lock["session_id"].as_str().unwrap().to_owned(),
            lock["task_id"].as_i64().unwrap(),
        )
    };
    let fleet = [
        ("GAIA_SESSION", "fleet"),
        ("GAIA_TASK", "5"),
        ("CLAUDE_CODE_SESSION_ID", "agent"),
    ];
    assert_eq!(who(&fleet, &["a"]), ("fleet".to_owned(), 5));
    assert_eq!(who(&fleet, &["b", "--session", "me"]), ("me".to_owned(), 0));
    assert_eq!(who(&fleet[2..], &["c"]), ("agent".to_owned(), 0));
}

#[test]
fn a_backup_that_cannot_be_written_says_nothing_of_the_database() {
    let home = Home::new();
    assert_eq!(home.status(&["status"]), 0);
    let file = home.path("nowhere/copy.db");
    let output = home.output(&["backup", file.to_str().unwrap()]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(
        err.contains("nowhere/copy.db") && !err.contains("unfinished"),
        "{err}"
    );
}

#[test]
fn r06_the_holder_of_a_tasks_lock_is_told_that_it_ends_with_its_task() {
    let home = Home::new();
    std::fs::create_dir(home.path("work/a")).unwrap();
    let end = home.path("end");
    let work = format!("until test -e {}; do sleep 0.02; done", end.display());
    assert_eq!(home.status(&["session", "add", "w", "--process", "sh"]), 0);
    assert_eq!(home.status(&["send", &work, "--dir", "a"]), 0);
    let at_work = home.spawn(&["assigner", "--until-idle"]);
    crate::home::until("the task runs", || home.locks().len() == 1);
    let output = home.output(&["release", "a", "--session", "w"]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("gaia task cancel 1"), "{err}");
    std::fs::write(&end, "").unwrap();
    assert_eq!(at_work.end().0, 0);
}
