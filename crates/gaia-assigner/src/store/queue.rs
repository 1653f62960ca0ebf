//! The queue: the first task of each lane, however many stand behind it.

use std::path::Path;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::folder::{Folder, FolderState};
use gaia_locks::ids::{Scope, SessionId, TaskId, WaiterId};
use gaia_locks::liveness::Witness;
use gaia_locks::model::{Holder, Mode, Releaser, Waiter, WaiterState, Want};
use gaia_locks::rules::acquire::{Decision, State, decide};
use gaia_locks::rules::expire::{Verdict, is_waiting, judge};
use gaia_locks::service::LockTx;
use rusqlite::{Connection as Sqlite, OptionalExtension as _, Row, params};

use super::{read, sql, text};
use crate::plan::{Head, Place, Rules, Snapshot};
use crate::session::Session;
use crate::task::{LONGEST_PAUSE, Pending, Wants};

/// One seek for each lane and one for its first task: what stands behind it
/// costs nothing.
const HEADS: &str = "
    WITH RECURSIVE lanes (lane) AS (
        SELECT min(lane) FROM prompts INDEXED BY idx_prompts_lanes
            WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL
        UNION ALL
        SELECT (SELECT min(lane) FROM prompts INDEXED BY idx_prompts_lanes
                WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL AND lane > lanes.lane)
            FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT p.id, p.priority, p.lane, p.passed_over_ns, p.waiter_id FROM lanes JOIN prompts p ON p.id = (
        SELECT id FROM prompts INDEXED BY idx_prompts_lanes
            WHERE status = 'pending' AND held IS NULL AND lane IS NOT NULL AND lane = lanes.lane
            ORDER BY priority DESC, id LIMIT 1)";

const STANDING: &str = "
    SELECT id, priority, lane, passed_over_ns, waiter_id FROM prompts INDEXED BY idx_prompts_standing
        WHERE status = 'pending' AND waiter_id IS NOT NULL";

/// What a look at the queue needs to know besides the tables.
#[derive(Clone, Copy)]
pub(crate) struct Eyes<'a> {
    /// Whose files.
    pub scope: &'a Scope,
    /// Looks at processes.
    pub witness: &'a dyn Witness,
    /// What planning goes by.
    pub rules: Rules,
}

/// Whether some row is not as the queue wants it: [`tidy`] has work to do.
pub(crate) fn is_untidy(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    let now = tx.now().moment;
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_new WHERE status = 'pending' AND lane IS NULL)
                 OR EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_retry WHERE status = 'pending' AND held = 'retry'
                            AND (not_before_ns <= ?1 OR not_before_ns > ?2))",
        )?
        .query_row([now.0, now.plus(LONGEST_PAUSE).0], |row| row.get(0))
    })
}

/// Gives new rows of other programs their lane, and lets those go whose pause
/// before another try is over. A pause that would end later than the longest
/// one was begun before the machine's restart.
pub(crate) fn tidy(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let now = tx.now().moment;
    sql(tx, |sql| {
        sql.execute(
            "UPDATE prompts SET held = NULL, not_before_ns = NULL WHERE status = 'pending' AND held = 'retry'
                 AND (not_before_ns <= ?1 OR not_before_ns > ?2)",
            [now.0, now.plus(LONGEST_PAUSE).0],
        )?;
        let mut found = sql.prepare_cached(
            "SELECT id, working_dir, read_only, target_session, target_provider FROM prompts
                 INDEXED BY idx_prompts_new WHERE status = 'pending' AND lane IS NULL LIMIT 500",
        )?;
        let rows: Vec<(i64, Wants)> = found
            .query_map([], foreign)?
            .collect::<rusqlite::Result<_>>()?;
        for (id, wants) in rows {
            sql.prepare_cached("UPDATE prompts SET lane = ?2 WHERE id = ?1")?
                .execute(params![id, text(&wants)?])?;
        }
        Ok(())
    })
}

fn foreign(row: &Row<'_>) -> rusqlite::Result<(i64, Wants)> {
    let folder: Option<String> = row.get(1)?;
    let wants = Wants {
        folder: folder.filter(|folder| !folder.trim().is_empty()),
        read_only: row.get(2)?,
        session: row.get(3)?,
        provider: row.get(4)?,
        ..Wants::default()
    };
    Ok((row.get(0)?, wants))
}

/// What the queue and the sessions look like now.
pub(crate) fn snapshot(tx: &mut LockTx<'_>, eyes: Eyes<'_>) -> Result<Snapshot, Error> {
    let sessions = super::sessions::all(tx)?;
    snapshot_of(tx, eyes, sessions)
}

/// The same as these sessions alone would see it.
pub(crate) fn snapshot_of(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    sessions: Vec<Session>,
) -> Result<Snapshot, Error> {
    let now = tx.now().moment;
    let mut snapshot = Snapshot {
        sessions,
        heads: Vec::new(),
    };
    for task in sql(tx, firsts)? {
        let place = if snapshot.is_worth_a_look(&task, now, eyes.rules) {
            place(tx, eyes, &task, &snapshot.sessions)?
        } else {
            Place::Unseen
        };
        snapshot.heads.push(Head { task, place });
    }
    Ok(snapshot)
}

fn firsts(sql: &Sqlite) -> rusqlite::Result<Vec<Pending>> {
    let mut tasks: Vec<Pending> = Vec::new();
    for query in [HEADS, STANDING] {
        let mut statement = sql.prepare_cached(query)?;
        for task in statement.query_map([], pending)? {
            let task = task?;
            if !tasks
                .iter()
                .any(|known| task.waiter.is_some() && known.id == task.id)
            {
                tasks.push(task);
            }
        }
    }
    Ok(tasks)
}

fn pending(row: &Row<'_>) -> rusqlite::Result<Pending> {
    Ok(Pending {
        id: TaskId(row.get(0)?),
        priority: row.get::<_, Option<i64>>(1)?.unwrap_or(0),
        wants: read(row.get(2)?).unwrap_or_default(),
        passed_over: row.get::<_, Option<i64>>(3)?.map(Moment),
        waiter: row.get::<_, Option<i64>>(4)?.map(WaiterId),
    })
}

fn place(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    task: &Pending,
    sessions: &[Session],
) -> Result<Place, Error> {
    let folder = match resolve(&task.wants) {
        Ok(None) => return Ok(Place::Nowhere),
        Ok(Some(folder)) => folder,
        Err(why) => return Ok(Place::Impossible(why)),
    };
    let want = want(eyes.scope, &folder, &own_name(task.id)?, task.wants.mode());
    if would_be_granted(tx, eyes, &want, task.waiter)? {
        return Ok(Place::Free(folder));
    }
    let own = own_worker(tx, eyes, task, &want, sessions)?;
    Ok(if own.is_empty() {
        Place::Taken(folder)
    } else {
        Place::FreeFor(folder, own)
    })
}

/// Sessions that hold what is in the way of a task themselves, and could take
/// it now: in their name it would be granted.
fn own_worker(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    task: &Pending,
    want: &Want,
    sessions: &[Session],
) -> Result<Vec<SessionId>, Error> {
    let locks = tx.store().locks_overlapping(&want.scope, &want.folders)?;
    let holds = |session: &&Session| locks.iter().any(|lock| lock.holder.session == session.name);
    let could = |session: &&Session| session.fit(&task.wants).is_some();
    let mut own = Vec::new();
    for session in sessions.iter().filter(could).filter(holds) {
        let want = Want {
            holder: Holder::new(session.name.clone(), task.id),
            ..want.clone()
        };
        if would_be_granted(tx, eyes, &want, task.waiter)? {
            own.push(session.name.clone());
        }
    }
    Ok(own)
}

/// The folder that a task's words mean now; why it cannot be worked in.
fn resolve(wants: &Wants) -> Result<Option<Folder>, String> {
    let Some(written) = &wants.folder else {
        return Ok(None);
    };
    let folder =
        Folder::resolve(Path::new(written), Path::new("/")).map_err(|error| error.to_string())?;
    match folder.identity_now() {
        FolderState::Present { .. } => Ok(Some(folder)),
        FolderState::Gone => Err(format!("its folder {written} does not exist")),
        FolderState::Hidden => Err(format!(
            "its folder {written} cannot be looked at: permission denied"
        )),
    }
}

/// The name under which a task stands in line before a session has it.
pub(crate) fn own_name(task: TaskId) -> Result<Holder, Error> {
    Ok(Holder::new(SessionId::new(format!("task {task}"))?, task))
}

/// What is asked of the locks for a task.
pub(crate) fn want(scope: &Scope, folder: &Folder, holder: &Holder, mode: Mode) -> Want {
    Want {
        scope: scope.clone(),
        folders: vec![folder.clone()],
        holder: holder.clone(),
        mode,
        ttl: std::time::Duration::from_secs(2 * 3600),
        process: None,
        own: true,
        releaser: Releaser::Assigner,
    }
}

/// Asks the lock rules, and changes nothing. One who stands in line already is
/// behind those only who came before.
fn would_be_granted(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    want: &Want,
    place: Option<WaiterId>,
) -> Result<bool, Error> {
    let now = tx.now();
    let store = tx.store();
    let mut locks = store.locks_overlapping(&want.scope, &want.folders)?;
    locks.retain(|lock| !matches!(judge(lock, now, eyes.witness), Verdict::Over(_)));
    let mut waiters = Vec::new();
    if store.has_waiters()? {
        waiters = store.waiters_overlapping(&want.scope, &want.folders)?;
        let ahead = |waiter: &Waiter| place.is_none_or(|place| waiter.id < place);
        waiters.retain(|waiter| ahead(waiter) && is_waiting(waiter, now, eyes.witness));
    }
    let pauses = store.pauses()?;
    let state = State {
        locks,
        waiters,
        pauses,
        claimed: Vec::new(),
    };
    Ok(matches!(decide(&state, want, now), Decision::Grant(_)))
}

/// Notes that a task is passed over from now on.
pub(crate) fn pass_over(tx: &mut LockTx<'_>, task: TaskId) -> Result<(), Error> {
    let now = tx.now().moment;
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET passed_over_ns = ?2 WHERE id = ?1 AND status = 'pending' AND passed_over_ns IS NULL",
        )?
        .execute([task.0, now.0])
        .map(drop)
    })
}

/// A pending task's place in line, if it has one; `None` when the task is not
/// pending any more.
pub(crate) fn waiter_of(
    tx: &mut LockTx<'_>,
    task: TaskId,
) -> Result<Option<Option<WaiterId>>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached("SELECT waiter_id FROM prompts WHERE id = ?1 AND status = 'pending'")?
            .query_row([task.0], |row| row.get::<_, Option<i64>>(0))
            .optional()
            .map(|found| found.map(|waiter| waiter.map(WaiterId)))
    })
}

/// Notes a task's place in line, or that it has none.
pub(crate) fn set_waiter(
    tx: &mut LockTx<'_>,
    task: TaskId,
    waiter: Option<WaiterId>,
) -> Result<(), Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "UPDATE prompts SET waiter_id = ?2 WHERE id = ?1 AND status = 'pending'",
        )?
        .execute(params![task.0, waiter.map(|waiter| waiter.0)])
        .map(drop)
    })
}

/// Lets every task that stands in line be heard, and forgets places that are
/// gone: they are taken anew.
pub(crate) fn be_heard(tx: &mut LockTx<'_>) -> Result<(), Error> {
    let now = tx.now().moment;
    let standing: Vec<Pending> = sql(tx, |sql| {
        sql.prepare_cached(STANDING)?
            .query_map([], pending)?
            .collect()
    })?;
    for task in standing {
        let Some(id) = task.waiter else { continue };
        match tx.store().waiter(id)? {
            Some(_) => tx.store().update_waiter(id, &WaiterState::Waiting, now)?,
            None => set_waiter(tx, task.id, None)?,
        }
    }
    Ok(())
}

/// The soonest end of a pause before another try.
pub(crate) fn next_retry(tx: &mut LockTx<'_>) -> Result<Option<Moment>, Error> {
    sql(tx, |sql| {
        sql.prepare_cached(
            "SELECT min(not_before_ns) FROM prompts INDEXED BY idx_prompts_retry WHERE status = 'pending' AND held = 'retry'",
        )?
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|found| found.map(Moment))
    })
}

/// Whether any task stands in line.
pub(crate) fn anybody_stands(tx: &mut LockTx<'_>) -> Result<bool, Error> {
    sql(tx, |sql| {
        let query = "SELECT EXISTS (SELECT 1 FROM prompts INDEXED BY idx_prompts_standing
                         WHERE status = 'pending' AND waiter_id IS NOT NULL)";
        sql.prepare_cached(query)?.query_row([], |row| row.get(0))
    })
}
