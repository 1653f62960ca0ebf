//! Bringing rows into the order that the queue wants, so many at a time: what
//! other programs wrote, whose pause is over, whose needs are met.

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{TaskId, WaiterId};
use gaia_locks::service::LockTx;
use rusqlite::{Connection as Sqlite, OptionalExtension as _, Row, params};

use super::enter::{path_of, region_of_new};
use crate::plan::cleaned;
use crate::store::{number, read, sessions, sql, text, words};
use crate::task::{LONGEST_PAUSE, Wants};

/// How many rows one transaction brings into order, at most: others wait for it.
const MOST: i64 = 500;

/// A pause that would end later than the longest one was begun before the
/// machine's restart.
const RETRY_IS_DUE: &str =
    "status = 'pending' AND held = 'retry' AND (not_before_ns <= ?1 OR not_before_ns > ?2)";

/// Passed over since a moment that is still to come: since before the
/// machine's restart. For such a row the queue would wait all that time.
const PASSED_BEFORE_RESTART: &str =
    "status = 'pending' AND held IS NULL AND waiter_id IS NULL AND passed_over_ns > ?1";

/// Whether some row is not as the queue wants it: [`tidy`] has work to do.
pub(crate) fn is_untidy(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let (now, late) = times(tx);
    let query = format!(
        "SELECT EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_new WHERE status = 'pending' AND lane IS NULL)
             OR EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_retry WHERE {RETRY_IS_DUE})
             OR EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_passed WHERE {PASSED_BEFORE_RESTART})
             OR EXISTS (SELECT 1 FROM task_releases)"
    );
    let untidy = sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_row([now.0, late.0], |row| row.get(0))
    })?;
    Ok(untidy || sessions::is_anybody_back(tx)?)
}

fn times(tx: &LockTx<'_>) -> (Moment, Moment) {
    let now = tx.now().moment;
    (now, now.plus(LONGEST_PAUSE))
}

/// Gives new rows of other programs their lane, lets those go whose pause
/// before another try is over or whose needs are met, and lets patience that
/// began before the machine's restart begin anew.
pub(crate) fn tidy(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let (now, late) = times(tx);
    sessions::take_back(tx)?;
    sql(tx, |sql| {
        let query = format!(
            "UPDATE prompts SET held = NULL, not_before_ns = NULL WHERE id IN (
                 SELECT id FROM prompts INDEXED BY idx_prompts_retry WHERE {RETRY_IS_DUE} LIMIT {MOST})"
        );
        sql.prepare_cached(&query)?.execute([now.0, late.0])?;
        let query = format!(
            "UPDATE prompts SET passed_over_ns = ?1 WHERE id IN (
                 SELECT id FROM prompts INDEXED BY idx_prompts_passed WHERE {PASSED_BEFORE_RESTART} LIMIT {MOST})"
        );
        sql.prepare_cached(&query)?.execute([now.0])?;
        Ok(())
    })?;
    give_lanes(tx)?;
    sql(tx, |sql| {
        let waited_for: Option<i64> = sql
            .prepare_cached("SELECT needs_id FROM task_releases LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        waited_for.map_or(Ok(()), |id| release_some(sql, id))
    })
}

fn give_lanes(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let query = format!(
        "SELECT id, coalesce(nullif(trim(working_dir), ''),
                 iif(json_valid(metadata), json_extract(metadata, '$.working_dir'), NULL)),
             read_only, target_session, target_provider, preferred, fallbacks, waiter_id FROM prompts
             INDEXED BY idx_prompts_new WHERE status = 'pending' AND lane IS NULL LIMIT {MOST}"
    );
    let rows: Vec<New> = sql(tx, |sql| {
        sql.prepare_cached(&query)?.query_map([], new)?.collect()
    })?;
    for new in rows {
        // Its place was for what it wanted before.
        if let Some(waiter) = new.waiter {
            tx.leave(waiter)?;
        }
        sql(tx, |sql| give_lane(sql, &new))?;
    }
    Ok(())
}

/// A task that is not in the queue yet.
struct New {
    id: i64,
    /// Its folder, as it was written.
    written: Option<String>,
    wants: Wants,
    waiter: Option<WaiterId>,
}

/// An earlier assigner's task has its folder among its metadata.
fn give_lane(sql: &Sqlite, new: &New) -> rusqlite::Result<()> {
    let New {
        id, wants, written, ..
    } = new;
    let region = region_of_new(sql, wants)?;
    sql.prepare_cached(
        "UPDATE prompts SET lane = ?2, path = ?3, region = ?4, priority = coalesce(priority, 0), waiter_id = NULL,
             working_dir = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id,
        text(&wants.lane())?,
        path_of(wants),
        region.word(),
        written,
    ])
    .map(drop)
}

fn new(row: &Row<'_>) -> rusqlite::Result<New> {
    let written = words(row, 1)?.filter(|folder| !folder.trim().is_empty());
    let wants = Wants {
        folder: written.as_deref().map(cleaned),
        read_only: number(row, 2)? == Some(1),
        session: words(row, 3)?,
        provider: words(row, 4)?,
        preferred: read(words(row, 5)?).unwrap_or_default(),
        fallbacks: read(words(row, 6)?).unwrap_or_default(),
    };
    Ok(New {
        id: row.get(0)?,
        written,
        wants,
        waiter: number(row, 7)?.map(WaiterId),
    })
}

/// Lets go who waited for a task that has completed: the first of them now,
/// the others in transactions of their own.
pub(crate) fn release_dependents(tx: &mut LockTx<'_>, id: TaskId) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached("INSERT OR REPLACE INTO task_releases (needs_id, upto) VALUES (?1, 0)")?
            .execute([id.0])?;
        release_some(sql, id.0)
    })
}

fn release_some(sql: &Sqlite, id: i64) -> rusqlite::Result<()> {
    let upto: i64 = sql
        .prepare_cached("SELECT upto FROM task_releases WHERE needs_id = ?1")?
        .query_row([id], |row| row.get(0))?;
    let query = format!(
        "SELECT task_id FROM task_needs INDEXED BY idx_task_needs_needs WHERE needs_id = ?1 AND task_id > ?2
             ORDER BY task_id LIMIT {MOST}"
    );
    let some: Vec<i64> = sql
        .prepare_cached(&query)?
        .query_map([id, upto], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for task in &some {
        sql.prepare_cached(
            "UPDATE prompts SET held = NULL WHERE id = ?1 AND status = 'pending' AND held = 'after'
                 AND NOT EXISTS (SELECT 1 FROM task_needs n LEFT JOIN prompts p ON p.id = n.needs_id
                                 WHERE n.task_id = ?1 AND coalesce(p.status, '') <> 'completed')",
        )?
        .execute([task])?;
    }
    let is_all = i64::try_from(some.len()).unwrap_or(MOST) < MOST;
    match some.last().filter(|_| !is_all) {
        Some(last) => sql
            .prepare_cached("UPDATE task_releases SET upto = ?2 WHERE needs_id = ?1")?
            .execute([id, *last]),
        None => sql
            .prepare_cached("DELETE FROM task_releases WHERE needs_id = ?1")?
            .execute([id]),
    }
    .map(drop)
}
