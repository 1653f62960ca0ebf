//! A task's place in its folder's line [T7].

use gaia_locks::error::Error;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, TaskId};
use gaia_locks::model::{Mode, Turn, WaiterLife};
use gaia_locks::service::{Acquire, Attempt, Line, LockTx};
use gaia_locks::wire::Answer;

use super::{own_name, set_waiter, waiter_of, want};

/// Lets a task stand in its folder's line in its own name.
pub(crate) fn stand(
    tx: &mut LockTx<'_>,
    scope: &Scope,
    task: TaskId,
    folder: &Folder,
    mode: Mode,
) -> Result<(), Error> {
    // Called off meanwhile, or another assigner was faster: a second place
    // would be nobody's.
    if waiter_of(tx, task)? != Some(None) {
        return Ok(());
    }
    let holder = own_name(task)?;
    let want = want(scope, folder, &holder, mode);
    let request = Acquire {
        mode,
        own: true,
        releaser: want.releaser,
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Reserved,
        },
        ..Acquire::new(folder.clone(), holder.session.clone(), task)
    };
    // What has become free meanwhile is given back: it is assigned at the next
    // look.
    match tx.acquire(&Attempt {
        want: &want,
        request: &request,
    })? {
        Answer::Queued(queued) => set_waiter(tx, task, Some(queued.waiter)),
        Answer::Granted(granted) => {
            let ids: Vec<_> = granted.locks.iter().map(|lock| lock.id).collect();
            tx.end_task_locks(&ids, "assigner").map(drop)
        }
        Answer::Refused(_) => Ok(()),
    }
}
