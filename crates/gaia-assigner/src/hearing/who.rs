//! As whom a client acts.
//!
//! Where GAIA gave it a task it acts as that session and task [T15]; else as
//! the client's own session id, because that is what a command of the agent
//! (`gaia release .`) goes by too. One such id alive in two processes at once
//! (resumed in a second terminal) is two holders, or they would not exclude
//! each other.

use gaia_locks::Error;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::{Liveness, ProcessIdentity, Witness};
use gaia_locks::model::Holder;
use gaia_locks::service::LockTx;
use gaia_locks::settings::HookSubagents;

use super::{Event, HookCall};
use crate::agents::{self, AgentSession, Doing};

impl<F> HookCall<F> {
    /// The session's row.
    pub(super) fn row(&self, tx: &mut LockTx<'_>, witness: &dyn Witness) -> Result<Found, Error> {
        let own = |session| Found {
            session,
            is_nested: false,
        };
        if let Some((name, task)) = self.given(tx)? {
            let known = agents::by_name(tx, name.as_str())?;
            return Ok(match known {
                Some(row) if self.is_under(&row, witness) => Found {
                    session: heard_now(tx, row, task),
                    is_nested: true,
                },
                known => own(self.fresh(tx, known, name, task, true)),
            });
        }
        let mut known = agents::by_client_session(tx, &self.session)?;
        known.retain(|row| self.is_of_account(row.name.as_str()));
        let mine = known.iter().find(|row| self.is_me(row, witness));
        let name = match mine {
            Some(row) => row.name.clone(),
            None => self.new_name(&known)?,
        };
        let known = known.into_iter().find(|row| row.name == name);
        Ok(own(self.fresh(tx, known, name, TaskId::NONE, false)))
    }

    /// Whether a session's own client is another, which is at work. One that
    /// began a new conversation (`/clear`) is the same process still.
    fn is_under(&self, row: &AgentSession, witness: &dyn Witness) -> bool {
        let lives = |process: &ProcessIdentity| witness.liveness(process) == Liveness::Alive;
        row.client_session != self.session
            && row.doing != Doing::Ended
            && row.process != self.process
            && row.process.as_ref().is_some_and(lives)
    }

    /// A subagent's own row, where subagents are holders of their own. One that
    /// works on a task has none: the task's lock is its session's.
    pub(super) fn own_row(
        &self,
        tx: &mut LockTx<'_>,
        session: &AgentSession,
    ) -> Result<Option<AgentSession>, Error> {
        let agent = self.agent.as_deref();
        let (HookSubagents::Own, Some(agent), false) =
            (self.terms.subagents, agent, session.by_gaia)
        else {
            return Ok(None);
        };
        let name = SessionId::new(format!("{}/{agent}", session.name))?;
        let known = agents::by_name(tx, name.as_str())?;
        let mut row = self.fresh(tx, known, name, TaskId::NONE, false);
        row.parent = Some(session.name.clone());
        Ok(Some(row))
    }

    /// What GAIA said: by the environment, or by the pane.
    fn given(&self, tx: &mut LockTx<'_>) -> Result<Option<(SessionId, TaskId)>, Error> {
        if let Some((session, task)) = &self.task {
            let session = SessionId::new(session.clone())?;
            // A worker goes on from one task to the next.
            let Some(task) = task else {
                let task = agents::works_on(tx, &session)?;
                return Ok(Some((session, task)));
            };
            let task = task.parse().map_err(|_| {
                Error::InvalidRequest("GAIA_TASK is no task's id: a number from 0 on".to_owned())
            })?;
            return Ok(Some((session, TaskId(task))));
        }
        match &self.pane {
            Some((server, pane)) => agents::pane_session(tx, server, pane),
            None => Ok(None),
        }
    }

    /// Who works through an account acts for sessions of its name alone.
    fn is_of_account(&self, session: &str) -> bool {
        self.account.as_ref().is_none_or(|account| {
            let below = session.strip_prefix(account.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    fn is_me(&self, row: &AgentSession, witness: &dyn Witness) -> bool {
        match (&row.process, &self.process) {
            (Some(theirs), Some(mine)) if theirs == mine => true,
            // A session that goes on in a new process is the same.
            (Some(theirs), _) => {
                row.doing == Doing::Ended || witness.liveness(theirs) == Liveness::Gone
            }
            (None, _) => true,
        }
    }

    fn new_name(&self, known: &[AgentSession]) -> Result<SessionId, Error> {
        let id = match &self.account {
            Some(account) if !self.is_of_account(&self.session) => {
                format!("{account}/{}", self.session)
            }
            _ => self.session.clone(),
        };
        let pid = self.process.as_ref().map_or(0, |process| process.pid);
        Ok(SessionId::new(match known.is_empty() {
            true => id,
            false => format!("{id}@{pid}"),
        })?)
    }

    fn fresh(
        &self,
        tx: &LockTx<'_>,
        known: Option<AgentSession>,
        name: SessionId,
        task: TaskId,
        by_gaia: bool,
    ) -> AgentSession {
        let now = tx.now();
        let new = AgentSession {
            name,
            client: self.client.clone(),
            client_session: self.session.clone(),
            parent: None,
            by_gaia,
            task,
            process: None,
            doing: Doing::Idle,
            calls: Vec::new(),
            folder: None,
            started: now.wall,
            heard: (now.wall, now.moment),
            told_waiter: 0,
        };
        let known = known.filter(|row| row.client_session == new.client_session);
        let was = known.as_ref().and_then(|row| row.process.clone());
        let same = was == self.process;
        AgentSession {
            task,
            by_gaia,
            process: self.process.clone().or(was),
            folder: Some(self.folder.clone()),
            heard: (now.wall, now.moment),
            calls: known
                .as_ref()
                .filter(|_| same)
                .map(|row| row.calls.clone())
                .unwrap_or_default(),
            ..known.unwrap_or(new)
        }
    }
}

/// The row of a call's session.
pub(super) struct Found {
    /// As known or new.
    pub session: AgentSession,
    /// Whether the call is that of another client, which this session's client
    /// (or a program beside it) started: it acts under the session, as a
    /// subagent does, and neither its turns nor its end are the session's.
    pub is_nested: bool,
}

/// The session was heard, through a client under it.
fn heard_now(tx: &LockTx<'_>, row: AgentSession, task: TaskId) -> AgentSession {
    let now = tx.now();
    AgentSession {
        task,
        heard: (now.wall, now.moment),
        ..row
    }
}

impl HookCall<Folder> {
    /// A call of a client under a session, as one of a subagent's: what it does
    /// counts, and what of it is over.
    pub(super) fn as_subagent(&self) -> Self {
        let event = match &self.event {
            Event::Wants(call) => Event::Wants(call.clone()),
            Event::Did(Some(call)) => Event::Did(Some(call.clone())),
            Event::Did(None)
            | Event::BrokenOff
            | Event::Failed(_)
            | Event::Ended(_)
            | Event::Stopped {
                background: false, ..
            } => Event::SubagentEnded,
            _ => Event::Alive,
        };
        Self {
            agent: Some(self.session.clone()),
            event,
            ..self.clone()
        }
    }
}

/// The holder that a row stands for.
pub(super) fn holder(row: &AgentSession) -> Holder {
    Holder::new(row.name.clone(), row.task)
}

/// Whether a command of the agent acts as this session by itself; `shows`:
/// whether the client shows its session's id to what it starts.
pub(super) fn is_told_by_environment(shows: bool, row: &AgentSession) -> bool {
    row.by_gaia || (shows && row.parent.is_none() && row.name.as_str() == row.client_session)
}
