//! Who holds what and who waits; pauses; sweeping.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use gaia_locks::ids::{LockId, WaiterId};
use gaia_locks::service::{Locks as _, PlaceNow};
use gaia_locks::wire::{Answer as Came, WaiterInfo};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

use super::extract::{In, Json, Words, json as answer};
use super::length::Length;
use super::place::Stood;
use super::{door, folders, for_another, locks, noted, paging, wait};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Of what the status is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Only what overlaps this folder.
    folder: Option<String>,
}

/// Who holds what, who waits, where nothing is granted.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/status", tag = "locks", params(Of))]
pub async fn show(State(app): State<Arc<App>>, Words(of): Words<Of>) -> Answer<Response> {
    Ok(answer(&status(&app, of).await?))
}

async fn status(app: &Arc<App>, of: Of) -> Answer<gaia_locks::wire::Status> {
    let locks = app.locks.clone();
    let look = move || {
        let folder = of.folder.as_deref();
        let folder = folder
            .map(|path| folders::folder(&locks, None, path))
            .transpose()?;
        locks.status(folder.as_ref()).map_err(Problem::from)
    };
    app.core.call(look).await
}

/// Whose places are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Places {
    /// Only for what overlaps this folder.
    folder: Option<String>,
    /// Only ids above this one: the next page.
    after: Option<i64>,
    /// At most so many, 1000 when left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
}

/// Places in line.
#[derive(Serialize)]
struct InLine {
    /// How many there are, on this page or another.
    count: usize,
    waiters: Vec<WaiterInfo>,
    /// `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<WaiterId>,
}

/// Who waits, in order.
///
/// # Errors
/// As [`show`].
#[utoipa::path(get, path = "/api/gaia/waiters", tag = "locks", params(Places))]
pub async fn waiters(
    State(app): State<Arc<App>>,
    Words(places): Words<Places>,
) -> Answer<Response> {
    let of = Of {
        folder: places.folder,
    };
    let mut waiters = status(&app, of).await?.waiters;
    let count = waiters.len();
    let after = places.after.map(WaiterId);
    let next = paging::cut(&mut waiters, after, places.limit, |waiter| waiter.id)?;
    Ok(answer(&InLine {
        count,
        waiters,
        next,
    }))
}

/// Whether that very lock is active now.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/api/gaia/verify/{token}", tag = "locks",
    params(("token" = i64, Path, description = "the lock's id, its token")))]
pub async fn verify(State(app): State<Arc<App>>, In(token): In<i64>) -> Answer<Response> {
    let locks = app.locks.clone();
    let verified = app.core.call(move || locks.verify(LockId(token))).await?;
    Ok(answer(&verified))
}

/// How long somebody waits on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitOn {
    /// Seconds, or a duration as 30s.
    #[schema(value_type = Option<serde_json::Value>)]
    limit: Option<Length>,
}

/// The place of somebody who may act for its session, and what is in its way.
async fn own_place(app: &Arc<App>, who: &Who, id: i64) -> Answer<Stood> {
    let (shared, who) = (app.clone(), who.clone());
    let work = move || {
        let waiter = door::own_place(&shared, &who, WaiterId(id))?;
        let mut stood = Stood::found(shared.locks.clone(), &waiter);
        if let PlaceNow::Waiting(queued) = shared.locks.look(|tx| tx.place_now(waiter.id))? {
            stood.refusal = queued.refusal;
        }
        Ok::<_, Problem>(stood)
    };
    app.core.call(work).await
}

/// Waits on at a place in line; the place stays when the limit is over.
///
/// # Errors
/// 410 when the place is gone, 202 (no error) while it is not its turn.
#[utoipa::path(post, path = "/api/gaia/waiters/{id}/wait", tag = "locks", request_body = WaitOn,
    params(("id" = i64, Path, description = "the place in line")))]
pub async fn wait_on(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(longer): Json<WaitOn>,
) -> Answer<Response> {
    let stood = own_place(&app, &who, id).await?;
    let limit = longer
        .limit
        .map_or(Duration::from_secs(30), |Length(limit)| limit);
    let until = Instant::now().checked_add(limit);
    match wait::wait_on(&app, &who, stood, until).await? {
        Some(Came::Granted(granted)) => Ok(locks::granted(granted)),
        Some(Came::Refused(refusal)) => Err(locks::refused(&refusal, true)),
        Some(Came::Queued(_)) | None => Ok((
            StatusCode::ACCEPTED,
            answer(&json!({"granted": false, "waiter": id})),
        )
            .into_response()),
    }
}

/// Leaves the line.
///
/// # Errors
/// 410 when the place is gone.
#[utoipa::path(delete, path = "/api/gaia/waiters/{id}", tag = "locks",
    params(("id" = i64, Path, description = "the place in line")))]
pub async fn leave(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    let shared = app.clone();
    let left = move || {
        let waiter = door::own_place(&shared, &who, WaiterId(id))?;
        for_another::leave(&shared.locks, &who, &waiter).map_err(Problem::from)
    };
    app.core.call(left).await?;
    Ok(answer(&json!({"left": true})))
}

/// Where nothing new is granted, and why.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The folder; everywhere when left out.
    folder_path: Option<String>,
    /// Those who wait are shown it.
    reason: String,
}

/// Grants and assigns nothing new in a folder.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(post, path = "/api/gaia/pause", tag = "admin", request_body = Pause)]
pub async fn pause(
    State(app): State<Arc<App>>,
    who: Who,
    Json(given): Json<Pause>,
) -> Answer<Response> {
    let locks = app.locks.clone();
    let done = move || {
        let path = given.folder_path.as_deref().unwrap_or("/");
        let folder = folders::folder(&locks, None, path)?;
        noted::pause(&locks, &who.name, &folder, &given.reason).map_err(Problem::from)
    };
    Ok(answer(&json!({"paused": app.core.call(done).await?})))
}

/// Where is granted again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The folder; the pause of everything when left out.
    folder_path: Option<String>,
}

/// Grants there again.
///
/// # Errors
/// 409 where nothing was paused.
#[utoipa::path(post, path = "/api/gaia/resume", tag = "admin", request_body = Resume)]
pub async fn resume(
    State(app): State<Arc<App>>,
    who: Who,
    Json(given): Json<Resume>,
) -> Answer<Response> {
    let locks = app.locks.clone();
    let done = move || {
        let path = given.folder_path.as_deref().unwrap_or("/");
        let folder = folders::folder(&locks, None, path)?;
        if !noted::resume(&locks, &who.name, &folder)? {
            let detail = format!("nothing is paused on exactly {}", folder.path());
            return Err(Problem::new(StatusCode::CONFLICT, "not_paused", detail));
        }
        Ok(folder.path().to_owned())
    };
    let folder = app.core.call(done).await?;
    Ok(answer(&json!({"resumed": true, "folder_path": folder})))
}
