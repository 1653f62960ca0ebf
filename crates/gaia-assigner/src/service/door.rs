//! The trait that every way in calls for tasks and sessions, as
//! [`gaia_locks::Locks`] is for locks.

use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::wire::LockInfo;

use super::{
    AddProcess, AddRemote, AddTmux, Added, Aim, Cleared, Filter, Heard, Output, Taken, TaskService,
    Teller, Waiting,
};
use crate::error::TaskError;
use crate::hearing::{HookCall, Told as HookTold};
use crate::task::{Status, Told};
use crate::wire::{SessionInfo, SessionList, TaskInfo, TaskList};

/// The verbs on tasks and sessions that every way in uses; on a database
/// ([`TaskService`]), or through a server.
///
/// Where a verb takes `by`, it is who wants it, for the records; a server puts
/// the name there that it knows the asker by.
pub trait Tasks: std::marker::Send + Sync {
    /// Queues a task.
    ///
    /// # Errors
    /// Bad input, a needed task that does not exist, a store that fails.
    fn send(&self, new: &super::Send) -> Result<TaskInfo, TaskError>;
    /// Tasks: those that run, then those that wait in their order, then the
    /// others, newest first.
    ///
    /// # Errors
    /// When the store fails.
    fn list(&self, filter: &Filter) -> Result<TaskList, TaskError>;
    /// How many tasks there are in each state.
    ///
    /// # Errors
    /// When the store fails.
    fn counts(&self) -> Result<Vec<(Status, i64)>, TaskError>;
    /// One task.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    fn show(&self, id: TaskId) -> Result<TaskInfo, TaskError>;
    /// The sessions that could take a task, free or not [T10].
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    fn takers(&self, id: TaskId) -> Result<Vec<SessionInfo>, TaskError>;
    /// Waits until a task has ended; gives it as it is then, or when patience
    /// ended.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], or when the store fails.
    fn wait(&self, id: TaskId, patience: &Waiting) -> Result<TaskInfo, TaskError>;
    /// A piece of a task's output, from a byte on: empty when there is no more
    /// yet.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`]; [`TaskError::NoOutput`] when it has none yet.
    fn output(&self, id: TaskId, from: u64) -> Result<Output, TaskError>;
    /// Calls a task off; one that runs is stopped.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::TaskIsOver`].
    fn cancel(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError>;
    /// Lets a task be tried again, or go on now.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::WrongState`].
    fn retry(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError>;
    /// Lets every task that failed be tried again.
    ///
    /// # Errors
    /// When the store fails.
    fn retry_failed(&self, by: &str) -> Result<TaskList, TaskError>;
    /// Sends a task elsewhere; one that runs is stopped first.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::UnknownSession`],
    /// [`TaskError::TaskIsOver`].
    fn reassign(&self, id: TaskId, aim: &Aim, by: &str) -> Result<TaskInfo, TaskError>;
    /// Forgets tasks that ended longer than this ago, with their output.
    ///
    /// # Errors
    /// When the store fails.
    fn clear(&self, age: Duration) -> Result<Cleared, TaskError>;
    /// Says how a task ended; without an id it is the one that the teller works
    /// on.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::WrongState`],
    /// [`TaskError::DecidedByStatus`], [`TaskError::NotYours`],
    /// [`TaskError::Lapsed`].
    fn told(&self, id: Option<TaskId>, told: &Told, teller: &Teller)
    -> Result<TaskInfo, TaskError>;
    /// Says for an agent that it took its task's text: for its hook [T14].
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`]; [`TaskError::InvalidRequest`] when that
    /// session does not have it.
    fn taken(&self, id: TaskId, session: &str) -> Result<TaskInfo, TaskError>;
    /// Ends any lock, as an admin [R7]; a task's lock with its task.
    ///
    /// # Errors
    /// As [`gaia_locks::Locks::force_release`]; [`TaskError::StillStopping`].
    fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, TaskError>;
    /// All sessions, and the patterns that find more of them.
    ///
    /// # Errors
    /// When the store fails.
    fn sessions(&self) -> Result<SessionList, TaskError>;
    /// Adds a process session.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`], or a command that cannot be read.
    fn add_process(&self, new: &AddProcess) -> Result<SessionInfo, TaskError>;
    /// Adds a session that asks for work itself.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`], a lease out of range.
    fn add_remote(&self, new: &AddRemote) -> Result<SessionInfo, TaskError>;
    /// Adds a pane, or a pattern that finds them.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`]; [`TaskError::InvalidRequest`] for a
    /// target, a pattern or an id that cannot be used.
    fn add_tmux(&self, new: &AddTmux) -> Result<Added, TaskError>;
    /// Removes a session that does not work, or a pattern with its sessions.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::SessionBusy`].
    fn remove(&self, name: &str) -> Result<Added, TaskError>;
    /// A session's sign of life; it is told whether it must stop.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::NotRemote`].
    fn heartbeat(&self, name: &SessionId, task: Option<TaskId>) -> Result<Heard, TaskError>;
    /// Takes the best task for a session, together with the lock on its
    /// folder; waits for one if it has patience. `None`: there is none for it.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::NotRemote`],
    /// [`TaskError::SessionBusy`].
    fn take(
        &self,
        name: &SessionId,
        patience: Option<&Waiting>,
    ) -> Result<Option<Taken>, TaskError>;
    /// Hears one call of an agent's hook: whether it may write, and what is
    /// locked for it then.
    ///
    /// # Errors
    /// When the store fails; [`gaia_locks::Error::InvalidRequest`] for a task
    /// that is none.
    fn hear(&self, call: &HookCall<Folder>) -> Result<HookTold, TaskError>;
}

impl Tasks for TaskService {
    fn hear(&self, call: &HookCall<Folder>) -> Result<HookTold, TaskError> {
        Ok(crate::hearing::hear(self.locks(), call)?)
    }

    fn send(&self, new: &super::Send) -> Result<TaskInfo, TaskError> {
        Self::send(self, new)
    }

    fn list(&self, filter: &Filter) -> Result<TaskList, TaskError> {
        Self::list(self, filter)
    }

    fn counts(&self) -> Result<Vec<(Status, i64)>, TaskError> {
        Self::counts(self)
    }

    fn show(&self, id: TaskId) -> Result<TaskInfo, TaskError> {
        Self::show(self, id)
    }

    fn takers(&self, id: TaskId) -> Result<Vec<SessionInfo>, TaskError> {
        Self::takers(self, id)
    }

    fn wait(&self, id: TaskId, patience: &Waiting) -> Result<TaskInfo, TaskError> {
        Self::wait(self, id, patience)
    }

    fn output(&self, id: TaskId, from: u64) -> Result<Output, TaskError> {
        Self::output(self, id, from)
    }

    fn cancel(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError> {
        Self::cancel(self, id, by)
    }

    fn retry(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError> {
        Self::retry(self, id, by)
    }

    fn retry_failed(&self, by: &str) -> Result<TaskList, TaskError> {
        Self::retry_failed(self, by)
    }

    fn reassign(&self, id: TaskId, aim: &Aim, by: &str) -> Result<TaskInfo, TaskError> {
        Self::reassign(self, id, aim, by)
    }

    fn clear(&self, age: Duration) -> Result<Cleared, TaskError> {
        Self::clear(self, age)
    }

    fn told(
        &self,
        id: Option<TaskId>,
        told: &Told,
        teller: &Teller,
    ) -> Result<TaskInfo, TaskError> {
        Self::told(self, id, told, teller)
    }

    fn taken(&self, id: TaskId, session: &str) -> Result<TaskInfo, TaskError> {
        Self::taken(self, id, session)
    }

    fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, TaskError> {
        Self::force_release(self, id, by, reason)
    }

    fn sessions(&self) -> Result<SessionList, TaskError> {
        Self::sessions(self)
    }

    fn add_process(&self, new: &AddProcess) -> Result<SessionInfo, TaskError> {
        Self::add_process(self, new)
    }

    fn add_remote(&self, new: &AddRemote) -> Result<SessionInfo, TaskError> {
        Self::add_remote(self, new)
    }

    fn add_tmux(&self, new: &AddTmux) -> Result<Added, TaskError> {
        Self::add_tmux(self, new)
    }

    fn remove(&self, name: &str) -> Result<Added, TaskError> {
        Self::remove(self, name)
    }

    fn heartbeat(&self, name: &SessionId, task: Option<TaskId>) -> Result<Heard, TaskError> {
        Self::heartbeat(self, name, task)
    }

    fn take(
        &self,
        name: &SessionId,
        patience: Option<&Waiting>,
    ) -> Result<Option<Taken>, TaskError> {
        Self::take(self, name, patience)
    }
}
