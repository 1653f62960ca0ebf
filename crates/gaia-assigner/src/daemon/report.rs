//! One line in the log for what happens to a task, with ids as fields: task,
//! session, lock, folder. Facts that the daemon has no other use for are looked
//! up here; where that fails the line is said without them.

use gaia_locks::folder::Folder;
use gaia_locks::ids::TaskId;
use gaia_locks::service::{LockService, Locks as _};
use gaia_locks::wire::HeldLock;

use crate::plan::Assign;
use crate::service::TaskService;
use crate::store::running::Begun;
use crate::task::{Next, Running};

/// A task was given to a session, its lock granted.
pub(super) fn assigned(assign: &Assign, begun: &Begun) {
    let (task, session) = (assign.task.0, assign.session.as_str());
    match (&assign.folder, begun.running.token) {
        (Some(folder), Some(lock)) => {
            let (lock, folder) = (lock.0, folder.path());
            tracing::info!(task, session, lock, folder, "task assigned");
        }
        _ => tracing::warn!(
            task,
            session,
            "task assigned without a lock: it has no folder"
        ),
    }
}

/// A try is over, and its lock with it.
pub(super) fn ended(locks: &LockService, running: &Running, next: &Next) {
    let (task, session) = (running.id.0, running.session.as_str());
    let lock = running.token.map(|token| token.0);
    let folder = folder_of(locks, running);
    let folder = folder.as_deref();
    match next {
        Next::Completed => tracing::info!(task, session, lock, folder, "task completed"),
        Next::Failed(why) => {
            tracing::warn!(task, session, lock, folder, error = why, "task failed");
        }
        Next::Cancelled => tracing::info!(task, session, lock, folder, "task cancelled"),
        Next::Held(why) => {
            tracing::warn!(task, session, lock, folder, why, "task held for a person");
        }
        Next::Again { why, pause, .. } => {
            tracing::warn!(task, session, lock, folder, error = why, pause = ?pause, "task will be tried again");
        }
    }
}

/// A task is refused its folder for now, the first time.
pub(super) fn passed_over(locks: &LockService, task: TaskId) {
    let shown = TaskService::new(locks.clone()).show(task).ok();
    let folder = shown.and_then(|task| task.working_dir);
    let holder = folder.as_deref().and_then(|folder| holder(locks, folder));
    let by = holder.as_ref().map(|held| held.lock.session_id.as_str());
    let lock = holder.as_ref().map(|held| held.lock.id.0);
    let (task, folder) = (task.0, folder.as_deref());
    tracing::info!(
        task,
        folder,
        lock,
        by,
        "task passed over: its folder is locked"
    );
}

fn folder_of(locks: &LockService, running: &Running) -> Option<String> {
    let token = running.token?;
    let record = locks.look(|tx| tx.store().record(token)).ok()??;
    Some(record.folder.path().to_owned())
}

fn holder(locks: &LockService, folder: &str) -> Option<HeldLock> {
    let folder = Folder::resolve(folder.as_ref(), "/".as_ref()).ok()?;
    locks.status(Some(&folder)).ok()?.locks.into_iter().next()
}
