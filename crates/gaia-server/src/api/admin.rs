//! What admins do to many rows at once, and the trail of what they did.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gaia_locks::service::Locks as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::extract::{Json, Words, json as answer};
use super::length::Length;
use super::noted;
use crate::accounts::{AuditEntry, Who};
use crate::app::App;
use crate::error::{Answer, Problem};

/// The most lines of one page.
const LARGEST_PAGE: u32 = 1000;
/// No history is older.
const LONGEST_AGE: Duration = Duration::from_secs(1000 * 365 * 24 * 3600);

/// Which part of the past is forgotten.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Old {
    /// Ended longer ago: seconds, or a duration as 90d.
    #[schema(value_type = serde_json::Value)]
    older_than: Length,
}

impl Old {
    fn age(&self) -> Answer<Duration> {
        let Length(age) = self.older_than;
        match age <= LONGEST_AGE {
            true => Ok(age),
            false => Err(Problem::invalid(format!(
                "older_than is {age:?}; it is at most 1000 years"
            ))),
        }
    }
}

/// Forgets history that ended long ago.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(post, path = "/api/gaia/prune", tag = "admin", request_body = Old)]
pub async fn prune(
    State(app): State<Arc<App>>,
    who: Who,
    Json(old): Json<Old>,
) -> Answer<Response> {
    let age = old.age()?;
    let locks = app.locks.clone();
    let pruned = app.core.call(move || {
        let before = locks.look(|tx| Ok(tx.now().wall.minus(age)))?;
        noted::prune(&locks, &who.name, before)
    });
    Ok(answer(&json!({"pruned": pruned.await?})))
}

/// Forgets tasks that have ended, and their output.
///
/// # Errors
/// As [`prune`].
#[utoipa::path(post, path = "/api/gaia/tasks/clear", tag = "admin", request_body = Old)]
pub async fn clear(
    State(app): State<Arc<App>>,
    who: Who,
    Json(old): Json<Old>,
) -> Answer<Response> {
    let age = old.age()?;
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    let cleared = app.core.call(move || {
        let cleared = tasks.clear(age)?;
        accounts.note(
            &who.name,
            "clear_tasks",
            &format!("{} tasks", cleared.count),
        )?;
        Ok::<_, Problem>(cleared)
    });
    Ok(answer(&cleared.await?))
}

/// Lets all tasks that failed be tried again.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(post, path = "/api/gaia/tasks/retry-failed", tag = "admin")]
pub async fn retry_failed(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let (tasks, accounts) = (app.tasks.clone(), app.accounts.clone());
    let again = app.core.call(move || {
        let again = tasks.retry_failed(&who.name)?;
        accounts.note(&who.name, "retry_failed", &format!("{} tasks", again.count))?;
        Ok::<_, Problem>(again)
    });
    Ok(answer(&again.await?))
}

/// Ends what lapsed or died, now.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(post, path = "/api/gaia/cleanup", tag = "admin")]
pub async fn cleanup(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let (locks, accounts) = (app.locks.clone(), app.accounts.clone());
    let cleaned = app.core.call(move || {
        let cleaned = locks.cleanup()?;
        accounts.note(&who.name, "cleanup", &format!("{cleaned} locks"))?;
        Ok::<_, Problem>(cleaned)
    });
    Ok(answer(&json!({"cleaned": cleaned.await?})))
}

/// Which part of the trail is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only ids below this one: the next page.
    before: Option<i64>,
    /// At most so many, 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Trail {
    count: usize,
    entries: Vec<AuditEntry>,
    /// `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Who signed in and what admins did, newest first.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/audit", tag = "admin", params(Which))]
pub async fn audit(State(app): State<Arc<App>>, Words(which): Words<Which>) -> Answer<Response> {
    let limit = which.limit.unwrap_or(100);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let detail = format!("limit is {limit}; it lies between 1 and {LARGEST_PAGE}");
        return Err(Problem::invalid(detail));
    }
    let accounts = app.accounts.clone();
    let entries = app
        .core
        .call(move || accounts.audit(which.before, limit + 1));
    let mut entries = entries.await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    Ok(answer(&Trail {
        count: entries.len(),
        next: entries.last().filter(|_| more).map(|entry| entry.id),
        entries,
    }))
}
