//! One call of a hook as its client means it: what happened, and what a tool
//! that is about to run would do to files.

use std::path::{Path, PathBuf};

pub(crate) use gaia_assigner::hearing::{Call, Event};

use serde_json::Value;

use crate::shell;

/// One call of a hook.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Heard {
    /// The session, as the client calls it.
    pub session: String,
    /// The subagent, if it is one's call.
    pub agent: Option<String>,
    /// Where it works.
    pub folder: PathBuf,
    /// The client's process, where the call itself names it.
    pub pid: Option<u32>,
    /// What the client calls the event.
    pub name: String,
    /// What happened.
    pub event: Event,
    /// What the tool would do, where one is about to run.
    pub action: Action,
    /// The input of a tool of GAIA's own MCP server that acts for a session,
    /// and what of it says as whom.
    pub fills: Option<(Value, &'static [&'static str])>,
}

impl Heard {
    /// Where a command runs: in a folder of its own, if it names one.
    pub fn runs_in(&self, folder: Option<&String>) -> PathBuf {
        folder.map_or_else(|| self.folder.clone(), |named| self.folder.join(named))
    }

    /// Whether nothing is written that a lock may be on: reading is free,
    /// whatever fails.
    pub fn only_reads(&self, home: Option<&Path>) -> bool {
        match &self.action {
            Action::Free => true,
            Action::Runs { command, folder } => {
                shell::judge(command, &self.runs_in(folder.as_ref()), home).is_free()
            }
            Action::Writes(_) | Action::Unsure { .. } => false,
        }
    }
}

/// What a tool would do to files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Nothing that a lock is on.
    Free,
    /// It writes these.
    Writes(Vec<String>),
    /// It runs a command, in a folder of its own if it names one.
    Runs {
        /// The command as a shell reads it.
        command: String,
        /// Where.
        folder: Option<String>,
    },
    /// It may write anything where it works.
    Unsure {
        /// What it is.
        what: String,
        /// Where it may write besides.
        names: Vec<String>,
    },
}
