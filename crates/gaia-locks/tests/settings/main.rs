//! Settings from real files: what wins, what is refused, and what is said about it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod anything;
mod files;
mod sources;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_locks::settings::{
    Database, Durability, Flag, LogFormat, Markers, Origin, SETTINGS, SettingError, Settings,
    Sources, dot_env_example, markdown,
};
use proptest::prelude::*;
use tempfile::TempDir;

/// The names of the contract's table, written down a second time on purpose.
const NAMES: [&str; 23] = [
    "GAIA_HOME",
    "GAIA_LOCKS_DIR",
    "GAIA_LOCK_TIMEOUT_HOURS",
    "GAIA_AUTO_CLEANUP_LOCKS",
    "GAIA_LOCK_CLEANUP_INTERVAL",
    "GAIA_DATABASE_URL",
    "GAIA_DURABILITY",
    "GAIA_SCOPE",
    "GAIA_MARKERS",
    "GAIA_HISTORY_RETENTION",
    "GAIA_UNCOMMITTED",
    "GAIA_HOOK_LOCKS",
    "GAIA_HOOK_LEASE",
    "GAIA_HOOK_REST",
    "GAIA_HOOK_SHELL",
    "GAIA_HOOK_SUBAGENTS",
    "GAIA_HOOK_FAILURE",
    "GAIA_LISTEN",
    "GAIA_SERVER",
    "GAIA_TOKEN",
    "GAIA_SERVER_CA",
    "GAIA_LOG",
    "GAIA_LOG_FORMAT",
];

/// A user with a home, a current folder, an environment and flags, all made up.
struct World {
    root: TempDir,
    environment: BTreeMap<String, OsString>,
    flags: Vec<Flag>,
    dot_env_here: bool,
}

impl World {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join("user/.gaia")).unwrap();
        fs::create_dir_all(root.path().join("here")).unwrap();
        Self {
            root,
            environment: BTreeMap::new(),
            flags: Vec::new(),
            dot_env_here: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn home_env(self, text: &str) -> Self {
        self.file("user/.gaia/.env", text)
    }

    fn toml(self, text: &str) -> Self {
        self.file("user/.gaia/gaia.toml", text)
    }

    fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    fn flag(mut self, setting: &'static str, word: &str, value: &str) -> Self {
        self.flags.push(Flag::new(setting, word, value));
        self
    }

    fn dot_env_here(mut self) -> Self {
        self.dot_env_here = true;
        self
    }

    fn load(&self) -> Result<Settings, SettingError> {
        let environment = |name: &str| self.environment.get(name).cloned();
        let here = self.path("here");
        Settings::load(&Sources {
            flags: self.flags.clone(),
            user_home: Some(self.path("user")),
            dot_env_here: self.dot_env_here,
            ..Sources::new(&environment, &here)
        })
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().to_string()
    }
}

fn assert_said(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}
