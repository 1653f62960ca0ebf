//! Sessions and how each is driven.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::extract::json as answer;
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
