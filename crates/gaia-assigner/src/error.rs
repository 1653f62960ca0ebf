//! What can go wrong with tasks and sessions, with the facts that help.

use gaia_locks::error::InvalidName;
use gaia_locks::folder::InvalidFolder;
use gaia_locks::ids::{LockId, TaskId};

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
    /// Its state does not allow what was asked for.
    #[error("task {id} is {status}; {wanted}")]
    WrongState {
        /// Which.
        id: TaskId,
        /// Its state.
        status: &'static str,
        /// What would be right.
        wanted: &'static str,
    },
    /// A process's exit status says how it ended, and nobody else does.
    #[error(
        "task {0} runs as a process: its exit status decides how it ended (0: completed), so it is not told; \
         end the process, or cancel the task"
    )]
    DecidedByStatus(TaskId),
    /// Somebody else works on it.
    #[error(
        "task {id} is worked on by session {session}, and {who}; \
         only that session, or a person who says so with --force, can tell how it ended"
    )]
    NotYours {
        /// Which.
        id: TaskId,
        /// Whose it is.
        session: String,
        /// Who asked.
        who: String,
    },
    /// Another held the folder since the task's lock lapsed: said once.
    #[error(
        "the lock of task {id} lapsed at {lapsed}, and meanwhile {held}; \
         look again at what is in {folder}, then say it once more"
    )]
    Lapsed {
        /// Which.
        id: TaskId,
        /// When its lock ended.
        lapsed: String,
        /// Who held the folder since, and when.
        held: String,
        /// Which folder.
        folder: String,
    },
    /// It printed nothing yet.
    #[error("task {id} has no output; it is {status}")]
    NoOutput {
        /// Which.
        id: TaskId,
        /// Its state.
        status: &'static str,
    },
    /// It was told to stop and has not stopped yet.
    #[error("task {id} has not stopped within {seconds} s; its lock {lock} ends as soon as it has")]
    StillStopping {
        /// Which.
        id: TaskId,
        /// Its lock.
        lock: LockId,
        /// How long was waited.
        seconds: u64,
    },
    /// It is no session that asks for work itself.
    #[error("session {session} is a {kind} session; only a remote one asks for work itself")]
    NotRemote {
        /// Which.
        session: String,
        /// What it is.
        kind: String,
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
