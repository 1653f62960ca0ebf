//! What a stage asks of `gaia`, with its home.

use std::process::{Command, Output};

use serde_json::Value;

use super::Stage;

impl Stage {
    /// `gaia init` for the client's user, who has nothing yet.
    pub fn init(&self, words: &[&str]) {
        let done = self.gaia(&[&["init", "--yes"], words].concat());
        assert!(done.status.success(), "{done:?}");
    }

    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut gaia = Command::new(env!("CARGO_BIN_EXE_gaia"));
        gaia.env_clear()
            .env("HOME", self.path("home"))
            .env("GAIA_HOME", self.path("gaia"));
        gaia.args(words);
        gaia
    }

    fn gaia(&self, words: &[&str]) -> Output {
        self.command(words).arg("--json").output().unwrap()
    }

    pub(super) fn json(&self, words: &[&str]) -> Value {
        let output = self.gaia(words);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words:?}: {output:?}"))
    }

    /// Frees what a session holds.
    pub fn free(&self, folder: &str, session: &str) {
        let freed = self.gaia(&["release", &self.text(folder), "--session", session]);
        assert!(freed.status.success(), "{freed:?}");
    }

    /// How many wait in line.
    pub fn waiting(&self) -> usize {
        self.json(&["status"])["waiters"].as_array().unwrap().len()
    }

    pub fn takes(&self, folder: &str, session: &str) -> bool {
        self.gaia(&["acquire", &self.text(folder), "--session", session])
            .status
            .success()
    }

    pub fn hold(&self, folder: &str, session: &str) {
        assert!(self.takes(folder, session));
    }

    /// Who holds locks around a folder.
    pub fn holders(&self, folder: &str) -> Vec<String> {
        let status = self.json(&["status", &self.text(folder)]);
        let locks = status["locks"].as_array().unwrap();
        locks
            .iter()
            .map(|lock| lock["session_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What the history says of a folder, newest first.
    pub fn history(&self, folder: &str) -> Vec<Value> {
        let history = self.json(&["history", "--folder", &self.text(folder)]);
        history["locks"].as_array().unwrap().clone()
    }

    /// Runs `gaia` with such an environment, and gives what it says.
    pub fn ask(&self, words: &[&str]) -> Value {
        self.json(words)
    }
}
