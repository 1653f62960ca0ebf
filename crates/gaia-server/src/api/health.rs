//! Whether it lives, whether it can work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use gaia_locks::ids::LockId;
use gaia_locks::service::Locks as _;
use serde_json::json;

use super::extract::json as answer;
use crate::app::App;
use crate::error::{Answer, Problem};
use crate::metrics::Standing;

/// It lives.
#[utoipa::path(get, path = "/healthz", tag = "health")]
pub async fn live() -> Response {
    answer(&json!({"status": "ok"}))
}

/// It can work: the database answers, and it is not stopping.
///
/// # Errors
/// 503 when it cannot.
#[utoipa::path(get, path = "/readyz", tag = "health")]
pub async fn ready(State(app): State<Arc<App>>) -> Answer<Response> {
    if *app.stopping.borrow() {
        return Err(Problem::busy("server_stopping", "the server is stopping"));
    }
    let locks = app.locks.clone();
    app.core.call(move || locks.verify(LockId(0))).await?;
    Ok(answer(&json!({"status": "ready"})))
}

/// Figures for Prometheus.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/metrics", tag = "health")]
pub async fn metrics(State(app): State<Arc<App>>) -> Answer<Response> {
    let tasks = app.tasks.clone();
    let standing = app.core.call(move || {
        let (locks, waiters) = tasks.locks().look(|tx| {
            let (over, waiters) = (tx.over()?.len(), tx.in_line()?.len());
            Ok((tx.store().locks()?.len().saturating_sub(over), waiters))
        })?;
        Ok::<_, Problem>(Standing {
            locks,
            waiters,
            tasks: tasks.counts()?,
        })
    });
    let text = app.metrics.text(&standing.await?);
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text).into_response())
}
