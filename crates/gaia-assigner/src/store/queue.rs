//! The queue: what waits, in an order that can be read without reading all of
//! it (see [`look`](mod@look)), and the words that are kept with it.

mod enter;
mod look;
mod place;
mod rows;
mod stand;
mod tidy;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId, TaskId, WaiterId};
use gaia_locks::liveness::Witness;
use gaia_locks::model::{Holder, Mode, Releaser, WaiterState, Want};
use gaia_locks::service::LockTx;
use rusqlite::{OptionalExtension as _, params};

pub(crate) use enter::{enter, path_of, region_of_new};
pub(crate) use look::{look, look_for};
pub(crate) use stand::stand;
pub(crate) use tidy::{is_untidy, release_dependents, tidy};

use super::sql;
use crate::plan::Rules;

/// What a look at the queue needs to know besides the tables.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    /// Whose files.
    pub scope: &'a Scope,
    /// Whether a folder is locked in another database, as its marker says.
    pub is_foreign: &'a dyn Fn(&Folder) -> bool,
    /// What planning goes by.
    pub rules: Rules,
    /// Who tells whether an agent's process lives.
    pub witness: &'a dyn Witness,
}

/// The name under which a task stands in line before a session has it.
pub(crate) fn own_name(task: TaskId) -> Result<Holder, Error> {
    Ok(Holder::new(SessionId::new(format!("task {task}"))?, task))
}

/// What is asked of the locks for a task.
pub(crate) fn want(scope: &Scope, folder: &Folder, holder: &Holder, mode: Mode) -> Want {
    Want {
        scope: scope.clone(),
        folders: vec![folder.clone()],
        holder: holder.clone(),
        mode,
        ttl: std::time::Duration::from_secs(2 * 3600),
        process: None,
        own: true,
        releaser: Releaser::Assigner,
    }
}

/// Notes that a task is passed over from now on.
pub(crate) fn pass_over(tx: &mut LockTx<'_>, task: TaskId) -> Result<(), Error> {
    let now = tx.now().moment;
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET passed_over_ns = ?2 WHERE id = ?1 AND status = 'pending' AND passed_over_ns IS NULL",
        )?
        .execute([task.0, now.0])
        .map(drop)
    })
}

/// A pending task's place in line, if it has one; `None` when the task is not
/// pending any more.
pub(crate) fn waiter_of(
    tx: &mut LockTx<'_>,
    task: TaskId,
) -> Result<Option<Option<WaiterId>>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT waiter_id FROM prompts WHERE id = ?1 AND status = 'pending'")?
            .query_row([task.0], |row| row.get::<_, Option<i64>>(0))
            .optional()
            .map(|found| found.map(|waiter| waiter.map(WaiterId)))
    })
}

/// Notes a task's place in line, or that it has none.
pub(crate) fn set_waiter(
    tx: &mut LockTx<'_>,
    task: TaskId,
    waiter: Option<WaiterId>,
) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET waiter_id = ?2 WHERE id = ?1 AND status = 'pending'",
        )?
        .execute(params![task.0, waiter.map(|waiter| waiter.0)])
        .map(drop)
    })
}

/// Lets every task that stands in line be heard, and forgets places that are
/// gone: they are taken anew.
pub(crate) fn be_heard(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let now = tx.now().moment;
    for task in rows::standing(tx)? {
        let Some(id) = task.waiter else { continue };
        match tx.store().waiter(id)? {
            Some(_) => tx.store().update_waiter(id, &WaiterState::Waiting, now)?,
            None => set_waiter(tx, task.id, None)?,
        }
    }
    Ok(())
}

/// The soonest end of a pause before another try.
pub(crate) fn next_retry(tx: &mut LockTx<'_>) -> Result<Option<Moment>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT min(not_before_ns) FROM prompts INDEXED BY idx_prompts_retry
                 WHERE status = 'pending' AND held = 'retry'",
        )?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|found| found.map(Moment))
    })
}

/// Whether any task stands in line.
pub(crate) fn anybody_stands(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    sql(tx, |sql| {
        let query = "SELECT EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_standing
                         WHERE status = 'pending' AND waiter_id IS NOT NULL)";
        sql.prepare_cached(query)?.query_row([], |row| row.get(0))
    })
}
