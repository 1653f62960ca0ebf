//! `send`, `tasks`, `task`, `sessions`, `session`, `assigner`: the JSON that
//! programs read, and the exit statuses of section 6.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A home of its own.
struct Home(tempfile::TempDir);

/// An assigner at work; dropped, it is told to end and awaited.
struct AtWork(Child);

impl Drop for AtWork {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        // One that has ended already is awaited all the same.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        self.0.wait().unwrap();
    }
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gaia"));
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.0.path())
            .env("GAIA_HOME", self.0.path())
            .env("GAIA_LOG", "off")
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn json(&self, words: &[&str], status: i32) -> Value {
        let output = self.run(&[words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    fn work(&self) -> AtWork {
        AtWork(
            self.command(&["assigner"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How the locks name a folder.
fn canonical(path: &Path) -> String {
    let folder = gaia_locks::folder::Folder::resolve(path, Path::new("/")).unwrap();
    folder.path().to_owned()
}

#[test]
fn a_queue_from_the_first_session_to_the_last_answer() {
    let home = Home::new();
    let repo = home.folder("repo");
    let add = [
        "session",
        "add",
        "worker",
        "--process",
        "sh",
        "--provider",
        "codex",
    ];
    let added = home.json(&add, 0);
    assert_eq!(added["session"]["name"], "worker");
    assert_eq!(added["session"]["kind"], "process");
    assert_eq!(home.json(&add, 1)["error"]["code"], "session_exists");

    let good = home.json(&["send", "echo the answer", "--dir", "repo"], 0);
    assert_eq!(good["task"]["id"], 1);
    assert_eq!(good["task"]["status"], "pending");
    assert_eq!(good["task"]["working_dir"], canonical(&repo));
    home.json(&["send", "exit 3"], 0);
    home.json(&["send", "true", "--after", "2"], 0);
    home.json(&["send", "never", "--target", "nobody"], 0);
    assert_eq!(
        home.json(&["task", "cancel", "4"], 0)["task"]["status"],
        "cancelled"
    );

    let done = home.run(&["assigner", "--until-idle"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let list = home.json(&["tasks"], 0);
    assert_eq!(list["count"], 4);
    assert_eq!(list["tasks"].as_array().unwrap().len(), 4);
    assert_eq!(
        home.json(&["tasks", "--status", "completed,failed"], 0)["count"],
        2
    );
    let blocked = home.json(&["task", "show", "3"], 0);
    assert_eq!(blocked["task"]["status"], "pending");
    assert_eq!(blocked["task"]["blocked_by"][0], 2);

    let answer = home.run(&["task", "wait", "1"]);
    assert_eq!(
        (answer.status.code(), text(&answer.stdout)),
        (Some(0), "the answer\n".to_owned())
    );
    let failed = home.run(&["task", "wait", "2"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        text(&failed.stderr).contains("it ended with status 3"),
        "{failed:?}"
    );
    let log = home.run(&["task", "log", "1"]);
    assert_eq!(
        (log.status.code(), text(&log.stdout)),
        (Some(0), "the answer\n".to_owned())
    );
    assert_eq!(home.json(&["sessions"], 0)["sessions"][0]["status"], "idle");
    home.json(&["session", "remove", "worker"], 0);
    assert_eq!(home.json(&["sessions"], 0)["count"], 0);
}

#[test]
fn people_see_tables_and_sentences() {
    let home = Home::new();
    let said = |words: &[&str]| text(&home.run(words).stdout);
    assert!(said(&["tasks"]).starts_with("No tasks."));
    assert!(said(&["sessions"]).starts_with("No sessions."));
    assert_eq!(
        said(&["session", "add", "worker", "--process", "sh -c {prompt}"]),
        "added session worker\n"
    );
    assert_eq!(
        said(&["send", "do it\nwell", "--priority", "-2"]),
        "queued task 1\n"
    );
    let tasks = said(&["tasks"]);
    assert!(
        tasks.contains("ID  STATE") && tasks.contains("pending") && tasks.contains("do it"),
        "{tasks}"
    );
    let sessions = said(&["sessions"]);
    assert!(
        sessions.contains("worker") && sessions.contains("sh -c {prompt}"),
        "{sessions}"
    );
    let shown = said(&["task", "show", "1"]);
    assert!(
        shown.starts_with("task 1 pending\n") && shown.contains("  well\n"),
        "{shown}"
    );
}

#[test]
fn send_wait_prints_the_answer_and_ends_with_0_1_or_3() {
    let home = Home::new();
    home.json(&["session", "add", "worker", "--process", "sh"], 0);
    let waits = home.run(&["send", "true", "--wait", "50ms"]);
    assert_eq!(waits.status.code(), Some(3), "nobody assigns: {waits:?}");
    let _at_work = home.work();
    let good = home.run(&["send", "echo hello", "--wait", "30s"]);
    assert_eq!(
        (good.status.code(), text(&good.stdout)),
        (Some(0), "hello\n".to_owned())
    );
    let bad = home.run(&["send", "echo no; exit 9", "--wait"]);
    assert_eq!(
        (bad.status.code(), text(&bad.stdout)),
        (Some(1), "no\n".to_owned())
    );
}

#[test]
fn the_text_comes_from_stdin_or_a_file() {
    let home = Home::new();
    let file = home.0.path().join("text");
    std::fs::write(&file, "from a file").unwrap();
    let from_file = home.json(&["send", "--file", "text"], 0);
    assert_eq!(from_file["task"]["content"], "from a file");
    let mut command = home.command(&["send", "-", "--json"]);
    let output = command
        .stdin(std::fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    assert!(
        text(&output.stdout).contains(r#""content":"from a file""#),
        "{output:?}"
    );
}

#[test]
fn what_cannot_be_done_is_said_with_its_status() {
    let home = Home::new();
    for (words, status, code) in [
        (&["task", "show", "7"][..], 1, "unknown_task"),
        (&["task", "cancel", "7"], 1, "unknown_task"),
        (&["session", "remove", "nobody"], 1, "unknown_session"),
        (&["send", "   "], 2, "invalid_request"),
        (&["send", "x", "--after", "9"], 1, "unknown_task"),
        (&["send", "x", "--timeout", "soon"], 2, "usage"),
        (&["send"], 2, "usage"),
        (
            &["session", "add", "x", "--process", "sh 'open"],
            2,
            "invalid_request",
        ),
    ] {
        assert_eq!(home.json(words, status)["error"]["code"], code, "{words:?}");
    }
}

#[test]
fn r07_force_release_of_a_tasks_lock_fails_the_task() {
    let home = Home::new();
    home.folder("repo");
    home.json(&["session", "add", "worker", "--process", "sh"], 0);
    let _at_work = home.work();
    home.json(&["send", "exec sleep 300", "--dir", "repo"], 0);
    let held = (0..2000).find_map(|_| home.json(&["status"], 0)["locks"][0]["id"].as_i64());
    let id = held.unwrap().to_string();
    let ended = home.json(&["force-release", &id, "--reason", "needed"], 0);
    assert_eq!(ended["lock"]["end_reason"], "forced");
    let task = home.json(&["task", "wait", "1"], 1);
    assert_eq!(task["task"]["status"], "failed");
    assert!(task["task"]["error"].as_str().unwrap().contains("needed"));
}

/// Section 4: a live marker of another database refuses the lock, to tasks too.
#[test]
fn a_task_waits_for_a_folder_that_another_database_holds() {
    let (theirs, ours) = (Home::new(), Home::new());
    let folder = ours.folder("shared");
    let dir = folder.to_str().unwrap();
    theirs.json(&["acquire", dir, "--session", "s", "--ttl", "2s"], 0);
    ours.json(&["session", "add", "me", "--process", "date +%s.%N"], 0);
    let sent = ours.json(&["send", "go", "--dir", dir], 0);
    let id = sent["task"]["id"].to_string();
    let idle = ours.run(&["assigner", "--until-idle"]);
    assert!(idle.status.success(), "{idle:?}");
    let task = ours.json(&["task", "show", &id], 0);
    assert_eq!(task["task"]["status"], "completed");
    let past = theirs.json(&["history"], 0);
    let ended = past["locks"][0]["expires_at"].as_str().unwrap();
    let ended: jiff::Timestamp = ended.parse().unwrap();
    let ran: f64 = task["task"]["response"]
        .as_str()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(ran >= ended.as_second() as f64, "{ran} before {ended}");
}

#[test]
fn t14_a_pane_or_a_pattern_is_added_shown_and_removed() {
    let home = Home::new();
    let add = |words: &[&str], status| home.json(&[&["session", "add"], words].concat(), status);
    let added = add(
        &[
            "ann",
            "--tmux",
            "work:1.0",
            "--tmux-server",
            "./s",
            "--provider",
            "claude",
        ],
        0,
    );
    let session = &added["session"];
    assert_eq!(
        (&session["kind"], &session["status"]),
        (&"tmux".into(), &"unknown".into())
    );
    assert_eq!(session["target"], "work:1.0");
    assert!(session["server"].as_str().unwrap().ends_with("/s"));
    let added = add(&["fleet", "--tmux", "agent-*", "--tmux-server", "./s"], 0);
    assert_eq!(added["pattern"]["target"], "agent-*");
    let all = home.json(&["sessions"], 0);
    assert_eq!(
        (&all["count"], &all["patterns"][0]["name"]),
        (&1.into(), &"fleet".into())
    );
    let shown = home.run(&["sessions"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("tmux sessions agent-*"));
    add(&["fleet", "--process", "sh"], 1);
    home.json(&["session", "remove", "fleet"], 0);
    assert_eq!(
        home.json(&["session", "remove", "ann"], 0)["session"]["name"],
        "ann"
    );
    // What cannot be used says what would be right.
    let refused = add(&["x", "--tmux", "%9", "--tmux-server", "./s"], 2);
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("%9"),
        "{refused}"
    );
    let refused = add(&["x", "--tmux", "a", "--idle", "("], 2);
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("idle pattern"),
        "{refused}"
    );
    for words in [
        &["x"][..],
        &["x", "--process", "sh", "--idle", "y"],
        &["x", "--process", "sh", "--tmux", "a"],
    ] {
        add(words, 2);
    }
}
