//! Tasks that run in another program's hands, and for how long they may.
//!
//! Such a task holds no lock, so for as long as it may run GAIA assigns nothing.
//! Once its time is up it is ended; one that somebody called off is ended at
//! once.

use std::collections::HashMap;
use std::time::Duration;

use gaia_locks::clock::{Moment, Now, Wall};
use gaia_locks::error::Error;
use gaia_locks::ids::TaskId;
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::{CLAIMED, fraction, remember, sql, tasks, words};

/// The time when a task was taken may be written in a local time: nowhere is it
/// further from UTC.
const ZONES: Duration = Duration::from_secs(14 * 3600);

/// A task that runs in another program's hands, as its row says.
#[derive(Debug)]
pub(crate) struct Claim {
    task: TaskId,
    /// When it was taken, as its row says; perhaps in local time.
    since: Option<Wall>,
    limit: Duration,
    is_called_off: bool,
}

impl Claim {
    /// Why it is over, if it is. Its time is up for certain once it has been
    /// seen to run for so long, or where its row says so whatever the time zone.
    fn end(&self, seen: &Seen, now: Now) -> Option<&'static str> {
        if self.is_called_off {
            return Some("cancelled");
        }
        let told = |since: Wall| since.plus(self.limit).plus(ZONES) < now.wall;
        let seen = seen.0.get(&self.key());
        let is_late = self.since.is_some_and(told)
            || seen.is_some_and(|seen| seen.plus(self.limit) <= now.moment);
        is_late.then_some("timed out")
    }

    /// One that is taken a second time is another claim.
    fn key(&self) -> (TaskId, Option<Wall>) {
        (self.task, self.since)
    }
}

/// Since when somebody has seen each of the claims.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<(TaskId, Option<Wall>), Moment>);

impl Seen {
    /// What is claimed now.
    pub(crate) fn see(&mut self, claims: &[Claim], now: Moment) {
        let since = |claim: &Claim| self.0.get(&claim.key()).copied().unwrap_or(now);
        self.0 = claims
            .iter()
            .map(|claim| (claim.key(), since(claim)))
            .collect();
    }
}

/// All tasks that run in another program's hands.
pub(crate) fn claims(tx: &mut LockTx<'_>) -> Result<Vec<Claim>, Error> {
    let query = format!(
        "SELECT id, coalesce(assigned_at, created_at), coalesce(timeout_minutes, 60), stop
             FROM prompts INDEXED BY idx_prompts_running WHERE {CLAIMED}"
    );
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&query)?;
        let claim = |row: &rusqlite::Row<'_>| {
            let minutes = fraction(row, 2)?.unwrap_or(60.0);
            Ok(Claim {
                task: TaskId(row.get(0)?),
                since: tasks::wall(row, 1)?,
                limit: Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(Duration::MAX),
                is_called_off: words(row, 3)?.is_some(),
            })
        };
        statement.query_map([], claim)?.collect()
    })
}

/// Whether any of them may still run.
pub(crate) fn may_run(claims: &[Claim], seen: &Seen, now: Now) -> bool {
    claims.iter().any(|claim| claim.end(seen, now).is_none())
}

/// Whether any of them is to be ended.
pub(crate) fn is_any_over(claims: &[Claim], seen: &Seen, now: Now) -> bool {
    claims.iter().any(|claim| claim.end(seen, now).is_some())
}

/// A task that an earlier assigner left running, and which nobody minds any
/// more.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub task: TaskId,
    pub why: &'static str,
}

/// Ends tasks of an earlier assigner that is not at work: those that somebody
/// called off, and those whose time is up [T4]. The others are left to it.
pub(crate) fn end_orphans(tx: &mut LockTx<'_>, seen: &Seen) -> Result<Vec<Orphan>, Error> {
    let now = tx.now();
    let orphan = |claim: &Claim| {
        let task = claim.task;
        claim.end(seen, now).map(|why| Orphan { task, why })
    };
    let orphans: Vec<Orphan> = claims(tx)?.iter().filter_map(orphan).collect();
    for orphan in &orphans {
        end_orphan(tx, orphan)?;
    }
    if !orphans.is_empty() {
        remember(tx)?;
        tx.tell();
    }
    Ok(orphans)
}

fn end_orphan(tx: &mut LockTx<'_>, orphan: &Orphan) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    let status = match orphan.why {
        "cancelled" => "cancelled",
        _ => "failed",
    };
    let query = format!(
        "UPDATE prompts SET status = ?2, error = ?3, completed_at = ?4, stop = NULL, stop_by = NULL, stop_note = NULL,
             stop_ns = NULL WHERE id = ?1 AND {CLAIMED}"
    );
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .execute(params![orphan.task.0, status, orphan.why, now])?;
        sql.prepare_cached(
            "UPDATE sessions SET current_task_id = NULL, status = 'unknown' WHERE current_task_id = ?1 AND kind IS NULL",
        )?
        .execute([orphan.task.0])
    })?;
    tasks::note(tx, orphan.task, None, status, "left by an earlier assigner")
}
