//! Once more, or elsewhere: retry and reassign.

use gaia_locks::ids::TaskId;
use gaia_locks::service::LockTx;
use serde::{Deserialize, Serialize};

use super::{TaskService, is_a_provider, shown};
use crate::error::TaskError;
use crate::store::{again, running, sessions, tasks};
use crate::task::Status;
use crate::wire::{TaskInfo, TaskList};

/// Where a task is sent instead; what it wanted before is forgotten.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// This session.
    Session(String),
    /// This provider.
    Provider(String),
    /// Whoever can take it.
    Anybody,
}

impl TaskService {
    /// Lets a task be tried: one that failed or was called off is pending again
    /// with fresh tries; one that waits for its next try, or for a person's
    /// word about uncommitted work [T13], goes on now.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::WrongState`].
    pub fn retry(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError> {
        self.transact(|tx| match try_again(tx, id, by)? {
            Ok(()) => shown(tx, id),
            Err(error) => Ok(Err(error)),
        })
    }

    /// Lets every task that failed be tried again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retry_failed(&self, by: &str) -> Result<TaskList, TaskError> {
        self.transact(|tx| {
            let mut tasks = Vec::new();
            for id in again::failed(tx)? {
                again::revive(tx, id, by)?;
                tasks.extend(tasks::by_id(tx, id)?);
            }
            let count = tasks.len();
            Ok(Ok(TaskList { count, tasks }))
        })
    }

    /// Sends a task elsewhere. One that runs is stopped first; that costs it no
    /// try.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::UnknownSession`],
    /// [`TaskError::TaskIsOver`].
    pub fn reassign(&self, id: TaskId, aim: &Aim, by: &str) -> Result<TaskInfo, TaskError> {
        if let Aim::Provider(word) = aim {
            is_a_provider(word)?;
        }
        let running = self.transact(|tx| {
            let Some(task) = tasks::by_id(tx, id)? else {
                return Ok(Err(TaskError::UnknownTask(id)));
            };
            if task.status.is_over() {
                let status = task.status.word();
                return Ok(Err(TaskError::TaskIsOver { id, status }));
            }
            if let Aim::Session(name) = aim
                && sessions::by_name(tx, name)?.is_none()
            {
                return Ok(Err(TaskError::UnknownSession(name.clone())));
            }
            again::aim(tx, &task, aim, by)?;
            if task.status.is_running() {
                tasks::ask_to_stop(tx, id, "reassigned", by, "")?;
            }
            running::by_id(tx, id).map(Ok)
        })?;
        self.end_if_orphan(running.as_ref())?;
        self.show(id)
    }
}

fn try_again(
    tx: &mut LockTx<'_>,
    id: TaskId,
    by: &str,
) -> Result<Result<(), TaskError>, gaia_locks::Error> {
    let wrong = |status: Status, wanted| {
        let status = status.word();
        Ok(Err(TaskError::WrongState { id, status, wanted }))
    };
    match tasks::status(tx, id)? {
        None => Ok(Err(TaskError::UnknownTask(id))),
        Some(Status::Failed | Status::Cancelled) => again::revive(tx, id, by).map(Ok),
        Some(Status::Pending) => again::let_go(tx, id, by).map(Ok),
        Some(status @ Status::Completed) => wrong(status, "send it anew to have it done again"),
        Some(status) => wrong(status, "it can be tried again once it has ended"),
    }
}
