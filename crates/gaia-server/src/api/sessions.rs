//! Sessions and how each is driven. A remote agent needs no more than these:
//! it registers, takes a task, lets itself be heard, says how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::service::AddRemote;
use gaia_locks::ids::{SessionId, TaskId};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::extract::{Json, json as answer};
use super::length::{Length, Wait};
use super::locks::own_session;
use crate::accounts::Who;
use crate::app::App;
use crate::error::Answer;

/// All sessions.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/api/gaia/sessions", tag = "sessions")]
pub async fn list(State(app): State<Arc<App>>) -> Answer<Response> {
    let tasks = app.tasks.clone();
    Ok(answer(&app.core.call(move || tasks.sessions()).await?))
}

/// A session that asks for work itself.
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
}

/// Registers a session that asks for work itself.
///
/// # Errors
/// 409 when the name is taken.
#[utoipa::path(post, path = "/api/gaia/sessions", tag = "sessions", request_body = Register)]
pub async fn register(
    State(app): State<Arc<App>>,
    who: Who,
    Json(new): Json<Register>,
) -> Answer<Response> {
    let add = AddRemote {
        name: own_session(&who, new.session_id)?,
        provider: new.provider,
        folder: new.folder_path,
        lease: new
            .lease
            .map_or(Duration::from_secs(60), |Length(lease)| lease),
    };
    let tasks = app.tasks.clone();
    let session = app.core.call(move || tasks.add_remote(&add)).await?;
    Ok(answer(&json!({"session": session})))
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
        let (tasks, asks) = (app.tasks.clone(), name.clone());
        if let Some(taken) = app.core.call(move || tasks.take(&asks, None)).await? {
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
    }
}
