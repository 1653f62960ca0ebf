//! Ending what runs: calling a task off, ending a lock as an admin.
//!
//! The assigner stops what runs. Where none lives to do so, it is done from
//! here.

use std::time::Duration;

use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::liveness::Liveness;
use gaia_locks::service::{Locks as _, check_reason};
use gaia_locks::wire::LockInfo;

use super::{TaskService, Waiting, tail};
use crate::error::TaskError;
use crate::runner;
use crate::store::ending::{self, Ending};
use crate::store::running;
use crate::store::tasks;
use crate::task::{Outcome, Running, Status, after};
use crate::wire::TaskInfo;
use crate::worktree::WorkTree;

/// How long one who ends a task's lock waits for the task to stop. A process
/// is killed long before; another agent has a minute [T4].
pub const STOPPING: Duration = Duration::from_secs(75);

/// How it stands with a lock that an admin ends.
#[derive(Clone, Debug)]
pub enum Forced {
    /// It has ended.
    Ended(LockInfo),
    /// It ends as soon as this task has stopped, which was told to.
    Stopping(TaskId, LockInfo),
}

impl Forced {
    /// The lock, for whoever has waited as long as it usually takes.
    ///
    /// # Errors
    /// [`TaskError::StillStopping`] when it has not ended.
    pub fn ended(self) -> Result<LockInfo, TaskError> {
        match self {
            Self::Ended(lock) => Ok(lock),
            Self::Stopping(id, lock) => Err(TaskError::StillStopping {
                id,
                lock: lock.id,
                seconds: STOPPING.as_secs(),
            }),
        }
    }
}

/// The pause after the first try of a task that was ended from here.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How much of the output is kept with the task: its end.
pub(crate) const RESPONSE: u64 = 64 * 1024;

impl TaskService {
    /// Calls a task off. One that runs is stopped by its assigner, and shown
    /// as stopping until it has; without an assigner it is stopped from here.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::TaskIsOver`].
    pub fn cancel(&self, id: TaskId, by: &str) -> Result<TaskInfo, TaskError> {
        let running = self.transact(|tx| {
            let status = match tasks::status(tx, id)? {
                None => return Ok(Err(TaskError::UnknownTask(id))),
                Some(status) => status,
            };
            if status == Status::Pending {
                tasks::cancel_pending(tx, id, by)?;
            } else if status.is_running() {
                tasks::ask_to_stop(tx, id, "cancelled", by, "")?;
            } else {
                let status = status.word();
                return Ok(Err(TaskError::TaskIsOver { id, status }));
            }
            running::by_id(tx, id).map(Ok)
        })?;
        self.end_if_orphan(running.as_ref())?;
        self.show(id)
    }

    /// Ends any lock, as an admin [R7]. A task's lock is ended with its task:
    /// what runs for it is stopped first.
    ///
    /// # Errors
    /// As [`gaia_locks::Locks::force_release`]; [`TaskError::StillStopping`]
    /// when that takes too long: it is ended all the same, later.
    pub fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, TaskError> {
        let mut forced = self.begin_force_release(id, by, reason)?;
        if let Forced::Stopping(task, _) = forced {
            let patience = Waiting {
                limit: Some(STOPPING),
                ..Waiting::default()
            };
            self.wait(task, &patience)?;
            forced = self.forced(task, id)?;
        }
        forced.ended()
    }

    /// As [`Self::force_release`], but a task that takes its time to stop is not
    /// waited for: [`Self::forced`] tells when its lock has ended.
    ///
    /// # Errors
    /// As [`gaia_locks::Locks::force_release`].
    pub fn begin_force_release(
        &self,
        id: LockId,
        by: &str,
        reason: &str,
    ) -> Result<Forced, TaskError> {
        let task = self.locks.look(|tx| tasks::of_lock(tx, id))?;
        let Some(task) = task.filter(|_| check_reason(reason, "").is_ok()) else {
            let ended = self.locks.force_release(id, by, reason)?;
            return Ok(Forced::Ended(ended));
        };
        let running = self.locks.transact(|tx| {
            tasks::ask_to_stop(tx, task, "forced", by, reason)?;
            running::by_id(tx, task)
        })?;
        self.end_if_orphan(running.as_ref())?;
        self.forced(task, id)
    }

    /// How it stands with the lock of a task that was told to stop.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], an unknown lock, or when the store fails.
    pub fn forced(&self, task: TaskId, lock: LockId) -> Result<Forced, TaskError> {
        self.settle_remote()?;
        let stops = self.show(task)?;
        let info = self.locks.look(|tx| tx.lock_info(lock))?;
        let info = info.ok_or(gaia_locks::Error::UnknownLock(lock))?;
        let stands = stops.status.is_running() && stops.lock_token == Some(lock);
        Ok(match stands {
            true => Forced::Stopping(task, info),
            false => Forced::Ended(info),
        })
    }

    /// Ends a task that was asked to stop and that no assigner holds any more;
    /// whether it was one. What works in a pane is interrupted by an assigner
    /// alone, who sees when it has stopped.
    pub(super) fn end_if_orphan(&self, running: Option<&Running>) -> Result<bool, TaskError> {
        let Some(running) =
            running.filter(|running| running.pane.is_none() && self.is_orphan(running))
        else {
            return Ok(false);
        };
        let (outcome, work_tree) = end_orphan(running);
        let running = &Running {
            work_tree,
            ..running.clone()
        };
        let response = running
            .log
            .as_ref()
            .and_then(|(log, from)| tail(log.as_ref(), *from, RESPONSE).ok());
        let next = after(running, &outcome, FIRST_PAUSE);
        let ending = Ending {
            response: response.as_deref(),
            ..Ending::of(running, &outcome, &next)
        };
        self.locks.transact(|tx| ending::end(tx, &ending))?;
        runner::forget_word(running);
        Ok(true)
    }

    /// Whether its assigner is provably gone.
    pub(super) fn is_orphan(&self, running: &Running) -> bool {
        let assigner = running.assigner.as_ref();
        assigner.is_some_and(|assigner| self.locks.witness().liveness(assigner) == Liveness::Gone)
    }
}

/// Stops what runs under a keeper without an assigner. It leaves its word: what
/// had come to its end before it was stopped has done so.
fn end_orphan(running: &Running) -> (Outcome, Option<WorkTree>) {
    let Some(keeper) = &running.keeper else {
        return (Outcome::Lost, None);
    };
    runner::end_orphan(keeper);
    match &running.log {
        Some((log, _)) => runner::left_behind(&runner::word_file(log.as_ref(), keeper)),
        None => (Outcome::Lost, None),
    }
}
