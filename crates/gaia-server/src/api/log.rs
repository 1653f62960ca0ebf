//! A task's output: its end, or all of it as it comes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use gaia_assigner::service::tail;
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
    if how.follow {
        let text = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((
            text,
            Body::from_stream(follow(Follows::new(app, who, id, how.from))),
        )
            .into_response());
    }
    let tasks = app.tasks.clone();
    let text = app.core.call(move || {
        let path = tasks.log(TaskId(id))?;
        tail(&path, how.from, 16 * PIECE)
    });
    let text = text.await?;
    Ok(answer(
        &json!({"task_id": id, "log_file": task.log_file, "text": text}),
    ))
}

/// Somebody who follows a log, and how far it was read.
struct Follows {
    app: Arc<App>,
    still: Still,
    id: i64,
    from: u64,
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
    fn new(app: Arc<App>, who: Who, id: i64, from: u64) -> Self {
        Self {
            app,
            still: Still::new(who),
            id,
            from,
        }
    }

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
            if over {
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

/// Some of a file, from a byte on.
///
/// # Errors
/// When it cannot be read.
pub fn piece(path: &std::path::Path, from: u64) -> std::io::Result<Bytes> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(PIECE).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
