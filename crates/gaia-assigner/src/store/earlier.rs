//! What other programs do in the same tables: earlier assigners, dashboards,
//! scripts (section 4).
//!
//! A task in GAIA's hands has a deadline (`deadline_ns`), one in another
//! program's has none. So two things are seen without anybody telling:
//! - a *wrested* task: it was in GAIA's hands, and another program has set its
//!   state or its session. What runs for it is stopped, then its locks end; the
//!   state stays as the other program set it.
//! - an *earlier assigner at work*: tasks that run without a deadline, or
//!   sessions of which GAIA does not know how they are driven, change. Until they
//!   have not changed for a while, and none of those tasks may still run, nothing
//!   is assigned: it would give the same tasks to its own sessions, and takes no
//!   locks ([ADR 17]).
//!
//! [ADR 17]: ../../../docs/adr/0017-earlier-assigners.md

mod claims;
mod wrested;

use std::time::Duration;

use gaia_locks::clock::{Moment, Now, Wall};
use gaia_locks::error::Error;
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::{count, fraction, number, sql, tasks, words};

pub(crate) use claims::{AT_ONCE, Claim, Orphan, Seen, claims, end_orphans, is_any_over, may_run};
pub(crate) use wrested::{Wrested, let_go, let_go_remote, wrested};

/// How long an earlier assigner must have been quiet before GAIA assigns.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

const CLAIMED: &str = "status IN ('assigned', 'in_progress') AND deadline_ns IS NULL";

/// Whether a session elsewhere must wait for an earlier assigner: it is at work,
/// or a task in its hands may still run. Nobody here has seen for how long, so
/// the times in the rows count.
pub(crate) fn is_in_the_way(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let now = tx.now();
    Ok(is_at_work(tx, QUIET)? || may_run(&claims(tx)?, &Seen::default(), now))
}

/// Whether an earlier assigner is at work; it writes only where [`has_changed`].
/// It is taken to be until what is in its hands has not changed for
/// `quiet`.
pub(crate) fn is_at_work(tx: &mut LockTx<'_>, quiet: Duration) -> Result<bool, Error> {
    let now = tx.now();
    let (mark, known, since) = marks(tx)?;
    match known {
        Some(known) if known == mark => Ok(since.is_some_and(|since| is_recent(since, now, quiet))),
        Some(_) => {
            note(tx, &mark, Some(now.moment))?;
            Ok(true)
        }
        None => {
            let at_work = was_just_there(tx, now.wall, quiet)?;
            note(tx, &mark, at_work.then_some(now.moment))?;
            Ok(at_work)
        }
    }
}

/// Whether what is in other hands is not what was noted of it: then
/// [`is_at_work`] has something to write.
pub(crate) fn has_changed(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let (mark, known, _) = marks(tx)?;
    Ok(known != Some(mark))
}

/// Takes what is in other hands now for what it was: it was GAIA that changed it.
pub(crate) fn remember(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let (mark, known, since) = marks(tx)?;
    match known {
        Some(known) if known != mark => note(tx, &mark, since),
        _ => Ok(()),
    }
}

/// A moment of another start of the machine lies after now, or long ago.
fn is_recent(since: Moment, now: Now, quiet: Duration) -> bool {
    since <= now.moment && now.moment.since(since) < quiet
}

fn note(tx: &mut LockTx<'_>, mark: &str, since: Option<Moment>) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached("UPDATE gaia_state SET others_mark = ?1, others_ns = ?2")?
            .execute(params![mark, since.map(|since| since.0)])
            .map(drop)
    })
}

/// What is in other hands, as a text that changes with it; what was noted of it
/// before, and since when it has been so.
fn marks(tx: &mut LockTx<'_>) -> Result<(String, Option<String>, Option<Moment>), Error> {
    let query = format!(
        "SELECT (SELECT count(*) || ' ' || coalesce(max(last_activity), '') || ' ' || coalesce(max(updated_at), '')
                     || ' ' || coalesce(sum(coalesce(current_task_id, 0)), 0)
                     || ' ' || coalesce(group_concat(status), '') FROM sessions WHERE kind IS NULL)
             || ' / ' ||
             (SELECT count(*) || ' ' || coalesce(max(id), 0) || ' ' || coalesce(max(assigned_at), '')
                     || ' ' || coalesce(sum(status = 'assigned'), 0)
                  FROM prompts INDEXED BY idx_prompts_running WHERE {CLAIMED}),
             others_mark, others_ns FROM gaia_state"
    );
    sql(tx, |sql| {
        sql.prepare_cached(&query)?.query_row([], |row| {
            Ok((
                words(row, 0)?.unwrap_or_default(),
                words(row, 1)?,
                number(row, 2)?.map(Moment),
            ))
        })
    })
}

/// At first sight nothing is known to compare with, but for the times that the
/// rows tell. They may be local times: the quarter of an hour counts.
fn was_just_there(tx: &mut LockTx<'_>, now: Wall, quiet: Duration) -> Result<bool, Error> {
    const QUARTER: i64 = 900_000_000;
    let query = format!(
        "SELECT last_activity FROM sessions WHERE kind IS NULL
         UNION ALL SELECT updated_at FROM sessions WHERE kind IS NULL
         UNION ALL SELECT assigned_at FROM prompts INDEXED BY idx_prompts_running WHERE {CLAIMED}"
    );
    let times: Vec<Option<Wall>> = sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&query)?;
        statement
            .query_map([], |row| tasks::wall(row, 0))?
            .collect()
    })?;
    let quiet = i64::try_from(quiet.as_micros()).unwrap_or(i64::MAX);
    let is_near = |time: &Wall| {
        let passed = now.0.saturating_sub(time.0);
        passed.abs() < 60 * QUARTER && passed.rem_euclid(QUARTER) < quiet
    };
    Ok(times.iter().flatten().any(is_near))
}

/// What an earlier assigner left in the tables.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub at_work: bool,
    /// Tasks that run in its hands.
    pub claimed: i64,
    /// Sessions of which GAIA does not know how they are driven.
    pub sessions: i64,
    /// Tasks whose state is no word that GAIA knows, and the first of them.
    pub unknown_states: i64,
    pub first_unknown: Option<i64>,
}

/// Looks without writing anything down.
pub(crate) fn traces(tx: &mut LockTx<'_>) -> Result<Traces, Error> {
    let now = tx.now();
    let (mark, known, since) = marks(tx)?;
    let at_work = match known {
        Some(known) if known == mark => since.is_some_and(|since| is_recent(since, now, QUIET)),
        Some(_) => true,
        None => was_just_there(tx, now.wall, QUIET)?,
    };
    let query = format!(
        "SELECT (SELECT count(*) FROM prompts INDEXED BY idx_prompts_running WHERE {CLAIMED}),
             (SELECT count(*) FROM sessions WHERE kind IS NULL), count(*), min(id) FROM prompts
             WHERE status IS NULL OR status NOT IN
                 ('pending', 'assigned', 'in_progress', 'completed', 'failed', 'cancelled')"
    );
    sql(tx, |sql| {
        sql.query_row(&query, [], |row| {
            Ok(Traces {
                at_work,
                claimed: row.get(0)?,
                sessions: row.get(1)?,
                unknown_states: row.get(2)?,
                first_unknown: row.get(3)?,
            })
        })
    })
}
