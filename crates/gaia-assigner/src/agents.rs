//! What agents' hooks tell of the sessions they run in.
//!
//! A client (Claude Code, Codex …) that has GAIA's hooks is known from its
//! first call on, whoever started it. Its row says as whom it acts, which
//! process it is and what it does; what happened in it stands in a list that
//! the assigner reads. Everything here joins the hook's own transaction.

use gaia_locks::clock::{Moment, Wall};
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::{Liveness, ProcessIdentity};
use serde::{Deserialize, Serialize};

use crate::session::Pane;
pub use crate::store::agents::{
    by_client_session, by_name, children, events_after, only_reads, pane_session, save, tell,
    wants_no_more,
};

/// What a client at work does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It waits for its user's next word.
    Idle,
    /// It works.
    Busy,
    /// It asks its user something.
    WaitingInput,
    /// It is over.
    Ended,
}

impl Doing {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Doing::Idle => "idle",
            Doing::Busy => "busy",
            Doing::WaitingInput => "waiting_input",
            Doing::Ended => "ended",
        }
    }

    /// What a row says; a word that nobody knows is work.
    pub fn from_word(word: &str) -> Self {
        let all = [Doing::Idle, Doing::WaitingInput, Doing::Ended];
        let found = all.into_iter().find(|doing| doing.word() == word);
        found.unwrap_or(Doing::Busy)
    }
}

/// A tool that runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Running {
    /// As the client calls it.
    pub id: String,
    /// Which subagent's, if it is one's.
    pub agent: Option<String>,
}

/// A client at work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentSession {
    /// The session that it acts as.
    pub name: SessionId,
    /// claude, codex …
    pub client: String,
    /// As the client calls it.
    pub client_session: String,
    /// Of a subagent with locks of its own: its session.
    pub parent: Option<SessionId>,
    /// Whether GAIA started it.
    pub by_gaia: bool,
    /// The task that it works on.
    pub task: TaskId,
    /// The client's process, where it can be told.
    pub process: Option<ProcessIdentity>,
    /// What it does.
    pub doing: Doing,
    /// Its tools that run.
    pub calls: Vec<Running>,
    /// Where it is.
    pub folder: Option<String>,
    /// Since when it is known.
    pub started: Wall,
    /// When its hooks were last heard.
    pub heard: (Wall, Moment),
    /// Up to which waiter it was told that somebody waits.
    pub told_waiter: i64,
}

/// Something that happened in a session.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentEvent {
    /// Later ones have higher ids.
    pub id: i64,
    /// When.
    pub at: Option<Wall>,
    /// In which session.
    pub session: String,
    /// On which task.
    pub task: TaskId,
    /// began, prompted, waits_for_input, stopped, failed, ended, refused.
    pub kind: String,
    /// More about it.
    pub details: serde_json::Value,
}

/// How long a session that works may be silent before its hooks are missed.
pub const SILENCE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Whether a session's hooks fell silent although its process lives and it had
/// said that it works: then nothing guards what it writes.
pub fn is_unprotected(session: &AgentSession, now: Moment, life: Liveness) -> bool {
    let works = session.doing == Doing::Busy && session.calls.is_empty();
    works && life == Liveness::Alive && now.since(session.heard.1) > SILENCE
}

/// A pane as its own environment names it, with what else it says of itself.
pub fn is_pane(pane: &Pane, server: &str, id: &str) -> bool {
    pane.server == server && pane.id == id
}
