//! The table of sessions.

use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::LockTx;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{count, earlier, number, read, sql, text, words};
use crate::session::{Away, Drive, Kind, Pane, Session, State, aside};
use crate::task::LONGEST_PAUSE;
use crate::wire::SessionInfo;

/// A session that is about to be added.
#[derive(Clone, Debug)]
pub(crate) struct NewSession<'a> {
    pub name: &'a SessionId,
    pub kind: Kind,
    /// As its user wrote it.
    pub command: Option<&'a str>,
    /// Of a process session.
    pub argv: &'a [String],
    pub provider: Option<&'a str>,
    pub folder: Option<&'a str>,
}

/// All known sessions, of every kind and in every state. A row that another
/// program wrote and whose name or kind cannot be used is left alone.
pub(crate) fn all(tx: &mut LockTx<'_>) -> Result<Vec<Session>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, provider, coalesce(status, 'unknown'), current_task_id, idle_since_ns,
                    coalesce(current_dir, working_dir), kind, failed_starts
                 FROM sessions WHERE kind IS NOT NULL ORDER BY name",
        )?;
        let rows = statement
            .query_map([], session)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<Option<Session>> {
    let (name, kind) = (
        words(row, 0)?.unwrap_or_default(),
        words(row, 6)?.unwrap_or_default(),
    );
    let (Ok(name), Some(kind)) = (SessionId::new(name), Kind::from_word(&kind)) else {
        return Ok(None);
    };
    let (status, task) = (words(row, 2)?.unwrap_or_default(), number(row, 3)?);
    let since = Moment(row.get::<_, Option<i64>>(4)?.unwrap_or(0));
    Ok(Some(Session {
        name,
        kind,
        provider: words(row, 1)?,
        state: match (task, status.as_str()) {
            (Some(task), _) => State::Busy { task: TaskId(task) },
            (None, "idle") => State::Idle { since },
            (None, other) => State::Away(Away::from_word(other)),
        },
        folder: words(row, 5)?,
        failed_starts: count(row, 7)?.unwrap_or(0),
        is_unprotected: false,
        is_gone: false,
    }))
}

/// Adds a session; whether its name was free. A row of an earlier assigner's, of
/// which nobody knew how it is driven, becomes this one.
pub(crate) fn insert(tx: &mut LockTx<'_>, new: &NewSession<'_>) -> Result<bool, Error> {
    let added = insert_row(tx, new)?;
    earlier::remember(tx)?;
    Ok(added)
}

fn insert_row(tx: &mut LockTx<'_>, new: &NewSession<'_>) -> Result<bool, Error> {
    if super::panes::pattern_by_name(tx, new.name.as_str())?.is_some() {
        return Ok(false);
    }
    let now = tx.now();
    // Nobody has seen yet what the others do.
    let is_idle = new.kind == Kind::Process;
    sql(tx, |sql| {
        let added = sql.execute(
            "INSERT INTO sessions
                 (name, status, kind, command, argv, provider, is_claude, working_dir, last_activity, updated_at, idle_since_ns)
             VALUES (?1, ?10, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)
             ON CONFLICT (name) DO UPDATE SET status = excluded.status, kind = excluded.kind,
                 command = excluded.command, argv = excluded.argv,
                 provider = coalesce(excluded.provider, sessions.provider), is_claude = excluded.is_claude,
                 working_dir = coalesce(excluded.working_dir, sessions.working_dir), current_task_id = NULL,
                 last_activity = excluded.last_activity, updated_at = excluded.updated_at,
                 idle_since_ns = excluded.idle_since_ns
             WHERE sessions.kind IS NULL",
            params![
                new.name.as_str(),
                new.kind.word(),
                new.command,
                text(&new.argv)?,
                new.provider,
                new.provider == Some("claude"),
                new.folder,
                now.wall.to_sql(),
                is_idle.then_some(now.moment.0),
                if is_idle { "idle" } else { "unknown" },
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

const INFO: &str = "SELECT name, kind, status, provider, command, working_dir, current_dir, current_task_id, last_activity,
        server, target, pane, pattern, aside_reason
    FROM sessions";

fn info(row: &Row<'_>) -> rusqlite::Result<SessionInfo> {
    Ok(SessionInfo {
        name: words(row, 0)?.unwrap_or_default(),
        kind: words(row, 1)?,
        status: words(row, 2)?.unwrap_or_else(|| "unknown".to_owned()),
        provider: words(row, 3)?,
        command: words(row, 4)?,
        server: words(row, 9)?,
        target: words(row, 10)?,
        pane: read::<Pane>(words(row, 11)?).map(|pane| pane.id),
        pattern: words(row, 12)?,
        working_dir: words(row, 5)?,
        current_dir: words(row, 6)?,
        current_task_id: number(row, 7)?.map(TaskId),
        last_activity: super::tasks::wall(row, 8)?,
        aside_reason: words(row, 13)?,
        agent: None,
    })
}

/// Removes a session.
pub(crate) fn remove(tx: &mut LockTx<'_>, name: &str) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute("DELETE FROM sessions WHERE name = ?1", [name])
            .map(drop)
    })
}

/// What drives a session that is idle; `None` when it is not idle any more.
pub(crate) fn idle(tx: &mut LockTx<'_>, name: &SessionId) -> Result<Option<Drive>, Error> {
    sql(tx, |sql| {
        let found = sql
            .prepare_cached(
                "SELECT kind, argv, working_dir, pane FROM sessions
                     WHERE name = ?1 AND status = 'idle' AND current_task_id IS NULL",
            )?
            .query_row([name.as_str()], drive)
            .optional()?;
        Ok(found.flatten())
    })
}

/// The command of a process session; empty where there is none.
pub(crate) fn argv(tx: &mut LockTx<'_>, name: &str) -> Result<Vec<String>, Error> {
    sql(tx, |sql| {
        let found = sql
            .prepare_cached("SELECT argv FROM sessions WHERE name = ?1 AND kind = 'process'")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(read(found.flatten()).unwrap_or_default())
    })
}

/// The pane that a session is.
pub(crate) fn pane(tx: &mut LockTx<'_>, name: &str) -> Result<Option<Pane>, Error> {
    sql(tx, |sql| {
        let found = sql
            .prepare_cached("SELECT pane FROM sessions WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(read(found.flatten()))
    })
}

fn drive(row: &Row<'_>) -> rusqlite::Result<Option<Drive>> {
    let kind: Option<String> = row.get(0)?;
    Ok(match kind.as_deref().and_then(Kind::from_word) {
        Some(Kind::Process) => Some(Drive::Process {
            argv: read(row.get(1)?).unwrap_or_default(),
            folder: row.get(2)?,
        }),
        Some(Kind::Tmux) => read(row.get(3)?).map(Drive::Tmux),
        Some(Kind::Remote) => Some(Drive::Remote),
        None => None,
    })
}

/// It works from now on. A process is started in its task's folder; a pane
/// stays where it is.
pub(crate) fn set_busy(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    task: TaskId,
    folder: Option<&str>,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET status = 'busy', current_task_id = ?2,
                 current_dir = iif(kind = 'tmux', current_dir, coalesce(?3, current_dir)),
                 idle_since_ns = NULL, last_activity = ?4, updated_at = ?4 WHERE name = ?1",
        )?
        .execute(params![name.as_str(), task.0, folder, now])
        .map(drop)
    })
}

/// It has no task any more, if it worked on this one. A process session is
/// idle then; others are when they are seen to be, or say so.
pub(crate) fn set_free(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    task: TaskId,
    seen_idle: bool,
) -> Result<(), Error> {
    let now = tx.now();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET status = iif(kind = 'process' OR ?5, 'idle', 'unknown'), current_task_id = NULL,
                 idle_since_ns = iif(kind = 'process' OR ?5, ?3, NULL), last_activity = ?4, updated_at = ?4
             WHERE name = ?1 AND current_task_id = ?2",
        )?
        .execute(params![
            name.as_str(),
            task.0,
            now.moment.0,
            now.wall.to_sql(),
            seen_idle,
        ])
        .map(drop)
    })
}

/// Sets a process session aside because it could not be started [T2]; how long
/// grows with how often that was so.
pub(crate) fn set_aside(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    first_pause: Duration,
    why: &str,
) -> Result<(), Error> {
    let now = tx.now().moment;
    let failed: Option<u32> = sql(tx, |sql| {
        sql.prepare_cached("SELECT failed_starts FROM sessions WHERE name = ?1 AND kind = 'process' AND current_task_id IS NULL")?
            .query_row([name.as_str()], |row| row.get(0))
            .optional()
    })?;
    let Some(failed) = failed else {
        return Ok(());
    };
    let until = now.plus(aside(failed, first_pause));
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET status = 'unknown', idle_since_ns = NULL, failed_starts = failed_starts + 1,
                 aside_until_ns = ?2, aside_reason = ?3 WHERE name = ?1",
        )?
        .execute(params![name.as_str(), until.0, why])
        .map(drop)
    })
}

/// It was started: what was wrong with it is so no more.
pub(crate) fn starts_again(tx: &mut LockTx<'_>, name: &SessionId) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET failed_starts = 0, aside_until_ns = NULL, aside_reason = NULL
                 WHERE name = ?1 AND failed_starts > 0",
        )?
        .execute([name.as_str()])
        .map(drop)
    })
}

/// One that is set aside for longer than the longest pause was so before the
/// machine's restart.
const IS_BACK: &str = "kind = 'process' AND status = 'unknown' AND current_task_id IS NULL
    AND (aside_until_ns <= ?1 OR aside_until_ns > ?2)";

/// Whether a session's time aside is over.
pub(crate) fn is_anybody_back(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let now = tx.now().moment;
    let query = format!("SELECT EXISTS (SELECT 1 FROM sessions WHERE {IS_BACK})");
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_row([now.0, now.plus(LONGEST_PAUSE).0], |row| row.get(0))
    })
}

/// Gives sessions whose time aside is over another chance.
pub(crate) fn take_back(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let now = tx.now().moment;
    let query = format!(
        "UPDATE sessions SET status = 'idle', idle_since_ns = ?1, aside_until_ns = NULL WHERE {IS_BACK}"
    );
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .execute([now.0, now.plus(LONGEST_PAUSE).0])
            .map(drop)
    })
}

/// When the next session that is set aside is given another chance.
pub(crate) fn next_back(tx: &mut LockTx<'_>) -> Result<Option<Moment>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT min(aside_until_ns) FROM sessions WHERE status = 'unknown'")?
            .query_row([], |row| row.get::<_, Option<i64>>(0))
            .map(|found| found.map(Moment))
    })
}
