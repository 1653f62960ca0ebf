//! What several pages show: tables of locks, waiters, sessions and tasks.
//!
//! Rows and regions carry ids: by them the script knows what stayed the same.
//! A cell's `data-label` is its column's name on a narrow page.

use gaia_assigner::task::Status as TaskStatus;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::model::{EndReason, Mode};
use gaia_locks::wire::{FolderNow, HeldLock, PauseInfo, WaiterInfo};
use maud::{Markup, html};

use super::sign_in::escaped;
use super::words::{beginning, clear, lasting, left, name, none, path, time, time_if};

/// A state: a sign, a word, a colour, in this order of importance.
pub fn state(kind: &str, sign: &str, word: &str) -> Markup {
    html! { span class={"state " (kind)} { span.sign aria-hidden="true" { (sign) } (word) } }
}

/// A number behind a heading.
pub fn badge(count: usize) -> Markup {
    html! { span.badge { (count) } }
}

/// What is said where a table would be empty.
pub fn nothing(words: &str) -> Markup {
    html! { p.nothing { (words) } }
}

/// What cannot be taken back is asked for twice: first `words`, then what it
/// means and the form.
pub fn sure(words: &str, means: &str, form: &Markup) -> Markup {
    html! {
        details.sure { summary { span.button.small { (words) } } p.soft { (means) } (form) }
    }
}

/// A task's number, as a link.
pub fn task_link(id: TaskId) -> Markup {
    html! {
        @if id == TaskId::NONE { (none()) } @else { a href={"/tasks/" (id)} { "#" (id) } }
    }
}

/// A session's name, as a link to what it held.
pub fn session_link(session: &str) -> Markup {
    html! { a.who-link href={"/history?session=" (escaped(session))} { (name(session)) } }
}

/// Active locks. Whoever may end them is shown how.
pub fn locks(locks: &[HeldLock], now: Wall, may_force: bool) -> Markup {
    html! {
        table.locks {
            thead { tr {
                th scope="col" { "Folder" }
                th scope="col" { "Session" }
                th scope="col" { "Task" }
                th scope="col" { "Created" }
                th scope="col" { "Expires" }
                th.number scope="col" { "Left" }
                @if may_force { th scope="col" { span.unseen { "What can be done" } } }
            } }
            tbody #locks-rows { @for held in locks { (lock_row(held, now, may_force)) } }
        }
    }
}

fn lock_row(held: &HeldLock, now: Wall, may_force: bool) -> Markup {
    let lock = &held.lock;
    let expires = lock.expires_at.unwrap_or(now);
    html! {
        tr id={"lock-" (lock.id)} {
            td data-label="Folder" { a href={"/locks/" (lock.id)} { (path(&lock.folder_path)) } (tags(held)) }
            td data-label="Session" { (session_link(lock.session_id.as_str())) }
            td data-label="Task" { (task_link(lock.task_id)) }
            td data-label="Created" { (time(lock.created_at, now)) }
            td data-label="Expires" { (time(expires, now)) }
            td.number data-label="Left" { (left(expires, now)) }
            @if may_force { td.does { (force_link(lock.id, &lock.folder_path)) } }
        }
    }
}

fn force_link(id: LockId, path: &str) -> Markup {
    html! {
        a.button.small href={"/locks/" (id) "#release"} data-ask {
            "Release…" span.unseen { " the lock on " (super::words::path(path)) }
        }
    }
}

/// What is out of the ordinary about a lock.
pub fn tags(held: &HeldLock) -> Markup {
    html! {
        @if held.lock.mode == Mode::Shared { " " span.tag { "shared" } }
        @if held.waiting > 0 { " " span.tag.warn { (held.waiting) @if held.waiting == 1 { " waits" } @else { " wait" } } }
        @if held.alive == Some(false) { " " span.tag.bad { "holder is gone" } }
        @match held.folder_state {
            FolderNow::Gone => { " " span.tag { "does not exist" } }
            FolderNow::Replaced => { " " span.tag.warn { "another folder now" } }
            FolderNow::Present | FolderNow::Unknown => {}
        }
    }
}

/// Who waits, in order.
pub fn waiters(waiters: &[WaiterInfo], now: Wall) -> Markup {
    html! {
        table {
            thead { tr {
                th.number scope="col" { "Place" }
                th scope="col" { "Folder" }
                th scope="col" { "Session" }
                th scope="col" { "Task" }
                th scope="col" { "Waits for" }
            } }
            tbody { @for waiter in waiters { (waiter_row(waiter, now)) } }
        }
    }
}

fn waiter_row(waiter: &WaiterInfo, now: Wall) -> Markup {
    html! {
        tr id={"waiter-" (waiter.id)} {
            td.number data-label="Place" { @if waiter.granted { "granted" } @else { (waiter.place) } }
            td data-label="Folder" {
                @for folder in waiter.folder_paths.iter().take(3) { div { (path(folder)) } }
                @if waiter.folder_paths.len() > 3 { div.soft { "and " (waiter.folder_paths.len() - 3) " more" } }
                @if waiter.mode == Mode::Shared { " " span.tag { "shared" } }
            }
            td data-label="Session" { (session_link(waiter.session_id.as_str())) }
            td data-label="Task" { (task_link(waiter.task_id)) }
            td data-label="Waits for" { (lasting(waiter.since, now)) }
        }
    }
}

/// Where nothing new is granted.
pub fn pauses(pauses: &[PauseInfo], now: Wall) -> Markup {
    html! {
        @for pause in pauses {
            p.note.warn {
                strong { "Paused: " (path(&pause.folder_path)) } " "
                "Nothing new is granted there. " (name(&pause.by)) ", " (time(pause.since, now)) ": "
                (beginning(&pause.reason, 200))
            }
        }
    }
}

/// How a session is.
pub fn session_state(session: &SessionInfo) -> Markup {
    if session.aside_reason.is_some() {
        return state("bad", "✕", "set aside");
    }
    if session.is_unprotected() {
        return state("bad", "✕", "unprotected");
    }
    let agent = session.agent.as_ref();
    if agent.is_some_and(|agent| agent.alive == Some(false)) {
        return state("warn", "▲", "gone");
    }
    match session.status.as_str() {
        "idle" => state("idle", "○", "idle"),
        "busy" => state("run", "●", "busy"),
        "waiting_input" => state("warn", "▲", "waits for input"),
        other => state("idle", "?", other),
    }
}

/// How a task is.
pub fn task_state(task: &TaskInfo) -> Markup {
    match task.status {
        _ if task.stopping => state("warn", "■", "stopping"),
        TaskStatus::Pending if !task.blocked_by.is_empty() => state("bad", "✕", "blocked"),
        TaskStatus::Pending if task.held.as_deref().is_some_and(|held| held != "after") => {
            state("warn", "▲", "held")
        }
        TaskStatus::Pending => state("idle", "○", "pending"),
        TaskStatus::Assigned => state("run", "◔", "assigned"),
        TaskStatus::InProgress => state("run", "●", "running"),
        TaskStatus::Completed => state("ok", "✓", "completed"),
        TaskStatus::Failed => state("bad", "✕", "failed"),
        TaskStatus::Cancelled => state("idle", "–", "cancelled"),
    }
}

/// How a lock ended.
pub fn lock_end(end: Option<EndReason>) -> Markup {
    match end {
        None => state("run", "●", "active"),
        Some(EndReason::Released) => state("ok", "✓", "released"),
        Some(EndReason::TaskEnded) => state("ok", "✓", "with its task"),
        Some(EndReason::Forced) => state("bad", "✕", "forced"),
        Some(EndReason::Died) => state("warn", "▲", "holder died"),
        Some(EndReason::Lapsed) => state("warn", "▲", "lapsed"),
    }
}

/// Tasks, a row each.
pub fn tasks(tasks: &[TaskInfo], now: Wall) -> Markup {
    html! {
        table.tasks {
            thead { tr {
                th.number scope="col" { "Task" }
                th scope="col" { "State" }
                th scope="col" { "Text" }
                th scope="col" { "Folder" }
                th scope="col" { "Session" }
                th.number scope="col" { "Priority" }
                th scope="col" { "Since" }
            } }
            tbody { @for task in tasks { (task_row(task, now)) } }
        }
    }
}

fn task_row(task: &TaskInfo, now: Wall) -> Markup {
    let session = task
        .assigned_session
        .as_ref()
        .or(task.target_session.as_ref());
    let since = task
        .completed_at
        .or(task.started_at)
        .or(task.assigned_at)
        .or(task.created_at);
    html! {
        tr id={"task-" (task.id)} {
            td.number data-label="Task" { (task_link(task.id)) }
            td data-label="State" { (task_state(task)) }
            td.text data-label="Text" { (beginning(&task.content, 100)) (why_not_yet(task)) @if let Some(error) = &task.error { div.soft { (beginning(error, 120)) } } }
            td data-label="Folder" { @match &task.working_dir { Some(folder) => (path(folder)), None => (none()) } }
            td data-label="Session" { @match session { Some(session) => (session_link(session)), None => (none()) } }
            td.number data-label="Priority" { (task.priority) }
            td data-label="Since" { (time_if(since, now)) }
        }
    }
}

/// What a pending task waits for, where that is known.
fn why_not_yet(task: &TaskInfo) -> Markup {
    let numbers = |ids: &[TaskId]| {
        ids.iter()
            .map(|id| format!("#{id}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    html! {
        @if task.status == TaskStatus::Pending {
            @if !task.blocked_by.is_empty() { " " span.tag.bad { "blocked by " (numbers(&task.blocked_by)) } }
            @else if !task.waits_for.is_empty() { " " span.tag { "after " (numbers(&task.waits_for)) } }
            @if let Some(note) = &task.hold_note { " " span.tag.warn { (beginning(note, 80)) } }
            @if task.in_line { " " span.tag.warn { "in line for its folder" } }
            @else if task.passed_over { " " span.tag.warn { "its folder is locked" } }
        }
    }
}

/// Sessions, a row each.
pub fn sessions(sessions: &[SessionInfo], now: Wall) -> Markup {
    html! {
        table.sessions {
            thead { tr {
                th scope="col" { "Session" }
                th scope="col" { "State" }
                th scope="col" { "Task" }
                th scope="col" { "Kind" }
                th scope="col" { "Folder" }
                th scope="col" { "Last active" }
            } }
            tbody { @for session in sessions { (session_row(session, now)) } }
        }
    }
}

/// Sessions that work although their hooks fell silent: nothing guards what
/// they write, and a person has to look.
pub fn unprotected(sessions: &[SessionInfo], now: Wall) -> Markup {
    html! {
        @for session in sessions.iter().filter(|session| session.is_unprotected()) {
            p.note.bad {
                strong { "Unprotected: " (session_link(&session.name)) } ". "
                (silent(session, now)) " Nothing guards what it writes; it is given no task. "
                code { "gaia doctor" } " says what its client lacks."
            }
        }
    }
}

fn silent(session: &SessionInfo, now: Wall) -> Markup {
    let heard = session.agent.as_ref().and_then(|agent| agent.heard_at);
    html! { "It works, and its hooks are silent" @if heard.is_some() { " since " (time_if(heard, now)) } "." }
}

/// When it was last seen at work or its hooks were heard.
fn last_seen(session: &SessionInfo) -> Option<Wall> {
    let heard = session.agent.as_ref().and_then(|agent| agent.heard_at);
    session.last_activity.into_iter().chain(heard).max()
}

fn session_row(session: &SessionInfo, now: Wall) -> Markup {
    let folder = session
        .current_dir
        .as_ref()
        .or(session.working_dir.as_ref());
    html! {
        tr id={"session-" (escaped(&session.name))} {
            td data-label="Session" { (session_link(&session.name)) @if let Some(pattern) = &session.pattern { " " span.tag { "by " (clear(pattern)) } } }
            td data-label="State" { (session_state(session)) @if let Some(why) = &session.aside_reason { div.soft { (beginning(why, 120)) } } @else if session.is_unprotected() { div.soft { (silent(session, now)) } } }
            td data-label="Task" { (task_link(session.current_task_id.unwrap_or(TaskId::NONE))) }
            td data-label="Kind" { (session.kind.as_deref().unwrap_or("other")) @if let Some(provider) = &session.provider { " · " (clear(provider)) } }
            td data-label="Folder" { @match folder { Some(folder) => (path(folder)), None => (none()) } }
            td data-label="Last active" { (time_if(last_seen(session), now)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(protected: bool, alive: bool) -> SessionInfo {
        let agent = json!({"client": "claude", "client_session": "c1", "pid": 7, "alive": alive,
            "protected": protected, "heard_at": "2026-11-30T08:00:00Z"});
        let session = json!({"name": "ann", "kind": "agent", "status": "busy", "provider": "claude",
            "command": null, "server": null, "target": null, "pane": null, "pattern": null,
            "working_dir": null, "current_dir": null, "current_task_id": null,
            "last_activity": null, "agent": agent});
        serde_json::from_value(session).unwrap()
    }

    #[test]
    fn a_session_whose_hooks_fell_silent_is_not_shown_as_busy() {
        let now = Wall::from_sql("2026-11-30 08:20:00").unwrap();
        let drawn = |session| sessions(&[session], now).into_string();
        let silent = drawn(session(false, true));
        assert!(silent.contains("unprotected") && silent.contains("hooks are silent since"));
        assert!(
            unprotected(&[session(false, true)], now)
                .into_string()
                .contains("Unprotected")
        );
        assert!(drawn(session(true, true)).contains("busy"));
        assert!(drawn(session(true, false)).contains("gone"));
        assert_eq!(unprotected(&[session(true, true)], now).into_string(), "");
    }
}
