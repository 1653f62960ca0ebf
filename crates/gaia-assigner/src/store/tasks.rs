//! The table of tasks: new ones, and looking at them.

use gaia_locks::clock::Wall;
use gaia_locks::error::Error;
use gaia_locks::ids::{LockId, TaskId, WaiterId};
use gaia_locks::service::LockTx;
use rusqlite::types::Value;
use rusqlite::{Connection as Sqlite, OptionalExtension as _, Row, params, params_from_iter};

use super::{count, fraction, number, queue, read, sql, text, words};
use crate::service::{Filter, Send};
use crate::task::{Status, Wants};
use crate::wire::TaskInfo;

/// As [`info`] reads them; the text comes first, shortened in lists.
const COLUMNS: &str = "id, status, priority,
    coalesce(nullif(trim(working_dir), ''), iif(json_valid(metadata), json_extract(metadata, '$.working_dir'), NULL)),
    read_only, assigned_session, target_session, target_provider,
    preferred, fallbacks, created_at, assigned_at, started_at, completed_at, response, error, exit_status, retry,
    retry_count, max_retries, timeout_minutes, passed_over_ns, waiter_id, stop, lock_status, lock_token,
    lock_acquired_at, lock_released_at, log_file, held, hold_note";

/// How much of a text a list shows.
const SHOWN_IN_LISTS: usize = 200;

/// Queues a task. Those that it needs are known to exist.
pub(crate) fn insert(tx: &mut LockTx<'_>, new: &Send, wants: &Wants) -> Result<TaskId, Error> {
    let now = tx.now().wall.to_sql();
    let id = sql(tx, |sql| {
        let held = (!all_completed(sql, &new.after)?).then_some("after");
        let region = queue::region_of_new(sql, wants)?;
        sql.prepare_cached(
            "INSERT INTO prompts (content, source, priority, status, created_at, target_session, target_provider,
                 max_retries, timeout_minutes, working_dir, read_only, retry, preferred, fallbacks, lane, held,
                 path, region)
             VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        )?
        .execute(params![
            new.text,
            new.source,
            new.priority,
            now,
            wants.session,
            wants.provider,
            new.max_tries,
            new.time_limit.as_secs_f64() / 60.0,
            wants.folder,
            wants.read_only,
            new.retry,
            text(&wants.preferred)?,
            text(&wants.fallbacks)?,
            text(&wants.lane())?,
            held,
            queue::path_of(wants),
            region.word(),
        ])?;
        let id = sql.last_insert_rowid();
        for needed in &new.after {
            sql.prepare_cached(
                "INSERT OR IGNORE INTO task_needs (task_id, needs_id) VALUES (?1, ?2)",
            )?
            .execute([id, needed.0])?;
        }
        Ok(TaskId(id))
    })?;
    tx.tell();
    Ok(id)
}

fn all_completed(sql: &Sqlite, needed: &[TaskId]) -> rusqlite::Result<bool> {
    let mut statement =
        sql.prepare_cached("SELECT 1 FROM prompts WHERE id = ?1 AND status = 'completed'")?;
    for id in needed {
        if !statement.exists([id.0])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The state of a task, if there is one.
pub(crate) fn status(tx: &mut LockTx<'_>, id: TaskId) -> Result<Option<Status>, Error> {
    sql(tx, |sql| {
        let word = sql
            .prepare_cached("SELECT status FROM prompts WHERE id = ?1")?
            .query_row([id.0], |row| words(row, 0))
            .optional()?;
        let known = |word: Option<String>| word.as_deref().and_then(Status::from_word);
        Ok(word.map(|word| known(word).unwrap_or(Status::Failed)))
    })
}

/// Who sent a task.
pub(crate) fn source(tx: &mut LockTx<'_>, id: TaskId) -> Result<Option<String>, Error> {
    sql(tx, |sql| {
        let source = sql
            .prepare_cached("SELECT source FROM prompts WHERE id = ?1")?
            .query_row([id.0], |row| words(row, 0))
            .optional()?;
        Ok(source.flatten())
    })
}

/// One task, whole.
pub(crate) fn by_id(tx: &mut LockTx<'_>, id: TaskId) -> Result<Option<TaskInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("SELECT content, {COLUMNS} FROM prompts WHERE id = ?1");
        let found = sql
            .prepare_cached(&query)?
            .query_row([id.0], info)
            .optional()?;
        found.map(|task| with_needs(sql, task)).transpose()
    })
}

/// Tasks in the order in which they are taken, those that run first; their
/// texts shortened.
pub(crate) fn list(tx: &mut LockTx<'_>, filter: &Filter) -> Result<Vec<TaskInfo>, Error> {
    let marks = vec!["?"; filter.statuses.len()].join(",");
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if !filter.statuses.is_empty() {
        conditions.push(format!("status IN ({marks})"));
        values.extend(
            filter
                .statuses
                .iter()
                .map(|status| status.word().to_owned().into()),
        );
    }
    if let Some(session) = &filter.session {
        conditions.push("assigned_session = ?".to_owned());
        values.push(session.clone().into());
    }
    let condition = if conditions.is_empty() {
        "1".to_owned()
    } else {
        conditions.join(" AND ")
    };
    let query = format!(
        "SELECT substr(content, 1, {SHOWN_IN_LISTS}), {COLUMNS} FROM prompts WHERE {condition}
         ORDER BY CASE status WHEN 'in_progress' THEN 0 WHEN 'assigned' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END,
             CASE WHEN status = 'pending' THEN -priority END, CASE WHEN status = 'pending' THEN id END,
             coalesce(completed_at, '') DESC, id DESC
         LIMIT {}",
        filter.limit.map_or(-1, i64::from)
    );
    sql(tx, |sql| {
        let mut statement = sql.prepare(&query)?;
        let found: Vec<TaskInfo> = statement
            .query_map(params_from_iter(values), info)?
            .collect::<rusqlite::Result<_>>()?;
        found
            .into_iter()
            .map(|task| with_needs(sql, task))
            .collect()
    })
}

fn with_needs(sql: &Sqlite, mut task: TaskInfo) -> rusqlite::Result<TaskInfo> {
    let mut statement = sql.prepare_cached(
        "SELECT n.needs_id, p.status FROM task_needs n LEFT JOIN prompts p ON p.id = n.needs_id
             WHERE n.task_id = ?1 ORDER BY n.needs_id",
    )?;
    let mut rows = statement.query([task.id.0])?;
    while let Some(row) = rows.next()? {
        let (id, status): (i64, _) = (row.get(0)?, words(row, 1)?);
        task.after.push(TaskId(id));
        match status.as_deref().and_then(Status::from_word) {
            Some(Status::Completed) => {}
            Some(Status::Pending | Status::Assigned | Status::InProgress) => {
                task.waits_for.push(TaskId(id))
            }
            Some(Status::Failed | Status::Cancelled) | None => task.blocked_by.push(TaskId(id)),
        }
    }
    if task.status != Status::Pending {
        task.waits_for.clear();
        task.blocked_by.clear();
    }
    Ok(task)
}

/// How many tasks there are in each state.
pub(crate) fn counts(tx: &mut LockTx<'_>) -> Result<Vec<(Status, i64)>, Error> {
    sql(tx, |sql| {
        let mut statement =
            sql.prepare_cached("SELECT status, count(*) FROM prompts GROUP BY status")?;
        let rows = statement.query_map([], |row| Ok((words(row, 0)?, row.get(1)?)))?;
        let known = rows.filter_map(|row| match row {
            Ok((word, count)) => Some(Ok((Status::from_word(&word?)?, count))),
            Err(error) => Some(Err(error)),
        });
        known.collect()
    })
}

/// How many of the tasks that failed did so since then.
pub(crate) fn failed_since(tx: &mut LockTx<'_>, since: Wall) -> Result<i64, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT count(*) FROM prompts WHERE status = 'failed' AND completed_at >= ?1",
        )?
        .query_row([since.to_sql()], |row| row.get(0))
    })
}

/// The task that was sent last; 0 where none is kept.
pub(crate) fn newest(tx: &mut LockTx<'_>) -> Result<TaskId, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT coalesce(max(id), 0) FROM prompts")?
            .query_row([], |row| row.get(0).map(TaskId))
    })
}

/// Calls off a task that waits; gives its place in line, if it has one.
pub(crate) fn cancel_pending(tx: &mut LockTx<'_>, id: TaskId, by: &str) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    let waiter = sql(tx, |sql| {
        sql.prepare_cached("SELECT waiter_id FROM prompts WHERE id = ?1")?
            .query_row([id.0], |row| row.get::<_, Option<i64>>(0))
    })?;
    if let Some(waiter) = waiter {
        tx.leave(WaiterId(waiter))?;
    }
    sql(tx, |sql| {
        sql.execute(
            "UPDATE prompts SET status = 'cancelled', completed_at = ?2, waiter_id = NULL, held = NULL,
                 error = ?3 WHERE id = ?1 AND status = 'pending'",
            params![id.0, now, format!("cancelled by {by}")],
        )
        .map(drop)
    })?;
    note(tx, id, None, "cancelled", by)?;
    tx.tell();
    Ok(())
}

/// Asks for the end of a running task. An admin's word counts more than any
/// before it; of others the first does.
pub(crate) fn ask_to_stop(
    tx: &mut LockTx<'_>,
    id: TaskId,
    word: &str,
    by: &str,
    why: &str,
) -> Result<(), Error> {
    let now = tx.now().moment;
    sql(tx, |sql| {
        sql.execute(
            "UPDATE prompts SET stop = ?2, stop_by = ?3, stop_note = ?4, stop_ns = coalesce(stop_ns, ?5)
                 WHERE id = ?1 AND status IN ('assigned', 'in_progress')
                 AND (stop IS NULL OR (?2 = 'forced' AND stop <> 'forced'))",
            params![id.0, word, by, why, now.0],
        )
        .map(drop)
    })?;
    tx.tell();
    Ok(())
}

/// The running task that a lock belongs to.
pub(crate) fn of_lock(tx: &mut LockTx<'_>, lock: LockId) -> Result<Option<TaskId>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT id FROM prompts INDEXED BY idx_prompts_running
                 WHERE status IN ('assigned', 'in_progress') AND lock_token = ?1",
        )?
        .query_row([lock.0], |row| row.get(0).map(TaskId))
        .optional()
    })
}

/// Keeps what happened to a task.
pub(crate) fn note(
    tx: &mut LockTx<'_>,
    id: TaskId,
    session: Option<&str>,
    action: &str,
    details: &str,
) -> Result<(), Error> {
    let now = tx.now().wall.to_sql();
    sql(tx, |sql| {
        sql.prepare_cached(
            "INSERT INTO assignment_history (prompt_id, session_name, action, created_at, details)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id.0, session, action, now, details])
        .map(drop)
    })
}

/// A stored time; one that cannot be read counts as none, because other
/// programs write these tables too.
pub(crate) fn wall(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Wall>> {
    Ok(words(row, at)?.and_then(|text| Wall::from_sql(&text).ok()))
}

fn info(row: &Row<'_>) -> rusqlite::Result<TaskInfo> {
    let status = words(row, 2)?;
    Ok(TaskInfo {
        content: words(row, 0)?.unwrap_or_default(),
        id: TaskId(row.get(1)?),
        status: status
            .and_then(|word| Status::from_word(&word))
            .unwrap_or(Status::Pending),
        priority: number(row, 3)?.unwrap_or(0),
        working_dir: words(row, 4)?,
        read_only: number(row, 5)? == Some(1),
        assigned_session: words(row, 6)?,
        target_session: words(row, 7)?,
        target_provider: words(row, 8)?,
        preferred_providers: read(words(row, 9)?).unwrap_or_default(),
        fallbacks: read(words(row, 10)?).unwrap_or_default(),
        created_at: wall(row, 11)?,
        assigned_at: wall(row, 12)?,
        started_at: wall(row, 13)?,
        completed_at: wall(row, 14)?,
        response: words(row, 15)?,
        error: words(row, 16)?,
        exit_status: row.get(17)?,
        retry: number(row, 18)? == Some(1),
        retry_count: count(row, 19)?.unwrap_or(0),
        max_retries: count(row, 20)?.unwrap_or(3),
        timeout_minutes: fraction(row, 21)?.unwrap_or(60.0),
        after: Vec::new(),
        waits_for: Vec::new(),
        blocked_by: Vec::new(),
        passed_over: row.get::<_, Option<i64>>(22)?.is_some(),
        in_line: row.get::<_, Option<i64>>(23)?.is_some(),
        stopping: row.get::<_, Option<String>>(24)?.is_some(),
        lock_status: words(row, 25)?,
        lock_token: row.get::<_, Option<i64>>(26)?.map(LockId),
        lock_acquired_at: wall(row, 27)?,
        lock_released_at: wall(row, 28)?,
        log_file: words(row, 29)?,
        held: words(row, 30)?,
        hold_note: words(row, 31)?,
    })
}
