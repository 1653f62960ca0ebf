//! The past: pages, newest first, as JSON or CSV.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use gaia_locks::LockService;
use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::service::Locks as _;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;
use serde::{Deserialize, Serialize};

use super::extract::{Words, json as answer};
use super::{csv, folders};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// The most rows of one page.
const LARGEST_PAGE: u32 = 10_000;

/// Which rows are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// On folders that overlap this one.
    pub folder: Option<String>,
    /// This session's.
    pub session: Option<String>,
    /// This task's.
    pub task: Option<i64>,
    /// Granted since then: a duration back from now (2h), or a time.
    pub since: Option<String>,
    /// Only ids below this one: the next page.
    pub before: Option<i64>,
    /// At most so many; when left out 100 as JSON, all as CSV.
    #[param(minimum = 1, maximum = 10_000)]
    pub limit: Option<u32>,
    /// json or csv.
    #[param(inline)]
    pub format: Option<Format>,
}

/// The form of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As everything else.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Rows of the history.
#[derive(Serialize)]
pub struct Page {
    count: usize,
    /// The rows.
    pub locks: Vec<LockInfo>,
    /// `before` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<LockId>,
}

/// The past and the present, newest first. As CSV without a limit it is all of
/// it; with one the header `Link` names the next page.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/history", tag = "locks", params(Which))]
pub async fn list(
    State(app): State<Arc<App>>,
    who: Who,
    uri: Uri,
    Words(which): Words<Which>,
) -> Answer<Response> {
    let locks = app.locks.clone();
    match (which.format, which.limit) {
        (Some(Format::Csv), None) => csv::all(&app, who, which).await,
        (Some(Format::Csv), Some(_)) => {
            let page = app.core.call(move || page(&locks, &which)).await?;
            Ok(csv::page(&page, &uri))
        }
        _ => Ok(answer(&app.core.call(move || page(&locks, &which)).await?)),
    }
}

/// The rows that are wanted.
///
/// # Errors
/// As [`list`].
pub fn page(locks: &LockService, which: &Which) -> Answer<Page> {
    let limit = which.limit.unwrap_or(100);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let detail = format!("limit is {limit}; it lies between 1 and {LARGEST_PAGE}");
        return Err(Problem::invalid(detail));
    }
    page_of(locks, &filter(locks, which)?, limit)
}

/// What a question asks for, but for the limit.
///
/// # Errors
/// As [`list`].
pub fn filter(locks: &LockService, which: &Which) -> Answer<HistoryFilter> {
    let folder = which.folder.as_deref();
    Ok(HistoryFilter {
        folder: folder
            .map(|path| folders::folder(locks, None, path))
            .transpose()?,
        session: which.session.clone().map(SessionId::new).transpose()?,
        task: which.task.map(TaskId),
        since: which
            .since
            .as_deref()
            .map(|text| since(locks, text))
            .transpose()?,
        before: which.before.map(LockId),
        ..HistoryFilter::default()
    })
}

/// So many rows of what a filter lets through.
///
/// # Errors
/// When the store cannot be used.
pub fn page_of(locks: &LockService, filter: &HistoryFilter, limit: u32) -> Answer<Page> {
    let mut rows = locks.history(&HistoryFilter {
        limit: Some(limit.saturating_add(1)),
        ..filter.clone()
    })?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(Page {
        count: rows.len(),
        next: rows.last().filter(|_| more).map(|lock| lock.id),
        locks: rows,
    })
}

fn since(locks: &LockService, text: &str) -> Answer<Wall> {
    if let Ok(back) = gaia_locks::duration::parse(text) {
        return Ok(locks.look(|tx| Ok(tx.now().wall.minus(back)))?);
    }
    Wall::from_sql(text).map_err(|error| Problem::invalid(format!("since: {error}")))
}
