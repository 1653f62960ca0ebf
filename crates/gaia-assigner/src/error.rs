//! What can go wrong with tasks and sessions, with the facts that help.

use gaia_locks::error::InvalidName;
use gaia_locks::folder::InvalidFolder;
use gaia_locks::ids::TaskId;

/// Why a request about tasks or sessions failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// No task has this id.
    #[error("no task has the id {0}")]
    UnknownTask(TaskId),
    /// No session has this name.
    #[error("no session is named {0}; `gaia sessions` shows those there are")]
    UnknownSession(String),
    /// The name is taken.
    #[error("a session named {0} is there already; remove it first, or choose another name")]
    SessionExists(String),
    /// It works on a task.
    #[error("session {session} works on task {task}; cancel the task or wait for its end first")]
    SessionBusy {
        /// The session.
        session: String,
        /// What it works on.
        task: TaskId,
    },
    /// The task has ended, so there is nothing to do with it.
    #[error("task {id} is over already: {status}")]
    TaskIsOver {
        /// Which.
        id: TaskId,
        /// Its state.
        status: &'static str,
    },
    /// What was asked for contradicts itself or leaves the allowed range.
    #[error("{0}")]
    InvalidRequest(String),
    /// A log file that cannot be read.
    #[error("cannot read the log {path}: {source}")]
    Log {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What the lock service said.
    #[error(transparent)]
    Locks(#[from] gaia_locks::Error),
}

impl From<InvalidName> for TaskError {
    fn from(error: InvalidName) -> Self {
        Self::Locks(error.into())
    }
}

impl From<InvalidFolder> for TaskError {
    fn from(error: InvalidFolder) -> Self {
        Self::Locks(error.into())
    }
}
