//! The queue's rows, each query one or two seeks in an index: none of them
//! reads more the more tasks wait.

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{TaskId, WaiterId};
use gaia_locks::service::LockTx;
use rusqlite::{Connection as Sqlite, OptionalExtension as _, Row, params};

use crate::plan::{Region, cleaned};
use crate::store::{number, read, sql, words};
use crate::task::{Pending, Wants};

const QUEUED: &str = "status = 'pending' AND held IS NULL AND lane IS NOT NULL";
const COLUMNS: &str = "id, priority, lane, passed_over_ns, waiter_id, working_dir, region";

/// Tasks that the same sessions could take.
pub(super) struct Lane {
    word: String,
    /// What they want, but for the folder.
    pub wants: Wants,
}

/// All lanes with tasks in them: one seek for each.
pub(super) fn lanes(tx: &mut LockTx<'_>) -> Result<Vec<Lane>, Error> {
    let query = format!(
        "SELECT min(lane) FROM prompts INDEXED BY idx_prompts_lanes WHERE {QUEUED} AND lane > ?1"
    );
    let words = sql(tx, |sql| each_once(sql, &query, None))?;
    let lane = |word: String| Lane {
        wants: read::<Wants>(Some(word.clone())).unwrap_or_default().lane(),
        word,
    };
    Ok(words.into_iter().map(lane).collect())
}

/// All regions with tasks of a lane in them: one seek for each.
pub(super) fn regions(tx: &mut LockTx<'_>, lane: &Lane) -> Result<Vec<Region>, Error> {
    let from = |start: &str| {
        format!(
            "SELECT min(region) FROM prompts INDEXED BY idx_prompts_lanes
                 WHERE {QUEUED} AND lane = ?2 AND region {start} ?1"
        )
    };
    sql(tx, |sql| {
        let first: Option<String> = sql
            .prepare_cached(&from(">="))?
            .query_row(["", &lane.word], |row| row.get(0))?;
        let mut words: Vec<String> = first.into_iter().collect();
        if let Some(first) = words.first().cloned() {
            words.extend(each_after(sql, &from(">"), first, Some(&lane.word))?);
        }
        Ok(words.iter().map(|word| Region::from_word(word)).collect())
    })
}

fn each_once(sql: &Sqlite, query: &str, of: Option<&str>) -> rusqlite::Result<Vec<String>> {
    each_after(sql, query, String::new(), of)
}

fn each_after(
    sql: &Sqlite,
    query: &str,
    mut last: String,
    of: Option<&str>,
) -> rusqlite::Result<Vec<String>> {
    let mut statement = sql.prepare_cached(query)?;
    let mut found = Vec::new();
    loop {
        let next: Option<String> = match of {
            Some(of) => statement.query_row([&last, of], |row| row.get(0))?,
            None => statement.query_row([&last], |row| row.get(0))?,
        };
        let Some(next) = next else {
            return Ok(found);
        };
        found.push(next.clone());
        last = next;
    }
}

/// The first task of a lane, in whatever region.
pub(super) fn first(tx: &mut LockTx<'_>, lane: &Lane) -> Result<Option<TaskId>, Error> {
    let query = format!(
        "SELECT id FROM prompts INDEXED BY idx_prompts_lanes WHERE {QUEUED} AND lane = ?1 LIMIT 1"
    );
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_row([&lane.word], |row| row.get(0).map(TaskId))
            .optional()
    })
}

/// So many tasks of a lane and region, in the queue's order, those that come
/// after `last`.
pub(super) fn batch(
    tx: &mut LockTx<'_>,
    lane: &Lane,
    region: &Region,
    last: Option<(i64, TaskId)>,
    most: usize,
) -> Result<Vec<Pending>, Error> {
    let query = |rest: &str| {
        format!(
            "SELECT {COLUMNS} FROM prompts INDEXED BY idx_prompts_lanes
                 WHERE {QUEUED} AND lane = ?1 AND region = ?2 {rest} ORDER BY priority DESC, id LIMIT ?3"
        )
    };
    let (word, most) = (region.word(), i64::try_from(most).unwrap_or(i64::MAX));
    sql(tx, |sql| {
        let Some((priority, id)) = last else {
            let mut statement = sql.prepare_cached(&query(""))?;
            return statement
                .query_map(params![lane.word, word, most], pending)?
                .collect();
        };
        // Two seeks: one condition with OR would read all that came before.
        let mut found: Vec<Pending> = sql
            .prepare_cached(&query("AND priority = ?4 AND id > ?5"))?
            .query_map(params![lane.word, word, most, priority, id.0], pending)?
            .collect::<rusqlite::Result<_>>()?;
        let left = most - i64::try_from(found.len()).unwrap_or(0);
        if left > 0 {
            let mut lower = sql.prepare_cached(&query("AND priority < ?4"))?;
            for task in lower.query_map(params![lane.word, word, left, priority], pending)? {
                found.push(task?);
            }
        }
        Ok(found)
    })
}

/// Those that stand in line: no more than could be used.
pub(super) fn standing(tx: &mut LockTx<'_>) -> Result<Vec<Pending>, Error> {
    let query = format!(
        "SELECT {COLUMNS} FROM prompts INDEXED BY idx_prompts_standing
             WHERE status = 'pending' AND waiter_id IS NOT NULL"
    );
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_map([], pending)?
            .collect()
    })
}

fn pending(row: &Row<'_>) -> rusqlite::Result<Pending> {
    let lane: Wants = read(words(row, 2)?).unwrap_or_default();
    let folder = words(row, 5)?;
    Ok(Pending {
        id: TaskId(row.get(0)?),
        priority: number(row, 1)?.unwrap_or(0),
        wants: Wants {
            folder: folder
                .filter(|folder| !folder.trim().is_empty())
                .map(|folder| cleaned(&folder)),
            ..lane
        },
        passed_over: row.get::<_, Option<i64>>(3)?.map(Moment),
        waiter: row.get::<_, Option<i64>>(4)?.map(WaiterId),
        region: Region::from_word(&words(row, 6)?.unwrap_or_default()),
    })
}

const PASSED: &str =
    "FROM prompts INDEXED BY idx_prompts_passed WHERE status = 'pending' AND held IS NULL
    AND waiter_id IS NULL AND passed_over_ns IS NOT NULL";

/// Whether any task has been passed over since this moment or longer.
pub(super) fn is_anybody_due(tx: &mut LockTx<'_>, before: Moment) -> Result<bool, Error> {
    let query = format!("SELECT EXISTS (SELECT 1 {PASSED} AND passed_over_ns <= ?1)");
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_row([before.0], |row| row.get(0))
    })
}

/// Since when the next task has been passed over that was not so long ago.
pub(super) fn next_patience(tx: &mut LockTx<'_>, after: Moment) -> Result<Option<Moment>, Error> {
    let query = format!("SELECT min(passed_over_ns) {PASSED} AND passed_over_ns > ?1");
    sql(tx, |sql| {
        sql.prepare_cached(&query)?
            .query_row([after.0], |row| row.get::<_, Option<i64>>(0))
            .map(|found| found.map(Moment))
    })
}
