//! The history as CSV (RFC 4180), for spreadsheets: a page of it, or all of it
//! as it is read.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, stream};
use gaia_locks::clock::Wall;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;

use super::history::{self, Page, Which};
use crate::accounts::Who;
use crate::app::App;
use crate::auth::still::Still;
use crate::error::Answer;

const KIND: [(axum::http::HeaderName, &str); 1] = [(CONTENT_TYPE, "text/csv; charset=utf-8")];
const HEAD: &str = "id,folder_path,session_id,task_id,mode,scope,status,created_at,expires_at,released_at,expired_at,end_reason,ended_by,reason\r\n";
/// So many rows are read and sent at once.
const PIECE: u32 = 1_000;

/// One page; where there are more rows, the header `Link` names the next one.
pub fn page(page: &Page, uri: &Uri) -> Response {
    let mut response = (KIND, format!("{HEAD}{}", rows(&page.locks))).into_response();
    if let Some(next) = page.next {
        let words = uri.query().unwrap_or_default().split('&');
        let words: String = words
            .filter(|word| !word.starts_with("before="))
            .map(|word| format!("{word}&"))
            .collect();
        let link = format!("<{}?{words}before={next}>; rel=\"next\"", uri.path());
        // What came in an address can go in a header.
        if let Ok(link) = HeaderValue::from_bytes(link.as_bytes()) {
            response.headers_mut().insert(LINK, link);
        }
    }
    response
}

/// All rows, a piece at a time: a slow reader is waited for and holds no more
/// than that.
///
/// # Errors
/// Bad input, or a store that cannot be used.
pub async fn all(app: &Arc<App>, who: Who, which: Which) -> Answer<Response> {
    let locks = app.locks.clone();
    let filter = app.core.call(move || history::filter(&locks, &which));
    let mut export = Export {
        app: app.clone(),
        still: Still::new(who),
        rest: Some(filter.await?),
    };
    // What is wrong from the beginning is told as such.
    let first = export.next().await?.unwrap_or_default();
    let text = stream::iter([Ok(Bytes::from_static(HEAD.as_bytes())), Ok(first)]);
    Ok((KIND, Body::from_stream(text.chain(pieces(export)))).into_response())
}

/// What goes wrong on the way breaks the answer off: an end would say that this
/// was all.
fn pieces(export: Export) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(export, |mut export| async {
        let piece = export.next().await.transpose()?;
        let piece = piece.map_err(|problem| io::Error::other(problem.detail().to_owned()));
        Some((piece, export))
    })
}

/// The rows that are still to be sent.
struct Export {
    app: Arc<App>,
    still: Still,
    /// Nothing: all were, or it cannot be read.
    rest: Option<HistoryFilter>,
}

impl Export {
    async fn next(&mut self) -> Answer<Option<Bytes>> {
        let Some(filter) = self.rest.take() else {
            return Ok(None);
        };
        self.still.may(&self.app).await?;
        let locks = self.app.locks.clone();
        let read = move || {
            let page = history::page_of(&locks, &filter, PIECE)?;
            let before = page.next;
            let rest = before.map(|before| HistoryFilter {
                before: Some(before),
                ..filter
            });
            Ok::<_, crate::error::Problem>((rows(&page.locks), rest))
        };
        let (text, rest) = self.app.core.call(read).await?;
        self.rest = rest;
        Ok(Some(text.into()))
    }
}

fn rows(locks: &[LockInfo]) -> String {
    locks.iter().map(row).collect()
}

fn row(lock: &LockInfo) -> String {
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
    fields.join(",") + "\r\n"
}

/// Quoted (RFC 4180). What a spreadsheet would run as a formula is made text.
fn field(text: &str) -> String {
    let guard = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n') => "'",
        _ => "",
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
