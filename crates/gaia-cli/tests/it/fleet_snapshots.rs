//! stdout, stderr and exit status of the commands for tasks, sessions, accounts
//! and the machine, for people and as JSON, with good and bad input.

use std::io::Write as _;
use std::process::Stdio;

use crate::home::Home;
use crate::snapshots::{check, compare};

/// The same commands, with --json before each.
fn as_json(name: &str, home: &Home, commands: &[&[&str]]) {
    let json: Vec<Vec<&str>> = commands
        .iter()
        .map(|words| [&["--json"], *words].concat())
        .collect();
    let json: Vec<&[&str]> = json.iter().map(Vec::as_slice).collect();
    check(name, home, &json);
}

/// A home with folders in which tasks may work.
fn home() -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.path("work/web/login")).unwrap();
    home
}

const TASKS: &[&[&str]] = &[
    &["tasks"],
    &["send"],
    &["send", ""],
    &[
        "send",
        "tidy the login page",
        "--dir",
        "web",
        "--priority",
        "5",
    ],
    &["send", "then the rest", "--after", "1", "--target", "far"],
    &["send", "x", "--after", "99"],
    &["send", "x", "--timeout", "soon"],
    &["send", "x", "--max-retries", "0"],
    &["tasks"],
    &["tasks", "--status", "nonsense"],
    &["tasks", "--status", "failed"],
    &["why", "1"],
    &["why", "2"],
    &["task", "show", "1"],
    &["task", "show", "99"],
    &["task", "log", "1"],
    &["task", "wait", "1", "--timeout", "0.1s"],
    &["task", "cancel", "1"],
    &["task", "cancel", "1"],
    &["task", "retry", "1"],
    &["task", "retry", "99"],
    &["task", "reassign", "1", "--target", "nobody"],
    &["task", "reassign", "1"],
    &["task", "done", "1", "--session", "far"],
    &["task", "take", "--session", "far"],
    &["session", "add", "far", "--remote"],
    &["session", "heartbeat", "far"],
    &["task", "take", "--session", "far"],
    &["task", "done", "1", "--session", "other"],
    &["task", "done", "1", "--session", "far", "--text", "tidied"],
    &["task", "take", "--session", "far"],
    &[
        "task",
        "fail",
        "2",
        "--session",
        "far",
        "--reason",
        "no rest",
    ],
    &["task", "show", "1"],
    &["tasks", "retry-failed"],
    &["tasks", "clear", "--days", "1"],
    &["tasks", "clear"],
    &["tasks"],
];

#[test]
fn tasks() {
    check("tasks", &home(), TASKS);
}

#[test]
fn tasks_as_json() {
    as_json("tasks_as_json", &home(), TASKS);
}

const SESSIONS: &[&[&str]] = &[
    &["sessions"],
    &[
        "session",
        "add",
        "ivy",
        "--process",
        "sh -c {prompt}",
        "--provider",
        "shell",
    ],
    &["session", "add", "ivy", "--remote"],
    &["session", "add", "odd", "--process", "sh 'c"],
    &["session", "add", "far", "--remote", "--lease", "10m"],
    &["session", "add", "far2", "--remote", "--lease", "60d"],
    &["session", "heartbeat", "ivy"],
    &["session", "heartbeat", "nobody"],
    &["sessions"],
    &["session", "remove", "far"],
    &["session", "remove", "far"],
    &["sessions"],
];

#[test]
fn sessions() {
    check("sessions", &home(), SESSIONS);
}

#[test]
fn sessions_as_json() {
    as_json("sessions_as_json", &home(), SESSIONS);
}

/// What it says of a task that fails and of one that is done.
#[test]
fn assigner_and_up() {
    let home = home();
    let commands: &[&[&str]] = &[
        &["session", "add", "ivy", "--process", "sh"],
        &["send", "echo it is tidy", "--dir", "web"],
        &["assigner", "--until-idle"],
        &["task", "log", "1"],
        &["send", "exit 3"],
        &["up", "--until-idle", "--no-server"],
        &["tasks"],
        &["assigner", "--patience", "soon"],
        &["up", "--no-server", "--listen", "127.0.0.1:1"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--listen", "0.0.0.0:0"],
        &["serve", "--tls-cert", "cert.pem"],
    ];
    check("assigner_and_up", &home, commands);
}

/// Several commands, each with a line on its stdin.
fn told(home: &Home, commands: &[(&[&str], &str)]) -> String {
    let one = |(words, line): &(&[&str], &str)| {
        let mut gaia = home.gaia(words).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = gaia.stdin.take().unwrap();
        // One that asks for nothing may have ended by now.
        drop(writeln!(stdin, "{line}"));
        drop(stdin);
        let output = gaia.wait_with_output().unwrap();
        let mut text = format!("$ gaia {}\n", words.join(" "));
        text += &String::from_utf8(output.stdout).unwrap();
        for line in String::from_utf8(output.stderr).unwrap().lines() {
            text += &format!("2> {line}\n");
        }
        text + &format!("=> {}\n", output.status.code().unwrap())
    };
    commands.iter().map(one).collect::<Vec<_>>().join("\n")
}

const ACCOUNTS: &[(&[&str], &str)] = &[
    (&["user", "list"], ""),
    (
        &["user", "add", "ann", "--role", "admin"],
        "a good password",
    ),
    (&["user", "add", "ann"], "a good password"),
    (&["user", "add", "bob"], "short"),
    (&["user", "add", "bob", "--role", "king"], "a good password"),
    (&["user", "password", "ann"], "another password"),
    (&["user", "password", "nobody"], "another password"),
    (&["user", "list"], ""),
    (&["token", "list"], ""),
    (&["token", "create", "ci"], ""),
    (
        &[
            "token",
            "create",
            "ci",
            "--role",
            "agent",
            "--expires",
            "90d",
        ],
        "",
    ),
    (&["token", "list"], ""),
    (&["token", "revoke", "1"], ""),
    (&["token", "revoke", "ci"], ""),
    (&["user", "remove", "ann"], ""),
    (&["user", "remove", "ann"], ""),
    (&["audit"], ""),
    (&["audit", "-n", "1"], ""),
];

#[test]
fn accounts() {
    let home = home();
    compare("accounts", &home, &told(&home, ACCOUNTS));
}

#[test]
fn accounts_as_json() {
    let home = home();
    let json: Vec<(Vec<&str>, &str)> = ACCOUNTS
        .iter()
        .map(|(words, line)| ([&["--json"], *words].concat(), *line))
        .collect();
    let json: Vec<(&[&str], &str)> = json
        .iter()
        .map(|(words, line)| (words.as_slice(), *line))
        .collect();
    compare("accounts_as_json", &home, &told(&home, &json));
}

#[test]
fn of_the_machine() {
    let commands: &[&[&str]] = &[
        &["migrate", "--dry-run"],
        &["--json", "migrate"],
        &["acquire", "web", "--session", "ann"],
        &["migrate"],
        &["--json", "migrate", "--dry-run"],
        &["check", "--processes", "0"],
        &["--json", "check", "--seconds", "0"],
        &["bench", "--only", "N99"],
        &["--json", "bench", "--only", "N99"],
        &["demo", "--nonsense"],
        &["completions", "nonsense"],
        &["man"],
        &["man", "/proc/nowhere"],
        &["top"],
        &["--json", "top"],
        &["hook", "nonsense"],
        &["--json", "hook"],
    ];
    check("of_the_machine", &home(), commands);
}
