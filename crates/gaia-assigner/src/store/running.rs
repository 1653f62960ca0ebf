//! A task's way through a session: assigned, started; each step one transaction
//! that changes the lock, the task and the session together [T2]. Its end is
//! [`super::ending`].

use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{LockId, Scope, SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{Holder, Want};
use gaia_locks::service::{Acquire, Attempt, Line, LockTx};
use gaia_locks::wire::Answer;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{count, fraction, number, queue, read, sessions, sql, tasks, text, words};
use crate::agents;
use crate::plan::Assign;
use crate::session::Drive;
use crate::task::{Running, Stop};

/// In whose hands a task is given.
pub(crate) struct Hands<'a> {
    pub scope: &'a Scope,
    pub ttl: Duration,
    /// None for a remote session's: it asked for itself.
    pub assigner: Option<&'a ProcessIdentity>,
    /// Of a process task. Its lock is bound to it; a tmux session's to the
    /// process of its pane; a remote one's to none.
    pub keeper: Option<&'a ProcessIdentity>,
    pub log: &'a str,
    pub log_from: u64,
    /// Whether the hooks of its pane's client are heard now.
    pub is_heard: bool,
}

/// A task that was given to a session: what is to be started.
#[derive(Debug)]
pub(crate) struct Begun {
    pub running: Running,
    pub text: String,
    pub drive: Drive,
}

/// The columns of a pending task that its run needs.
struct Waiting {
    text: String,
    limit: Duration,
    spent: u32,
    most: u32,
    retry: bool,
}

/// Gives a task to a session; `None` when that does not hold any more: then
/// nothing was changed.
pub(crate) fn begin(
    tx: &mut LockTx<'_>,
    assign: &Assign,
    hands: &Hands<'_>,
) -> Result<Option<Begun>, Error> {
    let Some(waiting) = waiting(tx, assign.task)? else {
        return Ok(None);
    };
    let Some(drive) = sessions::idle(tx, &assign.session)? else {
        return Ok(None);
    };
    let pane = match &drive {
        Drive::Tmux(pane) => Some(pane.clone()),
        Drive::Process { .. } | Drive::Remote => None,
    };
    let bound_to = hands.keeper.or(pane.as_ref().map(|pane| &pane.process));
    let token = match &assign.folder {
        None => None,
        Some(_) => match lock(tx, assign, hands, bound_to)? {
            Some(token) => Some(token),
            None => return Ok(None),
        },
    };
    let running = Running {
        id: assign.task,
        session: assign.session.clone(),
        token,
        deadline: tx.now().moment.plus(waiting.limit),
        assigner: hands.assigner.cloned(),
        keeper: hands.keeper.cloned(),
        pane,
        agent_pid: None,
        is_started: false,
        stop: None,
        told: None,
        work_tree: None,
        retry: waiting.retry,
        spent: waiting.spent,
        most: waiting.most,
        log: Some((hands.log.to_owned(), hands.log_from)),
    };
    write_assigned(tx, &running)?;
    if running.pane.is_some() {
        agents::note_given(tx, &running.session, running.id, hands.is_heard)?;
    }
    let folder = assign.folder.as_ref().map(|folder| folder.path());
    sessions::set_busy(tx, &assign.session, assign.task, folder)?;
    tasks::note(
        tx,
        assign.task,
        Some(assign.session.as_str()),
        "assigned",
        folder.unwrap_or(""),
    )?;
    tx.tell();
    Ok(Some(Begun {
        running,
        text: waiting.text,
        drive,
    }))
}

fn waiting(tx: &mut LockTx<'_>, id: TaskId) -> Result<Option<Waiting>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT content, coalesce(timeout_minutes, 60), coalesce(retry_count, 0), coalesce(max_retries, 3), retry
                 FROM prompts WHERE id = ?1 AND status = 'pending' AND held IS NULL AND deadline_ns IS NULL",
        )?
        .query_row([id.0], |row| {
            let minutes = fraction(row, 1)?.unwrap_or(60.0);
            Ok(Waiting {
                text: words(row, 0)?.unwrap_or_default(),
                limit: Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(Duration::ZERO),
                spent: count(row, 2)?.unwrap_or(0),
                most: count(row, 3)?.unwrap_or(3),
                retry: number(row, 4)? == Some(1),
            })
        })
        .optional()
    })
}

/// Takes the task's lock, or its turn in the line; `None`: not now.
fn lock(
    tx: &mut LockTx<'_>,
    assign: &Assign,
    hands: &Hands<'_>,
    bound_to: Option<&ProcessIdentity>,
) -> Result<Option<LockId>, Error> {
    let Some(folder) = &assign.folder else {
        return Ok(None);
    };
    let holder = Holder::new(assign.session.clone(), assign.task);
    let want = Want {
        ttl: hands.ttl,
        process: bound_to.cloned(),
        ..queue::want(hands.scope, folder, &holder, assign.mode)
    };
    if let Some(waiter) = assign.waiter {
        let granted = tx.take_reserved(waiter, &want)?;
        return Ok(granted.and_then(|granted| granted.locks.first().map(|lock| lock.id)));
    }
    let request = Acquire {
        mode: want.mode,
        process: want.process.clone(),
        own: true,
        releaser: want.releaser,
        line: Line::Never,
        ..Acquire::new(folder.clone(), assign.session.clone(), assign.task)
    };
    match tx.acquire(&Attempt {
        want: &want,
        request: &request,
    })? {
        Answer::Granted(granted) => Ok(granted.locks.first().map(|lock| lock.id)),
        Answer::Refused(_) | Answer::Queued(_) => Ok(None),
    }
}

fn write_assigned(tx: &mut LockTx<'_>, running: &Running) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    let (log, from) = running.log.clone().unwrap_or_default();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET status = 'assigned', assigned_session = ?2, assigned_at = ?3, assigner = ?4,
                 keeper = ?5, deadline_ns = ?6, lock_token = ?7, lock_status = iif(?7 IS NULL, lock_status, 'active'),
                 lock_acquired_at = iif(?7 IS NULL, lock_acquired_at, ?3), lock_released_at = NULL,
                 passed_over_ns = NULL, waiter_id = NULL, stop = NULL, stop_by = NULL, stop_note = NULL,
                 agent_pid = NULL, started_at = NULL, exit_status = NULL, log_file = ?8, log_from = ?9,
                 pane = ?10, told = NULL, lapse_told = NULL, stop_ns = NULL, hold_note = NULL, go_ahead = 0
             WHERE id = ?1",
        )?
        .execute(params![
            running.id.0,
            running.session.as_str(),
            now,
            running.assigner.as_ref().map(text).transpose()?,
            running.keeper.as_ref().map(text).transpose()?,
            running.deadline.0,
            running.token.map(|token| token.0),
            Some(log).filter(|log| !log.is_empty()),
            i64::try_from(from).unwrap_or(i64::MAX),
            running.pane.as_ref().map(text).transpose()?,
        ])
        .map(drop)
    })
}

/// The agent runs.
pub(crate) fn started(
    tx: &mut LockTx<'_>,
    running: &Running,
    pid: Option<u32>,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET status = 'in_progress', started_at = ?3, agent_pid = ?4
                 WHERE id = ?1 AND assigned_session = ?2 AND status = 'assigned'",
        )?
        .execute(params![running.id.0, running.session.as_str(), now, pid])
        .map(drop)
    })?;
    sessions::starts_again(tx, &running.session)?;
    tx.tell();
    Ok(())
}

const RUNNING: &str =
    "SELECT id, assigned_session, lock_token, deadline_ns, assigner, keeper, agent_pid, stop, stop_by, stop_note,
            retry, coalesce(retry_count, 0), coalesce(max_retries, 3), log_file, coalesce(log_from, 0), pane, status = 'in_progress', told
         FROM prompts";

/// All tasks that sessions have.
pub(crate) fn all(tx: &mut LockTx<'_>) -> Result<Vec<Running>, Error> {
    let query = format!(
        "{RUNNING} INDEXED BY idx_prompts_running WHERE status IN ('assigned', 'in_progress') ORDER BY id"
    );
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&query)?;
        let rows = statement
            .query_map([], running)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    })
}

/// One task that a session has.
pub(crate) fn by_id(tx: &mut LockTx<'_>, id: TaskId) -> Result<Option<Running>, Error> {
    let query = format!("{RUNNING} WHERE id = ?1 AND status IN ('assigned', 'in_progress')");
    sql(tx, |sql| {
        let found = sql
            .prepare_cached(&query)?
            .query_row([id.0], running)
            .optional()?;
        Ok(found.flatten())
    })
}

fn running(row: &Row<'_>) -> rusqlite::Result<Option<Running>> {
    let session = words(row, 1)?;
    let Some(session) = session.and_then(|name| SessionId::new(name).ok()) else {
        return Ok(None);
    };
    let log: Option<String> = row.get(13)?;
    let log = log.filter(|log| !log.is_empty());
    let from: i64 = row.get(14)?;
    Ok(Some(Running {
        id: TaskId(row.get(0)?),
        session,
        token: row.get::<_, Option<i64>>(2)?.map(LockId),
        deadline: row.get::<_, Option<i64>>(3)?.map_or(Moment::MAX, Moment),
        assigner: read(row.get(4)?),
        keeper: read(row.get(5)?),
        pane: read(row.get(15)?),
        agent_pid: row.get(6)?,
        is_started: row.get(16)?,
        stop: stop(row)?,
        told: read(row.get(17)?),
        work_tree: None,
        retry: number(row, 10)? == Some(1),
        spent: count(row, 11)?.unwrap_or(0),
        most: count(row, 12)?.unwrap_or(3),
        log: log.map(|log| (log, u64::try_from(from).unwrap_or(0))),
    }))
}

fn stop(row: &Row<'_>) -> rusqlite::Result<Option<Stop>> {
    let word: Option<String> = row.get(7)?;
    let by = || {
        row.get::<_, Option<String>>(8)
            .map(Option::unwrap_or_default)
    };
    let note = || {
        row.get::<_, Option<String>>(9)
            .map(Option::unwrap_or_default)
    };
    Ok(match word.as_deref() {
        Some("cancelled") => Some(Stop::Cancelled),
        Some("forced") => Some(Stop::Forced {
            by: by()?,
            reason: note()?,
        }),
        Some("reassigned") => Some(Stop::Reassigned { by: by()? }),
        Some("timed_out") => Some(Stop::TimedOut),
        _ => None,
    })
}

/// Takes over a task whose assigner is gone.
pub(crate) fn adopt(
    tx: &mut LockTx<'_>,
    id: TaskId,
    from: Option<&ProcessIdentity>,
    me: &ProcessIdentity,
) -> Result<bool, Error> {
    let changed = sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET assigner = ?2 WHERE id = ?1 AND assigner IS ?3 AND status IN ('assigned', 'in_progress')",
        )?
        .execute(params![id.0, text(me)?, from.map(text).transpose()?])
    })?;
    Ok(changed > 0)
}
