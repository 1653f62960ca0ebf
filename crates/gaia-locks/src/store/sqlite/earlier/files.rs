//! Lock files of an earlier lock manager: `.gaia_<hash>.lock`, JSON without the
//! name of a database. Those still active are held on for what is left of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection as Sqlite, params};
use serde::Deserialize;
use serde_json::Value;

use super::history::{self, Found};
use super::{Earlier, Takeover};
use crate::clock::{Clock, Wall};
use crate::ids::LockId;

/// No lock file is longer.
const LONGEST: u64 = 64 * 1024;

/// What stands in one.
#[derive(Deserialize)]
struct Content {
    folder_path: String,
    session_id: String,
    #[serde(default)]
    task_id: Value,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    expires_at: Value,
    #[serde(default)]
    status: Option<String>,
    /// Ours name their database, and are no business of this room.
    #[serde(default)]
    database: Option<String>,
}

/// Takes over what is still active.
pub(super) fn take_over(
    file: &Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
    done: &mut Takeover,
) -> rusqlite::Result<()> {
    let now = clock.now();
    let locks_dir = earlier.locks_dir.as_deref();
    let files = locks_dir.map(lock_files).unwrap_or_default();
    if !files.is_empty() {
        history::note_boot(file, clock)?;
    }
    for (place, content) in files {
        let understood = content.and_then(|content| {
            let found = content.understood(earlier.lease, now.wall)?;
            Ok((content.is_active(), found))
        });
        let (is_active, found) = match understood {
            Ok(understood) => understood,
            Err(why) => {
                done.left.push(format!("{}: {why}", place.display()));
                continue;
            }
        };
        let shown = history::shown(&found);
        let is_over = !is_active || found.until <= now.wall;
        if !is_over && !lengthen(file, &found, now)? {
            if history::is_in_the_way(file, &found)? {
                done.left
                    .push(format!("{}: {shown} is held by another", place.display()));
                continue;
            }
            let id = insert(file, &found)?;
            history::hold(file, id, (found.folder.path(), &found), now)?;
            done.locks.push(shown);
        }
        done.files.push(place);
    }
    Ok(())
}

/// The same lock stands in the history too: the file knows better how long it
/// lasts.
fn lengthen(file: &Sqlite, found: &Found, now: crate::clock::Now) -> rusqlite::Result<bool> {
    let expires = now.moment.plus(found.until.since(now.wall));
    let changed = file.execute(
        "UPDATE active_locks SET expires_ns = max(expires_ns, ?4)
             WHERE folder_key = ?1 AND session_id = ?2 AND task_id = ?3 AND alias = 0",
        params![
            found.folder.path_key(),
            found.holder.session.as_str(),
            found.holder.task.0,
            expires.0,
        ],
    )?;
    Ok(changed > 0)
}

fn insert(file: &Sqlite, found: &Found) -> rusqlite::Result<LockId> {
    file.execute(
        "INSERT INTO lock_history (folder_path, session_id, task_id, created_at, status)
             VALUES (?1, ?2, ?3, ?4, 'active')",
        params![
            found.folder.path(),
            found.holder.session.as_str(),
            found.holder.task.0,
            found.granted.to_sql(),
        ],
    )?;
    Ok(LockId(file.last_insert_rowid()))
}

/// A lock file, or why it cannot be understood.
type File = (PathBuf, Result<Content, String>);

fn lock_files(dir: &Path) -> Vec<File> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    places.sort();
    let mut files: Vec<File> = places
        .into_iter()
        .filter(|place| is_named(place))
        .map(|place| {
            let content = read(&place);
            (place, content)
        })
        .collect();
    files.retain(|(_, content)| !matches!(content, Ok(ours) if ours.database.is_some()));
    files
}

fn is_named(place: &Path) -> bool {
    let name = place.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(".gaia_") && name.ends_with(".lock"))
}

fn read(place: &Path) -> Result<Content, String> {
    let meta = place.symlink_metadata().map_err(|why| why.to_string())?;
    if !meta.is_file() || meta.len() > LONGEST {
        return Err("it is no lock file, or too long for one".to_owned());
    }
    let text = fs::read(place).map_err(|why| why.to_string())?;
    serde_json::from_slice(&text).map_err(|why| format!("it cannot be read: {why}"))
}

impl Content {
    fn is_active(&self) -> bool {
        self.status
            .as_deref()
            .is_none_or(|status| status == "active")
    }

    fn understood(&self, lease: Duration, now: Wall) -> Result<Found, String> {
        let task = match &self.task_id {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => String::new(),
        };
        let granted = time(&self.created_at).unwrap_or(now).min(now);
        Ok(Found {
            folder: history::folder(&self.folder_path)?,
            holder: history::holder(&self.session_id, &task)?,
            granted,
            until: time(&self.expires_at).unwrap_or_else(|| granted.plus(lease)),
        })
    }
}

/// A time as text, or in seconds since 1970. The earlier manager was a Python
/// program on this machine and wrote `datetime.now().isoformat()`, which is local
/// time and does not say so; the tables' own columns are UTC, as SQLite's
/// CURRENT_TIMESTAMP is.
fn time(value: &Value) -> Option<Wall> {
    match value {
        Value::String(text) => Wall::from_local(text).ok(),
        Value::Number(seconds) => Wall::from_unix(seconds.as_f64()?),
        _ => None,
    }
}
