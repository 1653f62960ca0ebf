//! The past: pages, newest first, as JSON or CSV.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use gaia_locks::LockService;
use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::service::Locks as _;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;
use serde::{Deserialize, Serialize};

use super::extract::{Words, json as answer};
use super::folders;
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
    /// At most so many, 100 when left out.
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

/// The past and the present, newest first.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/history", tag = "locks", params(Which))]
pub async fn list(State(app): State<Arc<App>>, Words(which): Words<Which>) -> Answer<Response> {
    let (locks, format) = (app.locks.clone(), which.format);
    let page = app.core.call(move || page(&locks, &which)).await?;
    if format == Some(Format::Csv) {
        return Ok((
            [(CONTENT_TYPE, "text/csv; charset=utf-8")],
            csv(&page.locks),
        )
            .into_response());
    }
    Ok(answer(&page))
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
    let folder = which.folder.as_deref();
    let filter = HistoryFilter {
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
        limit: Some(limit + 1),
        held: None,
    };
    let mut rows = locks.history(&filter)?;
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

fn csv(locks: &[LockInfo]) -> String {
    let mut text = "id,folder_path,session_id,task_id,mode,scope,status,created_at,expires_at,released_at,expired_at,end_reason,ended_by,reason\r\n".to_owned();
    for lock in locks {
        let time = |wall: Option<Wall>| wall.map(Wall::to_rfc3339).unwrap_or_default();
        let fields = [
            lock.id.to_string(),
            field(&lock.folder_path),
            field(lock.session_id.as_str()),
            lock.task_id.to_string(),
            lock.mode.word().to_owned(),
            field(lock.scope.as_str()),
            lock.status.word().to_owned(),
            lock.created_at.to_rfc3339(),
            time(lock.expires_at),
            time(lock.released_at),
            time(lock.expired_at),
            lock.end_reason
                .map(|end| end.word().to_owned())
                .unwrap_or_default(),
            field(lock.ended_by.as_deref().unwrap_or_default()),
            field(lock.reason.as_deref().unwrap_or_default()),
        ];
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Quoted (RFC 4180). What a spreadsheet would run as a formula is made text.
fn field(text: &str) -> String {
    let guard = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => "'",
        _ => "",
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
