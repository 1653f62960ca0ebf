//! Real clients as sessions: two Claude Code in tmux and one as a worker do ten tasks on two
//! folders, one inside the other. What they did is told by their hooks and their own results.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests"
)]

mod agents;

use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command, Stdio};

use agents::{Stage, bash, write};
use gaia_agent::hook::Client;
use serde_json::{Value, json};

/// A tmux server of the test's own: it and all in it end with the test.
struct Terminal(std::path::PathBuf);

impl Terminal {
    fn tmux(&self, words: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.args(["-u", "-f", "/dev/null", "-S"]).arg(&self.0);
        let output = tmux.args(words).env_remove("TMUX").output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

/// An assigner, asked to end with the test.
struct Assigner(Child);

impl Drop for Assigner {
    fn drop(&mut self) {
        for _ in 0..2 {
            let pid = self.0.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
        }
        self.0.wait().unwrap();
    }
}

fn marker(at: usize) -> String {
    format!("TASK-{at:02}")
}

/// A task's steps: it says so when it meets another, and takes its time.
fn steps(stage: &Stage, at: usize, folder: &str) -> Value {
    let (own, log) = (stage.text(folder), stage.text("log"));
    let all = ["ws/own/busy", "ws/own/inner/busy"].map(|busy| stage.text(busy));
    let meets = format!("[ -e {} ] || [ -e {} ]", all[0], all[1]);
    let work = format!(
        "if {meets}; then echo clash >> {log}; fi; touch {own}/busy; sleep 0.3; rm {own}/busy; echo {at} >> {log}"
    );
    let file = write(&format!("{own}/{at}.txt"), "done");
    json!([bash(&work), file, {"text": format!("{} is done", marker(at))}])
}

const FOLDERS: [&str; 2] = ["ws/own", "ws/own/inner"];

const SESSIONS: [&str; 3] = ["ann", "ben", "max"];

/// The worker's are in one folder, so that it goes on.
fn folder(at: usize) -> &'static str {
    match SESSIONS[at % 3] {
        "max" => FOLDERS[0],
        _ => FOLDERS[at % 2],
    }
}

fn trust(stage: &Stage) {
    let trusted = json!({"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true});
    let mut known = json!({"hasCompletedOnboarding": true, "theme": "dark", "projects": {}});
    known["projects"][stage.text("ws")] = trusted;
    fs::write(stage.path("home/.claude.json"), known.to_string()).unwrap();
}

fn clients_in_tmux(stage: &Stage, environment: &[(String, String)]) -> Terminal {
    let terminal = Terminal(stage.path("tmux"));
    let set: Vec<String> = environment
        .iter()
        // A key would be asked about, a token is not.
        .map(|(name, value)| match name.as_str() {
            "ANTHROPIC_API_KEY" => format!("ANTHROPIC_AUTH_TOKEN={value}"),
            _ => format!("{name}={value}"),
        })
        .collect();
    for name in ["ann", "ben"] {
        // A shell may set PATH anew.
        let claude = agents::program(Client::Claude).unwrap();
        let claude = claude.canonicalize().unwrap();
        let command = format!(
            "exec {} --permission-mode acceptEdits --allowedTools Bash",
            claude.display()
        );
        let (folder, size) = (stage.text("ws"), ["-x", "120", "-y", "40"]);
        let mut words = vec!["new-session", "-d", "-s", name, "-c", &folder];
        words.extend(size);
        for one in &set {
            words.extend(["-e", one]);
        }
        words.push(&command);
        terminal.tmux(&words);
        let server = stage.text("tmux");
        let added = stage.ask(&[
            "session",
            "add",
            name,
            "--tmux",
            name,
            "--tmux-server",
            &server,
            "--provider",
            "claude",
        ]);
        assert_eq!(added["session"]["name"], name, "{added}");
    }
    terminal
}

fn assigner(stage: &Stage, environment: &[(String, String)]) -> Assigner {
    let mut gaia = Command::new(env!("CARGO_BIN_EXE_gaia"));
    gaia.env_clear().envs(environment.iter().cloned());
    gaia.arg("assigner").stdin(Stdio::null());
    let log = fs::File::create(stage.path("assigner.log")).unwrap();
    Assigner(gaia.stderr(log).spawn().unwrap())
}

fn status(stage: &Stage, session: &str) -> String {
    let sessions = stage.ask(&["sessions"]);
    let mut sessions = sessions["sessions"].as_array().unwrap().iter();
    let found = sessions.find(|row| row["name"] == session).unwrap();
    found["status"].as_str().unwrap().to_owned()
}

#[test]
fn heavy_t11_two_clients_in_tmux_and_a_worker_do_ten_tasks_by_their_own_word() {
    let Some(stage) = Stage::new(Client::Claude) else {
        return;
    };
    fs::create_dir_all(stage.path("ws/own/inner")).unwrap();
    trust(&stage);
    let mut plan = json!({ "": [] });
    for at in 0..10 {
        plan[marker(at)] = steps(&stage, at, folder(at));
    }
    let environment = stage.environment(&plan);
    let terminal = clients_in_tmux(&stage, &environment);
    let dir = stage.text("ws");
    let added = stage.ask(&[
        "session",
        "add",
        "max",
        "--preset",
        "claude-worker",
        "-d",
        &dir,
    ]);
    assert_eq!(added["session"]["provider"], "claude", "{added}");
    let _assigner = assigner(&stage, &environment);
    for name in ["ann", "ben"] {
        stage.until("it waits for work", || status(&stage, name) == "idle");
    }
    let mut ids = Vec::new();
    for at in 0..10 {
        let text = format!(
            "{}: do what there is to do,\nline by line,\nand say so.\nThat is all.",
            marker(at)
        );
        let folder = stage.text(folder(at));
        let mut words = vec!["send", &text, "--dir", &folder];
        if at < 9 {
            words.extend(["--target", SESSIONS[at % 3]]);
        }
        ids.push(stage.ask(&words)["task"]["id"].to_string());
    }
    for (at, id) in ids.iter().enumerate() {
        let show = || stage.ask(&["task", "show", id]);
        let status = || show()["task"]["status"].as_str().unwrap().to_owned();
        stage.until("a task is over", || {
            ["completed", "failed"].contains(&status().as_str())
        });
        let task = show();
        let log = || fs::read_to_string(stage.path("assigner.log")).unwrap();
        let seen = || terminal.tmux(&["capture-pane", "-p", "-t", "ann"]);
        let task = &task["task"];
        assert_eq!(task["status"], "completed", "{task}\n{}\n{}", log(), seen());
        // The client's own word: the screen would have shown more.
        assert_eq!(
            task["response"],
            format!("{} is done", marker(at)),
            "{task}"
        );
        assert_eq!(task["retry_count"], 0, "{task}\n{}", log());
        let file = format!("{}/{at}.txt", folder(at));
        assert_eq!(stage.read(&file), "done");
    }
    let conversations: HashSet<String> = [2, 5, 8].map(|at| conversation(&stage, &ids[at])).into();
    assert_eq!(conversations.len(), 1, "the worker did not go on");
    let log = stage.read("log");
    assert_eq!(log.lines().count(), 10, "{log}");
    assert!(!log.contains("clash"), "{log}");
    assert_alone(&stage);
}

/// The conversation that a client did a task in.
fn conversation(stage: &Stage, id: &str) -> String {
    let task = stage.ask(&["task", "show", id]);
    let log = fs::read_to_string(task["task"]["log_file"].as_str().unwrap()).unwrap();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ids = lines.filter_map(|line| Some(line["session_id"].as_str()?.to_owned()));
    ids.next().unwrap()
}

/// No two holders were there at once. A task has its own lock, and what its hook took beside it.
fn assert_alone(stage: &Stage) {
    let history = stage.history("ws/own");
    let at = |lock: &Value, name: &str| lock[name].as_str().unwrap().to_owned();
    let tasks: HashSet<i64> = history
        .iter()
        .map(|lock| lock["task_id"].as_i64().unwrap())
        .collect();
    assert_eq!(tasks.len(), 10, "{history:?}");
    for one in &history {
        for other in history
            .iter()
            .filter(|lock| lock["task_id"] != one["task_id"])
        {
            let before = at(one, "released_at") <= at(other, "created_at");
            let after = at(other, "released_at") <= at(one, "created_at");
            assert!(before || after, "{one}\n{other}");
        }
    }
}

/// A preset does a task with the real client, and is judged by what that says.
fn preset(client: Client, steps: &Value, file: &str) {
    let Some(stage) = Stage::new(client) else {
        return;
    };
    let mut environment = stage.environment(&json!({ "": steps }));
    // Gemini CLI asks a model which model is to be asked, unless one is set.
    environment.push(("GEMINI_MODEL".to_owned(), "gemini-2.5-flash".to_owned()));
    let word = client.word();
    let added = stage.ask(&["session", "add", "max", "--preset", word]);
    assert_eq!(added["session"]["provider"], word, "{added}");
    let (folder, text) = (stage.text("ws/own"), "first line\nand \"second\"; $(line)");
    stage.ask(&["send", text, "--dir", &folder]);
    let _assigner = assigner(&stage, &environment);
    let show = || stage.ask(&["task", "show", "1"])["task"].clone();
    stage.until("the task is over", || {
        ["completed", "failed"].contains(&show()["status"].as_str().unwrap())
    });
    let task = show();
    let log = fs::read_to_string(task["log_file"].as_str().unwrap()).unwrap();
    assert_eq!(task["status"], "completed", "{task}\n{log}");
    assert_eq!(task["response"], "all is done", "{log}");
    assert!(stage.path(file).exists(), "{log}");
    assert!(stage.told().contains("$(line)"), "{}", stage.told());
}

#[test]
fn heavy_t11_the_preset_of_claude_does_a_task() {
    let steps = json!([bash("echo new > by-command"), {"text": "all is done"}]);
    preset(Client::Claude, &steps, "ws/own/by-command");
}

#[test]
fn heavy_t11_the_preset_of_codex_does_a_task() {
    let patch = "*** Begin Patch\n*** Add File: new.txt\n+new\n*** End Patch";
    let steps = json!([{"tool": "apply_patch", "custom": patch}, {"text": "all is done"}]);
    preset(Client::Codex, &steps, "ws/own/new.txt");
}

#[test]
fn heavy_t11_the_preset_of_gemini_does_a_task() {
    let write = json!({"tool": "write_file", "input": {"file_path": "new.txt", "content": "new"}});
    preset(
        Client::Gemini,
        &json!([write, {"text": "all is done"}]),
        "ws/own/new.txt",
    );
}

#[test]
fn heavy_t11_the_preset_of_opencode_does_a_task() {
    let write =
        json!({"tool": "bash", "input": {"command": "echo new > new.txt", "description": "x"}});
    preset(
        Client::Opencode,
        &json!([write, {"text": "all is done"}]),
        "ws/own/new.txt",
    );
}
