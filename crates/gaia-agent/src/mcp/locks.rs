//! The tools on locks that answer at once.

use gaia_assigner::TaskError;
use gaia_locks::Locks;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::model::Holder;
use gaia_locks::service::{Acquire, Line, Release, Released, Renew};
use gaia_locks::wire::{
    Answer, Granted, HeldLock, LockInfo, PauseInfo, Queued, Status, WaiterInfo,
};
use serde::Serialize;
use serde_json::json;

use super::doors::{Did, Doors, Opened, folder};
use super::said::{self, Done};
use super::tools::Call;
use super::{Said, args};

/// The most folders of one request: each is work, and the next request waits.
const MOST_FOLDERS: usize = 1_000;

/// As whom a call acts.
fn holder<D: Doors>(
    call: &Call<'_, D>,
    session: Option<SessionId>,
    task: Option<TaskId>,
) -> Result<Holder, Said> {
    if let Some(task) = task.filter(|task| task.0 < 0) {
        return Err(Said::invalid(format!(
            "task is {task}; a task's id is a number from 1 on, and 0 is none"
        )));
    }
    call.doors.holder(&call.caller, session, task)
}

/// A request for locks, its folders looked up.
pub(super) async fn request<D: Doors>(
    call: &Call<'_, D>,
    asked: args::Acquire,
) -> Result<Acquire, Said> {
    let paths: Vec<String> = asked.folder.into_iter().chain(asked.folders).collect();
    if paths.is_empty() {
        return Err(Said::invalid(
            "no folder is named: give `folder`, or several as `folders`",
        ));
    }
    if paths.len() > MOST_FOLDERS {
        let count = paths.len();
        return Err(Said::invalid(format!(
            "this names {count} folders; at most {MOST_FOLDERS} go in one request"
        )));
    }
    let holder = holder(call, asked.session, asked.task)?;
    let scope = asked.scope;
    let named = scope.clone();
    let look_up = move |doors: &Opened| each(doors, named.as_ref(), &paths);
    let folders = call.doors.call(&call.caller, scope, look_up).await?;
    Ok(Acquire {
        folders,
        holder,
        mode: asked.mode.unwrap_or_default(),
        ttl: asked.ttl.map(|args::Length(ttl)| ttl),
        process: None,
        own: false,
        releaser: gaia_locks::model::Releaser::Holder,
        request_id: asked.request_id,
        line: Line::Never,
    })
}

fn each(doors: &Opened, scope: Option<&Scope>, paths: &[String]) -> Result<Vec<Folder>, TaskError> {
    let folders: Result<Vec<_>, _> = paths
        .iter()
        .map(|path| folder(&*doors.locks, scope, path))
        .collect();
    Ok(folders?)
}

/// Takes locks, or says who has them.
pub(super) async fn acquire<D: Doors>(
    call: &Call<'_, D>,
    asked: args::Acquire,
) -> Result<Done, Said> {
    let scope = asked.scope.clone();
    let request = request(call, asked).await?;
    let ends = call.ends.clone();
    let work = move |doors: &Opened| {
        let answer = doors.locks.acquire(&request)?;
        let is_back = match &answer {
            Answer::Granted(granted) if ends.nobody_hears() => give_back(doors, &request, granted),
            _ => false,
        };
        Ok((answer, is_back))
    };
    Ok(match call.doors.call(&call.caller, scope, work).await? {
        (_, true) => said::given_back(),
        (answer, false) => {
            if let Answer::Granted(granted) = &answer {
                let did = Did::Acquired(granted.locks.clone());
                call.doors.did(&call.caller, did).await?;
            }
            answered(call, &answer, false)
        }
    })
}

/// Gives back what was granted when nobody hears of it any more, unless a
/// request id finds it again; whether it did.
pub(super) fn give_back(doors: &Opened, request: &Acquire, granted: &Granted) -> bool {
    let is_new = granted
        .locks
        .iter()
        .any(|lock| !granted.held.contains(&lock.id));
    if request.request_id.is_some() || !is_new {
        return false;
    }
    // What cannot be given back now ends with its lease.
    drop(doors.locks.give_back(request, granted));
    true
}

/// What came of a request, as a tool tells it.
pub(super) fn answered<D: Doors>(call: &Call<'_, D>, answer: &Answer, waited: bool) -> Done {
    match answer {
        Answer::Granted(granted) => said::granted(granted),
        // Asked without waiting for a request that stands in line.
        Answer::Refused(refusal) | Answer::Queued(Queued { refusal, .. }) => {
            if !waited {
                call.doors.refused();
            }
            said::refused(refusal, waited)
        }
    }
}

#[derive(Serialize)]
struct Renewed {
    renewed: bool,
    lock: Option<LockInfo>,
    stop: Option<String>,
}

/// Renews a lease. For a session that asks for work itself it is its sign of
/// life too, which renews its task's.
pub(super) async fn renew<D: Doors>(call: &Call<'_, D>, asked: args::Renew) -> Result<Done, Said> {
    let holder = holder(call, asked.session, asked.task)?;
    if asked.token.is_none() && holder.task == TaskId::NONE {
        return Err(Said::invalid(
            "renewing needs the lock's token, its id: acquire_folder gave it, lock_status shows it",
        ));
    }
    let is_named = asked.token.is_some();
    let work = move |doors: &Opened| {
        let (alive, stop, of_task) = show_life(doors, &holder)?;
        let lock = match asked.token {
            // Whoever must stop gets no time for more.
            _ if stop.is_some() => of_task,
            // The task says what is worked on: a lock of the session from
            // before it is renewed too.
            Some(token) => Some(doors.locks.renew(&Renew {
                token,
                session: holder.session,
                task: None,
                folder: None,
                ttl: asked.ttl.map(|args::Length(ttl)| ttl),
            })?),
            None if !alive => {
                let (session, task) = (&holder.session, holder.task);
                return Err(TaskError::InvalidRequest(format!(
                    "session {session} does not ask for work itself, so task {task} names no lease: give the lock's token"
                )));
            }
            None => of_task,
        };
        Ok(Renewed {
            renewed: stop.is_none(),
            lock,
            stop,
        })
    };
    let renewed = call.doors.call(&call.caller, None, work).await?;
    // A sign of life is none.
    if let Some(lock) = renewed
        .lock
        .as_ref()
        .filter(|_| is_named && renewed.renewed)
    {
        let did = Did::Renewed(Box::new(lock.clone()));
        call.doors.did(&call.caller, did).await?;
    }
    Ok(Done::of(&renewed))
}

type Life = (bool, Option<String>, Option<LockInfo>);

/// The sign of life of a session that asks for work itself; others have none.
fn show_life(doors: &Opened, holder: &Holder) -> Result<Life, TaskError> {
    if holder.task == TaskId::NONE {
        return Ok((false, None, None));
    }
    let heard = match doors.tasks.heartbeat(&holder.session, Some(holder.task)) {
        Err(TaskError::NotRemote { .. } | TaskError::UnknownSession(_)) => {
            return Ok((false, None, None));
        }
        heard => heard?,
    };
    let token = heard.task.and_then(|task| task.lock_token);
    let lock = match token {
        Some(token) => doors.locks.verify(token)?.lock,
        None => None,
    };
    Ok((true, heard.stop, lock))
}

/// Ends a holder's lock.
pub(super) async fn release<D: Doors>(
    call: &Call<'_, D>,
    asked: args::Release,
) -> Result<Done, Said> {
    if asked.token.is_none() && asked.folder.is_none() {
        return Err(Said::invalid("name a token or a folder to release"));
    }
    let holder = holder(call, asked.session, asked.task)?;
    let scope = asked.scope.clone();
    let what = move |locks: &dyn Locks| {
        let named = asked.folder.as_deref();
        let folder = named
            .map(|path| folder(locks, asked.scope.as_ref(), path))
            .transpose()?;
        Ok(Release {
            folder,
            session: holder.session,
            task: asked.task,
            token: asked.token,
        })
    };
    Ok(match call.doors.release(&call.caller, scope, what).await? {
        Released::Ended(locks) => Done::of(&json!({"released": true, "locks": locks})),
        Released::NotHeld => Done::failed(
            &Said::new("not_held", "nothing of the sort is held (any more)")
                .hint("lock_status shows what is held now"),
            &json!({"released": false, "locks": []}),
        ),
        Released::NotAllowed(lock) => Done::failed(
            &not_allowed(&lock),
            &json!({"released": false, "locks": [lock]}),
        ),
    })
}

fn not_allowed(lock: &LockInfo) -> Said {
    let (id, folder, session) = (lock.id, &lock.folder_path, &lock.session_id);
    match lock.task_id {
        TaskId::NONE => Said::new(
            "not_allowed",
            format!("lock {id} on {folder} is for session {session} to end"),
        ),
        task => Said::new(
            "not_allowed",
            format!("lock {id} on {folder} belongs to task {task} of session {session}"),
        )
        .hint("a task's lock ends with the task: finish_task or fail_task"),
    }
}

/// Who holds what.
pub(super) async fn status<D: Doors>(
    call: &Call<'_, D>,
    asked: args::Status,
) -> Result<Done, Said> {
    let scope = asked.scope.clone();
    let work = move |doors: &Opened| {
        let named = asked.folder.as_deref();
        let folder = named
            .map(|path| folder(&*doors.locks, asked.scope.as_ref(), path))
            .transpose()?;
        let mut status = doors.locks.status(folder.as_ref())?;
        if let Some(session) = &asked.of_session {
            status.locks.retain(|held| held.lock.session_id == *session);
            status
                .waiters
                .retain(|waiter| waiter.session_id == *session);
            status.count = status.locks.len();
        }
        Ok(status)
    };
    let status: Status = call.doors.call(&call.caller, scope, work).await?;
    Ok(Done::of(&status))
}

#[derive(Serialize)]
struct Stands {
    folder_path: String,
    is_locked: bool,
    lock_info: Option<HeldLock>,
    waiters: Vec<WaiterInfo>,
    paused: Vec<PauseInfo>,
}

/// How it stands with one folder: the lock in the way of a stranger, its own
/// first, then an ancestor's, then a descendant's.
pub(super) async fn who_holds<D: Doors>(
    call: &Call<'_, D>,
    asked: args::WhoHolds,
) -> Result<Done, Said> {
    let scope = asked.scope.clone();
    let work = move |doors: &Opened| {
        let folder = folder(&*doors.locks, asked.scope.as_ref(), &asked.folder)?;
        let Status {
            mut locks,
            waiters,
            paused,
            ..
        } = doors.locks.status(Some(&folder))?;
        let own = folder.path();
        locks.sort_by_key(|held| {
            let theirs = held.lock.folder_path.as_str();
            (theirs != own, theirs.len() > own.len(), held.lock.id.0)
        });
        Ok(Stands {
            folder_path: own.to_owned(),
            is_locked: !locks.is_empty(),
            lock_info: locks.into_iter().next(),
            waiters,
            paused,
        })
    };
    let stands = call.doors.call(&call.caller, scope, work).await?;
    Ok(Done::of(&stands))
}
