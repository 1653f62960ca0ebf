//! Hooks and the guard through a server: as on the database.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::served::Served;

/// A served home with a repository in it.
struct Fleet {
    served: Served,
}

impl Fleet {
    fn start() -> Self {
        let served = Served::start();
        let fleet = Self { served };
        for name in ["work/r", "work/s"] {
            std::fs::create_dir_all(fleet.served.home.path(name)).unwrap();
            fleet.git(name, &["init", "-q"]);
        }
        fleet
    }

    fn git(&self, folder: &str, words: &[&str]) {
        let home = self.served.home.path("");
        let git = Command::new("git")
            .arg("-C")
            .arg(self.served.home.path(folder))
            .args(words)
            .env("HOME", home)
            .output()
            .unwrap();
        assert!(git.status.success(), "{git:?}");
    }

    /// A token for an agent's account.
    fn token(&self, name: &str) -> String {
        let made = self
            .served
            .home
            .json(&["token", "create", name, "--role", "agent"]);
        made["token"].as_str().unwrap().to_owned()
    }

    /// What a hook is told.
    fn hook(&self, token: Option<&str>, session: &str, event: &str, more: Value) -> Value {
        let mut call = json!({"event": event, "session": session, "cwd": self.text("work/r")});
        for (name, value) in more.as_object().unwrap() {
            call[name] = value.clone();
        }
        let mut gaia = self.served.gaia(&["hook", "generic"]);
        if let Some(token) = token {
            gaia.env("GAIA_TOKEN", token);
        }
        let mut child = gaia.stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(call.to_string().as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }

    fn writes(&self, token: Option<&str>, session: &str, file: &str) -> Value {
        self.hook(token, session, "before_tool", json!({ "writes": [file] }))
    }

    fn text(&self, name: &str) -> String {
        self.served.home.path(name).to_str().unwrap().to_owned()
    }

    /// Who holds what: `session folder`.
    fn held(&self) -> Vec<String> {
        let work = self.text("work");
        let shown = |lock: &Value| {
            let folder = lock["folder_path"].as_str().unwrap();
            let folder = folder.strip_prefix(&work).unwrap_or(folder);
            format!("{} {folder}", lock["session_id"].as_str().unwrap())
        };
        self.served.locks().iter().map(shown).collect()
    }

    /// How the guard ends for a session's commit.
    fn guard(&self, token: Option<&str>, session: &str) -> i32 {
        let words = ["guard", "check", "--commit", "--session", session];
        let mut gaia = self.served.gaia(&words);
        gaia.current_dir(self.served.home.path("work/r"));
        if let Some(token) = token {
            gaia.env("GAIA_TOKEN", token);
        }
        gaia.output().unwrap().status.code().unwrap()
    }
}

#[test]
fn hooks_decide_through_a_server_as_on_the_database() {
    let mut fleet = Fleet::start();
    assert_eq!(fleet.writes(None, "one", "x")["decision"], "allow");
    assert_eq!(fleet.held(), ["one /r"]);
    let refused = fleet.writes(None, "two", "y");
    assert_eq!(refused["decision"], "deny");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("is held by session one"), "{reason}");
    // A command is judged here, where the files are.
    let elsewhere = json!({ "command": "cp x ../r/y" });
    let refused = fleet.hook(None, "two", "before_tool", elsewhere);
    assert_eq!(refused["decision"], "deny");
    let reads = json!({ "command": "cat ../r/x; git status" });
    assert_eq!(
        fleet.hook(None, "two", "before_tool", reads)["decision"],
        "allow"
    );
    // It is known there, and its end frees what it holds.
    let sessions = fleet.served.json(&["sessions"]);
    let known = sessions["sessions"].as_array().unwrap();
    assert!(
        known.iter().any(|session| session["name"] == "one"),
        "{sessions}"
    );
    fleet.hook(None, "one", "end", json!({}));
    assert_eq!(fleet.writes(None, "two", "y")["decision"], "allow");
    assert_eq!(fleet.held(), ["two /r"]);
    // Nobody answers.
    fleet.served.kill();
    let refused = fleet.writes(None, "two", "y");
    assert_eq!(refused["decision"], "deny");
}

#[test]
fn an_agents_token_acts_for_sessions_of_its_own_name() {
    let fleet = Fleet::start();
    let (ann, ben) = (fleet.token("ann"), fleet.token("ben"));
    assert_eq!(fleet.writes(Some(&ann), "id", "x")["decision"], "allow");
    assert_eq!(fleet.held(), ["ann/id /r"]);
    // The same id under another name is another session.
    let refused = fleet.writes(Some(&ben), "id", "x");
    assert_eq!(refused["decision"], "deny");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("is held by session ann/id"), "{reason}");
    assert!(reason.contains("ben/id"), "it can wait as itself: {reason}");
    fleet.hook(Some(&ben), "id", "end", json!({}));
    assert_eq!(fleet.held(), ["ann/id /r"]);
    // And it cannot say that it is somebody else's session.
    let mut gaia = fleet.served.gaia(&["hook", "generic"]);
    gaia.env("GAIA_TOKEN", &ben).env("GAIA_SESSION", "ann/id");
    let mut child = gaia.stdin(Stdio::piped()).spawn().unwrap();
    let call = json!({"event": "end", "session": "id", "cwd": fleet.text("work/r")});
    let mut input = child.stdin.take().unwrap();
    input.write_all(call.to_string().as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap();
    assert_eq!(fleet.held(), ["ann/id /r"]);
}

#[test]
fn the_guard_judges_through_a_server_as_on_the_database() {
    let mut fleet = Fleet::start();
    let ann = fleet.token("ann");
    let file = fleet.served.home.path("work/r/x");
    write(&file, "x");
    fleet.git("work/r", &["add", "-A"]);
    assert_eq!(fleet.guard(None, "other"), 0);
    assert_eq!(fleet.writes(Some(&ann), "id", "x")["decision"], "allow");
    assert_eq!(fleet.guard(None, "other"), 3);
    assert_eq!(fleet.guard(Some(&ann), "ann/id"), 0);
    assert_eq!(fleet.guard(Some(&ann), "id"), 0, "as its own hook calls it");
    assert_eq!(fleet.guard(Some(&ann), "ann/2"), 3);
    // More files than go in one question.
    for number in 0..1200 {
        write(&fleet.served.home.path(&format!("work/r/f{number}")), "x");
    }
    fleet.git("work/r", &["add", "-A"]);
    assert_eq!(fleet.guard(None, "other"), 3);
    assert_eq!(fleet.guard(Some(&ann), "id"), 0);
    fleet.served.kill();
    assert_ne!(fleet.guard(Some(&ann), "id"), 0);
}

#[test]
fn what_a_turn_says_at_length_is_heard_through_a_server() {
    let fleet = Fleet::start();
    let long = "a word more ".repeat(200_000);
    assert_eq!(fleet.writes(None, "one", "x")["decision"], "allow");
    let doing = |event: &str| {
        fleet.hook(None, "one", event, json!({ "text": long }));
        let sessions = fleet.served.json(&["sessions"]);
        let sessions = sessions["sessions"].as_array().unwrap().clone();
        let one = sessions.into_iter().find(|row| row["name"] == "one");
        one.unwrap()["status"].clone()
    };
    assert_eq!(doing("stop"), "idle");
    assert_eq!(doing("prompt"), "busy");
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}
