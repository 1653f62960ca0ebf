//! The queue, and the form that adds to it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use gaia_assigner::service::{Filter, TIME_LIMIT};
use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Wall;
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{Fields, folder, number, or_wrong, said, with_status, wrong};
use super::frame::{Page, Place, csrf};
use super::parts::{self, nothing};
use crate::accounts::{Role, Who};
use crate::api::extract::Words;
use crate::api::length::Length;
use crate::api::tasks::{self, NewTask};
use crate::app::App;
use crate::error::{Answer, Problem};

/// Tasks at first, and at most.
const SHOWN: u32 = 100;
const MOST: u32 = 1000;
/// What is shown: the word in the address, and what people read.
const STATES: [(&str, &str); 6] = [
    ("", "All"),
    ("in_progress,assigned", "Running"),
    ("pending", "Pending"),
    ("completed", "Completed"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
];

/// Which tasks are shown.
#[derive(Clone, Default, Deserialize)]
pub struct Which {
    status: Option<String>,
    limit: Option<String>,
}

impl Which {
    fn filter(&self) -> Answer<Filter> {
        let limit = number("limit", self.limit.clone())?.unwrap_or(SHOWN);
        Ok(Filter {
            statuses: tasks::statuses(self.status.as_deref().unwrap_or_default())?,
            session: None,
            limit: Some(limit.clamp(1, MOST)),
        })
    }
}

/// A task as somebody wrote it into the form.
#[derive(Clone, Default, Deserialize)]
pub struct Sent {
    text: String,
    folder: Option<String>,
    session: Option<String>,
    provider: Option<String>,
    priority: Option<String>,
    timeout: Option<String>,
    after: Option<String>,
    read_only: Option<String>,
    retry: Option<String>,
}

/// All that the page shows.
struct Seen {
    tasks: Result<Vec<TaskInfo>, Problem>,
    limit: u32,
    sessions: Vec<String>,
    now: Wall,
}

/// The queue.
///
/// # Errors
/// A state that does not exist, or a store that cannot be used.
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    Words(which): Words<Which>,
) -> Answer<Response> {
    draw(&app, who, which, Sent::default(), None).await
}

/// Queues a task; what is wrong with it is told beside the form.
///
/// # Errors
/// When the store cannot be used.
pub async fn send(
    State(app): State<Arc<App>>,
    who: Who,
    Fields(sent): Fields<Sent>,
) -> Answer<Response> {
    let queued = match sent.task() {
        Ok(new) => tasks::queue(&app, &who, new).await,
        Err(problem) => Err(problem),
    };
    match queued {
        Ok(task) => Ok(Redirect::to(&format!("/tasks/{}", task.id)).into_response()),
        Err(problem) if problem.status().is_client_error() => {
            let page = draw(&app, who, Which::default(), sent, Some(problem)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(problem) => Err(problem),
    }
}

impl Sent {
    fn task(&self) -> Answer<NewTask> {
        let numbers = said(self.after.clone()).unwrap_or_default();
        let numbers = numbers.split([',', ' ']).filter(|word| !word.is_empty());
        let after: Answer<Vec<Option<i64>>> = numbers
            .map(|word| number("After", Some(word.trim_start_matches('#').to_owned())))
            .collect();
        Ok(NewTask {
            text: self.text.clone(),
            folder_path: folder(self.folder.clone())?,
            priority: number("Priority", self.priority.clone())?.unwrap_or_default(),
            target_session: said(self.session.clone()),
            target_provider: said(self.provider.clone()),
            timeout: time_limit(self.timeout.clone())?.map(Length),
            after: after?.into_iter().flatten().collect(),
            read_only: self.read_only.is_some(),
            retry: self.retry.is_some(),
            ..NewTask::default()
        })
    }
}

fn time_limit(field: Option<String>) -> Answer<Option<Duration>> {
    let parsed = said(field).map(|text| gaia_locks::duration::parse(&text));
    parsed
        .transpose()
        .map_err(|error| Problem::invalid(format!("Time limit: {error}")))
}

fn look(app: &App, which: &Which) -> Answer<Seen> {
    let filter = or_wrong(which.filter())?;
    let limit = filter.as_ref().ok().and_then(|filter| filter.limit);
    let tasks = match filter {
        Ok(filter) => Ok(app.tasks.list(&filter)?.tasks),
        Err(problem) => Err(problem),
    };
    let sessions = app.tasks.sessions()?.sessions.into_iter();
    Ok(Seen {
        tasks,
        limit: limit.unwrap_or(SHOWN),
        sessions: sessions.map(|session| session.name).collect(),
        now: app.locks.look(|tx| Ok(tx.now().wall))?,
    })
}

async fn draw(
    app: &Arc<App>,
    who: Who,
    which: Which,
    sent: Sent,
    problem: Option<Problem>,
) -> Answer<Response> {
    let (asked, wanted) = (app.clone(), which.clone());
    let seen = app.core.call(move || look(&asked, &wanted)).await?;
    let drawn = move || whole(&seen, &who, &which, &sent, problem.as_ref());
    app.core.draw(drawn).await
}

fn whole(
    seen: &Seen,
    who: &Who,
    which: &Which,
    sent: &Sent,
    problem: Option<&Problem>,
) -> Response {
    let unknown = seen.tasks.as_ref().err();
    let page = Page {
        who,
        place: Place::Tasks,
        title: "Tasks".to_owned(),
        live: match problem.or(unknown) {
            None => "task",
            Some(_) => "",
        },
        now: seen.now,
    };
    let drawn = page.draw(html! {
        h1 { "Tasks" }
        @if who.role >= Role::Agent { (form(who, &seen.sessions, sent, problem)) }
        (wrong(unknown))
        (states(which))
        @if let Ok(tasks) = &seen.tasks {
            section #tasks {
                @if tasks.is_empty() { (nothing("No task fits.")) } @else { (parts::tasks(tasks, seen.now)) }
                @if let Some(more) = more(which, seen.limit, tasks.len()) { p.more { a href=(more) { "Show more" } } }
            }
        }
    });
    with_status(drawn, unknown)
}

fn states(which: &Which) -> Markup {
    let chosen = which.status.as_deref().unwrap_or_default();
    html! {
        nav.tabs #states aria-label="States" {
            @for (word, shown) in STATES {
                a href={"/tasks" @if !word.is_empty() { "?status=" (word) }} aria-current=[(word == chosen).then_some("true")] { (shown) }
            }
        }
    }
}

fn more(which: &Which, limit: u32, shown: usize) -> Option<String> {
    let full = u32::try_from(shown).is_ok_and(|shown| shown >= limit) && limit < MOST;
    let status = which.status.as_deref().unwrap_or_default();
    full.then(|| {
        format!(
            "/tasks?status={}&limit={}",
            super::sign_in::escaped(status),
            limit * 4
        )
    })
}

fn form(who: &Who, sessions: &[String], sent: &Sent, problem: Option<&Problem>) -> Markup {
    html! {
        details.send #send open[problem.is_some()] {
            summary { "Send a task" }
            form.stack.sheet method="post" action="/tasks/send" {
                (csrf(who))
                (wrong(problem))
                label { "What is to be done" textarea name="text" required maxlength="200000" { (sent.text) } }
                label { "Folder to work in, which is locked for it" input name="folder" value=[sent.folder.as_deref()] placeholder="/path/to/folder" spellcheck="false"; }
                (wishes(sessions, sent))
                label.check { input type="checkbox" name="read_only" checked[sent.read_only.is_some()]; span { "It only reads: it shares the folder with others that do" } }
                label.check { input type="checkbox" name="retry" checked[sent.retry.is_some()]; span { "Try again when it fails" } }
                p.buttons { button.main { "Send" } }
            }
        }
    }
}

fn wishes(sessions: &[String], sent: &Sent) -> Markup {
    let minutes = format!("{}m", TIME_LIMIT.as_secs() / 60);
    html! {
        div.row {
            label { "Session" input name="session" list="session-names" value=[sent.session.as_deref()] placeholder="any" spellcheck="false"; }
            label { "Provider" input name="provider" value=[sent.provider.as_deref()] placeholder="any" spellcheck="false"; }
            label { "Priority" input name="priority" inputmode="numeric" value=[sent.priority.as_deref()] placeholder="0"; }
            label { "Time limit" input name="timeout" value=[sent.timeout.as_deref()] placeholder=(minutes); }
            label { "After tasks" input name="after" value=[sent.after.as_deref()] placeholder="12, 13"; }
        }
        datalist #session-names { @for session in sessions.iter().take(200) { option value=(session) {} } }
    }
}
