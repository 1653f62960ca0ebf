//! The end of a try: lock, task, session and line change in one transaction [T3].

use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::model::Lock;
use gaia_locks::service::LockTx;
use gaia_locks::store::HistoryFilter;
use rusqlite::params;

use super::{agents, earlier, queue, sessions, sql, tasks, uncommitted};
use crate::keeper::Exit;
use crate::output::is_worker;
use crate::task::{Next, Outcome, Running, Stop};

/// What is kept of a try that has ended.
pub(crate) struct Ending<'a> {
    pub running: &'a Running,
    pub next: &'a Next,
    pub response: Option<&'a str>,
    pub exit_status: Option<i32>,
    /// Whether its agent ran at all, if only for too short a time to be noted.
    pub has_run: bool,
    /// Whether its session was seen to wait for work again.
    pub seen_idle: bool,
    /// Why its session could not be started, and how long it is set aside for
    /// that at first.
    pub aside: Option<(&'a str, Duration)>,
}

impl<'a> Ending<'a> {
    /// What an outcome alone tells.
    pub(crate) fn of(running: &'a Running, outcome: &Outcome, next: &'a Next) -> Self {
        Self {
            running,
            next,
            response: None,
            exit_status: match outcome {
                Outcome::Exit(Exit::Code(code))
                | Outcome::Stopped(Exit::Code(code))
                | Outcome::Late(Exit::Code(code)) => Some(*code),
                _ => None,
            },
            has_run: matches!(
                outcome,
                Outcome::Exit(_)
                    | Outcome::Stopped(_)
                    | Outcome::Late(_)
                    | Outcome::Unrenewed
                    | Outcome::LeaseLost(_)
                    | Outcome::Told(_)
                    | Outcome::Left(_)
            ),
            seen_idle: *outcome == Outcome::SeenIdle,
            aside: None,
        }
    }
}

/// Ends a try: the task's locks, its state, its session's state and what
/// waited for it, in one transaction [T3]. `false`: it had ended before, and
/// nothing was changed.
pub(crate) fn end(tx: &mut LockTx<'_>, ending: &Ending<'_>) -> Result<bool, Error> {
    let running = ending.running;
    if !write_ended(tx, ending)? {
        return earlier::let_go(tx, running);
    }
    uncommitted::note(tx, running)?;
    end_locks(tx, running)?;
    sessions::set_free(tx, &running.session, running.id, ending.seen_idle)?;
    if ending.seen_idle && running.pane.is_some() {
        agents::rests(tx, &running.session)?;
    }
    if let Some((why, first_pause)) = ending.aside {
        sessions::set_aside(tx, &running.session, first_pause, why)?;
    } else if ending.has_run {
        sessions::starts_again(tx, &running.session)?;
    }
    if *ending.next == Next::Completed {
        queue::release_dependents(tx, running.id)?;
    }
    let (action, details) = match ending.next {
        Next::Completed => ("completed", ""),
        Next::Failed(why) => ("failed", why.as_str()),
        Next::Cancelled => ("cancelled", ""),
        Next::Again { why, .. } => ("retry", why.as_str()),
        Next::Held(why) => ("held", why.as_str()),
    };
    tasks::note(
        tx,
        running.id,
        Some(running.session.as_str()),
        action,
        details,
    )?;
    tx.tell();
    Ok(true)
}

/// A try without a lock has no token that tells it from the task's next one in
/// the same session: its deadline does.
fn write_ended(tx: &mut LockTx<'_>, ending: &Ending<'_>) -> Result<bool, Error> {
    let now = tx.now();
    let running = ending.running;
    let (status, error, until, spent) = match ending.next {
        Next::Completed => ("completed", None, None, 0),
        Next::Failed(why) => ("failed", Some(why.clone()), None, 1),
        Next::Cancelled => ("cancelled", Some("cancelled".to_owned()), None, 0),
        Next::Again { spent, pause, why } => {
            let until = (!pause.is_zero()).then(|| now.moment.plus(*pause));
            ("pending", Some(why.clone()), until, i64::from(*spent))
        }
        Next::Held(_) => ("pending", None, None, 0),
    };
    let over = status != "pending";
    let (held, hold_note) = match ending.next {
        Next::Held(why) => (Some("uncommitted"), Some(why.as_str())),
        _ => (until.map(|_| "retry"), None),
    };
    let lock = running.token.map(|_| now.wall.to_sql());
    let changed = sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET status = ?4, error = ?5, held = ?6, not_before_ns = ?7,
                 retry_count = coalesce(retry_count, 0) + ?8, completed_at = ?9, response = coalesce(?10, response),
                 exit_status = ?11, started_at = iif(?13, coalesce(started_at, assigned_at), started_at), lock_status = iif(?3 IS NULL, lock_status, 'released'),
                 lock_released_at = ?12, assigner = NULL, keeper = NULL, pane = NULL, deadline_ns = NULL, agent_pid = NULL,
                 stop = NULL, stop_by = NULL, stop_note = NULL, stop_ns = NULL, told = NULL,
                 hold_note = ?14
             WHERE id = ?1 AND assigned_session = ?2 AND lock_token IS ?3 AND status IN ('assigned', 'in_progress')
                 AND (?3 IS NOT NULL OR coalesce(deadline_ns, ?16) = ?15)",
        )?
        .execute(params![
            running.id.0,
            running.session.as_str(),
            running.token.map(|token| token.0),
            status,
            error,
            held,
            until.map(|moment| moment.0),
            spent,
            over.then(|| now.wall.to_sql()),
            ending.response,
            ending.exit_status,
            lock,
            ending.has_run,
            hold_note,
            running.deadline.0,
            Moment::MAX.0,
        ])
    })?;
    Ok(changed > 0)
}

/// Its own lock, and those that its agent took for (session, task) meanwhile.
pub(super) fn end_locks(tx: &mut LockTx<'_>, running: &Running) -> Result<(), Error> {
    if let (Some(token), Some(Stop::Forced { by, reason })) = (running.token, &running.stop) {
        tx.force_task_lock(token, by, reason)?;
    }
    let filter = HistoryFilter {
        task: Some(running.id),
        session: Some(running.session.clone()),
        ..HistoryFilter::default()
    };
    // Whatever the history says of their end: other programs write there too.
    // Those that have ended are passed over.
    let records = tx.store().history(&filter)?;
    let mut tokens: Vec<LockId> = records.iter().map(|record| record.id).collect();
    tokens.extend(workers_own(tx, running)?);
    tx.end_task_locks(&tokens, "assigner")?;
    let Some(token) = running.token else {
        return Ok(());
    };
    // A lock that lapsed or whose process died before was ended by that.
    let record = tx.store().record(token)?;
    let word = record
        .and_then(|record| record.end)
        .map(|end| end.reason.status().word());
    if word.is_some_and(|word| word != "released") {
        sql(tx, |sql| {
            sql.execute(
                "UPDATE prompts SET lock_status = ?2 WHERE id = ?1",
                params![running.id.0, word],
            )
            .map(drop)
        })?;
    }
    Ok(())
}

/// What a worker locked by itself while it worked on this. No task stands in
/// its environment, because it outlives its tasks, so by its commands those are
/// its session's; but they are for this task.
fn workers_own(tx: &mut LockTx<'_>, running: &Running) -> Result<Vec<LockId>, Error> {
    let argv = sessions::argv(tx, running.session.as_str())?;
    if running.keeper.is_none() || !is_worker(&argv) {
        return Ok(Vec::new());
    }
    let since = tasks::by_id(tx, running.id)?.and_then(|task| task.assigned_at);
    let is_since = |lock: &Lock| match running.token {
        Some(token) => lock.id > token,
        None => Some(lock.granted_at) >= since,
    };
    let own = tx.task_locks(&running.session, TaskId::NONE)?;
    Ok(own
        .iter()
        .filter(|lock| is_since(lock))
        .map(|lock| lock.id)
        .collect())
}

/// Fails a task that no session ever got [T1]. Its place in line, if it has
/// one, would hold others back.
pub(crate) fn fail_pending(tx: &mut LockTx<'_>, id: TaskId, why: &str) -> Result<bool, Error> {
    let now = tx.now().wall.to_sql();
    let Some(waiter) = queue::waiter_of(tx, id)? else {
        return Ok(false);
    };
    if let Some(waiter) = waiter {
        tx.leave(waiter)?;
    }
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET status = 'failed', error = ?2, completed_at = ?3, waiter_id = NULL
                 WHERE id = ?1 AND status = 'pending'",
        )?
        .execute(params![id.0, why, now])
    })?;
    tasks::note(tx, id, None, "failed", why)?;
    tx.tell();
    Ok(true)
}
