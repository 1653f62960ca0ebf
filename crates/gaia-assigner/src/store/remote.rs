//! Sessions that ask for work themselves: their signs of life, and the tasks
//! that they lost.

use std::collections::HashMap;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::ending::{self, Ending};
use super::running;
use super::{sql, tasks};
use crate::remote::{Far, LEASE, Verdict, judge};
use crate::task::{Outcome, Running, after};
use crate::worktree::WorkTree;

/// How folders were left, as git said before the transaction.
pub(crate) type Trees = HashMap<TaskId, WorkTree>;

/// A task on a remote session.
struct Row {
    task: TaskId,
    session: String,
    heard: Option<Moment>,
    lease: Duration,
    asked: Option<Moment>,
}

const ROWS: &str = "SELECT p.id, s.name, s.heard_ns, s.lease_ns, p.stop_ns
     FROM sessions s JOIN prompts p ON p.id = s.current_task_id
     WHERE s.kind = 'remote' AND s.current_task_id IS NOT NULL AND p.status IN ('assigned', 'in_progress')";

fn rows(tx: &mut LockTx<'_>) -> Result<Vec<Row>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(ROWS)?
            .query_map([], |row| {
                let moment = |at: usize| {
                    let found = row.get::<_, Option<i64>>(at);
                    found.map(|found| found.map(Moment))
                };
                Ok(Row {
                    task: TaskId(row.get(0)?),
                    session: row.get(1)?,
                    heard: moment(2)?,
                    lease: length(row.get(3)?),
                    asked: moment(4)?,
                })
            })?
            .collect()
    })
}

/// Whether any remote session works on a task.
pub(crate) fn anybody_works(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    rows(tx).map(|rows| !rows.is_empty())
}

/// The tasks that remote sessions have lost, with their folders, of which
/// nobody was granted anything since.
pub(crate) fn lost(tx: &mut LockTx<'_>) -> Result<Vec<(TaskId, String)>, Error> {
    let (now, mut lost) = (tx.now().moment, Vec::new());
    for row in rows(tx)? {
        let Some(running) = running::by_id(tx, row.task)? else {
            continue;
        };
        let Some(heard) = row.heard.filter(|heard| *heard <= now) else {
            continue;
        };
        let verdict = verdict(tx, &row, &running, heard)?;
        if !matches!(verdict, Verdict::Works | Verdict::TimeIsUp) {
            let folder = untouched_folder(tx, &running)?;
            lost.extend(folder.map(|folder| (row.task, folder)));
        }
    }
    Ok(lost)
}

/// The folder of a lock that is not over yet, by its time perhaps, but in no
/// other hands either.
pub(crate) fn untouched_folder(
    tx: &mut LockTx<'_>,
    running: &Running,
) -> Result<Option<String>, Error> {
    let Some(token) = running.token else {
        return Ok(None);
    };
    let record = tx.store().record(token)?;
    let record = record.filter(|record| record.end.is_none());
    Ok(record.map(|record| record.folder.path().to_owned()))
}

fn verdict(
    tx: &mut LockTx<'_>,
    row: &Row,
    running: &Running,
    heard: Moment,
) -> Result<Verdict, Error> {
    let locked = match running.token {
        Some(token) => tx.verify(token)?.active,
        None => true,
    };
    let far = Far {
        heard,
        lease: row.lease,
        deadline: running.deadline,
        asked: row.asked,
        locked,
    };
    Ok(judge(&far, tx.now().moment))
}

/// Ends what remote sessions have lost, and asks those to stop whose time is
/// up. Nobody else looks at them, so whoever comes by does this first.
pub(crate) fn settle(
    tx: &mut LockTx<'_>,
    first_pause: Duration,
    trees: &Trees,
) -> Result<(), Error> {
    let now = tx.now().moment;
    for row in rows(tx)? {
        let Some(mut running) = running::by_id(tx, row.task)? else {
            continue;
        };
        // Heard later than now: before the machine's restart.
        let heard = match row.heard.filter(|heard| *heard <= now) {
            Some(heard) => heard,
            None => {
                begin_anew(tx, &row, now)?;
                continue;
            }
        };
        let outcome = match verdict(tx, &row, &running, heard)? {
            Verdict::Works => continue,
            Verdict::TimeIsUp => {
                tasks::ask_to_stop(tx, row.task, "timed_out", "its time limit", "")?;
                continue;
            }
            Verdict::Deaf => Outcome::Lost,
            Verdict::Silent => Outcome::Silent(row.lease),
            Verdict::Lost => Outcome::LeaseLost("it is not active any more".to_owned()),
        };
        if untouched_folder(tx, &running)?.is_some() {
            running.work_tree = trees.get(&row.task).cloned();
        }
        let next = after(&running, &outcome, first_pause);
        let ending = Ending {
            has_run: true,
            ..Ending::of(&running, &outcome, &next)
        };
        ending::end(tx, &ending)?;
    }
    Ok(())
}

/// Moments of an earlier start of the machine mean nothing: its time begins
/// anew, once.
fn begin_anew(tx: &mut LockTx<'_>, row: &Row, now: Moment) -> Result<(), Error> {
    let shift = row.heard.map_or(0, |heard| now.0.saturating_sub(heard.0));
    sql(tx, |sql| {
        sql.prepare_cached("UPDATE sessions SET heard_ns = ?2 WHERE name = ?1")?
            .execute(params![row.session, now.0])?;
        sql.prepare_cached(
            "UPDATE prompts SET deadline_ns = deadline_ns + ?2, stop_ns = stop_ns + ?2 WHERE id = ?1",
        )?
        .execute([row.task.0, shift])
        .map(drop)
    })
}

/// A session was heard; whether that means that it waits for work.
pub(crate) fn heard(tx: &mut LockTx<'_>, name: &SessionId, is_idle: bool) -> Result<(), Error> {
    let now = tx.now();
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE sessions SET heard_ns = ?2, updated_at = ?3, status = iif(?4, 'idle', status),
                 idle_since_ns = iif(?4, coalesce(idle_since_ns, ?2), idle_since_ns)
             WHERE name = ?1",
        )?
        .execute(params![
            name.as_str(),
            now.moment.0,
            now.wall.to_sql(),
            is_idle
        ])
        .map(drop)
    })
}

/// How long a session may be silent.
pub(crate) fn lease(tx: &mut LockTx<'_>, name: &SessionId) -> Result<Duration, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT lease_ns FROM sessions WHERE name = ?1")?
            .query_row([name.as_str()], |row| row.get(0))
            .map(length)
    })
}

fn length(nanos: Option<i64>) -> Duration {
    let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
    nanos.map_or(LEASE, Duration::from_nanos)
}

/// Sets that.
pub(crate) fn set_lease(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    lease: Duration,
) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached("UPDATE sessions SET lease_ns = ?2 WHERE name = ?1")?
            .execute(params![
                name.as_str(),
                i64::try_from(lease.as_nanos()).unwrap_or(i64::MAX)
            ])
            .map(drop)
    })
}
