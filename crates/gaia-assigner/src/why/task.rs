//! What keeps a task.

use std::path::Path;

use gaia_locks::clock::Wall;
use gaia_locks::folder::Folder;
use gaia_locks::ids::TaskId;
use gaia_locks::letters::clear;
use gaia_locks::model::Mode;
use gaia_locks::service::Locks;
use gaia_locks::wire::{HeldLock, PauseInfo, Status, WaiterInfo};
use serde::Serialize;

use super::ago;
use super::folder::{around as around_folder, of_folder};
use crate::error::TaskError;
use crate::service::Tasks;
use crate::task::Status as State;
use crate::wire::{SessionInfo, TaskInfo};

/// What keeps a task, and what would let it go on.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// The task.
    pub task_id: TaskId,
    /// All of it in words.
    pub sentence: String,
    /// The same task, whole.
    pub task: TaskInfo,
    /// What is locked of its folder and keeps it.
    pub locks: Vec<HeldLock>,
    /// Who comes before it there.
    pub waiters: Vec<WaiterInfo>,
    /// Where nothing new is granted.
    pub paused: Vec<PauseInfo>,
}

/// How it stands around a task's folder.
struct Around {
    folder: Folder,
    /// Without what does not keep this task.
    status: Status,
    /// Its own place in line.
    place: Option<usize>,
}

/// Looks at a task, at its folder and at the sessions that could take it.
///
/// # Errors
/// [`TaskError::UnknownTask`], or when the store fails.
pub fn of_task(
    locks: &dyn Locks,
    tasks: &dyn Tasks,
    id: TaskId,
    now: Wall,
) -> Result<Why, TaskError> {
    let task = tasks.show(id)?;
    let around = match &task.working_dir {
        Some(folder) if task.status == State::Pending => Some(around(locks, &task, folder)?),
        _ => None,
    };
    let takers = match task.status {
        State::Pending => tasks.takers(id)?,
        _ => Vec::new(),
    };
    let sentence = sentence(&task, around.as_ref(), &takers, now);
    let status = around.map(|around| around.status);
    let (locks, waiters, paused) = status.map_or_else(Default::default, |status| {
        (status.locks, status.waiters, status.paused)
    });
    Ok(Why {
        task_id: id,
        sentence,
        task,
        locks,
        waiters,
        paused,
    })
}

fn around(locks: &dyn Locks, task: &TaskInfo, folder: &str) -> Result<Around, TaskError> {
    let folder = Folder::resolve(Path::new(folder), Path::new("/"));
    let folder = folder.map_err(gaia_locks::Error::from)?;
    let mut status = around_folder(locks, &folder)?;
    let shares = |mode: Mode| task.read_only && mode == Mode::Shared;
    status.locks.retain(|held| !shares(held.lock.mode));
    let own = status
        .waiters
        .iter()
        .find(|waiter| waiter.task_id == task.id);
    let (own, place) = (own.map(|own| own.id), own.map(|own| own.place));
    status
        .waiters
        .retain(|waiter| !shares(waiter.mode) && own.is_none_or(|own| waiter.id < own));
    Ok(Around {
        folder,
        status,
        place,
    })
}

fn sentence(task: &TaskInfo, around: Option<&Around>, takers: &[SessionInfo], now: Wall) -> String {
    let id = task.id;
    let since =
        |wall: Option<_>| wall.map_or_else(String::new, |wall| format!(" {}", ago(wall, now)));
    match task.status {
        State::Pending => pending(task, around, takers, now),
        State::Assigned | State::InProgress => format!(
            "Task {id} runs in session {} since{}; it ends with its process, at its time limit of {} minutes, or by `gaia task cancel {id}`.",
            clear(task.assigned_session.as_deref().unwrap_or("")),
            since(task.started_at.or(task.assigned_at)),
            task.timeout_minutes,
        ),
        State::Completed => format!("Task {id} was completed{}.", since(task.completed_at)),
        State::Cancelled => format!("Task {id} was cancelled{}.", since(task.completed_at)),
        State::Failed => format!(
            "Task {id} failed{}: {}.",
            since(task.completed_at),
            clear(task.error.as_deref().unwrap_or("nobody said why")),
        ),
    }
}

/// What keeps it first comes first: other tasks, then sessions that could take
/// it at all, then its folder, then a free session.
fn pending(task: &TaskInfo, around: Option<&Around>, takers: &[SessionInfo], now: Wall) -> String {
    let id = task.id;
    if !task.blocked_by.is_empty() {
        return format!(
            "Task {id} stays pending: {} had to complete before it and did not; `gaia task cancel {id}` takes it out of the queue.",
            tasks(&task.blocked_by),
        );
    }
    if !task.waits_for.is_empty() {
        return format!(
            "Task {id} waits for {} to complete.",
            tasks(&task.waits_for)
        );
    }
    if let Some(note) = task.hold_note.as_deref() {
        return format!(
            "Task {id} is held for a person: {}; it goes on when that is committed, or by `gaia task retry {id}`.",
            clear(note),
        );
    }
    if takers.is_empty() {
        return format!(
            "Task {id} waits for a session that can take it, and there is none{}: `gaia session add` adds one.",
            wanted(task),
        );
    }
    match around.filter(|around| is_taken(&around.status)) {
        Some(around) => behind(id, around, now),
        None => for_a_session(task, takers, now),
    }
}

fn is_taken(status: &Status) -> bool {
    !status.locks.is_empty() || !status.paused.is_empty() || !status.waiters.is_empty()
}

fn behind(id: TaskId, around: &Around, now: Wall) -> String {
    let place = around.place.map_or_else(String::new, |place| {
        format!(" in place {place} of its line")
    });
    let folder = of_folder(&around.folder, &around.status, now);
    format!("Task {id} waits for its folder{place}: {folder}")
}

fn for_a_session(task: &TaskInfo, takers: &[SessionInfo], now: Wall) -> String {
    let id = task.id;
    let idle = takers.iter().find(|session| session.is_idle());
    let is_aside = |session: &SessionInfo| session.is_set_aside();
    if let (None, Some(session)) = (idle, takers.iter().find(|one| one.is_unprotected())) {
        return unprotected(id, session, now);
    }
    match idle {
        None if takers.iter().all(is_aside) => format!(
            "Task {id} waits for a session: {} could not be started and is set aside for a while; `gaia sessions` says why.",
            match takers {
                [one] => clear(&one.name),
                several => format!("each of the {} that can take it", several.len()),
            },
        ),
        None => format!(
            "Task {id} waits for a session: {} at work, and the first to end takes what is next.",
            match takers {
                [one] => format!("{} is", clear(&one.name)),
                several => format!("all {} that can take it are", several.len()),
            },
        ),
        Some(_) if task.retry_count > 0 => format!(
            "Task {id} is tried again after a pause, try {} of {}: {}.",
            task.retry_count + 1,
            task.max_retries,
            clear(task.error.as_deref().unwrap_or("the last one failed")),
        ),
        Some(session) => format!(
            "Task {id} waits for nothing but an assigner: session {} is idle, and `gaia up` gives it tasks by priority and age.",
            clear(&session.name),
        ),
    }
}

fn unprotected(id: TaskId, session: &SessionInfo, now: Wall) -> String {
    let heard = session.agent.as_ref().and_then(|agent| agent.heard_at);
    let heard = heard.map_or_else(String::new, |wall| format!(" since {}", ago(wall, now)));
    format!(
        "Task {id} waits for a session: {} is UNPROTECTED, its client said that it works and its hooks are silent{heard}, so it is given none; look at that client, or start it anew.",
        clear(&session.name),
    )
}

fn wanted(task: &TaskInfo) -> String {
    let session = task.target_session.as_deref();
    let session = session.map(|name| format!(" named {}", clear(name)));
    let provider = task.target_provider.as_deref();
    let provider = provider.map(|name| format!(" of provider {}", clear(name)));
    [session, provider].into_iter().flatten().collect()
}

fn tasks(ids: &[TaskId]) -> String {
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [one] => format!("task {one}"),
        several => format!("tasks {}", several.join(", ")),
    }
}
