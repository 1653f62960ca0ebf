//! What an assigner and a keeper say to each other: lines of JSON one way,
//! specs and a word after each task the other way.
//!
//! Who puts a new release in the place of a running one has an assigner of the
//! old one start keepers of the new: a field that a spec or a word had not
//! before has a default. A word that the other does not know ends the talk.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::Sender;
use std::thread;

use serde::{Deserialize, Serialize};

use super::{Event, Spec};
use crate::worktree::WorkTree;

/// What the assigner says when it has taken note of the end.
pub const ACKNOWLEDGED: &str = "noted\n";

/// What a keeper says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The agent runs.
    Started {
        /// Its process, which leads its group.
        pid: u32,
    },
    /// The agent could not be started, and why.
    Refused(String),
    /// The agent cannot be given this text in this way, and why.
    TooLong(String),
    /// What another left uncommitted could not be stashed, so the agent was not
    /// started: why.
    Uncommitted(String),
    /// The agent has ended, and nothing of it is left.
    Ended(Exit),
    /// The lease could not be renewed, so the agent was stopped before its end.
    Unrenewed,
    /// The lock was found to be lost, so the agent was stopped: how.
    LeaseLost(String),
}

/// What a keeper says, with what else there is to say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Word {
    /// What.
    pub said: Said,
    /// Whether the agent was told to end before it did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stopped: bool,
    /// Whether that was because its time was up, and no assigner said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// How the folder was left [T13].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_tree: Option<WorkTree>,
}

impl From<Said> for Word {
    fn from(said: Said) -> Self {
        Self {
            said,
            is_stopped: false,
            is_late: false,
            work_tree: None,
        }
    }
}

/// How an agent's first process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// Nobody may be listening any more, and that changes nothing.
pub(super) fn say(word: &Word) {
    if let Ok(mut line) = serde_json::to_vec(word) {
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// Passes on what the assigner says until it says nothing more.
pub(super) fn listen(tell: Sender<Event>) -> io::Result<()> {
    let hear = move || {
        let mut lines = io::stdin().lock();
        while let Some(event) = next_line(&mut lines) {
            if tell.send(event).is_err() {
                return;
            }
        }
        // Without a receiver the keeper is at its end already.
        let _ = tell.send(Event::NobodyListens);
    };
    thread::Builder::new().name("talk".to_owned()).spawn(hear)?;
    Ok(())
}

/// A line without its end was cut off with the assigner's life.
fn next_line(lines: &mut impl BufRead) -> Option<Event> {
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    if line == ACKNOWLEDGED {
        return Some(Event::Acknowledged);
    }
    let spec: Spec = serde_json::from_str(line.strip_suffix('\n')?).ok()?;
    Some(Event::Spec(Box::new(spec)))
}
