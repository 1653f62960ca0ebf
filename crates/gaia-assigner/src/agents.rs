//! What agents' hooks tell of the sessions they run in.
//!
//! A client (Claude Code, Codex …) that has GAIA's hooks is known from its
//! first call on, whoever started it. Its row says as whom it acts, which
//! process it is and what it does; what happened in it stands in a list that
//! the assigner reads. Everything here joins the hook's own transaction.

mod turn;

use std::collections::HashMap;

use gaia_locks::Error;
use gaia_locks::clock::{Moment, Wall};
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::{Liveness, ProcessIdentity, Witness};
use gaia_locks::service::LockTx;
use gaia_locks::wire::alive;
use serde::{Deserialize, Serialize};

use crate::session::Pane;
pub(crate) use crate::store::agents::{at_work, given, note_given};
pub use crate::store::agents::{
    by_client_session, by_name, children, events_after, is_in_background, only_reads, pane_session,
    save, tell, wants_no_more, was_heard, works_on,
};
use crate::wire::{AgentInfo, SessionInfo};
pub use turn::Word;
pub(crate) use turn::{Turn, shown};

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
    /// given (by the assigner), began, prompted, waits_for_input, stopped,
    /// rested, failed, ended, refused.
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

/// The sessions that work without their hooks: nothing guards what they write.
pub(crate) fn unprotected(
    tx: &mut LockTx<'_>,
    witness: &dyn Witness,
) -> Result<Vec<SessionId>, Error> {
    let now = tx.now().moment;
    let mut silent = crate::store::agents::silent(tx, now.minus(SILENCE))?;
    silent.retain(|session| is_unprotected(session, now, life(session, witness)));
    Ok(silent.into_iter().map(|session| session.name).collect())
}

fn life(session: &AgentSession, witness: &dyn Witness) -> Liveness {
    let process = session.process.as_ref();
    process.map_or(Liveness::CannotTell, |process| witness.liveness(process))
}

/// Whether what a session's hooks say still holds: its client lives, or nobody
/// can tell and it was heard a while ago at most.
fn is_heard(session: &AgentSession, now: Moment, life: Liveness) -> bool {
    match life {
        Liveness::Alive => true,
        Liveness::Gone => false,
        Liveness::CannotTell => now.since(session.heard.1) <= SILENCE,
    }
}

/// The panes whose clients have hooks.
#[derive(Debug, Default)]
pub(crate) struct InPanes {
    /// Those that are heard, and what each does.
    pub doing: HashMap<String, Doing>,
    /// Those whose client is gone and never said so, and how what it started is
    /// known.
    pub gone: HashMap<String, Option<Mark>>,
}

/// The name and the value of a variable that a client hands on to all that it
/// starts.
pub(crate) type Mark = (&'static str, String);

fn mark(session: &AgentSession) -> Option<Mark> {
    match session.client.as_str() {
        "claude" => {
            let process = session.process.as_ref()?;
            Some(("CLAUDE_PID", process.pid.to_string()))
        }
        "codex" => Some(("CODEX_SESSION_ID", session.client_session.clone())),
        _ => None,
    }
}

/// What is known of clients in panes now.
pub(crate) fn in_panes(tx: &mut LockTx<'_>, witness: &dyn Witness) -> Result<InPanes, Error> {
    let now = tx.now().moment;
    let mut known = InPanes::default();
    for row in crate::store::agents::in_panes(tx)? {
        let life = life(&row, witness);
        let name = row.name.to_string();
        if is_heard(&row, now, life) {
            known.doing.insert(name, row.doing);
        } else if life == Liveness::Gone {
            known.gone.insert(name, mark(&row));
        }
    }
    Ok(known)
}

/// A pane as its own environment names it, with what else it says of itself.
pub fn is_pane(pane: &Pane, server: &str, id: &str) -> bool {
    pane.server == server && pane.id == id
}

/// The sessions as people see them: those that GAIA drives, with what their
/// hooks tell, and those that it did not start. One whose process is gone is
/// over, whatever its row says.
pub(crate) fn join(
    mut known: Vec<SessionInfo>,
    at_work: Vec<AgentSession>,
    now: Moment,
    witness: &dyn Witness,
) -> Vec<SessionInfo> {
    for session in at_work {
        let life = life(&session, witness);
        if life == Liveness::Gone {
            continue;
        }
        let told = told(&session, now, life);
        match known
            .iter_mut()
            .find(|row| row.name == session.name.as_str())
        {
            Some(row) => row.agent = Some(told),
            None => known.push(not_ours(&session, told)),
        }
    }
    known.sort_by(|a, b| a.name.cmp(&b.name));
    known
}

fn told(session: &AgentSession, now: Moment, life: Liveness) -> AgentInfo {
    AgentInfo {
        client: session.client.clone(),
        client_session: session.client_session.clone(),
        pid: session.process.as_ref().map(|process| process.pid),
        alive: alive(life),
        protected: !is_unprotected(session, now, life),
        heard_at: Some(session.heard.0),
    }
}

/// A session that GAIA did not start: it is given no task.
fn not_ours(session: &AgentSession, told: AgentInfo) -> SessionInfo {
    SessionInfo {
        name: session.name.to_string(),
        kind: Some("agent".to_owned()),
        status: session.doing.word().to_owned(),
        provider: Some(session.client.clone()),
        command: None,
        server: None,
        target: None,
        pane: None,
        pattern: None,
        working_dir: None,
        current_dir: session.folder.clone(),
        current_task_id: None,
        last_activity: Some(session.heard.0),
        aside_reason: None,
        agent: Some(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(doing: Doing) -> AgentSession {
        AgentSession {
            name: SessionId::new("a").unwrap(),
            client: "claude".into(),
            client_session: "a".into(),
            parent: None,
            by_gaia: false,
            task: TaskId::NONE,
            process: None,
            doing,
            calls: Vec::new(),
            folder: None,
            started: Wall(0),
            heard: (Wall(0), Moment(0)),
            told_waiter: 0,
        }
    }

    #[test]
    fn a_session_that_works_and_is_silent_although_its_process_lives_is_unprotected() {
        let (soon, late) = (Moment(0).plus(SILENCE), Moment(1).plus(SILENCE));
        let busy = session(Doing::Busy);
        assert!(is_unprotected(&busy, late, Liveness::Alive));
        assert!(!is_unprotected(&busy, soon, Liveness::Alive));
        assert!(!is_unprotected(&busy, late, Liveness::CannotTell));
        assert!(!is_unprotected(
            &session(Doing::Idle),
            late,
            Liveness::Alive
        ));
        let mut runs = busy;
        runs.calls.push(Running {
            id: "1".into(),
            agent: None,
        });
        assert!(!is_unprotected(&runs, late, Liveness::Alive));
    }
}
