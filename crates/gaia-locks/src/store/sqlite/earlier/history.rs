//! Active locks of a `lock_history` that people made by hand: default leases,
//! counted from `created_at`.

use rusqlite::types::Value;
use rusqlite::{Connection as Sqlite, params};

use super::{Earlier, Refused, Takeover};
use crate::clock::{Clock, Now, Wall};
use crate::folder::Folder;
use crate::ids::{LockId, Scope, SessionId, TaskId};
use crate::model::{Binding, Holder, Mode, Releaser};
use crate::store::NewLock;
use crate::store::sqlite::active;

/// A lock as it was found.
pub(super) struct Found {
    pub(super) folder: Folder,
    pub(super) holder: Holder,
    pub(super) granted: Wall,
    /// Until when, by the wall clock.
    pub(super) until: Wall,
}

/// Takes over what is still active; the newest first: of two that exclude each
/// other the older one had been given up for over.
pub(super) fn take_over(
    file: &Sqlite,
    earlier: &Earlier,
    clock: &dyn Clock,
    done: &mut Takeover,
) -> Result<(), Refused> {
    let now = clock.now();
    note_boot(file, clock)?;
    for row in active_rows(file)? {
        let found = match row.understood(earlier, now) {
            Ok(found) => found,
            Err(why) => {
                done.left
                    .push(format!("lock {} of its history: {why}", row.id));
                continue;
            }
        };
        let shown = shown(&found);
        if found.until <= now.wall || is_in_the_way(file, &found)? {
            end_lapsed(file, row.id, &found)?;
            done.lapsed.push(shown);
        } else {
            hold(file, LockId(row.id), (&text(&row.folder), &found), now)?;
            done.locks.push(shown);
        }
    }
    Ok(())
}

/// The moments that are written belong to this boot.
pub(super) fn note_boot(file: &Sqlite, clock: &dyn Clock) -> rusqlite::Result<()> {
    file.execute("UPDATE gaia_state SET boot = ?1", [clock.boot().0])
        .map(drop)
}

/// A row as it stands there, of whatever types.
struct Row {
    id: i64,
    folder: Value,
    session: Value,
    task: Value,
    created: Value,
}

fn active_rows(file: &Sqlite) -> rusqlite::Result<Vec<Row>> {
    let mut statement = file.prepare(
        "SELECT id, folder_path, session_id, task_id, created_at FROM lock_history
             WHERE status = 'active' AND released_at IS NULL AND expired_at IS NULL ORDER BY id DESC",
    )?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row {
            id: row.get(0)?,
            folder: row.get(1)?,
            session: row.get(2)?,
            task: row.get(3)?,
            created: row.get(4)?,
        })
    };
    statement.query_map([], row)?.collect()
}

impl Row {
    /// A time that cannot be read counts as now: better a lock too long than
    /// none.
    fn understood(&self, earlier: &Earlier, now: Now) -> Result<Found, String> {
        let created = time(&self.created);
        let granted = created.unwrap_or(now.wall).min(now.wall);
        Ok(Found {
            folder: folder(&text(&self.folder))?,
            holder: holder(&text(&self.session), &text(&self.task))?,
            granted,
            until: granted.plus(earlier.lease),
        })
    }
}

/// UTC as text, or seconds since 1970 as Python's `time.time()` gives them.
fn time(value: &Value) -> Option<Wall> {
    match value {
        Value::Text(text) => Wall::from_sql(text)
            .ok()
            .or_else(|| Wall::from_unix(text.trim().parse().ok()?)),
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
        Value::Integer(seconds) => Wall::from_unix(*seconds as f64),
        Value::Real(seconds) => Wall::from_unix(*seconds),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A relative path says nothing of where it is counted from.
pub(super) fn folder(path: &str) -> Result<Folder, String> {
    if !path.starts_with('/') {
        return Err(format!("{path:?} is no absolute path"));
    }
    Folder::resolve(path.as_ref(), "/".as_ref()).map_err(|error| error.to_string())
}

/// No task is task 0.
pub(super) fn holder(session: &str, task: &str) -> Result<Holder, String> {
    let session = SessionId::new(session).map_err(|error| error.to_string())?;
    Ok(Holder::new(
        session,
        TaskId(task.trim().parse().unwrap_or(0)),
    ))
}

pub(super) fn shown(found: &Found) -> String {
    format!("{} of {}", found.folder.path(), found.holder)
}

/// Whether a lock that was taken over already excludes this one [R1].
pub(super) fn is_in_the_way(file: &Sqlite, found: &Found) -> rusqlite::Result<bool> {
    let scope = Scope::local();
    let others = active::overlapping(file, &scope, std::slice::from_ref(&found.folder))?;
    Ok(others
        .iter()
        .any(|other| other.conflicts_with(&scope, &found.folder, &found.holder, Mode::Exclusive)))
}

/// Holds it for what is left of its lease. What people wrote into its row, its
/// folder as `shown` there, stays: their own SQL looks for that.
pub(super) fn hold(
    file: &Sqlite,
    id: LockId,
    (shown, found): (&str, &Found),
    now: Now,
) -> rusqlite::Result<()> {
    let lock = NewLock {
        scope: &Scope::local(),
        folder: &found.folder,
        holder: &found.holder,
        mode: Mode::Exclusive,
        expires: now.moment.plus(found.until.since(now.wall)),
        ttl: found.until.since(found.granted),
        binding: Binding::Lease,
        own: false,
        releaser: Releaser::Holder,
    };
    let granted = Now {
        wall: found.granted,
        ..now
    };
    active::insert(file, id, &lock, granted)?;
    // By these it is found again from its row, under either name.
    let folder = &found.folder;
    let key = Some(folder.path_key()).filter(|key| *key != shown);
    let other = match shown == folder.path() {
        true => folder.written(),
        false => Some(folder.path()),
    };
    file.execute(
        "UPDATE lock_history SET folder_key = ?2, written_path = ?3, granted_ns = ?4, scope = ?5 WHERE id = ?1",
        params![id.0, key, other, now.moment.0, Scope::local().as_str()],
    )
    .map(drop)
}

fn end_lapsed(file: &Sqlite, id: i64, found: &Found) -> rusqlite::Result<()> {
    file.execute(
        "UPDATE lock_history SET status = 'expired', expired_at = ?2, expires_at = ?2, end_reason = 'lapsed',
             ended_by = 'system' WHERE id = ?1",
        params![id, found.until.to_sql()],
    )
    .map(drop)
}
