//! The history: one row for every grant, and how it ended [R15].

use rusqlite::types::Value;
use rusqlite::{Connection as Sqlite, OptionalExtension, Row, params, params_from_iter};

use super::active::{json, name};
use crate::clock::{Moment, Now, Wall};
use crate::folder::{Folder, StoredFolder, ancestors, descendant_range};
use crate::ids::{LockId, Scope, SessionId, TaskId};
use crate::model::{End, EndReason, Holder, Lock, LockStatus, Mode};
use crate::store::{HistoryFilter, NewLock, Record};
use crate::wire::wall_at;

/// As [`record`] reads them.
const COLUMNS: &str = "id, scope, folder_path, folder_key, written_path, session_id, task_id, mode, created_at, \
                       granted_ns, expires_at, coalesce(released_at, expired_at), ended_ns, end_reason, ended_by, \
                       end_note, details, status, released_at IS NOT NULL";

pub(super) fn insert(
    sqlite: &Sqlite,
    id: LockId,
    new: &NewLock<'_>,
    now: Now,
) -> rusqlite::Result<()> {
    let key = Some(new.folder.path_key()).filter(|key| *key != new.folder.path());
    sqlite
        .prepare_cached(
            "INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at, status, mode, scope,
                 folder_key, written_path, granted_ns)
             VALUES (?1, ?2, ?3, ?4, ?5, 'active', ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            id.0,
            new.folder.path(),
            new.holder.session.as_str(),
            new.holder.task.0,
            now.wall.to_sql(),
            new.mode.word(),
            new.scope.as_str(),
            key,
            new.folder.written(),
            now.moment.0,
        ])
        .map(drop)
}

pub(super) fn end(sqlite: &Sqlite, lock: &Lock, end: &End, now: Now) -> rusqlite::Result<()> {
    let at = end.wall.to_sql();
    let status = end.reason.status();
    let (released, expired) = if status == LockStatus::Released {
        (Some(&at), None)
    } else {
        (None, Some(&at))
    };
    sqlite
        .prepare_cached(
            "UPDATE lock_history SET status = ?2, released_at = ?3, expired_at = ?4, end_reason = ?5, ended_by = ?6,
                 end_note = ?7, ended_ns = ?8, expires_at = ?9
              WHERE id = ?1 AND status = 'active'",
        )?
        .execute(params![
            lock.id.0,
            status.word(),
            released,
            expired,
            end.reason.word(),
            end.by,
            end.note,
            end.moment.0,
            wall_at(lock.expires, now).to_sql(),
        ])
        .map(drop)
}

pub(super) fn annotate(
    sqlite: &Sqlite,
    id: LockId,
    details: &serde_json::Value,
) -> rusqlite::Result<()> {
    sqlite
        .execute(
            "UPDATE lock_history SET details = ?2 WHERE id = ?1",
            params![id.0, details.to_string()],
        )
        .map(drop)
}

pub(super) fn by_id(sqlite: &Sqlite, id: LockId) -> rusqlite::Result<Option<Record>> {
    let query = format!("SELECT {COLUMNS} FROM lock_history WHERE id = ?1");
    sqlite
        .prepare_cached(&query)?
        .query_row([id.0], record)
        .optional()
}

pub(super) fn select(sqlite: &Sqlite, filter: &HistoryFilter) -> rusqlite::Result<Vec<Record>> {
    let mut query = format!("SELECT {COLUMNS} FROM lock_history WHERE 1");
    let mut values = Vec::new();
    let mut add = |condition: &str, value: Value| {
        query.push_str(condition);
        values.push(value);
    };
    if let Some(session) = &filter.session {
        add(
            " AND session_id = ?",
            Value::Text(session.as_str().to_owned()),
        );
    }
    if let Some(scope) = &filter.scope {
        add(" AND scope = ?", Value::Text(scope.as_str().to_owned()));
    }
    if let Some(task) = filter.task {
        add(" AND task_id = ?", Value::Integer(task.0));
    }
    if let Some(since) = filter.since {
        add(" AND created_at >= ?", Value::Text(since.to_sql()));
    }
    if let Some((from, to)) = filter.held {
        add(" AND created_at < ?", Value::Text(to.to_sql()));
        add(
            " AND (status = 'active' OR coalesce(released_at, expired_at) >= ?)",
            Value::Text(from.to_sql()),
        );
    }
    if let Some(before) = filter.before {
        add(" AND id < ?", Value::Integer(before.0));
    }
    if let Some(folder) = &filter.folder {
        let (condition, names) = overlapping(folder);
        query.push_str(&condition);
        values.extend(names);
    }
    query.push_str(" ORDER BY id DESC");
    if let Some(limit) = filter.limit {
        query.push_str(&format!(" LIMIT {limit}"));
    }
    let mut statement = sqlite.prepare_cached(&query)?;
    let rows = statement.query_map(params_from_iter(values), |row| Ok(record(row)))?;
    let mut records = Vec::new();
    for row in rows {
        match row? {
            Ok(record) => records.push(record),
            // A session or folder that is no name: another program's row. Doctor
            // names it.
            Err(rusqlite::Error::FromSqlConversionFailure(..)) => {}
            Err(rusqlite::Error::InvalidColumnType(..)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// How many rows cannot be understood, and the first of them.
pub(super) fn unreadable_rows(sqlite: &Sqlite) -> rusqlite::Result<(usize, Option<i64>)> {
    let query = format!("SELECT {COLUMNS} FROM lock_history ORDER BY id");
    let mut statement = sqlite.prepare(&query)?;
    let mut rows = statement.query([])?;
    let (mut count, mut first) = (0, None);
    while let Some(row) = rows.next()? {
        if record(row).is_err() {
            count += 1;
            first = first.or(row.get(0)?);
        }
    }
    Ok((count, first))
}

/// The condition for rows whose folder overlaps, by either of its names.
fn overlapping(folder: &Folder) -> (String, Vec<Value>) {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    for name in [Some(folder.path()), folder.written()]
        .into_iter()
        .flatten()
    {
        let (from, to) = descendant_range(name);
        let above: Vec<&str> = ancestors(name).collect();
        let marks = vec!["?"; above.len()].join(",");
        for column in ["folder_path", "written_path"] {
            parts.push(format!(
                "({column} IN ({marks}) OR ({column} > ? AND {column} < ?))"
            ));
            values.extend(above.iter().map(|name| Value::Text((*name).to_owned())));
            values.extend([Value::Text(from.clone()), Value::Text(to.clone())]);
        }
    }
    (format!(" AND ({})", parts.join(" OR ")), values)
}

/// The row with the highest token stays: the next one is counted from it.
pub(super) fn prune(sqlite: &Sqlite, before: Wall) -> rusqlite::Result<u64> {
    let pruned = sqlite.execute(
        "DELETE FROM lock_history WHERE status <> 'active' AND coalesce(released_at, expired_at, created_at) < ?1
            AND id < (SELECT max(id) FROM lock_history)",
        [before.to_sql()],
    )?;
    Ok(pruned as u64)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let stored = StoredFolder {
        path: row.get(2)?,
        path_key: row.get(3)?,
        written: row.get(4)?,
        ..StoredFolder::default()
    };
    let mode: Option<String> = row.get(7)?;
    let details: Option<String> = row.get(16)?;
    Ok(Record {
        id: LockId(row.get(0)?),
        scope: name(row, 1, Scope::new)?,
        folder: Folder::from_stored(stored),
        holder: Holder::new(
            name(row, 5, SessionId::new)?,
            TaskId(row.get(6).unwrap_or(0)),
        ),
        mode: if mode.as_deref() == Some(Mode::Shared.word()) {
            Mode::Shared
        } else {
            Mode::Exclusive
        },
        granted_at: time(row, 8).unwrap_or(Wall(0)),
        granted: Moment(row.get::<_, Option<i64>>(9)?.unwrap_or(0)),
        expires_at: time(row, 10),
        end: end_of(row)?,
        details: if details.is_some() {
            Some(json(row, 16)?)
        } else {
            None
        },
    })
}

/// Rows that other programs wrote have a status and a time, and no reason.
fn end_of(row: &Row<'_>) -> rusqlite::Result<Option<End>> {
    let reason = match row.get::<_, Option<String>>(13)? {
        Some(word) => reason_of(&word),
        None => match (row.get::<_, Option<String>>(17)?.as_deref(), row.get(18)?) {
            (Some("released"), _) | (_, true) => EndReason::Released,
            (Some("expired"), _) => EndReason::Lapsed,
            _ if time(row, 11).is_some() => EndReason::Lapsed,
            _ => return Ok(None),
        },
    };
    let wall = time(row, 11).or_else(|| time(row, 8));
    Ok(Some(End {
        reason,
        by: row.get::<_, Option<String>>(14)?.unwrap_or_default(),
        note: row.get(15)?,
        moment: Moment(row.get::<_, Option<i64>>(12)?.unwrap_or(0)),
        wall: wall.unwrap_or(Wall(0)),
    }))
}

fn reason_of(word: &str) -> EndReason {
    use EndReason::{Died, Forced, Lapsed, Released, TaskEnded};
    [Died, Forced, Lapsed, TaskEnded]
        .into_iter()
        .find(|reason| reason.word() == word)
        .unwrap_or(Released)
}

/// A time that cannot be read counts as none: other programs write such rows.
fn time(row: &Row<'_>, column: usize) -> Option<Wall> {
    let text: String = row.get(column).ok()?;
    Wall::from_sql(&text).ok()
}
