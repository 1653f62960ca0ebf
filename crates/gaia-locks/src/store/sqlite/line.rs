//! The line: waiters in order of arrival, found by the names they wait for.

use rusqlite::{Connection as Sqlite, OptionalExtension, Row, params, params_from_iter};
use serde::{Deserialize, Serialize};

use super::active::{duration, json, name, nanoseconds, unreadable};
use crate::clock::{Moment, Wall};
use crate::folder::{Folder, StoredFolder, ancestors, descendant_range};
use crate::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use crate::model::{Holder, Mode, Releaser, Turn, Waiter, WaiterLife, WaiterState, Want};
use crate::os::Inode;

/// As [`waiter`] reads them.
const COLUMNS: &str = "id, scope, session_id, task_id, mode, folders, ttl_ns, own, releaser, process, life, reserved, \
                       granted, heard_ns, since, until_ns, request_id";

/// A folder as the `folders` column has it.
#[derive(Serialize, Deserialize)]
struct Named(
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<(u64, u64)>,
);

impl Named {
    fn of(folder: &Folder) -> Self {
        let stored = folder.to_stored();
        Self(
            stored.path,
            stored.path_key,
            stored.written,
            stored.written_key,
            stored.found.map(|found| (found.dev, found.ino)),
        )
    }

    fn folder(self) -> Folder {
        let Self(path, path_key, written, written_key, found) = self;
        Folder::from_stored(StoredFolder {
            path,
            path_key,
            written,
            written_key,
            found: found.map(|(dev, ino)| Inode { dev, ino }),
        })
    }
}

pub(super) fn overlapping(
    sqlite: &Sqlite,
    scope: &Scope,
    folders: &[Folder],
) -> rusqlite::Result<Vec<Waiter>> {
    let mut waiters: Vec<Waiter> = Vec::new();
    for key in folders.iter().flat_map(Folder::keys) {
        for waiter in around(sqlite, scope, key, "ORDER BY id")? {
            if !waiters.iter().any(|known| known.id == waiter.id) {
                waiters.push(waiter);
            }
        }
    }
    waiters.sort_unstable_by_key(|waiter| waiter.id);
    Ok(waiters)
}

/// One row is read for each name, however long the line is.
pub(super) fn first_waiting(
    sqlite: &Sqlite,
    scope: &Scope,
    folders: &[Folder],
) -> rusqlite::Result<Option<Waiter>> {
    let mut first: Option<Waiter> = None;
    for key in folders.iter().flat_map(Folder::keys) {
        let found = around(
            sqlite,
            scope,
            key,
            "AND granted IS NULL ORDER BY id LIMIT 1",
        )?;
        first = first
            .into_iter()
            .chain(found)
            .min_by_key(|waiter| waiter.id);
    }
    Ok(first)
}

fn around(sqlite: &Sqlite, scope: &Scope, key: &str, which: &str) -> rusqlite::Result<Vec<Waiter>> {
    let above: Vec<&str> = ancestors(key).collect();
    let marks = vec!["?"; above.len()].join(",");
    let query = format!(
        "SELECT {COLUMNS} FROM waiters WHERE id IN (
             SELECT waiter_id FROM waiter_folders WHERE scope = ?1 AND folder_key > ?2 AND folder_key < ?3
             UNION
             SELECT waiter_id FROM waiter_folders WHERE scope = ?1 AND folder_key IN ({marks}))
         {which}"
    );
    let (from, to) = descendant_range(key);
    let names = [scope.as_str(), from.as_str(), to.as_str()]
        .into_iter()
        .chain(above);
    sqlite
        .prepare_cached(&query)?
        .query_map(params_from_iter(names), waiter)?
        .collect()
}

pub(super) fn of_session(sqlite: &Sqlite, session: &SessionId) -> rusqlite::Result<Vec<Waiter>> {
    let query = format!("SELECT {COLUMNS} FROM waiters WHERE session_id = ?1 ORDER BY id");
    sqlite
        .prepare_cached(&query)?
        .query_map([session.as_str()], waiter)?
        .collect()
}

pub(super) fn all(sqlite: &Sqlite) -> rusqlite::Result<Vec<Waiter>> {
    let query = format!("SELECT {COLUMNS} FROM waiters ORDER BY id");
    sqlite
        .prepare_cached(&query)?
        .query_map([], waiter)?
        .collect()
}

pub(super) fn by_id(sqlite: &Sqlite, id: WaiterId) -> rusqlite::Result<Option<Waiter>> {
    let query = format!("SELECT {COLUMNS} FROM waiters WHERE id = ?1");
    sqlite
        .prepare_cached(&query)?
        .query_row([id.0], waiter)
        .optional()
}

pub(super) fn insert(sqlite: &Sqlite, waiter: &Waiter) -> rusqlite::Result<WaiterId> {
    let want = &waiter.want;
    let folders: Vec<Named> = want.folders.iter().map(Named::of).collect();
    let life = match &waiter.life {
        WaiterLife::Process(process) => Some(text(process)?),
        WaiterLife::Heartbeat => None,
    };
    sqlite
        .prepare_cached(
            "INSERT INTO waiters (scope, session_id, task_id, mode, folders, ttl_ns, own, releaser, process, life,
                 reserved, heard_ns, since, until_ns, request_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            want.scope.as_str(),
            want.holder.session.as_str(),
            want.holder.task.0,
            want.mode.word(),
            text(&folders)?,
            nanoseconds(want.ttl),
            want.own,
            want.releaser == Releaser::Assigner,
            want.process.as_ref().map(text).transpose()?,
            life,
            waiter.turn == Turn::Reserved,
            waiter.heard.0,
            waiter.since.0,
            waiter.until.map(|until| until.0),
            waiter.request.as_ref().map(RequestId::as_str),
        ])?;
    let id = WaiterId(sqlite.last_insert_rowid());
    insert_names(sqlite, id, want)?;
    Ok(id)
}

fn insert_names(sqlite: &Sqlite, id: WaiterId, want: &Want) -> rusqlite::Result<()> {
    let mut statement = sqlite.prepare_cached(
        "INSERT OR IGNORE INTO waiter_folders (scope, folder_key, waiter_id) VALUES (?1, ?2, ?3)",
    )?;
    for key in want.folders.iter().flat_map(Folder::keys) {
        statement.execute(params![want.scope.as_str(), key, id.0])?;
    }
    Ok(())
}

pub(super) fn update(
    sqlite: &Sqlite,
    id: WaiterId,
    state: &WaiterState,
    heard: Moment,
) -> rusqlite::Result<()> {
    let granted = match state {
        WaiterState::Waiting => None,
        WaiterState::Granted(locks) => Some(text(locks)?),
    };
    sqlite
        .prepare_cached("UPDATE waiters SET granted = ?2, heard_ns = ?3 WHERE id = ?1")?
        .execute(params![id.0, granted, heard.0])
        .map(drop)
}

/// Its names are found by its own folders: an index of names by waiter would be
/// written at every place that is taken or left.
pub(super) fn remove(sqlite: &Sqlite, id: WaiterId) -> rusqlite::Result<()> {
    let names = sqlite
        .prepare_cached("SELECT scope, folders FROM waiters WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((row.get::<_, String>(0)?, json::<Vec<Named>>(row, 1)?))
        })
        .optional()?;
    let Some((scope, folders)) = names else {
        return Ok(());
    };
    sqlite
        .prepare_cached("DELETE FROM waiters WHERE id = ?1")?
        .execute([id.0])?;
    let mut statement = sqlite.prepare_cached(
        "DELETE FROM waiter_folders WHERE scope = ?1 AND folder_key = ?2 AND waiter_id = ?3",
    )?;
    for folder in folders.into_iter().map(Named::folder) {
        for key in folder.keys() {
            statement.execute(params![scope, key, id.0])?;
        }
    }
    Ok(())
}

/// Waiters that were processes are dead with the machine; one elsewhere has
/// its time to be heard again, and to take up what it was granted.
pub(super) fn after_reboot(sqlite: &Sqlite, now: Moment) -> rusqlite::Result<()> {
    sqlite.execute(
        "UPDATE active_locks SET expires_ns = ?1 + min(ttl_ns, ?2) WHERE alias = 0
            AND id IN (SELECT value FROM waiters, json_each(waiters.granted))",
        params![now.0, nanoseconds(Waiter::SILENCE)],
    )?;
    sqlite.execute("DELETE FROM waiter_folders WHERE waiter_id IN (SELECT id FROM waiters WHERE life IS NOT NULL)", [])?;
    sqlite.execute("DELETE FROM waiters WHERE life IS NOT NULL", [])?;
    sqlite.execute(
        "UPDATE waiters SET until_ns = until_ns - heard_ns + ?1 WHERE until_ns IS NOT NULL",
        [now.0],
    )?;
    sqlite
        .execute("UPDATE waiters SET heard_ns = ?1", [now.0])
        .map(drop)
}

fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn waiter(row: &Row<'_>) -> rusqlite::Result<Waiter> {
    let life: Option<String> = row.get(10)?;
    let granted: Option<String> = row.get(12)?;
    let request: Option<String> = row.get(16)?;
    Ok(Waiter {
        id: WaiterId(row.get(0)?),
        want: want(row)?,
        state: match granted {
            Some(_) => WaiterState::Granted(json::<Vec<LockId>>(row, 12)?),
            None => WaiterState::Waiting,
        },
        life: match life {
            Some(_) => WaiterLife::Process(json(row, 10)?),
            None => WaiterLife::Heartbeat,
        },
        heard: Moment(row.get(13)?),
        since: Wall(row.get(14)?),
        until: row.get::<_, Option<i64>>(15)?.map(Moment),
        turn: if row.get(11)? {
            Turn::Reserved
        } else {
            Turn::Granted
        },
        request: request
            .map(RequestId::new)
            .transpose()
            .map_err(|error| unreadable(16, error))?,
    })
}

fn want(row: &Row<'_>) -> rusqlite::Result<Want> {
    let folders: Vec<Named> = json(row, 5)?;
    let mode: String = row.get(4)?;
    let process: Option<String> = row.get(9)?;
    Ok(Want {
        scope: name(row, 1, Scope::new)?,
        folders: folders.into_iter().map(Named::folder).collect(),
        holder: Holder::new(name(row, 2, SessionId::new)?, TaskId(row.get(3)?)),
        mode: if mode == Mode::Shared.word() {
            Mode::Shared
        } else {
            Mode::Exclusive
        },
        ttl: duration(row.get(6)?),
        process: if process.is_some() {
            Some(json(row, 9)?)
        } else {
            None
        },
        own: row.get(7)?,
        releaser: if row.get(8)? {
            Releaser::Assigner
        } else {
            Releaser::Holder
        },
    })
}
