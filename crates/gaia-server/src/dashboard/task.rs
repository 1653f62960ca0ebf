//! One task, with its output as it comes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use gaia_assigner::TaskError;
use gaia_assigner::task::Status;
use gaia_assigner::why;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Wall;
use gaia_locks::ids::TaskId;
use maud::{Markup, html};

use super::frame::{Page, Place, csrf};
use super::parts::{session_link, sure, task_link, task_state};
use super::words::{clear, lasting, length, lines, printed, sentence, time_if, whole_path};
use crate::accounts::{Role, Who};
use crate::api::extract::In;
use crate::api::{log, tasks};
use crate::app::App;
use crate::error::Answer;

/// So much of a log's end is on the page at first.
const LOG: u64 = 32 * 1024;

/// The end of a task's output.
struct Output {
    /// What the script goes on reading from.
    read_to: u64,
    text: String,
    /// Whether there is more before it.
    cut: bool,
}

/// All that the page shows.
struct Seen {
    task: TaskInfo,
    /// What keeps it, for one that waits.
    why: Option<String>,
    output: Option<Output>,
    now: Wall,
}

/// One task.
///
/// # Errors
/// 404 for an unknown one.
pub async fn show(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    let asked = app.clone();
    let seen = app.core.call(move || look(&asked, TaskId(id))).await?;
    app.core.draw(move || whole(&seen, &who)).await
}

fn look(app: &App, id: TaskId) -> Answer<Seen> {
    let task = app.tasks.show(id)?;
    let now = app.locks.look(|tx| Ok(tx.now().wall))?;
    Ok(Seen {
        why: why(app, &task, now)?,
        output: output(app, &task),
        task,
        now,
    })
}

/// None also where an earlier program left a folder that cannot be one.
fn why(app: &App, task: &TaskInfo, now: Wall) -> Answer<Option<String>> {
    if task.status != Status::Pending {
        return Ok(None);
    }
    match why::of_task(&app.locks, &app.tasks, task.id, now) {
        Err(TaskError::Locks(gaia_locks::Error::InvalidFolder(_))) => Ok(None),
        why => Ok(Some(why?.sentence)),
    }
}

fn whole(seen: &Seen, who: &Who) -> Response {
    let Seen {
        task,
        why,
        output,
        now,
    } = seen;
    let page = Page {
        who,
        place: Place::Tasks,
        title: format!("Task {}", task.id),
        live: match why {
            Some(_) => "task lock waiter session pause",
            None => "task",
        },
        now: *now,
    };
    page.draw(html! {
        h1 { "Task " (task.id) " " (task_state(task)) }
        section #text { pre.prompt { (lines(&task.content)) } }
        @if let Some(why) = why { section #why { p.note { (sentence(why)) } } }
        section #does { (deeds(task, who)) }
        section #facts { (facts(task, *now)) }
        (answer(task, output.as_ref()))
        (shown(task, output.as_ref()))
    })
}

/// None for a task that has no output (yet), or whose file is gone.
fn output(app: &App, task: &TaskInfo) -> Option<Output> {
    let path = app.tasks.log(task.id).ok()?;
    let part = log::part(&path, 0, LOG).ok()?;
    // A line that is still written to is read by the script when it has more.
    let lines = part.text.rfind('\n').map_or(0, |at| at + 1);
    let open = match task.status.is_over() {
        false if lines > 0 => part.text.len() - lines,
        _ => 0,
    };
    let shown = &part.text[..part.text.len() - open];
    Some(Output {
        read_to: part.next - open as u64,
        text: printed(shown),
        cut: part.from > 0,
    })
}

/// What the reader may do about it.
fn deeds(task: &TaskInfo, who: &Who) -> Markup {
    let is_admin = who.role == Role::Admin;
    let own = || tasks::is_own(task, who);
    let fresh = matches!(task.status, Status::Failed | Status::Cancelled)
        || task.held.as_deref().is_some_and(|held| held != "after");
    html! {
        div.buttons {
            @if !task.status.is_over() && !task.stopping && (is_admin || own()) { (sure("Call it off…", "Its agent is stopped where it is.", &deed(task, who, "cancel", "Call it off"))) }
            @if is_admin && fresh { (deed(task, who, "retry", "Try it again")) }
        }
    }
}

fn deed(task: &TaskInfo, who: &Who, verb: &str, words: &str) -> Markup {
    html! {
        form method="post" action={"/tasks/" (task.id) "/" (verb)} { (csrf(who)) button { (words) } }
    }
}

fn facts(task: &TaskInfo, now: Wall) -> Markup {
    let end = task.completed_at;
    html! {
        dl.facts {
            dt { "Folder" } dd { @match &task.working_dir { Some(folder) => (whole_path(folder)), None => "none, so no lock" } @if task.read_only { " " span.tag { "only reads" } } }
            @if let Some(session) = &task.assigned_session { dt { "Session" } dd { (session_link(session)) } }
            @if let Some(session) = &task.target_session { dt { "Wants session" } dd { (session_link(session)) } }
            @if let Some(provider) = &task.target_provider { dt { "Wants provider" } dd { (clear(provider)) } }
            @if !task.after.is_empty() { dt { "After" } dd { @for id in &task.after { (task_link(*id)) " " } } }
            dt { "Priority" } dd { (task.priority) }
            dt { "Sent" } dd { (time_if(task.created_at, now)) }
            @if task.assigned_at.is_some() { dt { "Assigned" } dd { (time_if(task.assigned_at, now)) } }
            @if let Some(began) = task.started_at {
                dt { "Started" } dd { (time_if(Some(began), now)) }
                dt { "Took" } dd { @match end { Some(end) => (length(end.since(began))), None => (lasting(began, now)) } }
            }
            @if end.is_some() { dt { "Ended" } dd { (time_if(end, now)) } }
            dt { "Time limit" } dd { (length(minutes(task.timeout_minutes))) }
            dt { "Tries" } dd { (task.retry_count) " spent, " (task.max_retries) " in all" @if task.retry { "; tried again when it fails" } }
            @if let Some(status) = task.exit_status { dt { "Exit status" } dd { (status) } }
            @if let Some(token) = task.lock_token { dt { "Lock" } dd { a href={"/locks/" (token)} { (token) } " " (clear(task.lock_status.as_deref().unwrap_or_default())) } }
        }
    }
}

fn minutes(minutes: f64) -> std::time::Duration {
    std::time::Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default()
}

fn answer(task: &TaskInfo, output: Option<&Output>) -> Markup {
    // A process's answer is the end of its output, which stands below.
    let said = task.response.as_ref().filter(|_| output.is_none());
    html! {
        section #answer {
            @if let Some(error) = &task.error { p.note.bad { (clear(error)) } }
            @if let Some(said) = said { h2 { "Answer" } pre.output { (lines(said)) } }
        }
    }
}

fn shown(task: &TaskInfo, output: Option<&Output>) -> Markup {
    let goes_on = !task.status.is_over();
    html! {
        section #output {
            @if let Some(output) = output {
                h2 { "Output" }
                p.soft #whole hidden[!output.cut] { "Only its end. " a href={"/api/gaia/tasks/" (task.id) "/log?format=text"} download={"task-" (task.id) ".log"} { "All of it, as a file" } }
                div.log tabindex="0" role="log" aria-label="Output" aria-live="off" {
                    pre #log data-keep data-log={"/api/gaia/tasks/" (task.id) "/log"} data-goes-on=[goes_on.then_some("yes")] data-from=(output.read_to) { (output.text) }
                }
            }
        }
    }
}

/// Calls it off.
///
/// # Errors
/// 403 for another's, 404 for an unknown task, 409 for one that is over.
pub async fn cancel(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    tasks::call_off(&app, who, id).await?;
    Ok(back(id))
}

/// Lets it be tried again.
///
/// # Errors
/// 404 for an unknown task, 409 where its state does not allow it.
pub async fn retry(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    tasks::try_again(&app, who, id).await?;
    Ok(back(id))
}

fn back(id: i64) -> Response {
    Redirect::to(&format!("/tasks/{id}")).into_response()
}
