//! Folders in which a task left uncommitted work, and tasks that are held
//! because of it [T13].

use gaia_locks::error::Error;
use gaia_locks::folder::is_within;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::model::Mode;
use gaia_locks::service::LockTx;
use rusqlite::params;
use serde_json::json;

use super::{sql, tasks};
use crate::task::Running;

/// What a task left in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Leftover {
    pub folder: String,
    pub task: TaskId,
    pub session: String,
    pub branch: Option<String>,
}

impl Leftover {
    /// What lies where, and whose it is.
    pub(crate) fn reason(&self) -> String {
        let branch = self.branch.as_ref();
        let branch = branch.map_or_else(String::new, |branch| format!(", branch {branch}"));
        format!(
            "uncommitted work of task {} (session {}{branch}) lies in {}",
            self.task, self.session, self.folder
        )
    }

    /// Under which name it is stashed.
    pub(crate) fn stash_name(&self) -> String {
        format!("gaia: task {} ({})", self.task, self.session)
    }

    /// What the next agent is told before its text.
    pub(crate) fn warning(&self) -> String {
        format!(
            "[GAIA: {}. It is not part of your task: do not discard it, and do not commit it as yours.]\n\n",
            self.reason()
        )
    }
}

/// Keeps with a task's lock how its folder was left, before the lock ends.
pub(crate) fn note(tx: &mut LockTx<'_>, running: &Running) -> Result<(), Error> {
    let (Some(token), Some(tree)) = (running.token, &running.work_tree) else {
        return Ok(());
    };
    let Some(record) = tx.store().record(token)? else {
        return Ok(());
    };
    tx.store().annotate(token, &json!({ "work_tree": tree }))?;
    let folder = record.folder.path();
    match tree.uncommitted {
        // One who only read found it there.
        Some(true) if record.mode == Mode::Shared => Ok(()),
        Some(true) => insert(tx, running, token, folder),
        Some(false) => forget(tx, folder),
        // What was known before is still all that is known.
        None => Ok(()),
    }
}

fn insert(
    tx: &mut LockTx<'_>,
    running: &Running,
    token: LockId,
    folder: &str,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    let branch = running
        .work_tree
        .as_ref()
        .and_then(|tree| tree.branch.clone());
    sql(tx, |sql| {
        sql.prepare_cached(
            "INSERT OR REPLACE INTO uncommitted (folder, task_id, session, lock_token, branch, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            folder,
            running.id.0,
            running.session.as_str(),
            token.0,
            branch,
            now
        ])
        .map(drop)
    })
}

/// Nothing lies uncommitted in a folder any more, nor below it.
pub(crate) fn forget(tx: &mut LockTx<'_>, folder: &str) -> Result<(), Error> {
    for left in all(tx)? {
        if is_within(&left.folder, folder) {
            sql(tx, |sql| {
                sql.prepare_cached("DELETE FROM uncommitted WHERE folder = ?1")?
                    .execute([&left.folder])
            })?;
        }
    }
    Ok(())
}

/// What another task left in a folder, above or below it.
pub(crate) fn left_in(
    tx: &mut LockTx<'_>,
    folder: &str,
    task: TaskId,
) -> Result<Option<Leftover>, Error> {
    let all = all(tx)?;
    Ok(all.into_iter().find(|left| {
        left.task != task && (is_within(&left.folder, folder) || is_within(folder, &left.folder))
    }))
}

fn all(tx: &mut LockTx<'_>) -> Result<Vec<Leftover>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT folder, task_id, session, branch FROM uncommitted ORDER BY at DESC",
        )?
        .query_map([], |row| {
            Ok(Leftover {
                folder: row.get(0)?,
                task: TaskId(row.get(1)?),
                session: row.get(2)?,
                branch: row.get(3)?,
            })
        })?
        .collect()
    })
}

/// Whether a person let this task go on whatever lies there.
pub(crate) fn may_go_on(tx: &mut LockTx<'_>, task: TaskId) -> Result<bool, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT go_ahead FROM prompts WHERE id = ?1")?
            .query_row([task.0], |row| row.get(0))
    })
}

/// Holds a task that waits, for a person to look.
pub(crate) fn hold(tx: &mut LockTx<'_>, task: TaskId, note: &str) -> Result<bool, Error> {
    let waiter = super::queue::waiter_of(tx, task)?;
    if let Some(Some(waiter)) = waiter {
        tx.leave(waiter)?;
    }
    let changed = sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET held = 'uncommitted', hold_note = ?2, waiter_id = NULL, passed_over_ns = NULL
                 WHERE id = ?1 AND status = 'pending' AND held IS NULL",
        )?
        .execute(params![task.0, note])
    })?;
    if changed > 0 {
        tasks::note(tx, task, None, "held", note)?;
        tx.tell();
    }
    Ok(changed > 0)
}

/// The tasks that are held so, with their folders.
pub(crate) fn held(tx: &mut LockTx<'_>) -> Result<Vec<(TaskId, String)>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT id, working_dir FROM prompts INDEXED BY idx_prompts_held
                 WHERE status = 'pending' AND held = 'uncommitted' AND working_dir IS NOT NULL",
        )?
        .query_map([], |row| Ok((TaskId(row.get(0)?), row.get(1)?)))?
        .collect()
    })
}
