//! Tasks: sending, listing, showing, waiting, calling off, how it ended.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::TaskService;
use gaia_assigner::service::{Aim, Filter, Send, Teller};
use gaia_assigner::task::{Status, Told};
use gaia_assigner::wire::TaskInfo;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::extract::{In, Json, Words, json as answer};
use super::length::Length;
use super::{folders, for_another, task_page};
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::auth::still::{self, Still};
use crate::error::{Answer, Problem};

/// Which tasks are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// In these states, with commas between.
    status: Option<String>,
    /// That this session has or had.
    session: Option<String>,
    /// In folders that overlap this one.
    folder: Option<String>,
    /// Without the first so many: the next page.
    skip: Option<u64>,
    /// At most so many, 100 when left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}

/// Tasks: those that run, those that wait in their order, then those that have
/// ended, newest first.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/tasks", tag = "tasks", params(Which))]
pub async fn list(State(app): State<Arc<App>>, Words(which): Words<Which>) -> Answer<Response> {
    let filter = Filter {
        statuses: statuses(which.status.as_deref().unwrap_or_default())?,
        session: which.session,
        limit: None,
    };
    let part = (
        which.skip.unwrap_or_default(),
        task_page::limit(which.limit)?,
    );
    let tasks = app.tasks.clone();
    let listed = move || task_page::list(&tasks, filter, which.folder.as_deref(), part);
    Ok(answer(&app.core.call(listed).await?))
}

/// The states that words with commas between name.
///
/// # Errors
/// 400 for a word that is no state.
pub fn statuses(words: &str) -> Answer<Vec<Status>> {
    let words = words.split(',').filter(|word| !word.is_empty());
    let unknown = |word: &str| Problem::invalid(format!("{word:?} is no state of a task"));
    words
        .map(|word| Status::from_word(word).ok_or_else(|| unknown(word)))
        .collect()
}

/// A task that is sent.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// What is to be done.
    pub text: String,
    /// The folder to work in; it is locked for the task.
    pub folder_path: Option<String>,
    /// Higher goes first.
    #[serde(default)]
    pub priority: i64,
    /// Only this session.
    pub target_session: Option<String>,
    /// Only this provider.
    pub target_provider: Option<String>,
    /// Providers it would rather have, best first.
    #[serde(default)]
    pub preferred_providers: Vec<String>,
    /// Providers that will do.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    /// How long it may run: seconds, or a duration as 2h.
    #[schema(value_type = Option<serde_json::Value>)]
    pub timeout: Option<Length>,
    /// Tasks that must complete before it.
    #[serde(default)]
    pub after: Vec<i64>,
    /// It only reads.
    #[serde(default)]
    pub read_only: bool,
    /// It is tried again when it fails.
    #[serde(default)]
    pub retry: bool,
    /// Tries in all.
    pub max_retries: Option<u32>,
}

/// Queues a task.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(post, path = "/api/gaia/tasks", tag = "tasks", request_body = NewTask)]
pub async fn send(
    State(app): State<Arc<App>>,
    who: Who,
    Json(new): Json<NewTask>,
) -> Answer<Response> {
    Ok(answer(&json!({"task": queue(&app, &who, new).await?})))
}

/// Queues a task for somebody.
///
/// # Errors
/// As [`send`].
pub async fn queue(app: &Arc<App>, who: &Who, new: NewTask) -> Answer<TaskInfo> {
    let (tasks, source) = (app.tasks.clone(), source(who));
    folders::not_too_many(new.after.len(), "tasks in `after`")?;
    let queued = app.core.call(move || {
        let folder = new.folder_path.as_deref();
        let folder = folder.filter(|path| !path.is_empty());
        let folder = folder.map(|path| folders::folder(tasks.locks(), None, path));
        let mut send = Send::new(new.text);
        send.folder = folder.transpose()?;
        send.priority = new.priority;
        send.session = new.target_session;
        send.provider = new.target_provider;
        send.preferred = new.preferred_providers;
        send.fallbacks = new.fallbacks;
        send.time_limit = new.timeout.map_or(send.time_limit, |Length(limit)| limit);
        send.after = new.after.into_iter().map(TaskId).collect();
        send.read_only = new.read_only;
        send.retry = new.retry;
        send.max_tries = new.max_retries.unwrap_or(send.max_tries);
        send.source = source;
        tasks.send(&send).map_err(Problem::from)
    });
    queued.await
}

/// How long to wait for a task's end.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Until {
    /// Waits for its end: so long, as 30s.
    wait: Option<String>,
}

/// One task; with `wait` as it is when it has ended, or when the wait is over.
///
/// # Errors
/// 404 for an unknown task.
#[utoipa::path(get, path = "/api/gaia/tasks/{id}", tag = "tasks", params(("id" = i64, Path), Until))]
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Words(until): Words<Until>,
) -> Answer<Response> {
    let wrong =
        |error: gaia_locks::duration::DurationError| Problem::invalid(format!("wait: {error}"));
    let limit = until.wait.as_deref().map(gaia_locks::duration::parse);
    let limit = limit.transpose().map_err(wrong)?.unwrap_or_default();
    let deadline = Instant::now().checked_add(limit);
    let (mut changes, mut still) = (app.bell.changes(), Still::new(who.clone()));
    let mut waited = false;
    loop {
        still.may(&app).await?;
        let task = one(&app, id).await?;
        let over = task.status.is_over() || deadline.is_some_and(|until| Instant::now() >= until);
        if over || *app.stopping.borrow() {
            if waited {
                // Nothing is handed out to whom nothing would be given now.
                still::counts(&app, &who).await?;
            }
            return Ok(answer(&json!({"task": task})));
        }
        waited = true;
        tokio::select! {
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = super::wait::sleep_until(deadline) => {}
        }
    }
}

/// One task.
///
/// # Errors
/// 404 for an unknown one.
pub async fn one(app: &Arc<App>, id: i64) -> Answer<TaskInfo> {
    let tasks = app.tasks.clone();
    app.core.call(move || tasks.show(TaskId(id))).await
}

/// Calls a task off: an admin any, an agent those of its own sessions, and those
/// it sent while nobody has them.
///
/// # Errors
/// 404 for an unknown task, 409 for one that is over.
#[utoipa::path(post, path = "/api/gaia/tasks/{id}/cancel", tag = "tasks", params(("id" = i64, Path)))]
pub async fn cancel(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    Ok(answer(&json!({"task": call_off(&app, who, id).await?})))
}

/// Calls a task off for somebody.
///
/// # Errors
/// As [`cancel`].
pub async fn call_off(app: &Arc<App>, who: Who, id: i64) -> Answer<TaskInfo> {
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    // It may wait until a process has stopped.
    app.core
        .slow(move || {
            may_call_off(&tasks, &who, TaskId(id))?;
            let task = tasks.cancel(TaskId(id), &who.name)?;
            if who.role == Role::Admin {
                accounts.note(&who.name, "cancel_task", &format!("task {id}"))?;
            }
            Ok::<_, Problem>(task)
        })
        .await
}

/// Refuses an agent what is neither of its own sessions nor waits as it sent it.
///
/// # Errors
/// 404 for an unknown task, 403 for another's.
pub fn may_call_off(tasks: &TaskService, who: &Who, id: TaskId) -> Answer<()> {
    let task = tasks.show(id)?;
    if who.role >= Role::Admin || is_own(&task, who) {
        return Ok(());
    }
    if task.status == Status::Pending && tasks.source(id)? == Some(source(who)) {
        return Ok(());
    }
    let detail =
        "an agent calls off the tasks of its own sessions, and those it sent that nobody has yet";
    Err(Problem::forbidden(detail))
}

/// Whether a session that somebody acts for has it.
pub fn is_own(task: &TaskInfo, who: &Who) -> bool {
    let session = task.assigned_session.clone();
    let session = session.and_then(|name| SessionId::new(name).ok());
    session.is_some_and(|session| who.acts_for(&session))
}

/// How a task says who sent it.
fn source(who: &Who) -> String {
    format!("api:{}", who.name)
}

/// Lets a task be tried again, or go on now.
///
/// # Errors
/// 404 for an unknown task, 409 where its state does not allow it.
#[utoipa::path(post, path = "/api/gaia/tasks/{id}/retry", tag = "tasks", params(("id" = i64, Path)))]
pub async fn retry(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    Ok(answer(&json!({"task": try_again(&app, who, id).await?})))
}

/// Lets a task be tried again for an admin.
///
/// # Errors
/// As [`retry`].
pub async fn try_again(app: &Arc<App>, who: Who, id: i64) -> Answer<TaskInfo> {
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    let task = app.core.call(move || {
        let task = tasks.retry(TaskId(id), &who.name)?;
        accounts.note(&who.name, "retry_task", &format!("task {id}"))?;
        Ok::<_, Problem>(task)
    });
    task.await
}

/// Where a task is sent instead; with neither, to whoever can take it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// This session.
    target_session: Option<String>,
    /// This provider.
    target_provider: Option<String>,
}

/// Sends a task elsewhere; one that runs is stopped first.
///
/// # Errors
/// 404 for an unknown task or session, 409 for a task that is over.
#[utoipa::path(post, path = "/api/gaia/tasks/{id}/reassign", tag = "tasks", request_body = Elsewhere, params(("id" = i64, Path)))]
pub async fn reassign(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(elsewhere): Json<Elsewhere>,
) -> Answer<Response> {
    let aim = match (elsewhere.target_session, elsewhere.target_provider) {
        (Some(session), None) => Aim::Session(session),
        (None, Some(provider)) => Aim::Provider(provider),
        (None, None) => Aim::Anybody,
        (Some(_), Some(_)) => {
            let detail = "name target_session or target_provider, not both";
            return Err(Problem::invalid(detail));
        }
    };
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    let task = app.core.slow(move || {
        let task = tasks.reassign(TaskId(id), &aim, &who.name)?;
        accounts.note(&who.name, "reassign_task", &format!("task {id}"))?;
        Ok::<_, Problem>(task)
    });
    Ok(answer(&json!({"task": task.await?})))
}

/// How a task ended, as its agent says.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The answer, or why it failed.
    text: Option<String>,
    /// The session that works on it; an admin says so for any when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// The token of the lock under which it worked.
    token: Option<i64>,
}

impl Said {
    /// An agent says it as its session; an admin without a session as a person.
    fn teller(&self, who: &Who, id: i64) -> Answer<Teller> {
        let is_person = who.role == Role::Admin && self.session_id.is_none();
        let session = match is_person {
            true => None,
            false => Some(super::locks::own_session(who, self.session_id.clone())?),
        };
        Ok(Teller {
            session,
            task: Some(TaskId(id)),
            token: self.token.map(LockId),
            pane: None,
            person: is_person.then(|| who.name.clone()),
        })
    }
}

/// Says that a task is done.
///
/// # Errors
/// 404 for an unknown task, 403 for another session's, 409 where its lock
/// lapsed and another held the folder meanwhile (said once).
#[utoipa::path(post, path = "/api/gaia/tasks/{id}/done", tag = "tasks", request_body = Said, params(("id" = i64, Path)))]
pub async fn done(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(said): Json<Said>,
) -> Answer<Response> {
    let teller = said.teller(&who, id)?;
    tell(&app, who, id, Told::Done(said.text), teller).await
}

/// Says that a task failed, and why.
///
/// # Errors
/// As [`done`].
#[utoipa::path(post, path = "/api/gaia/tasks/{id}/fail", tag = "tasks", request_body = Said, params(("id" = i64, Path)))]
pub async fn fail(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(said): Json<Said>,
) -> Answer<Response> {
    let teller = said.teller(&who, id)?;
    let why = said.text.filter(|text| !text.trim().is_empty());
    let why = why.ok_or_else(|| Problem::invalid("say in `text` why it failed"))?;
    tell(&app, who, id, Told::Failed(why), teller).await
}

async fn tell(app: &Arc<App>, who: Who, id: i64, told: Told, teller: Teller) -> Answer<Response> {
    let shared = app.clone();
    let task = app
        .core
        .slow(move || said(&shared, &who, Some(TaskId(id)), &told, &teller));
    Ok(answer(&json!({"task": task.await?})))
}

/// Says for somebody how a task ended.
///
/// # Errors
/// As [`done`].
pub fn said(
    app: &App,
    who: &Who,
    id: Option<TaskId>,
    told: &Told,
    teller: &Teller,
) -> Answer<TaskInfo> {
    let task = app.tasks.told(id, told, teller)?;
    for_another::note_task(app, who, for_another::word(told), &task)?;
    Ok(task)
}
