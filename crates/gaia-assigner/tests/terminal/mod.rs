//! A tmux server of a test's own, and agents in it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test binary uses a part of it"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use gaia_assigner::runner::tmux::Patterns;
use gaia_assigner::service::AddTmux;
use gaia_assigner::wire::SessionInfo;
use gaia_locks::ids::SessionId;

use crate::fleet::{Fleet, read, until};

/// A private server: it and all in it end with the test.
pub struct Terminal {
    pub socket: PathBuf,
}

impl Terminal {
    pub fn new(fleet: &Fleet) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            socket: fleet.path(&format!("tmux{number}")),
        }
    }

    pub fn socket(&self) -> &str {
        self.socket.to_str().unwrap()
    }

    pub fn try_tmux(&self, words: &[&str]) -> Output {
        Command::new("tmux")
            .args(["-u", "-f", "/dev/null", "-S", self.socket()])
            .args(words)
            .env_remove("TMUX")
            .output()
            .unwrap()
    }

    pub fn tmux(&self, words: &[&str]) -> String {
        let output = self.try_tmux(words);
        assert!(
            output.status.success(),
            "tmux {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// A session that runs a command; its pane's id.
    pub fn session(&self, name: &str, command: &str) -> String {
        let size = ["-x", "100", "-y", "30"];
        let words = ["new-session", "-d", "-P", "-F", "#{pane_id}", "-s", name];
        self.tmux(&[&words[..], &size, &[command]].concat())
    }

    /// One that runs the stand-in, which has shown its prompt; its pane's id.
    pub fn agent(&self, name: &str, notes: &Path, mode: &str) -> String {
        let pane = self.session(name, &agent(notes, mode));
        let shown = if mode == "dialog" {
            "Enter to confirm"
        } else {
            "ready>"
        };
        until("the stand-in shows itself", || {
            self.screen(&pane).contains(shown)
        });
        pane
    }

    pub fn screen(&self, pane: &str) -> String {
        let output = self.try_tmux(&["capture-pane", "-p", "-t", pane]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn kill_server(&self) {
        let pid = self.tmux(&["display-message", "-p", "#{pid}"]);
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .unwrap()
                .success()
        );
        until("the server is gone", || {
            !crate::fleet::lives(pid.parse().unwrap())
        });
    }
}

impl Drop for Terminal {
    /// A server that still has something to say to a client that nobody reads
    /// any more does not end when it is told to.
    fn drop(&mut self) {
        let told = self.try_tmux(&["display-message", "-p", "#{pid}"]);
        self.try_tmux(&["kill-server"]);
        let pid = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        if pid.parse::<u32>().is_ok() {
            // Where it has ended by itself there is nothing to kill.
            let _ = Command::new("kill").args(["-9", &pid]).output();
        }
    }
}

/// The command line of a stand-in.
pub fn agent(notes: &Path, mode: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal/agent.py");
    format!(
        "exec python3 {} {} {mode}",
        script.display(),
        notes.display()
    )
}

impl Fleet {
    /// A session whose panes are read by the stand-in's prompt.
    pub fn pane(&self, terminal: &Terminal, name: &str, target: &str) {
        self.pane_with(terminal, name, target, None, stand_in());
    }

    pub fn pane_with(
        &self,
        terminal: &Terminal,
        name: &str,
        target: &str,
        provider: Option<&str>,
        patterns: Patterns,
    ) {
        let add = AddTmux {
            name: SessionId::new(name).unwrap(),
            server: terminal.socket().to_owned(),
            target: target.to_owned(),
            provider: provider.map(str::to_owned),
            patterns,
        };
        self.tasks.add_tmux(&add).unwrap();
    }

    pub fn known(&self, name: &str) -> Option<SessionInfo> {
        let sessions = self.tasks.sessions().unwrap().sessions;
        sessions.into_iter().find(|session| session.name == name)
    }

    pub fn status(&self, name: &str) -> String {
        self.known(name)
            .map_or_else(String::new, |session| session.status)
    }

    pub fn until_status(&self, name: &str, status: &str) {
        until(&format!("{name} is {status}"), || {
            self.status(name) == status
        });
    }

    /// What a stand-in noted.
    pub fn notes(&self, name: &str) -> Vec<serde_json::Value> {
        let lines = read(&self.path(name));
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The texts that a stand-in was sent.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let notes = self.notes(name).into_iter();
        notes
            .filter_map(|note| Some(note.get("text")?.as_str()?.to_owned()))
            .collect()
    }
}

/// How the stand-in's screen is read.
pub fn stand_in() -> Patterns {
    Patterns {
        idle: Some("^ready> $".to_owned()),
        busy: Some("(?m)^working\\s*\\z".to_owned()),
        waiting: Some("❯ (1\\.|No, exit)".to_owned()),
        quiet_ms: Some(150),
    }
}
