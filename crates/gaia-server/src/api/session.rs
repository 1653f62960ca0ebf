//! Signing in and out, and who one is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use gaia_locks::os::user::user;
use serde::Deserialize;
use serde_json::json;

use super::extract::{Json, Words, json as answer};
use crate::accounts::secret::Secret;
use crate::accounts::{AccountError, By, Role, Who};
use crate::app::App;
use crate::auth::cookie;
use crate::auth::throttle::Refused;
use crate::error::{Answer, Problem};

/// The account of whoever opens the link that the server shows when it starts:
/// nobody's own, for the link does not tell who that is.
pub const LINKS_ADMIN: &str = "admin";

/// Who one is; for a browser also `csrf`, which it sends with whatever changes
/// something.
#[utoipa::path(get, path = "/api/gaia/session", tag = "accounts")]
pub async fn show(who: Who) -> Response {
    answer(&shown(&who))
}

fn shown(who: &Who) -> serde_json::Value {
    let csrf = match &who.by {
        By::Token(_) => None,
        By::Cookie { csrf, .. } => Some(csrf),
    };
    json!({"name": who.name, "role": who.role, "csrf": csrf})
}

/// Name and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    name: String,
    password: String,
}

/// Signs a browser in: answers with a cookie.
///
/// # Errors
/// 401 for a wrong name or password, 429 after too many tries.
#[utoipa::path(post, path = "/api/gaia/session", tag = "accounts", request_body = SignIn)]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Json(given): Json<SignIn>,
) -> Answer<Response> {
    let (who, cookie) = by_password(&app, from, given.name, given.password).await?;
    let set = cookie::set(&cookie, app.config.is_over_tls());
    Ok(([(SET_COOKIE, set)], answer(&shown(&who))).into_response())
}

/// Signs in by name and password, throttled.
///
/// # Errors
/// As [`sign_in`].
pub async fn by_password(
    app: &Arc<App>,
    from: SocketAddr,
    name: String,
    password: String,
) -> Answer<(Who, Secret)> {
    check_password(app, from, name.clone(), password).await?;
    let (accounts, how) = (app.accounts.clone(), by_password_from(from));
    app.core.call(move || accounts.sign_in(&name, &how)).await
}

/// Whether name and password belong together, throttled and noted.
///
/// # Errors
/// As [`sign_in`].
pub async fn check_password(
    app: &Arc<App>,
    from: SocketAddr,
    name: String,
    password: String,
) -> Answer<()> {
    app.throttle.enter(&name, from.ip()).map_err(refused)?;
    let (accounts, asked) = (app.accounts.clone(), name.clone());
    let known = app.core.hash(move || {
        let known = accounts.knows(&asked, &password)?;
        if !known {
            let shown: String = asked.chars().take(80).collect();
            accounts.note(&shown, "sign_in_failed", &by_password_from(from))?;
        }
        Ok::<_, AccountError>(known)
    });
    if !known.await? {
        return Err(wrong_password());
    }
    app.throttle.succeeded(&name, from.ip());
    Ok(())
}

fn by_password_from(from: SocketAddr) -> String {
    format!("by password from {}", from.ip())
}

fn wrong_password() -> Problem {
    let detail = "name and password do not belong together";
    Problem::new(StatusCode::UNAUTHORIZED, "wrong_password", detail)
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::NobodysName => wrong_password(),
        Refused::Wait(wait) => too_often(wait),
    }
}

fn too_often(wait: std::time::Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    let detail = format!("too many sign-ins failed; try again in {seconds} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", detail).retry_after(seconds)
}

/// Signs the browser out.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(delete, path = "/api/gaia/session", tag = "accounts")]
pub async fn sign_out(State(app): State<Arc<App>>, who: Who) -> Answer<Response> {
    let By::Cookie { hash, .. } = who.by else {
        return Err(Problem::forbidden(
            "a token is no session; revoke it instead",
        ));
    };
    let accounts = app.accounts.clone();
    let name = who.name;
    app.core
        .call(move || accounts.sign_out(&name, &hash))
        .await?;
    let clear = cookie::clear(app.config.is_over_tls());
    Ok(([(SET_COOKIE, clear)], StatusCode::NO_CONTENT).into_response())
}

/// What a one-time link carries.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Once {
    once: String,
}

/// Signs in by the one-time link that the server showed when it started.
///
/// # Errors
/// 401 for one that does not count (any more).
#[utoipa::path(get, path = "/sign-in/link", tag = "accounts", params(Once))]
pub async fn by_link(
    State(app): State<Arc<App>>,
    method: Method,
    Words(once): Words<Once>,
) -> Answer<Response> {
    let once = Secret::shown(&once.once);
    let used = || {
        let detail =
            "this link was used already, or is too old; start the server again for another";
        Problem::signed_out(detail).for_people(
            "This link was used already, or is too old. Start the server again for another one, or sign in with a password.",
        )
    };
    if !app.links.counts(&once) {
        return Err(used());
    }
    // Whoever only looks whether a link leads somewhere does not use it up.
    if method == Method::HEAD {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let accounts = app.accounts.clone();
    let name = app.core.call(move || links_admin(&accounts)).await?;
    // Only now, when it leads in; of two at once it leads one.
    if !app.links.take(&once) {
        return Err(used());
    }
    let accounts = app.accounts.clone();
    let signed_in = app.core.call(move || {
        let how = format!("by link of the server that {} started", user());
        accounts.sign_in(&name, &how)
    });
    let signed_in = signed_in.await?;
    let set = cookie::set(&signed_in.1, app.config.is_over_tls());
    let home = HeaderValue::from_static("/");
    Ok((StatusCode::SEE_OTHER, [(SET_COOKIE, set), (LOCATION, home)]).into_response())
}

/// The account of whoever opens the link, made where it is missing: under another
/// name where somebody who is no admin has that one.
fn links_admin(accounts: &crate::accounts::Accounts) -> Result<String, AccountError> {
    let users = accounts.users()?;
    let names = (2..).map(|n| format!("{LINKS_ADMIN}-{n}"));
    for name in std::iter::once(LINKS_ADMIN.to_owned()).chain(names) {
        match users.iter().find(|user| user.name == name) {
            Some(user) if user.role == Role::Admin => return Ok(name),
            Some(_) => {}
            None => {
                return Ok(accounts
                    .add_user(&name, Role::Admin, None, "sign-in link")?
                    .name);
            }
        }
    }
    // The names have no end.
    Ok(LINKS_ADMIN.to_owned())
}
