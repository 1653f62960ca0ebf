//! Problems as pages: a browser that asked for a page is not shown JSON.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::{Markup, html};

use super::frame::bare;
use super::sign_in;
use crate::error::Problem;

/// Draws what went wrong for whoever reads pages.
pub async fn in_html(request: Request, next: Next) -> Response {
    let reader = Reader::of(&request);
    let response = next.run(request).await;
    let problem = response.extensions().get::<Problem>().cloned();
    match problem {
        Some(problem) if reader.reads_pages => reader.tell(&problem),
        _ => response,
    }
}

struct Reader {
    reads_pages: bool,
    looks: bool,
    from_elsewhere: bool,
    here: String,
    from: String,
}

impl Reader {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let path = request.uri().path();
        let here = request.uri().path_and_query();
        Self {
            reads_pages: holds(headers, header::ACCEPT, "text/html") && !path.starts_with("/api/"),
            looks: matches!(*request.method(), Method::GET | Method::HEAD),
            from_elsewhere: headers
                .get("sec-fetch-site")
                .is_some_and(|site| site == "cross-site"),
            here: here.map_or_else(|| "/".to_owned(), ToString::to_string),
            from: from(headers),
        }
    }

    fn tell(&self, problem: &Problem) -> Response {
        let signed_out = problem.code() == "signed_out" && !self.here.starts_with("/sign-in");
        match signed_out {
            true if self.looks && self.from_elsewhere => once_more(),
            true if self.looks => Redirect::to(&sign_in::address(&self.here)).into_response(),
            true => (problem.status(), Html(sign_in::once_more(&self.from))).into_response(),
            false => (problem.status(), Html(page(problem).into_string())).into_response(),
        }
    }
}

/// The page that a form is on, by where it is sent to.
pub fn page_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        _ if path.starts_with("/account/") => "/account",
        Some((page, _)) if !page.is_empty() => page,
        _ => "/",
    }
}

/// The page that a form stood on, where the browser tells.
fn from(headers: &HeaderMap) -> String {
    let page = headers
        .get(header::REFERER)
        .and_then(|page| page.to_str().ok());
    let page = page.and_then(|page| page.parse::<Uri>().ok());
    let page = page.and_then(|page| page.path_and_query().map(ToString::to_string));
    page.unwrap_or_else(|| "/".to_owned())
}

fn holds(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.contains(word))
}

/// Whoever follows a link from another site comes without the cookie, which is
/// for our own pages (SameSite=Strict). So the browser is asked to come once
/// more, from here. That time it says so itself, and this is not a loop.
fn once_more() -> Response {
    let page = bare("One moment", html! { p { "One moment …" } });
    let again = HeaderValue::from_static("0");
    (
        StatusCode::OK,
        [(header::REFRESH, again)],
        Html(page.into_string()),
    )
        .into_response()
}

fn page(problem: &Problem) -> Markup {
    let title = title(problem.status());
    let (words, hint) = problem.to_read();
    bare(
        title,
        html! {
            h1 { (title) }
            p { (words) }
            @if let Some(hint) = hint { p.soft { (hint) } }
            p { a href="/" { "Back to the overview" } }
        },
    )
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::FORBIDDEN => "This was not allowed",
        StatusCode::NOT_FOUND => "This is not here",
        StatusCode::CONFLICT | StatusCode::GONE => "This has changed meanwhile",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "Not just now",
        status if status.is_client_error() => "This could not be done",
        _ => "The server failed at this",
    }
}
