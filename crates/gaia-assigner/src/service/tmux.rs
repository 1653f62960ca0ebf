//! Adding panes, and what is said of tasks in them.

use gaia_locks::error::InvalidName;
use gaia_locks::ids::{SessionId, TaskId};
use serde::{Deserialize, Serialize};

use super::{TaskService, is_a_provider, session_shown, shown};
use crate::error::TaskError;
use crate::runner::tmux::{self, Patterns, Target};
use crate::store::panes::{self, NewPane};
use crate::store::{running, sessions};
use crate::wire::{PatternInfo, SessionInfo, TaskInfo};

/// The most bytes of a socket's path.
const LONGEST_SOCKET: usize = 4096;

/// A tmux session, or a pattern of them, to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddTmux {
    /// Its name.
    pub name: SessionId,
    /// The server's socket.
    pub server: String,
    /// A pane's id, `session:window.pane`, or a pattern of session names.
    pub target: String,
    /// claude, codex or any other word: how its screen is read.
    pub provider: Option<String>,
    /// What is read otherwise.
    pub patterns: Patterns,
}

/// What was added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Added {
    /// A session.
    Session(Box<SessionInfo>),
    /// A pattern; its sessions are added as they are found.
    Pattern(PatternInfo),
}

impl TaskService {
    /// Adds a pane, or a pattern that finds them. A name's pane need not be
    /// there yet; an id means nothing without it.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`]; [`TaskError::InvalidRequest`] for a
    /// target, a pattern or an id that cannot be used.
    pub fn add_tmux(&self, new: &AddTmux) -> Result<Added, TaskError> {
        let target = Target::read(&new.target).map_err(TaskError::InvalidRequest)?;
        new.patterns.check().map_err(TaskError::InvalidRequest)?;
        new.provider.as_deref().map_or(Ok(()), is_a_provider)?;
        InvalidName::check("tmux server", &new.server, LONGEST_SOCKET)?;
        let pane = match &target {
            Target::Id(id) => Some(tmux::find(&new.server, id).map_err(|error| {
                TaskError::InvalidRequest(format!("the pane {id} cannot be used: {error}"))
            })?),
            Target::Name { .. } | Target::Pattern(_) => None,
        };
        let row = NewPane {
            name: &new.name,
            server: &new.server,
            target: &new.target,
            pane: pane.as_ref(),
            provider: new.provider.as_deref(),
            patterns: &new.patterns,
        };
        match target {
            Target::Pattern(_) => self.add_pattern(row),
            _ => self.add_pane(row),
        }
    }

    fn add_pane(&self, row: NewPane<'_>) -> Result<Added, TaskError> {
        self.transact(|tx| {
            if !panes::insert(tx, row)? {
                return Ok(Err(TaskError::SessionExists(row.name.to_string())));
            }
            tx.tell();
            let session = session_shown(tx, row.name.as_str())?;
            Ok(session.map(|session| Added::Session(Box::new(session))))
        })
    }

    fn add_pattern(&self, row: NewPane<'_>) -> Result<Added, TaskError> {
        self.transact(|tx| {
            if !panes::insert_pattern(tx, row)? {
                return Ok(Err(TaskError::SessionExists(row.name.to_string())));
            }
            tx.tell();
            let unknown = || TaskError::UnknownSession(row.name.to_string());
            let pattern = panes::pattern_by_name(tx, row.name.as_str())?;
            Ok(pattern.map(Added::Pattern).ok_or_else(unknown))
        })
    }

    /// Removes a session that does not work, or a pattern with its sessions.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::SessionBusy`].
    pub fn remove(&self, name: &str) -> Result<Added, TaskError> {
        let pattern = self.locks.look(|tx| panes::pattern_by_name(tx, name))?;
        let Some(pattern) = pattern else {
            return Ok(Added::Session(Box::new(self.remove_session(name)?)));
        };
        self.transact(|tx| {
            if let Some((session, task)) = panes::busy_of_pattern(tx, name)? {
                return Ok(Err(TaskError::SessionBusy { session, task }));
            }
            panes::remove_pattern(tx, name)?;
            tx.tell();
            Ok(Ok(Added::Pattern(pattern.clone())))
        })
    }

    /// Says for an agent that it took its task's text: for its hook [T14].
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or [`TaskError::InvalidRequest`] when that
    /// session does not have it.
    pub fn taken(&self, id: TaskId, session: &str) -> Result<TaskInfo, TaskError> {
        self.transact(|tx| {
            let Some(task) = running::by_id(tx, id)? else {
                return Ok(Err(match crate::store::tasks::status(tx, id)? {
                    None => TaskError::UnknownTask(id),
                    Some(status) => TaskError::InvalidRequest(format!(
                        "task {id} is {}: no session has it",
                        status.word()
                    )),
                }));
            };
            if task.session.as_str() != session {
                let why = format!("task {id} is session {}'s, not {session}'s", task.session);
                return Ok(Err(TaskError::InvalidRequest(why)));
            }
            let pid = sessions::pane(tx, session)?.map_or(0, |pane| pane.process.pid);
            running::started(tx, &task, Some(pid))?;
            shown(tx, id)
        })
    }
}
