//! What a task waits for, or what keeps a folder, in one sentence and with the
//! facts: as `gaia why`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::why;
use gaia_locks::ids::TaskId;
use serde::Deserialize;

use super::extract::{In, Words, json as answer};
use super::folders;
use crate::app::App;
use crate::error::{Answer, Problem};

/// Of what it is asked.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// The folder.
    folder: String,
}

/// What keeps a folder, and what would free it.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/why", tag = "locks", params(Of))]
pub async fn of_folder(State(app): State<Arc<App>>, Words(of): Words<Of>) -> Answer<Response> {
    let locks = app.locks.clone();
    let look = move || {
        let folder = folders::folder(&locks, None, &of.folder)?;
        let now = locks.look(|tx| Ok(tx.now().wall))?;
        why::look_at(&locks, &folder, now).map_err(Problem::from)
    };
    Ok(answer(&app.core.call(look).await?))
}

/// What a task waits for, and what would let it go on.
///
/// # Errors
/// 404 for an unknown task.
#[utoipa::path(get, path = "/api/gaia/tasks/{id}/why", tag = "tasks", params(("id" = i64, Path)))]
pub async fn of_task(State(app): State<Arc<App>>, In(id): In<i64>) -> Answer<Response> {
    let (locks, tasks) = (app.locks.clone(), app.tasks.clone());
    let look = move || {
        let now = locks.look(|tx| Ok(tx.now().wall))?;
        why::of_task(&locks, &tasks, TaskId(id), now).map_err(Problem::from)
    };
    Ok(answer(&app.core.call(look).await?))
}
