//! The tables of what agents' hooks tell.

use gaia_locks::clock::{Moment, Wall};
use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::service::LockTx;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{read, sql, text};
use crate::agents::{AgentEvent, AgentSession, Doing, is_pane};
use crate::session::Pane;

const COLUMNS: &str = "name, client, client_session, parent, by_gaia, task_id, process, status, calls, folder, \
                       started_at, heard_at, heard_ns, told_waiter";

/// So many events are kept.
const KEPT: i64 = 10_000;
/// Sessions that ended are forgotten after so many others.
const ENDED_KEPT: i64 = 1_000;

/// A row; one whose name cannot be used was written by somebody else and is
/// left alone.
fn session(row: &Row<'_>) -> rusqlite::Result<Option<AgentSession>> {
    let Ok(name) = SessionId::new(row.get::<_, String>(0)?) else {
        return Ok(None);
    };
    let parent: Option<String> = row.get(3)?;
    let heard = super::tasks::wall(row, 11)?.unwrap_or(Wall(0));
    Ok(Some(AgentSession {
        name,
        client: row.get(1)?,
        client_session: row.get(2)?,
        parent: parent.and_then(|parent| SessionId::new(parent).ok()),
        by_gaia: row.get(4)?,
        task: TaskId(row.get(5)?),
        process: read::<ProcessIdentity>(row.get(6)?),
        doing: Doing::from_word(&row.get::<_, String>(7)?),
        calls: read(row.get(8)?).unwrap_or_default(),
        folder: row.get(9)?,
        started: super::tasks::wall(row, 10)?.unwrap_or(heard),
        heard: (heard, Moment(row.get(12)?)),
        told_waiter: row.get(13)?,
    }))
}

fn some(tx: &mut LockTx<'_>, condition: &str, value: &str) -> Result<Vec<AgentSession>, Error> {
    let query = format!("SELECT {COLUMNS} FROM agent_sessions WHERE {condition} ORDER BY name");
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&query)?;
        let rows = statement.query_map([value], session)?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    })
}

/// The session of that name.
///
/// # Errors
/// When the store fails.
pub fn by_name(tx: &mut LockTx<'_>, name: &str) -> Result<Option<AgentSession>, Error> {
    Ok(some(tx, "name = ?1", name)?.pop())
}

/// All that go by one id of their client's: more than one where it is alive in
/// two processes.
///
/// # Errors
/// When the store fails.
pub fn by_client_session(tx: &mut LockTx<'_>, id: &str) -> Result<Vec<AgentSession>, Error> {
    some(
        tx,
        "client_session = ?1 AND parent IS NULL AND by_gaia = 0",
        id,
    )
}

/// The subagents of a session that have locks of their own.
///
/// # Errors
/// When the store fails.
pub fn children(tx: &mut LockTx<'_>, name: &str) -> Result<Vec<AgentSession>, Error> {
    some(tx, "parent = ?1 AND status <> 'ended'", name)
}

/// Those that did not end and are panes of ours.
pub(crate) fn in_panes(tx: &mut LockTx<'_>) -> Result<Vec<AgentSession>, Error> {
    let panes = "status <> ?1 AND name IN (SELECT name FROM sessions WHERE kind = 'tmux')";
    some(tx, panes, Doing::Ended.word())
}

/// Those that said that they work and were not heard since, though they are
/// given tasks and have none: nobody asked whether they live.
pub(crate) fn silent(tx: &mut LockTx<'_>, since: Moment) -> Result<Vec<AgentSession>, Error> {
    let idle =
        "SELECT name FROM sessions WHERE kind IN ('tmux', 'remote') AND current_task_id IS NULL";
    let silent = format!(
        "status = ?1 AND name IN ({idle}) AND heard_ns < {}",
        since.0
    );
    some(tx, &silent, Doing::Busy.word())
}

/// Those that did not end.
pub(crate) fn at_work(tx: &mut LockTx<'_>) -> Result<Vec<AgentSession>, Error> {
    some(tx, "status <> ?1", Doing::Ended.word())
}

/// Keeps what is known of a session.
///
/// # Errors
/// When the store fails.
pub fn save(tx: &mut LockTx<'_>, session: &AgentSession) -> Result<(), Error> {
    let ended = (session.doing == Doing::Ended).then(|| session.heard.0.to_sql());
    sql(tx, |sql| {
        let process = session.process.as_ref().map(text).transpose()?;
        sql.prepare_cached(
            "INSERT OR REPLACE INTO agent_sessions
                 (name, client, client_session, parent, by_gaia, task_id, process, status, calls, folder,
                  started_at, heard_at, heard_ns, told_waiter, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            session.name.as_str(),
            session.client,
            session.client_session,
            session.parent.as_ref().map(SessionId::as_str),
            session.by_gaia,
            session.task.0,
            process,
            session.doing.word(),
            text(&session.calls)?,
            session.folder,
            session.started.to_sql(),
            session.heard.0.to_sql(),
            session.heard.1.0,
            session.told_waiter,
            ended,
        ])
        .map(drop)
    })
}

/// Writes down what happened, and forgets what happened long ago.
///
/// # Errors
/// When the store fails.
pub fn tell(
    tx: &mut LockTx<'_>,
    session: &AgentSession,
    kind: &str,
    details: &serde_json::Value,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "INSERT INTO agent_events (at, session, task_id, kind, details) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![now, session.name.as_str(), session.task.0, kind, text(details)?])?;
        let last = sql.last_insert_rowid();
        sql.prepare_cached("DELETE FROM agent_events WHERE id <= ?1")?
            .execute([last - KEPT])
            .map(drop)
    })?;
    tx.tell();
    Ok(())
}

/// Writes down that a pane is given a task, and whether its client's hooks are
/// heard then: whatever is told of it comes after.
pub(crate) fn note_given(
    tx: &mut LockTx<'_>,
    session: &SessionId,
    task: TaskId,
    is_heard: bool,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    let details = serde_json::json!({ "was_heard": is_heard });
    sql(tx, |sql| {
        sql.prepare_cached(
            "INSERT INTO agent_events (at, session, task_id, kind, details) VALUES (?1, ?2, ?3, 'given', ?4)",
        )?
        .execute(params![now, session.as_str(), task.0, text(&details)?])
        .map(drop)
    })
}

/// That a pane was given a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Given {
    /// The event before the first that may be told of the task's present try.
    pub id: i64,
    /// Whether its client's hooks were heard then.
    pub was_heard: bool,
}

/// When a pane was given a task last.
pub(crate) fn given(
    tx: &mut LockTx<'_>,
    session: &SessionId,
    task: TaskId,
) -> Result<Given, Error> {
    let found: Option<(i64, Option<String>)> = sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT id, details FROM agent_events WHERE session = ?1 AND task_id = ?2 AND kind = 'given'
                 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![session.as_str(), task.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
    })?;
    let given = found.map(|(id, details)| {
        let details = read::<serde_json::Value>(details).unwrap_or_default();
        let was_heard = details["was_heard"] == true;
        Given { id, was_heard }
    });
    Ok(given.unwrap_or_default())
}

/// A session was seen to wait for work: no hook speaks of a turn that was
/// broken off at the keyboard.
pub(crate) fn rests(tx: &mut LockTx<'_>, session: &SessionId) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE agent_sessions SET status = 'idle', calls = '[]'
                 WHERE name = ?1 AND status IN ('busy', 'waiting_input')",
        )?
        .execute([session.as_str()])
        .map(drop)
    })
}

/// Whether a session's last turn went on in the background when it stopped.
///
/// # Errors
/// When the store fails.
pub fn is_in_background(tx: &mut LockTx<'_>, session: &SessionId) -> Result<bool, Error> {
    let found: Option<(String, Option<String>)> = sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT kind, details FROM agent_events WHERE session = ?1
                 AND kind IN ('began', 'prompted', 'stopped', 'failed', 'ended') ORDER BY id DESC LIMIT 1",
        )?
        .query_row([session.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
    })?;
    let details = found.filter(|(kind, _)| kind == "stopped");
    let details = details.and_then(|(_, details)| read::<serde_json::Value>(details));
    Ok(details.is_some_and(|details| details["background"] == true))
}

/// What happened in a session after an event that is known, oldest first.
///
/// # Errors
/// When the store fails.
pub fn events_after(
    tx: &mut LockTx<'_>,
    session: &str,
    after: i64,
) -> Result<Vec<AgentEvent>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT id, at, session, task_id, kind, details FROM agent_events
                 WHERE session = ?1 AND id > ?2 ORDER BY id",
        )?;
        let event = |row: &Row<'_>| {
            Ok(AgentEvent {
                id: row.get(0)?,
                at: super::tasks::wall(row, 1)?,
                session: row.get(2)?,
                task: TaskId(row.get(3)?),
                kind: row.get(4)?,
                details: read(row.get(5)?).unwrap_or_default(),
            })
        };
        statement
            .query_map(params![session, after], event)?
            .collect()
    })
}

/// Forgets sessions that ended before very many others did.
///
/// # Errors
/// When the store fails.
pub fn wants_no_more(tx: &mut LockTx<'_>) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "DELETE FROM agent_sessions WHERE status = 'ended' AND ended_at <
                 (SELECT ended_at FROM agent_sessions WHERE status = 'ended'
                      ORDER BY ended_at DESC LIMIT 1 OFFSET ?1)",
        )?
        .execute([ENDED_KEPT])
        .map(drop)
    })
}

/// The session that is this pane, and what it works on.
///
/// # Errors
/// When the store fails.
pub fn pane_session(
    tx: &mut LockTx<'_>,
    server: &str,
    pane: &str,
) -> Result<Option<(SessionId, TaskId)>, Error> {
    type Found = (String, Option<i64>, Option<String>);
    let rows: Vec<Found> = sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, current_task_id, pane FROM sessions WHERE kind = 'tmux' AND server = ?1",
        )?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        statement.query_map([server], row)?.collect()
    })?;
    let is_it = |row: &Found| {
        read::<Pane>(row.2.clone()).is_some_and(|known| is_pane(&known, server, pane))
    };
    let Some((name, task, _)) = rows.into_iter().find(is_it) else {
        return Ok(None);
    };
    let task = task.map_or(TaskId::NONE, TaskId);
    Ok(SessionId::new(name).ok().map(|name| (name, task)))
}

/// What a session works on.
///
/// # Errors
/// When the store fails.
pub fn works_on(tx: &mut LockTx<'_>, session: &SessionId) -> Result<TaskId, Error> {
    let found: Option<Option<i64>> = sql(tx, |sql| {
        sql.prepare_cached("SELECT current_task_id FROM sessions WHERE name = ?1")?
            .query_row([session.as_str()], |row| row.get(0))
            .optional()
    })?;
    Ok(found.flatten().map_or(TaskId::NONE, TaskId))
}

/// Whether a task only reads [T12].
///
/// # Errors
/// When the store fails.
pub fn only_reads(tx: &mut LockTx<'_>, task: TaskId) -> Result<bool, Error> {
    let found = sql(tx, |sql| {
        sql.prepare_cached("SELECT read_only FROM prompts WHERE id = ?1")?
            .query_row([task.0], |row| row.get::<_, bool>(0))
            .optional()
    })?;
    Ok(found.unwrap_or(false))
}

/// Whether a client's hooks were ever heard.
///
/// # Errors
/// When the store fails.
pub fn was_heard(tx: &mut LockTx<'_>, client: &str) -> Result<bool, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM agent_sessions WHERE client = ?1)")?
            .query_row([client], |row| row.get(0))
    })
}
