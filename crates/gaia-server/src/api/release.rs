//! Releasing: the holder's way [R6] and the admin's [R7].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use gaia_assigner::service::{Forced, STOPPING};
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::service::{Release, Released};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::extract::{In, Json, json as answer};
use super::for_another;
use super::locks::holder_of;
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// How long somebody who ends a task's lock and looks on waits for the task to
/// stop. A process has usually stopped by then.
pub const SOON: Duration = Duration::from_secs(3);

/// A look at a task that stops writes, so it is not taken at each of a thousand
/// changes a second.
const CALM: Duration = Duration::from_millis(250);

/// The holder's release.
///
/// # Errors
/// 404 for an unknown lock, 409 for one that has ended, 403 for somebody
/// else's and for a task's.
#[utoipa::path(delete, path = "/api/gaia/locks/{id}", tag = "locks",
    params(("id" = i64, Path, description = "the lock's id, its token")))]
pub async fn by_id(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    let locks = app.locks.clone();
    let released = app.core.call(move || {
        let session = holder_of(&locks, &who, LockId(id), None)?;
        let request = Release {
            folder: None,
            session,
            task: None,
            token: Some(LockId(id)),
        };
        for_another::release(&locks, &who, &request, &who.name)
    });
    ended(released.await?)
}

/// The answer to one who let go of locks.
///
/// # Errors
/// 409 where nothing was held, 403 for what is another's.
pub fn ended(released: Released) -> Answer<Response> {
    match released {
        Released::Ended(locks) => Ok(answer(&json!({"released": true, "locks": locks}))),
        Released::NotHeld => Err(Problem::new(
            StatusCode::CONFLICT,
            "not_held",
            "it is not held (any more)",
        )
        .facts(&json!({"released": false, "locks": []}))),
        Released::NotAllowed(lock) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "not_allowed",
            "it is held by another, or ends with its task",
        )
        .facts(&json!({"released": false, "lock": lock}))),
    }
}

/// Why an admin ends a lock.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Kept in the history.
    reason: Option<String>,
}

/// Ends any lock, as an admin. A task's lock ends with its task, which is
/// stopped first: where that takes its time the answer is 202, and says when
/// the lock ends at the latest.
///
/// # Errors
/// 404 for an unknown lock, 409 for one that has ended.
#[utoipa::path(post, path = "/api/gaia/locks/{id}/release", tag = "locks", request_body = Option<Why>,
    params(("id" = i64, Path, description = "the lock's id")))]
pub async fn by_admin(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(why): Json<Why>,
) -> Answer<Response> {
    let reason = why.reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.unwrap_or_else(|| format!("released by {} through the server", who.name));
    match by_force(&app, &who, id, reason, SOON).await {
        Ok(forced) => Ok(told(&forced)),
        Err(problem) => {
            let facts = json!({"success": false, "message": problem.detail(), "released": false});
            Ok(problem.facts(&facts).into_response())
        }
    }
}

fn told(forced: &Forced) -> Response {
    let (status, lock) = match forced {
        Forced::Ended(lock) => (StatusCode::OK, lock),
        Forced::Stopping(_, lock) => (StatusCode::ACCEPTED, lock),
    };
    let (folder, session) = (&lock.folder_path, &lock.session_id);
    let message = match forced {
        Forced::Ended(_) => format!("released {folder}, which session {session} held"),
        Forced::Stopping(task, _) => format!(
            "task {task} of session {session} is being stopped; its lock on {folder} ends when it has, with an assigner at work in {} s at the latest",
            STOPPING.as_secs()
        ),
    };
    let released = matches!(forced, Forced::Ended(_));
    let told = json!({"success": true, "message": message, "released": released, "lock": lock});
    (status, answer(&told)).into_response()
}

/// Ends any lock, and notes in the trail who did it and why. A task that it
/// belongs to is waited for so long, by nobody's thread; it is looked after until
/// it has stopped, whoever asked.
///
/// # Errors
/// As [`by_admin`].
pub async fn by_force(
    app: &Arc<App>,
    who: &Who,
    id: i64,
    reason: String,
    patience: Duration,
) -> Answer<Forced> {
    let (tasks, accounts, by) = (app.tasks.clone(), app.accounts.clone(), who.name.clone());
    // What runs without an assigner is stopped in here.
    let forced = app.core.slow(move || {
        let forced = tasks.begin_force_release(LockId(id), &by, &reason)?;
        let details = match &forced {
            Forced::Ended(lock) => format!("lock {id} on {}: {reason}", lock.folder_path),
            Forced::Stopping(task, lock) => format!(
                "lock {id} on {}, which ends once task {task} has stopped: {reason}",
                lock.folder_path
            ),
        };
        accounts.note(&by, "force_release", &details)?;
        Ok::<_, Problem>(forced)
    });
    let forced = forced.await?;
    let Forced::Stopping(task, _) = forced else {
        return Ok(forced);
    };
    let stops = tokio::spawn(until_stopped(app.clone(), task, LockId(id)));
    match tokio::time::timeout(patience, stops).await {
        Ok(Ok(forced)) => forced,
        Ok(Err(_)) => Err(Problem::failed()),
        Err(_) => Ok(forced),
    }
}

/// Looks after a task that was told to stop, at the bell. An agent elsewhere that
/// does not stop loses its lock by being looked at.
async fn until_stopped(app: Arc<App>, task: TaskId, lock: LockId) -> Answer<Forced> {
    let (until, mut changes) = (Instant::now() + STOPPING, app.bell.changes());
    loop {
        changes.borrow_and_update();
        let tasks = app.tasks.clone();
        let forced = app.core.call(move || tasks.forced(task, lock)).await?;
        let is_over = matches!(forced, Forced::Ended(_)) || Instant::now() >= until;
        if is_over || *app.stopping.borrow() {
            return Ok(forced);
        }
        tokio::time::sleep(CALM).await;
        tokio::select! {
            _ = changes.changed() => {}
            () = app.stopped() => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }
}
