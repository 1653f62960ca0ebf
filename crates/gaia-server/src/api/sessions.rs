//! Sessions and how each is driven. A remote agent needs no more than these:
//! it registers, takes a task, lets itself be heard, says how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use gaia_assigner::TaskService;
use gaia_assigner::runner::tmux::Patterns;
use gaia_assigner::service::{AddProcess, AddRemote, AddTmux, Added, Taken};
use gaia_assigner::wire::SessionList;
use gaia_locks::ids::{SessionId, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::extract::{In, Json, Words, json as answer};
use super::length::{Length, Wait};
use super::locks::{may_act, own_session};
use super::{folders, for_another, paging};
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::auth::still;
use crate::error::{Answer, Problem};

/// How long a remote session may be silent, unless it says otherwise.
const SILENCE: Duration = Duration::from_secs(60);

/// Which sessions are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only names that come after this one: the next page.
    after: Option<String>,
    /// At most so many, 1000 when left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
}

/// Sessions, by name.
#[derive(Serialize)]
struct Page {
    /// `count` is how many there are, on this page or another.
    #[serde(flatten)]
    list: SessionList,
    /// `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// All sessions.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/api/gaia/sessions", tag = "sessions", params(Which))]
pub async fn list(State(app): State<Arc<App>>, Words(which): Words<Which>) -> Answer<Response> {
    let tasks = app.tasks.clone();
    let mut list = app.core.call(move || tasks.sessions()).await?;
    let sessions = &mut list.sessions;
    sessions.sort_by(|one, other| one.name.cmp(&other.name));
    let next = paging::cut(sessions, which.after, which.limit, |one| one.name.clone())?;
    Ok(answer(&Page { list, next }))
}

/// A session that is added. Without `command` and `tmux` it is one that asks
/// for work itself.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Its name; your own when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// claude, codex or any other word.
    provider: Option<String>,
    /// Where it is.
    #[schema(value_type = Option<String>)]
    folder_path: Option<PathBuf>,
    /// How long it may be silent before it has lost its task: seconds, or a
    /// duration as 60s (the default).
    #[schema(value_type = Option<serde_json::Value>)]
    lease: Option<Length>,
    /// What is started for each task, on the server's machine (admin).
    command: Option<String>,
    /// The pane that texts are typed into, or a pattern of tmux sessions, on
    /// the server's machine (admin).
    tmux: Option<String>,
    /// The socket of the tmux server.
    tmux_server: Option<String>,
}

/// Adds a session.
///
/// # Errors
/// 409 when the name is taken, 403 for one that only an admin may add.
#[utoipa::path(post, path = "/api/gaia/sessions", tag = "sessions", request_body = Register)]
pub async fn register(
    State(app): State<Arc<App>>,
    who: Who,
    Json(new): Json<Register>,
) -> Answer<Response> {
    let name = own_session(&who, new.session_id.clone())?;
    let is_remote = new.command.is_none() && new.tmux.is_none();
    if !is_remote && who.role < Role::Admin {
        let detail = "only an admin adds a session that is driven on the server's machine";
        return Err(Problem::forbidden(detail));
    }
    let shared = app.clone();
    let added = app.core.call(move || {
        let added = add(&shared.tasks, name.clone(), new)?;
        match is_remote {
            true => for_another::note_session(&shared, &who, "add_session", &name)?,
            false => shared
                .accounts
                .note(&who.name, "add_session", name.as_str())?,
        }
        Ok::<_, Problem>(added)
    });
    Ok(shown(added.await?))
}

fn add(tasks: &TaskService, name: SessionId, new: Register) -> Answer<Added> {
    folders::can_be_one(new.folder_path.as_deref())?;
    let provider = new.provider;
    let session = match (new.command, new.tmux) {
        (Some(_), Some(_)) => return Err(Problem::invalid("name command or tmux, not both")),
        (None, Some(target)) => {
            let server = new.tmux_server;
            let missing = || Problem::invalid("name the socket of the tmux server in tmux_server");
            return Ok(tasks.add_tmux(&AddTmux {
                name,
                server: server.ok_or_else(missing)?,
                target,
                provider,
                patterns: Patterns::default(),
            })?);
        }
        (Some(command), None) => tasks.add_process(&AddProcess {
            name,
            command,
            provider,
            folder: new.folder_path,
        })?,
        (None, None) => tasks.add_remote(&AddRemote {
            name,
            provider,
            folder: new.folder_path,
            lease: new.lease.map_or(SILENCE, |Length(lease)| lease),
        })?,
    };
    Ok(Added::Session(Box::new(session)))
}

fn shown(added: Added) -> Response {
    match added {
        Added::Session(session) => answer(&json!({"session": session})),
        Added::Pattern(pattern) => answer(&json!({"pattern": pattern})),
    }
}

/// Removes a session that does not work: an admin any, an agent its own.
///
/// # Errors
/// 404 for an unknown session, 409 for one that works, 403 for another's.
#[utoipa::path(delete, path = "/api/gaia/sessions/{name}", tag = "sessions",
    params(("name" = String, Path, description = "percent-encoded")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    who: Who,
    In(name): In<String>,
) -> Answer<Response> {
    remove_one(&app, who, name).await
}

/// The same for a session that has the name of a verb: it is the last piece of
/// the path.
///
/// # Errors
/// As [`remove`].
pub async fn remove_named_as_verb(
    State(app): State<Arc<App>>,
    who: Who,
    uri: Uri,
) -> Answer<Response> {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    remove_one(&app, who, name.to_owned()).await
}

async fn remove_one(app: &Arc<App>, who: Who, name: String) -> Answer<Response> {
    let name = SessionId::new(name)?;
    may_act(&who, &name)?;
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    let removed = app.core.call(move || {
        let removed = tasks.remove(name.as_str())?;
        accounts.note(&who.name, "remove_session", name.as_str())?;
        Ok::<_, Problem>(removed)
    });
    Ok(shown(removed.await?))
}

/// Who lives, and on what it works.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alive {
    /// Its name; your own when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// What it believes to work on.
    #[schema(value_type = Option<i64>)]
    task_id: Option<TaskId>,
}

/// A session's sign of life: renews its task's lease; `stop` says why it must
/// stop.
///
/// # Errors
/// 404 for an unknown session, 409 for one that does not ask for work itself.
#[utoipa::path(post, path = "/api/gaia/sessions/heartbeat", tag = "sessions", request_body = Alive)]
pub async fn heartbeat(
    State(app): State<Arc<App>>,
    who: Who,
    Json(alive): Json<Alive>,
) -> Answer<Response> {
    let name = own_session(&who, alive.session_id)?;
    let tasks = app.tasks.clone();
    let heard = app.core.call(move || tasks.heartbeat(&name, alive.task_id));
    Ok(answer(&heard.await?))
}

/// Who asks for work, and how long it waits for it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Take {
    /// Its name; your own when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// true, seconds, or a duration: waits until there is a task.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    wait: Wait,
}

/// Takes the best task for a session, together with the lock on its folder;
/// `task` is null when there is none.
///
/// # Errors
/// 404 for an unknown session, 409 for one that is busy or asks for no work.
#[utoipa::path(post, path = "/api/gaia/sessions/take", tag = "sessions", request_body = Take)]
pub async fn take(
    State(app): State<Arc<App>>,
    who: Who,
    Json(take): Json<Take>,
) -> Answer<Response> {
    let name = own_session(&who, take.session_id)?;
    let until = match take.wait {
        Wait::No => Some(Instant::now()),
        Wait::Forever => None,
        Wait::For(limit) => Instant::now().checked_add(limit),
    };
    let mut changes = app.bell.changes();
    loop {
        changes.borrow_and_update();
        if let Some(taken) = take_for(&app, &who, &name).await? {
            return Ok(answer(&taken));
        }
        let over = until.is_some_and(|until| Instant::now() >= until);
        if over || *app.stopping.borrow() {
            return Ok(answer(
                &json!({"task": null, "folder": null, "token": null}),
            ));
        }
        tokio::select! {
            // Somebody may hold its folder by a lease that nobody rings for.
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = super::wait::sleep_until(until) => {}
        }
        // No task is given to whom nothing would be given now.
        still::counts(&app, &who).await?;
    }
}

/// Takes the best task for a session, if there is one, for somebody who may act
/// for it.
///
/// # Errors
/// As [`take`].
pub async fn take_for(app: &Arc<App>, who: &Who, name: &SessionId) -> Answer<Option<Taken>> {
    let (shared, who, name) = (app.clone(), who.clone(), name.clone());
    let take = move || {
        let taken = shared.tasks.take(&name, None)?;
        if let Some(taken) = &taken {
            for_another::note_task(&shared, &who, "take_task", &taken.task)?;
        }
        Ok::<_, Problem>(taken)
    };
    // Git may be asked how its folder was left.
    app.core.slow(take).await
}
