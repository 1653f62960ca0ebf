//! `gaia why TASK-ID`: what keeps a task, and what would let it go on.

use std::path::Path;

use gaia_assigner::task::Status as State;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::TaskId;
use gaia_locks::folder::Folder;
use gaia_locks::model::Mode;
use gaia_locks::wire::{HeldLock, PauseInfo, Status, WaiterInfo};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{self, Ended, Failure};
use crate::output::human::{Style, ago, clean};

/// What `why` answers.
#[derive(Serialize)]
struct Answer<'a> {
    task_id: TaskId,
    sentence: &'a str,
    task: &'a TaskInfo,
    locks: &'a [HeldLock],
    waiters: &'a [WaiterInfo],
    paused: &'a [PauseInfo],
}

/// How it stands around a task's folder.
struct Around {
    folder: Folder,
    /// Without what does not keep this task.
    status: Status,
    /// Its own place in line.
    place: Option<usize>,
}

/// Looks at the task, its folder and the sessions.
pub fn run(context: &Context, task: &TaskInfo) -> Ended {
    let around = match &task.working_dir {
        Some(folder) if task.status == State::Pending => Some(around(context, task, folder)?),
        _ => None,
    };
    let takers = context.tasks()?.takers(task.id)?;
    let sentence = sentence(task, around.as_ref(), &takers);
    let status = around.as_ref().map(|around| &around.status);
    let answer = Answer {
        task_id: task.id,
        sentence: &sentence,
        task,
        locks: status.map_or(&[], |status| &status.locks),
        waiters: status.map_or(&[], |status| &status.waiters),
        paused: status.map_or(&[], |status| &status.paused),
    };
    context.out.answer(&answer, |_: &Style| sentence.clone())?;
    Ok(exit::Status::Done.into())
}

fn around(context: &Context, task: &TaskInfo, folder: &str) -> Result<Around, Failure> {
    let folder = context.folder(Path::new(folder))?;
    let mut status = context.locks()?.status(Some(&folder))?;
    status.paused.retain(|pause| super::covers(pause, &folder));
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

fn sentence(task: &TaskInfo, around: Option<&Around>, takers: &[SessionInfo]) -> String {
    let id = task.id;
    let since = |wall: Option<_>| wall.map_or_else(String::new, |wall| format!(" {}", ago(wall)));
    match task.status {
        State::Pending => pending(task, around, takers),
        State::Assigned | State::InProgress => format!(
            "Task {id} runs in session {} since{}; it ends with its process, at its time limit of {} minutes, or by `gaia task cancel {id}`.",
            clean(task.assigned_session.as_deref().unwrap_or("")),
            since(task.started_at.or(task.assigned_at)),
            task.timeout_minutes,
        ),
        State::Completed => format!("Task {id} was completed{}.", since(task.completed_at)),
        State::Cancelled => format!("Task {id} was cancelled{}.", since(task.completed_at)),
        State::Failed => format!(
            "Task {id} failed{}: {}.",
            since(task.completed_at),
            clean(task.error.as_deref().unwrap_or("nobody said why")),
        ),
    }
}

/// What keeps it first comes first: other tasks, then sessions that could take
/// it at all, then its folder, then a free session.
fn pending(task: &TaskInfo, around: Option<&Around>, takers: &[SessionInfo]) -> String {
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
            clean(note),
        );
    }
    if takers.is_empty() {
        return format!(
            "Task {id} waits for a session that can take it, and there is none{}: `gaia session add` adds one.",
            wanted(task),
        );
    }
    match around.filter(|around| is_taken(&around.status)) {
        Some(around) => behind(id, around),
        None => for_a_session(task, takers),
    }
}

fn is_taken(status: &Status) -> bool {
    !status.locks.is_empty() || !status.paused.is_empty() || !status.waiters.is_empty()
}

fn behind(id: TaskId, around: &Around) -> String {
    let place = around.place.map_or_else(String::new, |place| {
        format!(" in place {place} of its line")
    });
    let folder = super::sentence(&around.folder, &around.status);
    format!("Task {id} waits for its folder{place}: {folder}")
}

fn for_a_session(task: &TaskInfo, takers: &[SessionInfo]) -> String {
    let id = task.id;
    let idle = takers.iter().find(|session| session.is_idle());
    let is_aside = |session: &SessionInfo| session.is_set_aside();
    if let (None, Some(session)) = (idle, takers.iter().find(|one| one.is_unprotected())) {
        return unprotected(id, session);
    }
    match idle {
        None if takers.iter().all(is_aside) => format!(
            "Task {id} waits for a session: {} could not be started and is set aside for a while; `gaia sessions` says why.",
            match takers {
                [one] => clean(&one.name),
                several => format!("each of the {} that can take it", several.len()),
            },
        ),
        None => format!(
            "Task {id} waits for a session: {} at work, and the first to end takes what is next.",
            match takers {
                [one] => format!("{} is", clean(&one.name)),
                several => format!("all {} that can take it are", several.len()),
            },
        ),
        Some(_) if task.retry_count > 0 => format!(
            "Task {id} is tried again after a pause, try {} of {}: {}.",
            task.retry_count + 1,
            task.max_retries,
            clean(task.error.as_deref().unwrap_or("the last one failed")),
        ),
        Some(session) => format!(
            "Task {id} waits for nothing but an assigner: session {} is idle, and `gaia up` gives it tasks by priority and age.",
            clean(&session.name),
        ),
    }
}

fn unprotected(id: TaskId, session: &SessionInfo) -> String {
    let heard = session.agent.as_ref().and_then(|agent| agent.heard_at);
    let heard = heard.map_or_else(String::new, |wall| format!(" since {}", ago(wall)));
    format!(
        "Task {id} waits for a session: {} is UNPROTECTED, its client said that it works and its hooks are silent{heard}, so it is given none; look at that client, or start it anew.",
        clean(&session.name),
    )
}

fn wanted(task: &TaskInfo) -> String {
    let session = task.target_session.as_deref();
    let session = session.map(|name| format!(" named {}", clean(name)));
    let provider = task.target_provider.as_deref();
    let provider = provider.map(|name| format!(" of provider {}", clean(name)));
    [session, provider].into_iter().flatten().collect()
}

fn tasks(ids: &[TaskId]) -> String {
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [one] => format!("task {one}"),
        several => format!("tasks {}", several.join(", ")),
    }
}
