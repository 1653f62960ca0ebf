//! What somebody does for a session that is none of its own, as an admin may.
//! The history has the session, so the trail names who did it: in the
//! transaction of the act itself where it is one on locks.

use gaia_assigner::task::Told;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::LockService;
use gaia_locks::error::Error;
use gaia_locks::ids::SessionId;
use gaia_locks::model::Waiter;
use gaia_locks::service::{
    Acquire, Attempt, LockTx, Locks as _, Release, Released, Renew, Renewed,
};
use gaia_locks::wire::{Answer as Came, LockInfo};

use crate::accounts::{self, Role, Who};
use crate::app::App;
use crate::error::Answer;

/// Whether a session is one of somebody's own, whatever its role.
pub fn is_own(who: &Who, session: &SessionId) -> bool {
    Role::Agent.acts_for(&who.name, session)
}

/// Asks for locks.
///
/// # Errors
/// As [`gaia_locks::Locks::acquire`].
pub fn acquire(door: &LockService, who: &Who, request: &Acquire) -> Result<Came, Error> {
    let session = &request.holder.session;
    if is_own(who, session) {
        return door.acquire(request);
    }
    let want = door.want(request)?;
    door.refuse_foreign(&want.folders)?;
    door.transact(|tx| {
        let came = tx.acquire(&Attempt {
            want: &want,
            request,
        })?;
        match &came {
            Came::Granted(granted) => note_locks(tx, who, "acquire", &granted.locks)?,
            Came::Queued(queued) => {
                let details = format!("place {} in line, for session {session}", queued.waiter);
                accounts::note(tx, &who.name, "wait", &details)?;
            }
            Came::Refused(_) => {}
        }
        Ok(came)
    })
}

/// Renews a lease.
///
/// # Errors
/// As [`gaia_locks::Locks::renew`].
pub fn renew(door: &LockService, who: &Who, request: &Renew) -> Result<LockInfo, Error> {
    if is_own(who, &request.session) {
        return door.renew(request);
    }
    let renewed = door.transact(|tx| {
        let renewed = tx.renew(request)?;
        if let Renewed::Renewed(lock) = &renewed {
            note_locks(tx, who, "renew", std::slice::from_ref(lock))?;
        }
        Ok(renewed)
    });
    renewed?.into_result()
}

/// Ends what a holder means; the history has `by` [R7].
///
/// # Errors
/// When the store cannot be used.
pub fn release(door: &LockService, who: &Who, request: &Release, by: &str) -> Answer<Released> {
    if is_own(who, &request.session) {
        return Ok(door.release(request)?);
    }
    let released = door.transact(|tx| {
        let released = tx.release_by(request, by)?;
        if let Released::Ended(locks) = &released {
            note_locks(tx, who, "release", locks)?;
        }
        Ok(released)
    });
    Ok(released?)
}

/// Takes a place out of the line.
///
/// # Errors
/// When the store cannot be used.
pub fn leave(door: &LockService, who: &Who, waiter: &Waiter) -> Result<(), Error> {
    let session = &waiter.want.holder.session;
    if is_own(who, session) {
        return door.leave(waiter.id);
    }
    let details = format!("place {} in line, for session {session}", waiter.id);
    door.transact(|tx| {
        tx.leave(waiter.id)?;
        accounts::note(tx, &who.name, "leave", &details)
    })
}

fn note_locks(tx: &mut LockTx<'_>, who: &Who, act: &str, locks: &[LockInfo]) -> Result<(), Error> {
    for lock in locks {
        let (id, folder, session) = (lock.id, &lock.folder_path, &lock.session_id);
        let details = format!("lock {id} on {folder}, for session {session}");
        accounts::note(tx, &who.name, act, &details)?;
    }
    Ok(())
}

/// Notes what was done with locks of another session, afterwards.
///
/// # Errors
/// When the store cannot be used.
pub fn note_done(app: &App, who: &Who, act: &str, locks: &[LockInfo]) -> Answer<()> {
    match locks.iter().all(|lock| is_own(who, &lock.session_id)) {
        true => Ok(()),
        false => Ok(app.locks.transact(|tx| note_locks(tx, who, act, locks))?),
    }
}

/// How the trail calls what was said of a task.
pub fn word(told: &Told) -> &'static str {
    match told {
        Told::Done(_) => "task_done",
        Told::Failed(_) => "task_failed",
    }
}

/// Notes what was done with another session.
///
/// # Errors
/// When the store cannot be used.
pub fn note_session(app: &App, who: &Who, act: &str, session: &SessionId) -> Answer<()> {
    match is_own(who, session) {
        true => Ok(()),
        false => Ok(app.accounts.note(&who.name, act, session.as_str())?),
    }
}

/// Notes what was said or taken of a task that another session has.
///
/// # Errors
/// When the store cannot be used.
pub fn note_task(app: &App, who: &Who, act: &str, task: &TaskInfo) -> Answer<()> {
    let session = task.assigned_session.as_deref().unwrap_or_default();
    let named = SessionId::new(session);
    if named.is_ok_and(|session| is_own(who, &session)) {
        return Ok(());
    }
    let details = format!("task {}, for session {session}", task.id);
    Ok(app.accounts.note(&who.name, act, &details)?)
}
