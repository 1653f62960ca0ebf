//! Tasks that run in another program's hands, and for how long they may.
//!
//! Such a task holds no lock, so for as long as it may run GAIA assigns nothing.
//! Once its time is up it is ended; one that somebody called off is ended at
//! once. One whose program and session are gone is orphaned: it is tried again,
//! or fails with its last try [T6, T8].

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gaia_locks::clock::{Moment, Now, Wall};
use gaia_locks::error::Error;
use gaia_locks::ids::TaskId;
use gaia_locks::service::LockTx;
use rusqlite::params;

use super::{CLAIMED, count, fraction, remember, sql, tasks, words};
use crate::task::{Next, again};

/// The time when a task was taken may be written in a local time: nowhere is it
/// further from UTC.
const ZONES: Duration = Duration::from_secs(14 * 3600);

/// How many are ended in one transaction: an old file may hold thousands, and
/// meanwhile nobody else writes.
pub(crate) const AT_ONCE: usize = 100;

/// A task that runs in another program's hands, as its row says.
#[derive(Debug)]
pub(crate) struct Claim {
    task: TaskId,
    /// Where it runs, as its row says.
    pub session: Option<String>,
    /// When it was taken, as its row says; perhaps in local time.
    since: Option<Wall>,
    limit: Duration,
    is_called_off: bool,
    spent: u32,
    most: u32,
}

impl Claim {
    /// What becomes of it, if it is over. Its time is up for certain once it
    /// has been seen to run for so long, or where its row says so whatever the
    /// time zone.
    fn next(&self, seen: &Seen, now: Now, first_pause: Duration) -> Option<Next> {
        if self.is_called_off {
            return Some(Next::Cancelled);
        }
        let told = |since: Wall| since.plus(self.limit).plus(ZONES) < now.wall;
        let first_seen = seen.since.get(&self.key());
        let is_late = self.since.is_some_and(told)
            || first_seen.is_some_and(|first| first.plus(self.limit) <= now.moment);
        if is_late {
            return Some(Next::Failed("timed out".to_owned()));
        }
        let why = match (self.is_of_an_earlier_start(now), seen.is_gone(self)) {
            (true, _) => "the machine was started anew since an earlier assigner took it",
            (_, true) => "the earlier assigner that took it is gone, and so is its session",
            (false, false) => return None,
        };
        Some(again(self.spent, self.most, why.to_owned(), first_pause))
    }

    /// Whether it was taken before the machine started, whatever the time zone:
    /// nothing of that time runs any more.
    fn is_of_an_earlier_start(&self, now: Now) -> bool {
        let up = Duration::from_nanos(u64::try_from(now.moment.0).unwrap_or(0));
        let is_before = |since: Wall| since.plus(ZONES).plus(up) < now.wall;
        self.since.is_some_and(is_before)
    }

    /// One that is taken a second time is another claim.
    fn key(&self) -> Key {
        (self.task, self.since)
    }
}

type Key = (TaskId, Option<Wall>);

/// What somebody has seen of the claims.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    since: HashMap<Key, Moment>,
    gone: HashSet<Key>,
}

impl Seen {
    /// What is claimed now.
    pub(crate) fn see(&mut self, claims: &[Claim], now: Moment) {
        let since = |claim: &Claim| self.since.get(&claim.key()).copied().unwrap_or(now);
        self.since = claims
            .iter()
            .map(|claim| (claim.key(), since(claim)))
            .collect();
        self.gone.clear();
    }

    /// Of which of them both program and session are gone; whether of any.
    pub(crate) fn note_gone(&mut self, claims: &[Claim], is_gone: impl Fn(&Claim) -> bool) -> bool {
        let gone = claims.iter().filter(|claim| is_gone(claim));
        self.gone = gone.map(Claim::key).collect();
        !self.gone.is_empty()
    }

    fn is_gone(&self, claim: &Claim) -> bool {
        self.gone.contains(&claim.key())
    }
}

/// All tasks that run in another program's hands.
pub(crate) fn claims(tx: &mut LockTx<'_>) -> Result<Vec<Claim>, Error> {
    let query = format!(
        "SELECT id, coalesce(assigned_at, created_at), coalesce(timeout_minutes, 60), stop, assigned_session,
                coalesce(retry_count, 0), coalesce(max_retries, 3)
             FROM prompts INDEXED BY idx_prompts_running WHERE {CLAIMED}"
    );
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(&query)?;
        let claim = |row: &rusqlite::Row<'_>| {
            let minutes = fraction(row, 2)?.unwrap_or(60.0);
            Ok(Claim {
                task: TaskId(row.get(0)?),
                session: words(row, 4)?,
                since: tasks::wall(row, 1)?,
                limit: Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(Duration::MAX),
                is_called_off: words(row, 3)?.is_some(),
                spent: count(row, 5)?.unwrap_or(0),
                most: count(row, 6)?.unwrap_or(3),
            })
        };
        statement.query_map([], claim)?.collect()
    })
}

/// Whether any of them may still run.
pub(crate) fn may_run(claims: &[Claim], seen: &Seen, now: Now) -> bool {
    claims
        .iter()
        .any(|claim| claim.next(seen, now, Duration::ZERO).is_none())
}

/// Whether any of them is to be ended.
pub(crate) fn is_any_over(claims: &[Claim], seen: &Seen, now: Now) -> bool {
    claims
        .iter()
        .any(|claim| claim.next(seen, now, Duration::ZERO).is_some())
}

/// A task that an earlier assigner left running, and which nobody minds any
/// more.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub task: TaskId,
    pub next: Next,
}

/// Ends tasks of an earlier assigner that is not at work, [`AT_ONCE`] at most:
/// those that somebody called off, those whose time is up [T4], and those that
/// are orphaned [T8]. The others are left to it.
pub(crate) fn end_orphans(
    tx: &mut LockTx<'_>,
    seen: &Seen,
    first_pause: Duration,
) -> Result<Vec<Orphan>, Error> {
    let now = tx.now();
    let orphan = |claim: &Claim| {
        let task = claim.task;
        let next = claim.next(seen, now, first_pause);
        next.map(|next| Orphan { task, next })
    };
    let claims = claims(tx)?;
    let orphans: Vec<Orphan> = claims.iter().filter_map(orphan).take(AT_ONCE).collect();
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
    let (task, now) = (orphan.task, tx.now());
    let (status, action, error, until) = match &orphan.next {
        Next::Again { pause, why, .. } => (
            "pending",
            "retry",
            why.as_str(),
            Some(now.moment.plus(*pause)),
        ),
        Next::Failed(why) => ("failed", "failed", why.as_str(), None),
        _ => ("cancelled", "cancelled", "cancelled", None),
    };
    let completed = until.is_none().then(|| now.wall.to_sql());
    let query = format!(
        "UPDATE prompts SET status = ?2, error = ?3, completed_at = ?4, not_before_ns = ?5,
             held = iif(?5 IS NULL, NULL, 'retry'),
             retry_count = iif(?5 IS NULL, retry_count, coalesce(retry_count, 0) + 1),
             stop = NULL, stop_by = NULL, stop_note = NULL, stop_ns = NULL WHERE id = ?1 AND {CLAIMED}"
    );
    let until = until.map(|until| until.0);
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .execute(params![task.0, status, error, completed, until])?;
        sql.prepare_cached(
            "UPDATE sessions SET current_task_id = NULL, status = 'unknown' WHERE current_task_id = ?1 AND kind IS NULL",
        )?
        .execute([task.0])
    })?;
    let details = format!("left by an earlier assigner: {error}");
    tasks::note(tx, task, None, action, &details)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Twenty hours after it was taken, of the forty that it may run.
    fn next(up: Duration, spent: u32) -> Option<Next> {
        let claim = Claim {
            task: TaskId(1),
            session: None,
            since: Some(Wall(0)),
            limit: 40 * HOUR,
            is_called_off: false,
            spent,
            most: 3,
        };
        let now = Now {
            moment: Moment(0).plus(up),
            wall: Wall(0).plus(20 * HOUR),
        };
        claim.next(&Seen::default(), now, Duration::ZERO)
    }

    #[test]
    fn t08_what_was_taken_before_the_machine_started_in_every_zone_is_tried_again() {
        assert!(matches!(next(5 * HOUR, 0), Some(Next::Again { .. })));
        assert!(
            matches!(next(5 * HOUR, 2), Some(Next::Failed(_))),
            "its last try"
        );
        assert_eq!(next(7 * HOUR, 0), None, "in some zone it was taken since");
    }
}
