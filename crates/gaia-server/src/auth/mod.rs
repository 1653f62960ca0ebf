//! Who asks, and whether they may.
//!
//! [`identify`] runs before every route and finds out who asks; [`may`] stands
//! beside each route on the router's page and says who may use it. A handler
//! takes [`Who`] as an argument where it matters for whom it acts.
//!
//! A browser sends its cookie whoever made it send the request, so whatever
//! changes state with a cookie must also bring a token that only our own pages
//! know (`X-CSRF-Token`, or the field `csrf` of a form).

pub mod cookie;
pub mod link;
pub mod still;
pub mod throttle;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::accounts::secret::{Secret, same};
use crate::accounts::{By, Role, Who};
use crate::api::extract;
use crate::app::App;
use crate::error::{Answer, Problem};
use crate::kept::{self, Found};

/// The header that carries the token against forged requests.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The header by which an open page says that it looks anew by itself, which is
/// no use of the browser's session: one that nobody sits before ends idle.
pub const LIVE_HEADER: &str = "x-gaia-live";

/// Finds out who asks. A token that does not count is an error at once: silence
/// would look like a missing one.
///
/// # Errors
/// 401 for a token that does not count, 403 for a change by cookie without the
/// token of its page.
pub async fn identify(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Answer<Response> {
    let who = match bearer(request.headers())? {
        Some(token) => Some(of_token(&app, token).await?),
        None => of_cookie(&app, request.headers(), is_use(&request)).await?,
    };
    let Some(who) = who else {
        return Ok(next.run(request).await);
    };
    let mut request = refuse_forged(request, &who).await?;
    request.extensions_mut().insert(who);
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Answer<Option<Secret>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| Secret::shown(token.trim()))
    });
    let wrong = || Problem::signed_out("the Authorization header is not `Bearer TOKEN`");
    token.map(Some).ok_or_else(wrong)
}

async fn of_token(app: &Arc<App>, token: Secret) -> Answer<Who> {
    let looks = app.clone();
    let known = app.tokens.ask(token.hash(), move |_| {
        let (app, token) = (looks.clone(), token.clone());
        async move {
            let accounts = app.accounts.clone();
            let who = app.core.call(move || accounts.of_token(&token)).await?;
            // Its end counts that soon.
            Ok(Found {
                answer: who,
                lasts: kept::AGE,
            })
        }
    });
    known.await?.ok_or_else(|| {
        Problem::signed_out(
            "this token does not count: it was never given, was revoked, or has expired",
        )
    })
}

async fn of_cookie(app: &Arc<App>, headers: &HeaderMap, is_use: bool) -> Answer<Option<Who>> {
    let Some(cookie) = cookie::of(headers, app.config.is_over_tls()) else {
        return Ok(None);
    };
    let accounts = app.accounts.clone();
    let ask = move || accounts.of_cookie(&cookie, is_use);
    app.core.call(ask).await
}

fn is_use(request: &Request) -> bool {
    *request.method() != Method::GET || !request.headers().contains_key(LIVE_HEADER)
}

/// A form of ours brings the token as a field.
async fn refuse_forged(request: Request, who: &Who) -> Answer<Request> {
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let By::Cookie { csrf, .. } = &who.by else {
        return Ok(request);
    };
    if !changes {
        return Ok(request);
    }
    if let Some(shown) = request.headers().get(CSRF_HEADER) {
        check_csrf(csrf, shown.to_str().unwrap_or_default())?;
        return Ok(request);
    }
    if !is_form(request.headers()) {
        check_csrf(csrf, "")?;
    }
    let (parts, body) = request.into_parts();
    let bytes = extract::all_of(body, extract::LARGEST_FORM).await?;
    check_csrf(csrf, &field(&bytes))?;
    Ok(Request::from_parts(parts, bytes.into()))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// Hexadecimal digits are never escaped, so the field can be read as it is.
fn field(form: &[u8]) -> String {
    let form = String::from_utf8_lossy(form);
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, _)| *key == "csrf");
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// Whether a page's token is the right one.
///
/// # Errors
/// 403 when it is not.
pub fn check_csrf(right: &str, shown: &str) -> Answer<()> {
    if same(right, shown) {
        return Ok(());
    }
    let detail = "a browser changes something only with the token of its page in X-CSRF-Token";
    Err(Problem::forbidden(detail)
        .hint("GET /api/gaia/session gives it as `csrf`")
        .for_people("You signed in anew since this page was loaded, so nothing was changed. Go back, reload it, then send it again."))
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let who = parts.extensions.get::<Who>().cloned();
        who.ok_or_else(|| Problem::signed_out("nobody is signed in"))
    }
}

/// The layer that lets through whoever has at least this role.
///
/// # Errors
/// 401 for nobody, 403 for somebody who may not.
pub async fn may(least: Role, request: Request, next: Next) -> Answer<Response> {
    let who = request.extensions().get::<Who>();
    let Some(who) = who else {
        return Err(Problem::signed_out("nobody is signed in"));
    };
    if who.role < least {
        let (name, role) = (&who.name, who.role);
        let detail = format!("{name} is {role}; this needs {least}");
        return Err(Problem::forbidden(detail));
    }
    Ok(next.run(request).await)
}
