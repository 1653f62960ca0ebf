//! Sessions that are panes, and the patterns that find them.

use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::LockTx;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{read, sql, text};
use crate::runner::tmux::{Patterns, Sight, Status, Target, Wanted, WantedPattern};
use crate::session::Pane;
use crate::wire::PatternInfo;

/// A session or pattern that is about to be added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewPane<'a> {
    pub name: &'a SessionId,
    pub server: &'a str,
    /// As its user wrote it.
    pub target: &'a str,
    /// Of a target that is an id.
    pub pane: Option<&'a Pane>,
    pub provider: Option<&'a str>,
    pub patterns: &'a Patterns,
}

/// What is to be watched on which server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rows {
    pub sessions: Vec<(String, Wanted)>,
    pub patterns: Vec<(String, WantedPattern)>,
}

/// Everything that is to be watched. A row whose target cannot be read was
/// written by another program and is left alone.
pub(crate) fn rows(tx: &mut LockTx<'_>) -> Result<Rows, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT server, name, target, pattern, pane, provider, screen FROM sessions
                 WHERE kind = 'tmux' AND server IS NOT NULL ORDER BY name",
        )?;
        let sessions = statement
            .query_map([], session)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let mut statement = sql.prepare_cached(
            "SELECT server, name, target, provider, screen FROM session_patterns ORDER BY name",
        )?;
        let patterns = statement
            .query_map([], pattern)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Rows {
            sessions,
            patterns: patterns.into_iter().flatten().collect(),
        })
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<(String, Wanted)> {
    let target: Option<String> = row.get(2)?;
    let wanted = Wanted {
        session: row.get(1)?,
        target: target.and_then(|target| Target::read(&target).ok()),
        pattern: row.get(3)?,
        pane: read(row.get(4)?),
        sight: sight(row.get(5)?, row.get(6)?),
    };
    Ok((row.get(0)?, wanted))
}

fn pattern(row: &Row<'_>) -> rusqlite::Result<Option<(String, WantedPattern)>> {
    let target: String = row.get(2)?;
    let Ok(target) = Target::read(&target) else {
        return Ok(None);
    };
    let wanted = WantedPattern {
        name: row.get(1)?,
        target,
        sight: sight(row.get(3)?, row.get(4)?),
    };
    Ok(Some((row.get(0)?, wanted)))
}

fn sight(provider: Option<String>, screen: Option<String>) -> Sight {
    Sight {
        provider,
        patterns: read(screen).unwrap_or_default(),
        is_heard: false,
    }
}

/// Adds a session; whether its name was free.
pub(crate) fn insert(tx: &mut LockTx<'_>, new: NewPane<'_>) -> Result<bool, Error> {
    if pattern_by_name(tx, new.name.as_str())?.is_some() {
        return Ok(false);
    }
    let now = tx.now().wall.to_sql();
    let added = sql(tx, |sql| {
        sql.execute(
            "INSERT OR IGNORE INTO sessions
                 (name, status, kind, server, target, pane, provider, is_claude, screen, last_activity, updated_at)
             VALUES (?1, 'unknown', 'tmux', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
            params![
                new.name.as_str(),
                new.server,
                new.target,
                new.pane.map(text).transpose()?,
                new.provider,
                new.provider == Some("claude"),
                text(new.patterns)?,
                now,
            ],
        )
    })?;
    Ok(added > 0)
}

/// Adds a pattern; whether its name was free.
pub(crate) fn insert_pattern(tx: &mut LockTx<'_>, new: NewPane<'_>) -> Result<bool, Error> {
    if super::sessions::by_name(tx, new.name.as_str())?.is_some() {
        return Ok(false);
    }
    let added = sql(tx, |sql| {
        sql.execute(
            "INSERT OR IGNORE INTO session_patterns (name, server, target, provider, screen) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![new.name.as_str(), new.server, new.target, new.provider, text(new.patterns)?],
        )
    })?;
    Ok(added > 0)
}

/// All patterns.
pub(crate) fn patterns(tx: &mut LockTx<'_>) -> Result<Vec<PatternInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{PATTERN} ORDER BY name");
        sql.prepare_cached(&query)?
            .query_map([], pattern_info)?
            .collect()
    })
}

/// One pattern.
pub(crate) fn pattern_by_name(
    tx: &mut LockTx<'_>,
    name: &str,
) -> Result<Option<PatternInfo>, Error> {
    sql(tx, |sql| {
        let query = format!("{PATTERN} WHERE name = ?1");
        sql.prepare_cached(&query)?
            .query_row([name], pattern_info)
            .optional()
    })
}

const PATTERN: &str = "SELECT name, server, target, provider FROM session_patterns";

fn pattern_info(row: &Row<'_>) -> rusqlite::Result<PatternInfo> {
    Ok(PatternInfo {
        name: row.get(0)?,
        server: row.get(1)?,
        target: row.get(2)?,
        provider: row.get(3)?,
    })
}

/// The first of a pattern's sessions that works, and on what.
pub(crate) fn busy_of_pattern(
    tx: &mut LockTx<'_>,
    name: &str,
) -> Result<Option<(String, TaskId)>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT name, current_task_id FROM sessions WHERE pattern = ?1 AND current_task_id IS NOT NULL LIMIT 1",
        )?
        .query_row([name], |row| Ok((row.get(0)?, TaskId(row.get(1)?))))
        .optional()
    })
}

/// Removes a pattern with its sessions.
pub(crate) fn remove_pattern(tx: &mut LockTx<'_>, name: &str) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute("DELETE FROM sessions WHERE pattern = ?1", [name])?;
        sql.execute("DELETE FROM session_patterns WHERE name = ?1", [name])
            .map(drop)
    })
}

/// Before anybody has looked nothing is known of any pane.
pub(crate) fn doubt(tx: &mut LockTx<'_>) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.execute(
            "UPDATE sessions SET status = 'unknown', idle_since_ns = NULL
                 WHERE kind = 'tmux' AND current_task_id IS NULL AND status <> 'unknown'",
            [],
        )
        .map(drop)
    })
}

/// A session's pane was found; one that a pattern found is a new session.
/// `false`: its name is another session's.
pub(crate) fn found(
    tx: &mut LockTx<'_>,
    session: &str,
    pane: &Pane,
    pattern: Option<&str>,
) -> Result<bool, Error> {
    let now = tx.now().wall.to_sql();
    let changed = sql(tx, |sql| {
        let pane = text(pane)?;
        if let Some(pattern) = pattern {
            sql.execute(
                "INSERT OR IGNORE INTO sessions
                     (name, status, kind, server, pane, provider, is_claude, screen, pattern, last_activity, updated_at)
                 SELECT ?1, 'unknown', 'tmux', server, ?2, provider, coalesce(provider = 'claude', 0), screen, name, ?4, ?4
                     FROM session_patterns WHERE name = ?3",
                params![session, pane, pattern, now],
            )?;
        }
        sql.execute(
            "UPDATE sessions SET pane = ?2, updated_at = ?4,
                 status = iif(current_task_id IS NULL AND pane IS NOT ?2, 'unknown', status)
             WHERE name = ?1 AND kind = 'tmux' AND pattern IS ?3",
            params![session, pane, pattern, now],
        )
    })?;
    Ok(changed > 0)
}

/// What a session's pane does. `false`: that was known.
pub(crate) fn shows(
    tx: &mut LockTx<'_>,
    session: &str,
    pane: &Pane,
    status: Status,
    folder: Option<&str>,
) -> Result<bool, Error> {
    let now = tx.now();
    let changed = sql(tx, |sql| {
        let works = matches!(status, Status::Busy | Status::WaitingInput);
        // While it has a task it is the task's.
        sql.prepare_cached(
            "UPDATE sessions SET status = ?3, idle_since_ns = iif(?3 = 'idle', ?4, NULL), updated_at = ?5,
                 current_dir = coalesce(?7, current_dir)
             WHERE name = ?1 AND kind = 'tmux' AND pane = ?2 AND (current_task_id IS NULL OR ?6)
                 AND (status IS NOT ?3 OR (?3 = 'idle' AND current_dir IS NOT coalesce(?7, current_dir)))",
        )?
        .execute(params![
            session,
            text(pane)?,
            status.word(),
            now.moment.0,
            now.wall.to_sql(),
            works,
            folder,
        ])
    })?;
    Ok(changed > 0)
}

/// The tmux sessions without a task of which nobody knows what they do, with
/// their panes as far as they have one.
pub(crate) fn unknown(tx: &mut LockTx<'_>) -> Result<Vec<(String, Option<Pane>)>, Error> {
    sql(tx, |sql| {
        let mut statement = sql.prepare_cached(
            "SELECT name, pane FROM sessions
                 WHERE kind = 'tmux' AND status = 'unknown' AND current_task_id IS NULL",
        )?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, read(row.get(1)?)));
        statement.query_map([], row)?.collect()
    })
}

/// A session's pane is gone. One that a pattern found is gone with it; one
/// whose pane was named by its id still knows which it was.
pub(crate) fn gone(tx: &mut LockTx<'_>, session: &str, pane: &Pane) -> Result<bool, Error> {
    let changed = sql(tx, |sql| {
        let pane = text(pane)?;
        let removed = sql.execute(
            "DELETE FROM sessions WHERE name = ?1 AND kind = 'tmux' AND pane = ?2 AND pattern IS NOT NULL
                 AND current_task_id IS NULL",
            params![session, pane],
        )?;
        let unknown = sql.execute(
            "UPDATE sessions SET status = iif(current_task_id IS NULL, 'unknown', status), idle_since_ns = NULL,
                 pane = iif(target LIKE '\\%%' ESCAPE '\\' OR current_task_id IS NOT NULL, pane, NULL)
             WHERE name = ?1 AND kind = 'tmux' AND pane = ?2 AND pattern IS NULL
                 AND (status <> 'unknown' OR target NOT LIKE '\\%%' ESCAPE '\\')",
            params![session, pane],
        )?;
        Ok(removed + unknown)
    })?;
    Ok(changed > 0)
}
