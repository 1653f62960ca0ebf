//! A task's output: its end, or all of it as it comes.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use gaia_assigner::TaskError;
use gaia_locks::ids::TaskId;
use serde::Deserialize;
use serde_json::json;

use super::extract::{In, Words, json as answer};
use super::tasks::one;
use super::wait::stopping;
use crate::accounts::Who;
use crate::app::App;
use crate::auth::still::Still;
use crate::error::{Answer, Problem};

/// So much of a log is sent at once.
const PIECE: u64 = 256 * 1024;

/// How a log is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct How {
    /// As text that goes on until the task has ended.
    #[serde(default)]
    follow: bool,
    /// From this byte on.
    #[serde(default)]
    from: u64,
    /// json, which has at most the last 4 MiB, or text, which has all.
    #[param(inline)]
    format: Option<Format>,
}

/// The form of the answer.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// With where it begins, and where to go on.
    Json,
    /// As it was written.
    Text,
}

/// A task's output.
///
/// # Errors
/// 404 for an unknown task.
#[utoipa::path(get, path = "/api/gaia/tasks/{id}/log", tag = "tasks", params(("id" = i64, Path), How))]
pub async fn show(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Words(how): Words<How>,
) -> Answer<Response> {
    let task = one(&app, id).await?;
    if how.follow || how.format == Some(Format::Text) {
        let text = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        let follows = Follows {
            still: Still::new(who),
            app,
            id,
            from: how.from,
            goes_on: how.follow,
        };
        return Ok((text, Body::from_stream(follow(follows))).into_response());
    }
    let tasks = app.tasks.clone();
    let part = app.core.call(move || {
        let path = tasks.log(TaskId(id))?;
        part(&path, how.from, 16 * PIECE).map_err(|source| TaskError::Log {
            path: path.display().to_string(),
            source,
        })
    });
    let Part { text, from, next } = part.await?;
    Ok(answer(
        &json!({"task_id": id, "log_file": task.log_file, "text": text, "from": from, "next": next}),
    ))
}

/// Somebody who follows a log, and how far it was read.
struct Follows {
    app: Arc<App>,
    still: Still,
    id: i64,
    from: u64,
    /// Until the task is over, and not only to where the log ends now.
    goes_on: bool,
}

/// The bytes as they come, in pieces: a slow reader is waited for, and holds
/// nothing but its own place. What goes wrong breaks the answer off: an end
/// would say that this was all of the log.
fn follow(follows: Follows) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    futures_util::stream::unfold(Some(follows), |state| async move {
        let mut follows = state?;
        match follows.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(follows))),
            Ok(None) => None,
            Err(problem) => Some((Err(std::io::Error::other(problem.detail())), None)),
        }
    })
}

impl Follows {
    /// The next piece; none when the task is over and all was read.
    async fn next(&mut self) -> Answer<Option<Bytes>> {
        let app = self.app.clone();
        loop {
            self.still.may(&app).await?;
            // Whether it is over is asked first: what it said last is then read.
            let over = match one(&app, self.id).await {
                Ok(task) => task.status.is_over(),
                // Forgotten meanwhile, as an admin may.
                Err(problem) if problem.status() == StatusCode::NOT_FOUND => true,
                Err(problem) => return Err(problem),
            };
            let piece = read(&app, self.id, self.from).await?;
            if !piece.is_empty() {
                self.from += piece.len() as u64;
                return Ok(Some(piece));
            }
            if over || !self.goes_on {
                return Ok(None);
            }
            if *app.stopping.borrow() {
                return Err(stopping());
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
                () = app.stopped() => {}
            }
        }
    }
}

async fn read(app: &Arc<App>, id: i64, from: u64) -> Answer<Bytes> {
    let tasks = app.tasks.clone();
    let read = app.core.call(move || {
        let path = tasks.log(TaskId(id))?;
        // An agent that was not started yet has no file yet.
        Ok::<_, Problem>(piece(&path, from).unwrap_or_default())
    });
    match read.await {
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => Ok(Bytes::new()),
        read => read,
    }
}

/// A part of a log that can be shown.
pub struct Part {
    /// Read as UTF-8 as far as it is.
    pub text: String,
    /// The byte with which it begins.
    pub from: u64,
    /// The byte with which to go on.
    pub next: u64,
}

/// The end of a log from a byte on, of at most so many bytes. A letter whose
/// beginning was cut off is left out, and one that has not come whole is left
/// for the next part.
///
/// # Errors
/// When it cannot be read.
pub fn part(path: &Path, from: u64, most: u64) -> std::io::Result<Part> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = from.max(length.saturating_sub(most)).min(length);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let head = if start > from { torn_head(&bytes) } else { 0 };
    let whole = head..bytes.len() - torn_end(&bytes[head..]);
    Ok(Part {
        from: start + whole.start as u64,
        next: start + whole.end as u64,
        text: String::from_utf8_lossy(&bytes[whole]).replace('\0', "\u{FFFD}"),
    })
}

/// Bytes of a letter that began before.
fn torn_head(bytes: &[u8]) -> usize {
    let goes_on = bytes.iter().take_while(|byte| **byte & 0xC0 == 0x80);
    goes_on.count().min(3)
}

/// Bytes of a letter that is not whole.
fn torn_end(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(last) if last.invalid().len() < 4 => {
            let begins = last.invalid();
            let is_short =
                std::str::from_utf8(begins).is_err_and(|error| error.error_len().is_none());
            if is_short { begins.len() } else { 0 }
        }
        _ => 0,
    }
}

/// Some of a file, from a byte on.
fn piece(path: &Path, from: u64) -> std::io::Result<Bytes> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(PIECE).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
