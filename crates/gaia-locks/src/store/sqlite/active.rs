//! The active locks: one row for each name of a lock, keyed by name, so that
//! ancestors are a list of equalities and descendants a range.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use rusqlite::{Connection as Sqlite, OptionalExtension, Row, params, params_from_iter};

use crate::clock::{Moment, Now, Wall};
use crate::folder::{Folder, StoredFolder, ancestors, descendant_range};
use crate::ids::{LockId, Scope, SessionId, TaskId};
use crate::model::{Binding, Holder, Lock, Mode, Releaser};
use crate::os::Inode;
use crate::store::NewLock;

/// As [`lock`] reads them.
const COLUMNS: &str = "scope, folder_key, id, alias, session_id, task_id, shared, granted_at, expires_ns, ttl_ns, \
                       own, releaser, binding, process, folder_path, written_path, written_key, main_key, \
                       device, inode";

pub(super) fn overlapping(
    sqlite: &Sqlite,
    scope: &Scope,
    folders: &[Folder],
) -> rusqlite::Result<Vec<Lock>> {
    let mut locks: Vec<Lock> = Vec::new();
    for key in folders.iter().flat_map(Folder::keys) {
        locks.append(&mut around(sqlite, scope, key)?);
    }
    // One lock may have several names among them. Compared in order and not
    // each with all: below one folder there may be a hundred thousand.
    locks.sort_unstable_by_key(|lock| lock.id);
    locks.dedup_by_key(|lock| lock.id);
    Ok(locks)
}

/// Locks with a name that is `key`, above it or below it.
fn around(sqlite: &Sqlite, scope: &Scope, key: &str) -> rusqlite::Result<Vec<Lock>> {
    let above: Vec<&str> = ancestors(key).collect();
    let (from, to) = descendant_range(key);
    let mut statement = sqlite.prepare_cached(&around_query(above.len()))?;
    let names = [scope.as_str(), from.as_str(), to.as_str()]
        .into_iter()
        .chain(above);
    let rows = statement.query_map(params_from_iter(names), |row| Ok(found(row)))?;
    let mut locks = Vec::new();
    for row in rows {
        locks.extend(row?.and_then(|found| found.whole(sqlite))?);
    }
    Ok(locks)
}

/// One text for each depth, made once: this is asked at every request.
fn around_query(depth: usize) -> Cow<'static, str> {
    static QUERIES: [OnceLock<String>; 32] = [const { OnceLock::new() }; 32];
    let made = || {
        let marks = vec!["?"; depth].join(",");
        format!(
            "SELECT {COLUMNS} FROM active_locks WHERE scope = ?1 AND folder_key > ?2 AND folder_key < ?3
             UNION ALL
             SELECT {COLUMNS} FROM active_locks WHERE scope = ?1 AND folder_key IN ({marks})"
        )
    };
    match QUERIES.get(depth) {
        Some(query) => Cow::Borrowed(query.get_or_init(made)),
        None => Cow::Owned(made()),
    }
}

/// A row: a lock, or another name of one.
enum Found {
    Lock(Box<Lock>),
    Alias {
        scope: String,
        main_key: String,
        id: i64,
    },
}

impl Found {
    fn whole(self, sqlite: &Sqlite) -> rusqlite::Result<Option<Lock>> {
        match self {
            Found::Lock(lock) => Ok(Some(*lock)),
            Found::Alias {
                scope,
                main_key,
                id,
            } => by_key(sqlite, &scope, &main_key, id),
        }
    }
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    if row.get::<_, i64>(3)? == 0 {
        return lock(row).map(|lock| Found::Lock(Box::new(lock)));
    }
    Ok(Found::Alias {
        scope: row.get(0)?,
        main_key: row.get(17)?,
        id: row.get(2)?,
    })
}

fn by_key(sqlite: &Sqlite, scope: &str, key: &str, id: i64) -> rusqlite::Result<Option<Lock>> {
    let query = format!(
        "SELECT {COLUMNS} FROM active_locks WHERE scope = ?1 AND folder_key = ?2 AND id = ?3"
    );
    sqlite
        .prepare_cached(&query)?
        .query_row(params![scope, key, id], lock)
        .optional()
}

/// There is no index by id: the row of the history knows the name.
pub(super) fn by_id(sqlite: &Sqlite, id: LockId) -> rusqlite::Result<Option<Lock>> {
    static QUERY: LazyLock<String> = LazyLock::new(|| {
        let columns = COLUMNS
            .split(", ")
            .map(|column| format!("a.{column}"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "SELECT {columns} FROM lock_history h CROSS JOIN active_locks a
              WHERE h.id = ?1 AND a.scope = h.scope AND a.folder_key = coalesce(h.folder_key, h.folder_path)
                AND a.id = ?1"
        )
    });
    sqlite
        .prepare_cached(&QUERY)?
        .query_row([id.0], lock)
        .optional()
}

/// By the history's index on tasks: a task has few rows there.
pub(super) fn of_task(
    sqlite: &Sqlite,
    session: &SessionId,
    task: TaskId,
) -> rusqlite::Result<Vec<Lock>> {
    let mut statement = sqlite.prepare_cached(
        "SELECT id FROM lock_history INDEXED BY idx_lock_history_task
          WHERE task_id = ?1 AND session_id = ?2 AND status = 'active' ORDER BY id",
    )?;
    let ids = statement.query_map(params![task.0, session.as_str()], |row| row.get(0))?;
    let mut locks = Vec::new();
    for id in ids.collect::<rusqlite::Result<Vec<i64>>>()? {
        locks.extend(by_id(sqlite, LockId(id))?);
    }
    Ok(locks)
}

pub(super) fn all(sqlite: &Sqlite) -> rusqlite::Result<Vec<Lock>> {
    let query = format!("SELECT {COLUMNS} FROM active_locks WHERE alias = 0 ORDER BY id");
    sqlite
        .prepare_cached(&query)?
        .query_map([], lock)?
        .collect()
}

pub(super) fn due(sqlite: &Sqlite, moment: Moment) -> rusqlite::Result<Vec<Lock>> {
    let query = format!(
        "SELECT {COLUMNS} FROM active_locks WHERE alias = 0 AND (expires_ns <= ?1 OR binding <> 0) ORDER BY id"
    );
    sqlite
        .prepare_cached(&query)?
        .query_map([moment.0], lock)?
        .collect()
}

pub(super) fn insert(
    sqlite: &Sqlite,
    id: LockId,
    new: &NewLock<'_>,
    now: Now,
) -> rusqlite::Result<()> {
    let (kind, process) = stored_binding(&new.binding);
    let folder = new.folder;
    let shown = Some(folder.path()).filter(|path| *path != folder.path_key());
    let written_key = folder
        .written_key()
        .filter(|key| Some(*key) != folder.written());
    sqlite
        .prepare_cached(
            "INSERT INTO active_locks (scope, folder_key, id, session_id, task_id, shared, granted_at, expires_ns,
                 ttl_ns, own, releaser, binding, process, folder_path, written_path, written_key, device, inode)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?
        .execute(params![
            new.scope.as_str(),
            folder.path_key(),
            id.0,
            new.holder.session.as_str(),
            new.holder.task.0,
            new.mode == Mode::Shared,
            now.wall.0,
            new.expires.0,
            nanoseconds(new.ttl),
            new.own,
            new.releaser == Releaser::Assigner,
            kind,
            process,
            shown,
            folder.written(),
            written_key,
            folder.found().map(|found| found.dev.cast_signed()),
            folder.found().map(|found| found.ino.cast_signed()),
        ])?;
    match folder.written_key() {
        Some(key) => insert_alias(sqlite, id, new.scope, key, folder.path_key()),
        None => Ok(()),
    }
}

fn insert_alias(
    sqlite: &Sqlite,
    id: LockId,
    scope: &Scope,
    key: &str,
    main: &str,
) -> rusqlite::Result<()> {
    sqlite
        .prepare_cached(
            "INSERT INTO active_locks (scope, folder_key, id, alias, main_key) VALUES (?1, ?2, ?3, 1, ?4)",
        )?
        .execute(params![scope.as_str(), key, id.0, main])
        .map(drop)
}

pub(super) fn update(sqlite: &Sqlite, lock: &Lock) -> rusqlite::Result<()> {
    let (kind, process) = stored_binding(&lock.binding);
    sqlite
        .prepare_cached(
            "UPDATE active_locks SET expires_ns = ?4, ttl_ns = ?5, binding = ?6, process = ?7
              WHERE scope = ?1 AND folder_key = ?2 AND id = ?3",
        )?
        .execute(params![
            lock.scope.as_str(),
            lock.folder.path_key(),
            lock.id.0,
            lock.expires.0,
            nanoseconds(lock.ttl),
            kind,
            process
        ])
        .map(drop)
}

/// Whether it was active.
pub(super) fn remove(sqlite: &Sqlite, lock: &Lock) -> rusqlite::Result<bool> {
    let mut statement = sqlite.prepare_cached(
        "DELETE FROM active_locks WHERE scope = ?1 AND folder_key = ?2 AND id = ?3",
    )?;
    let mut removed = 0;
    for key in lock.folder.keys() {
        removed += statement.execute(params![lock.scope.as_str(), key, lock.id.0])?;
    }
    Ok(removed > 0)
}

fn stored_binding(binding: &Binding) -> (i64, Option<String>) {
    match binding {
        Binding::Lease => (0, None),
        Binding::Process(process) => (1, serde_json::to_string(process).ok()),
        Binding::Claim(process) => (2, serde_json::to_string(process).ok()),
        Binding::Agent(agent) => (3, serde_json::to_string(agent).ok()),
    }
}

fn lock(row: &Row<'_>) -> rusqlite::Result<Lock> {
    let key: String = row.get(1)?;
    let stored = match row.get::<_, Option<String>>(14)? {
        Some(path) => StoredFolder {
            path,
            path_key: Some(key),
            ..written(row)?
        },
        None => StoredFolder {
            path: key,
            path_key: None,
            ..written(row)?
        },
    };
    Ok(Lock {
        id: LockId(row.get(2)?),
        scope: name(row, 0, Scope::new)?,
        folder: Folder::from_stored(stored),
        holder: Holder::new(name(row, 4, SessionId::new)?, TaskId(row.get(5)?)),
        mode: if row.get(6)? {
            Mode::Shared
        } else {
            Mode::Exclusive
        },
        granted_at: Wall(row.get(7)?),
        expires: Moment(row.get(8)?),
        ttl: duration(row.get(9)?),
        own: row.get(10)?,
        releaser: if row.get(11)? {
            Releaser::Assigner
        } else {
            Releaser::Holder
        },
        binding: binding(row)?,
    })
}

fn written(row: &Row<'_>) -> rusqlite::Result<StoredFolder> {
    Ok(StoredFolder {
        written: row.get(15)?,
        written_key: row.get(16)?,
        found: inode(row)?,
        ..StoredFolder::default()
    })
}

fn inode(row: &Row<'_>) -> rusqlite::Result<Option<Inode>> {
    let numbers: (Option<i64>, Option<i64>) = (row.get(18)?, row.get(19)?);
    let (Some(dev), Some(ino)) = numbers else {
        return Ok(None);
    };
    let (dev, ino) = (dev.cast_unsigned(), ino.cast_unsigned());
    Ok(Some(Inode { dev, ino }))
}

fn binding(row: &Row<'_>) -> rusqlite::Result<Binding> {
    let kind: i64 = row.get(12)?;
    Ok(match kind {
        0 => Binding::Lease,
        1 => Binding::Process(json(row, 13)?),
        3 => Binding::Agent(Box::new(json(row, 13)?)),
        _ => Binding::Claim(json(row, 13)?),
    })
}

/// A name as stored; a row that somebody else wrote may hold anything.
pub(super) fn name<T, E: std::error::Error + Send + Sync + 'static>(
    row: &Row<'_>,
    column: usize,
    make: impl FnOnce(String) -> Result<T, E>,
) -> rusqlite::Result<T> {
    make(row.get(column)?).map_err(|error| unreadable(column, error))
}

/// A column of JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

pub(super) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

pub(super) fn duration(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}
