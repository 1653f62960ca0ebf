//! What changed, as it changes: server-sent events.
//!
//! Each has an id, `RUN-NUMBER`; a reader that comes back with the last one it
//! saw goes on there. `reset` says that this is not possible: look anew.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;

use crate::accounts::Who;
use crate::app::App;
use crate::auth::still::{self, Still};
use crate::feed::Read;

/// Follows what changes.
#[utoipa::path(get, path = "/api/gaia/events", tag = "events",
    params(("last-event-id" = Option<String>, Header, description = "goes on after this one")))]
pub async fn follow(State(app): State<Arc<App>>, who: Who, headers: HeaderMap) -> Response {
    let reader = Reader::new(app, who, &headers);
    let stream = futures_util::stream::unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), reader))
    });
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(stream)).into_response()
}

struct Reader {
    app: Arc<App>,
    still: Still,
    latest: watch::Receiver<u64>,
    at: u64,
    greeting: Option<&'static str>,
}

impl Reader {
    fn new(app: Arc<App>, who: Who, headers: &HeaderMap) -> Self {
        let latest = app.feed.latest();
        let now = *latest.borrow();
        let last = headers.get("last-event-id");
        let last = last.and_then(|id| id.to_str().ok()).map(|id| {
            let (run, number) = id.split_once('-')?;
            let number = number.parse().ok()?;
            (run == app.feed.run).then_some(number)
        });
        let (at, greeting) = match last {
            None => (now, "ready"),
            Some(Some(number)) => match app.feed.after(number) {
                Read::Events(_) => (number, "ready"),
                Read::Lost => (now, "reset"),
            },
            Some(None) => (now, "reset"),
        };
        Self {
            app,
            still: Still::new(who),
            latest,
            at,
            greeting: Some(greeting),
        }
    }

    /// The next piece; none when the stream is over. Whoever was signed out, or
    /// whose token was revoked, hears no more, however much happens.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(self.event(self.at, greeting, "{}").into());
        }
        let app = self.app.clone();
        loop {
            self.still.may(&app).await.ok()?;
            self.latest.borrow_and_update();
            match self.app.feed.after(self.at) {
                Read::Lost => {
                    self.at = *self.latest.borrow();
                    return Some(self.event(self.at, "reset", "{}").into());
                }
                Read::Events(events) if !events.is_empty() => {
                    let mut text = String::new();
                    for event in events {
                        text += &self.event(event.number, event.kind, &event.data);
                        self.at = event.number;
                    }
                    return Some(text.into());
                }
                Read::Events(_) => {}
            }
            // Something is said although nothing happened, so that a dead
            // connection is noticed.
            tokio::select! {
                _ = self.latest.changed() => {}
                () = app.stopped() => return None,
                () = tokio::time::sleep(still::LOOK) => {
                    self.still.may(&app).await.ok()?;
                    return Some(Bytes::from_static(b": here\n\n"));
                }
            }
        }
    }

    fn event(&self, number: u64, kind: &str, data: &str) -> String {
        let run = &self.app.feed.run;
        format!("id: {run}-{number}\nevent: {kind}\ndata: {data}\n\n")
    }
}
