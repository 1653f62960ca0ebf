//! Request ids [R16] and pauses.

use rusqlite::{Connection as Sqlite, OptionalExtension, Row, params};

use super::active::{json, name};
use crate::clock::Wall;
use crate::folder::{Folder, StoredFolder};
use crate::ids::{LockId, RequestId, Scope, SessionId, WaiterId};
use crate::model::Pause;
use crate::store::Remembered;

pub(super) fn remembered(
    sqlite: &Sqlite,
    session: &SessionId,
    id: &RequestId,
) -> rusqlite::Result<Option<Remembered>> {
    sqlite
        .prepare_cached(
            "SELECT content, locks, waiter_id, at FROM request_ids WHERE session_id = ?1 AND request_id = ?2",
        )?
        .query_row([session.as_str(), id.as_str()], |row| {
            Ok(Remembered {
                content: row.get(0)?,
                locks: json::<Vec<LockId>>(row, 1)?,
                waiter: row.get::<_, Option<i64>>(2)?.map(WaiterId),
                at: Wall(row.get(3)?),
            })
        })
        .optional()
}

pub(super) fn remember(
    sqlite: &Sqlite,
    session: &SessionId,
    id: &RequestId,
    what: &Remembered,
) -> rusqlite::Result<()> {
    let locks: Vec<i64> = what.locks.iter().map(|lock| lock.0).collect();
    sqlite
        .prepare_cached(
            "INSERT OR REPLACE INTO request_ids (session_id, request_id, content, locks, waiter_id, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            session.as_str(),
            id.as_str(),
            what.content,
            format!("{locks:?}"),
            what.waiter.map(|waiter| waiter.0),
            what.at.0
        ])
        .map(drop)
}

pub(super) fn forget(sqlite: &Sqlite, session: &SessionId, id: &RequestId) -> rusqlite::Result<()> {
    sqlite
        .execute(
            "DELETE FROM request_ids WHERE session_id = ?1 AND request_id = ?2",
            [session.as_str(), id.as_str()],
        )
        .map(drop)
}

pub(super) fn forget_before(sqlite: &Sqlite, before: Wall) -> rusqlite::Result<()> {
    sqlite
        .execute("DELETE FROM request_ids WHERE at < ?1", [before.0])
        .map(drop)
}

pub(super) fn pauses(sqlite: &Sqlite) -> rusqlite::Result<Vec<Pause>> {
    sqlite
        .prepare_cached(
            "SELECT scope, folder_key, folder_path, written_path, written_key, reason, by, since
               FROM pauses ORDER BY since, folder_key",
        )?
        .query_map([], pause)?
        .collect()
}

fn pause(row: &Row<'_>) -> rusqlite::Result<Pause> {
    let stored = StoredFolder {
        path_key: row.get(1)?,
        path: row.get(2)?,
        written: row.get(3)?,
        written_key: row.get(4)?,
        ..StoredFolder::default()
    };
    Ok(Pause {
        scope: name(row, 0, Scope::new)?,
        folder: Folder::from_stored(stored),
        reason: row.get(5)?,
        by: row.get(6)?,
        since: Wall(row.get(7)?),
    })
}

pub(super) fn insert_pause(sqlite: &Sqlite, pause: &Pause) -> rusqlite::Result<()> {
    let folder = &pause.folder;
    sqlite
        .execute(
            "INSERT OR REPLACE INTO pauses (scope, folder_key, folder_path, written_path, written_key, reason, by,
                 since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                pause.scope.as_str(),
                folder.path_key(),
                folder.path(),
                folder.written(),
                folder.written_key(),
                pause.reason,
                pause.by,
                pause.since.0
            ],
        )
        .map(drop)
}

pub(super) fn remove_pause(
    sqlite: &Sqlite,
    scope: &Scope,
    folder: &Folder,
) -> rusqlite::Result<bool> {
    let removed = sqlite.execute(
        "DELETE FROM pauses WHERE scope = ?1 AND folder_key = ?2",
        [scope.as_str(), folder.path_key()],
    )?;
    Ok(removed > 0)
}
