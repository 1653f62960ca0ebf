//! The table of sessions.

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::LockTx;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{read, sql, text};
use crate::session::{Kind, Session, State};
use crate::wire::SessionInfo;

/// A session that is about to be added.
#[derive(Clone, Debug)]
pub(crate) struct NewSession<'a> {
    pub name: &'a SessionId,
    pub command: &'a str,
    pub argv: &'a [String],
    pub provider: Option<&'a str>,
    pub folder: Option<&'a str>,
}

/// What an idle session starts, and where when a task has no folder.
pub(crate) struct Command {
    pub argv: Vec<String>,
    pub folder: Option<String>,
}

/// All sessions that can be given tasks. A row that another program wrote and
/// whose name cannot be used is left alone.
pub(crate) fn all(tx: &mut LockTx<'_>) -> Result<Vec<Session>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, provider, status, current_task_id, idle_since_ns, coalesce(current_dir, working_dir)
                 FROM sessions WHERE kind = 'process' AND status IN ('idle', 'busy') ORDER BY name",
        )?;
        let rows = statement
            .query_map([], session)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<Option<Session>> {
    let name: String = row.get(0)?;
    let task: Option<i64> = row.get(3)?;
    let since = Moment(row.get::<_, Option<i64>>(4)?.unwrap_or(0));
    Ok(Some(Session {
        name: match SessionId::new(name) {
            Ok(name) => name,
            Err(_) => return Ok(None),
        },
        provider: row.get(1)?,
        state: match task {
            Some(task) => State::Busy { task: TaskId(task) },
            None => State::Idle { since },
        },
        folder: row.get(5)?,
    }))
}

/// Adds a session; whether its name was free.
pub(crate) fn insert(tx: &mut LockTx<'_>, new: &NewSession<'_>) -> Result<bool, Error> {
    let now = tx.now();
    sql(tx, |sql| {
        let added = sql.execute(
            "INSERT OR IGNORE INTO sessions
                 (name, status, kind, command, argv, provider, is_claude, working_dir, last_activity, updated_at, idle_since_ns)
             VALUES (?1, 'idle', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
            params![
                new.name.as_str(),
                Kind::Process.word(),
                new.command,
                text(&new.argv)?,
                new.provider,
                new.provider == Some("claude"),
                new.folder,
                now.wall.to_sql(),
                now.moment.0,
            ],
        )?;
        Ok(added > 0)
    })
}

/// What a session's row says, for people.
pub(crate) fn list(tx: &mut LockTx<'_>) -> Result<Vec<SessionInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{INFO} ORDER BY name");
        sql.prepare_cached(&query)?.query_map([], info)?.collect()
    })
}

/// One session's row.
pub(crate) fn by_name(tx: &mut LockTx<'_>, name: &str) -> Result<Option<SessionInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{INFO} WHERE name = ?1");
        sql.prepare_cached(&query)?
            .query_row([name], info)
            .optional()
    })
}

const INFO: &str = "SELECT name, kind, status, provider, command, working_dir, current_dir, current_task_id, last_activity
    FROM sessions";

fn info(row: &Row<'_>) -> rusqlite::Result<SessionInfo> {
    Ok(SessionInfo {
        name: row.get(0)?,
        kind: row.get(1)?,
        status: row
            .get::<_, Option<String>>(2)?
            .unwrap_or_else(|| "unknown".to_owned()),
        provider: row.get(3)?,
        command: row.get(4)?,
        working_dir: row.get(5)?,
        current_dir: row.get(6)?,
        current_task_id: row.get::<_, Option<i64>>(7)?.map(TaskId),
        last_activity: super::tasks::wall(row, 8)?,
    })
}

/// Removes a session.
pub(crate) fn remove(tx: &mut LockTx<'_>, name: &str) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute("DELETE FROM sessions WHERE name = ?1", [name])
            .map(drop)
    })
}

/// The command of a session that is idle, and its own folder; `None` when it
/// is not idle any more.
pub(crate) fn idle_command(
    tx: &mut LockTx<'_>,
    name: &SessionId,
) -> Result<Option<Command>, Error> {
    sql(tx, |sql| {
        let row = sql
            .prepare_cached(
                "SELECT argv, working_dir FROM sessions
                     WHERE name = ?1 AND status = 'idle' AND current_task_id IS NULL AND kind = 'process'",
            )?
            .query_row([name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(row.map(|(argv, folder)| Command {
            argv: read(argv).unwrap_or_default(),
            folder,
        }))
    })
}

/// It works from now on.
pub(crate) fn set_busy(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    task: TaskId,
    folder: Option<&str>,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET status = 'busy', current_task_id = ?2, current_dir = coalesce(?3, current_dir),
                 idle_since_ns = NULL, last_activity = ?4, updated_at = ?4 WHERE name = ?1",
        )?
        .execute(params![name.as_str(), task.0, folder, now])
        .map(drop)
    })
}

/// It is free again, if it worked on this task.
pub(crate) fn set_idle(tx: &mut LockTx<'_>, name: &SessionId, task: TaskId) -> Result<(), Error> {
    let now = tx.now();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET status = 'idle', current_task_id = NULL, idle_since_ns = ?3,
                 last_activity = ?4, updated_at = ?4 WHERE name = ?1 AND current_task_id = ?2",
        )?
        .execute(params![
            name.as_str(),
            task.0,
            now.moment.0,
            now.wall.to_sql()
        ])
        .map(drop)
    })
}
