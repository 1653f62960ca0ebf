//! Tasks that were taken out of GAIA's hands: another program has set their
//! state or their session, or has deleted them.

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Binding;
use gaia_locks::service::LockTx;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::{ending, number, queue, read, sessions, sql, tasks, uncommitted, words};
use crate::session::Kind;
use crate::task::Running;

/// With an index for each: they cannot share one.
const WRESTED: [(&str, &str); 2] = [
    (
        "idx_prompts_wrested",
        "deadline_ns IS NOT NULL AND status NOT IN ('assigned', 'in_progress')",
    ),
    (
        "idx_prompts_stateless",
        "deadline_ns IS NOT NULL AND status IS NULL",
    ),
];
/// A task whose state another program has set while it was in GAIA's hands.
#[derive(Debug)]
pub(crate) struct Wrested {
    pub running: Running,
    /// In whose hands it is; none for a remote session's.
    pub assigner: Option<ProcessIdentity>,
}

/// All of them. There are none but for a moment.
pub(crate) fn wrested(tx: &mut LockTx<'_>) -> Result<Vec<Wrested>, Error> {
    let mut found = deleted(tx)?;
    for (index, condition) in WRESTED {
        let rows = sql(tx, |sql| rows_of_wrested(sql, index, condition))?;
        for row in rows {
            found.extend(read_wrested(tx, row)?);
        }
    }
    Ok(found)
}

/// A wrested task, as its row says.
struct WrestedRow {
    id: TaskId,
    token: Option<LockId>,
    assigner: Option<ProcessIdentity>,
    keeper: Option<ProcessIdentity>,
    session: Option<String>,
    deadline: Moment,
}

fn rows_of_wrested(
    sql: &Connection,
    index: &str,
    condition: &str,
) -> rusqlite::Result<Vec<WrestedRow>> {
    let query = format!(
        "SELECT id, lock_token, assigner, keeper, assigned_session, deadline_ns FROM prompts INDEXED BY {index}
             WHERE {condition}"
    );
    let row = |row: &Row<'_>| {
        Ok(WrestedRow {
            id: TaskId(row.get(0)?),
            token: number(row, 1)?.map(LockId),
            assigner: read(words(row, 2)?),
            keeper: read(words(row, 3)?),
            session: words(row, 4)?,
            deadline: number(row, 5)?.map_or(Moment::MAX, Moment),
        })
    };
    sql.prepare_cached(&query)?.query_map([], row)?.collect()
}

fn read_wrested(tx: &mut LockTx<'_>, row: WrestedRow) -> Result<Option<Wrested>, Error> {
    let Some(session) = session_of(tx, row.id, row.token, row.session)? else {
        return Ok(None);
    };
    let running = Running {
        keeper: row.keeper,
        assigner: row.assigner.clone(),
        deadline: row.deadline,
        ..Running::known(row.id, session, row.token)
    };
    let assigner = row.assigner;
    Ok(Some(Wrested { running, assigner }))
}

/// Those whose rows were deleted: the sessions still name them, and their locks
/// who runs them.
fn deleted(tx: &mut LockTx<'_>) -> Result<Vec<Wrested>, Error> {
    let rows: Vec<(String, i64, bool)> = sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, current_task_id, kind = 'process' FROM sessions
                 WHERE current_task_id IS NOT NULL AND kind IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM prompts WHERE id = current_task_id)",
        )?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        statement.query_map([], row)?.collect()
    })?;
    let mut found = Vec::new();
    for (session, task, is_process) in rows {
        let Ok(session) = SessionId::new(session) else {
            continue;
        };
        let locks = tx.task_locks(&session, TaskId(task))?;
        let lock = locks.iter().find(|lock| LockTx::is_kept_by_assigner(lock));
        let keeper = lock.and_then(|lock| match &lock.binding {
            Binding::Process(keeper) if is_process => Some(keeper.clone()),
            _ => None,
        });
        let running = Running {
            keeper,
            ..Running::known(TaskId(task), session, lock.map(|lock| lock.id))
        };
        found.push(Wrested {
            running,
            assigner: None,
        });
    }
    Ok(found)
}

/// Lets go those of sessions elsewhere, for which nothing runs here: whoever
/// comes by does so. Whether there were any.
pub(crate) fn let_go_remote(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let mut any = false;
    for Wrested { running, .. } in wrested(tx)? {
        if is_remote(tx, &running.session)? {
            any |= let_go(tx, &running)?;
        }
    }
    Ok(any)
}

fn is_remote(tx: &mut LockTx<'_>, session: &SessionId) -> Result<bool, Error> {
    let row = sessions::by_name(tx, session.as_str())?;
    Ok(row.is_some_and(|row| row.kind.as_deref() == Some(Kind::Remote.word())))
}

/// Who had it: the lock knows, and so does the session's row; the task's may
/// have been changed.
fn session_of(
    tx: &mut LockTx<'_>,
    id: TaskId,
    token: Option<LockId>,
    named: Option<String>,
) -> Result<Option<SessionId>, Error> {
    if let Some(token) = token
        && let Some(record) = tx.store().record(token)?
    {
        return Ok(Some(record.holder.session));
    }
    let busy: Option<String> = sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT name FROM sessions WHERE current_task_id = ?1 AND kind IS NOT NULL",
        )?
        .query_row([id.0], |row| words(row, 0))
        .optional()
        .map(Option::flatten)
    })?;
    Ok(busy.or(named).and_then(|name| SessionId::new(name).ok()))
}

/// Ends what GAIA still has of a task that is not in its hands any more, once
/// nothing runs for it: locks and session; its state is the other program's
/// word. Whether there was anything to end.
pub(crate) fn let_go(tx: &mut LockTx<'_>, running: &Running) -> Result<bool, Error> {
    let Some(state) = state_of(tx, running)? else {
        return Ok(false);
    };
    uncommitted::note(tx, running)?;
    ending::end_locks(tx, running)?;
    sessions::set_free(tx, &running.session, running.id, false)?;
    forget_run(tx, running)?;
    if state == "completed" {
        queue::release_dependents(tx, running.id)?;
    }
    let details = match state.as_str() {
        "" => "another program took its state away".to_owned(),
        state => format!("another program set it to {state}"),
    };
    tasks::note(
        tx,
        running.id,
        Some(running.session.as_str()),
        "overruled",
        &details,
    )?;
    tx.tell();
    Ok(true)
}

/// The state that another program gave this run's task; none when the run is
/// over, or still goes on as it should. A row that was deleted is `deleted`.
/// A run without a lock has no token that tells it from the task's next one:
/// its deadline does.
fn state_of(tx: &mut LockTx<'_>, running: &Running) -> Result<Option<String>, Error> {
    let query = "SELECT status, (deadline_ns IS NOT NULL AND coalesce(status, '') NOT IN ('assigned', 'in_progress'))
             OR (deadline_ns IS NOT NULL AND assigned_session IS NOT ?2)
         FROM prompts WHERE id = ?1 AND lock_token IS ?3 AND (?3 IS NOT NULL OR deadline_ns IS ?4)";
    let token = running.token.map(|token| token.0);
    let (row, is_deleted) = sql(tx, |sql| {
        let row = sql
            .prepare_cached(query)?
            .query_row(
                params![
                    running.id.0,
                    running.session.as_str(),
                    token,
                    running.deadline.0
                ],
                |row| Ok((words(row, 0)?, number(row, 1)? == Some(1))),
            )
            .optional()?;
        let known = sql
            .prepare_cached("SELECT 1 FROM prompts WHERE id = ?1")?
            .exists([running.id.0])?;
        Ok((row, !known))
    })?;
    if is_deleted {
        return Ok(Some("deleted".to_owned()));
    }
    let wrested = row.filter(|(_, is_wrested)| *is_wrested);
    Ok(wrested.map(|(state, _)| state.unwrap_or_default()))
}

/// Clears GAIA's own columns; a task that is pending again may be taken again.
fn forget_run(tx: &mut LockTx<'_>, running: &Running) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET assigner = NULL, keeper = NULL, pane = NULL, deadline_ns = NULL, agent_pid = NULL,
                 stop = NULL, stop_by = NULL, stop_note = NULL, stop_ns = NULL, told = NULL, held = NULL,
                 lock_status = iif(lock_token IS NULL, lock_status, 'released'),
                 lock_released_at = iif(lock_token IS NULL, lock_released_at, ?2) WHERE id = ?1",
        )?
        .execute(params![running.id.0, now])
        .map(drop)
    })
}
