//! What was said of a task that runs.

use gaia_locks::error::Error;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::{sql, text};
use crate::task::Told;

/// Keeps how a task ended, for its assigner to hear. The first word counts.
pub(crate) fn write(tx: &mut LockTx<'_>, id: TaskId, told: &Told) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET told = ?2 WHERE id = ?1 AND told IS NULL AND status IN ('assigned', 'in_progress')",
        )?
        .execute(params![id.0, text(told)?])
    })?;
    tx.tell();
    Ok(())
}

/// Whether the task's agent was told that this lock lapsed.
pub(crate) fn was_told_of(tx: &mut LockTx<'_>, id: TaskId, lock: LockId) -> Result<bool, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT coalesce(lapse_told = ?2, 0) FROM prompts WHERE id = ?1")?
            .query_row([id.0, lock.0], |row| row.get(0))
    })
}

/// Its agent is told now.
pub(crate) fn note_told_of(tx: &mut LockTx<'_>, id: TaskId, lock: LockId) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached("UPDATE prompts SET lapse_told = ?2 WHERE id = ?1")?
            .execute([id.0, lock.0])
            .map(drop)
    })
}
