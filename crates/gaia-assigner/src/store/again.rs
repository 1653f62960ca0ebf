//! Tasks that are tried again, go elsewhere, or are forgotten.

use gaia_locks::clock::Wall;
use gaia_locks::error::Error;
use gaia_locks::ids::TaskId;
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::{sql, tasks};
use crate::service::Aim;
use crate::wire::TaskInfo;

/// What holds a task back whose needed tasks are not all completed.
const HELD_BY_NEEDS: &str =
    "iif(EXISTS (SELECT 1 FROM task_needs n LEFT JOIN prompts p ON p.id = n.needs_id
     WHERE n.task_id = prompts.id AND coalesce(p.status, '') <> 'completed'), 'after', NULL)";

/// Makes a task that failed or was called off pending again, with fresh tries.
pub(crate) fn revive(tx: &mut LockTx<'_>, id: TaskId, by: &str) -> Result<(), Error> {
    sql(tx, |sql| {
        let query = format!(
            "UPDATE prompts SET status = 'pending', retry_count = 0, held = {HELD_BY_NEEDS}, hold_note = NULL,
                 go_ahead = 0, not_before_ns = NULL, passed_over_ns = NULL, waiter_id = NULL, error = NULL,
                 exit_status = NULL, completed_at = NULL, stop = NULL, stop_by = NULL, stop_note = NULL,
                 stop_ns = NULL, told = NULL
             WHERE id = ?1 AND status IN ('failed', 'cancelled')"
        );
        sql.prepare_cached(&query)?.execute([id.0])
    })?;
    tasks::note(tx, id, None, "retry", &format!("by {by}"))?;
    tx.tell();
    Ok(())
}

/// Lets a task go on that waits for its next try or for a person.
pub(crate) fn let_go(tx: &mut LockTx<'_>, id: TaskId, by: &str) -> Result<(), Error> {
    let changed = sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET go_ahead = (held = 'uncommitted'), held = NULL, hold_note = NULL, not_before_ns = NULL
                 WHERE id = ?1 AND status = 'pending' AND held IN ('retry', 'uncommitted')",
        )?
        .execute([id.0])
    })?;
    if changed > 0 {
        tasks::note(tx, id, None, "go_ahead", &format!("by {by}"))?;
        tx.tell();
    }
    Ok(())
}

/// All tasks that failed.
pub(crate) fn failed(tx: &mut LockTx<'_>) -> Result<Vec<TaskId>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT id FROM prompts WHERE status = 'failed' ORDER BY id")?
            .query_map([], |row| row.get(0).map(TaskId))?
            .collect()
    })
}

/// Gives a task another aim.
pub(crate) fn aim(tx: &mut LockTx<'_>, task: &TaskInfo, aim: &Aim, by: &str) -> Result<(), Error> {
    let (session, provider) = match aim {
        Aim::Session(name) => (Some(name.clone()), None),
        Aim::Provider(name) => (None, Some(name.clone())),
        Aim::Anybody => (None, None),
    };
    // Without a lane it is taken up anew, as what other programs write.
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET target_session = ?2, target_provider = ?3, preferred = '[]', fallbacks = '[]',
                 lane = NULL, passed_over_ns = NULL WHERE id = ?1",
        )?
        .execute(params![task.id.0, session, provider])
    })?;
    let whom = session.or(provider);
    let details = format!("to {} by {by}", whom.as_deref().unwrap_or("anybody"));
    tasks::note(
        tx,
        task.id,
        task.assigned_session.as_deref(),
        "reassigned",
        &details,
    )?;
    tx.tell();
    Ok(())
}

/// What is kept beyond its time: what a task needs that stays itself and may
/// still be done, because it has not ended or can be tried again.
const STILL_NEEDED: &str = "WITH RECURSIVE needed(id) AS (
         SELECT n.needs_id FROM task_needs n JOIN prompts p ON p.id = n.task_id
             WHERE p.status IS NOT 'completed' AND NOT (p.status IN ('failed', 'cancelled')
                 AND coalesce(p.completed_at, p.created_at, '') <= ?1)
         UNION
         SELECT n.needs_id FROM needed JOIN prompts p ON p.id = needed.id JOIN task_needs n ON n.task_id = p.id
             WHERE p.status IS NOT 'completed')";

/// Forgets tasks that ended before an instant; what the locks' history says of
/// them stays, and so do those that another task still needs. Gives their ids
/// and where their output is.
pub(crate) fn clear(
    tx: &mut LockTx<'_>,
    before: Wall,
) -> Result<Vec<(TaskId, Option<String>)>, Error> {
    let gone = sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&format!(
            "{STILL_NEEDED} DELETE FROM prompts WHERE status IN ('completed', 'failed', 'cancelled')
                 AND coalesce(completed_at, created_at, '') <= ?1 AND id NOT IN (SELECT id FROM needed)
             RETURNING id, log_file"
        ))?;
        let rows = statement.query_map([before.to_sql()], |row| {
            Ok((TaskId(row.get(0)?), row.get(1)?))
        })?;
        let gone: Vec<(TaskId, Option<String>)> = rows.collect::<rusqlite::Result<_>>()?;
        for (id, _) in &gone {
            sql.prepare_cached("DELETE FROM task_needs WHERE task_id = ?1")?
                .execute([id.0])?;
        }
        Ok(gone)
    })?;
    tx.tell();
    Ok(gone)
}
