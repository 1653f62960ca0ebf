//! Accounts and tokens, as admins see to them; one's own password.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::extract::{In, Json, json as answer};
use super::length::Length;
use super::session::check_password;
use crate::accounts::{Accounts, By, Role, TokenInfo, Who};
use crate::app::App;
use crate::error::{Answer, Problem};

/// All accounts.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/api/gaia/users", tag = "accounts")]
pub async fn users(State(app): State<Arc<App>>) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let users = app.core.call(move || accounts.users()).await?;
    Ok(answer(&json!({"count": users.len(), "users": users})))
}

/// An account that is added.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    name: String,
    role: Role,
    /// At least 8 characters; without one it cannot sign in yet.
    password: Option<String>,
}

/// Adds an account.
///
/// # Errors
/// 409 when the name is taken, 400 for a name or password that cannot be used,
/// 403 for a token that ends.
#[utoipa::path(post, path = "/api/gaia/users", tag = "accounts", request_body = NewUser)]
pub async fn add_user(
    State(app): State<Arc<App>>,
    who: Who,
    Json(new): Json<NewUser>,
) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let added = app.core.hash(move || {
        may_last(&accounts, &who)?;
        let password = new.password.as_deref();
        Ok::<_, Problem>(accounts.add_user(&new.name, new.role, password, &who.name)?)
    });
    Ok(answer(&json!({"user": added.await?})))
}

/// Refuses a token that ends what would go on after it: a way to sign in.
fn may_last(accounts: &Accounts, who: &Who) -> Answer<()> {
    let Some(end) = accounts.end_of(who)? else {
        return Ok(());
    };
    let end = end.to_rfc3339();
    let detail = format!("this token ends at {end}, and makes no way in that goes on after it");
    Err(Problem::forbidden(detail).hint(
        "sign in as an admin, use a token without an end, or `gaia user` on the server's machine",
    ))
}

/// Removes an account; its browsers are signed out with it, and the tokens that
/// act for NAME or NAME/… are revoked.
///
/// # Errors
/// 404 for an unknown one.
#[utoipa::path(delete, path = "/api/gaia/users/{name}", tag = "accounts", params(("name" = String, Path)))]
pub async fn remove_user(
    State(app): State<Arc<App>>,
    who: Who,
    In(name): In<String>,
) -> Answer<Response> {
    let (accounts, gone) = (app.accounts.clone(), name.clone());
    let removed = app
        .core
        .call(move || accounts.remove_user(&gone, &who.name));
    removed.await?;
    Ok(answer(&json!({"removed": name})))
}

/// A password that is set.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// At least 8 characters.
    password: String,
}

/// Sets an account's password; all its browsers are signed out.
///
/// # Errors
/// 404 for an unknown account, 400 for a password that cannot be used, 403 for
/// a token that ends.
#[utoipa::path(post, path = "/api/gaia/users/{name}/password", tag = "accounts",
    request_body = NewPassword, params(("name" = String, Path)))]
pub async fn set_password(
    State(app): State<Arc<App>>,
    who: Who,
    In(name): In<String>,
    Json(new): Json<NewPassword>,
) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let set = app.core.hash(move || {
        may_last(&accounts, &who)?;
        Ok::<_, Problem>(accounts.set_password(&name, &new.password, &who.name, None)?)
    });
    Ok(answer(&json!({"user": set.await?})))
}

/// One's own password that is changed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The one until now; nothing where there is none yet.
    old_password: Option<String>,
    /// At least 8 characters.
    password: String,
}

/// Changes one's own password; other browsers of the account are signed out,
/// this one stays.
///
/// # Errors
/// 401 for a wrong old password, 429 after too many tries.
#[utoipa::path(post, path = "/api/gaia/session/password", tag = "accounts", request_body = Change)]
pub async fn change_password(
    State(app): State<Arc<App>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    who: Who,
    Json(change): Json<Change>,
) -> Answer<Response> {
    let By::Cookie { hash, .. } = who.by else {
        return Err(Problem::forbidden("a token has no password"));
    };
    let (accounts, name) = (app.accounts.clone(), who.name.clone());
    let has_one = app.core.call(move || accounts.has_password(&name)).await?;
    if has_one {
        let old = change.old_password.unwrap_or_default();
        check_password(&app, from, who.name.clone(), old).await?;
    }
    let (accounts, name) = (app.accounts.clone(), who.name);
    let set = app
        .core
        .hash(move || accounts.set_password(&name, &change.password, &name, Some(&hash)));
    Ok(answer(&json!({"user": set.await?})))
}

/// All tokens; not the secrets, which nobody has.
///
/// # Errors
/// When the store cannot be used.
#[utoipa::path(get, path = "/api/gaia/tokens", tag = "accounts")]
pub async fn tokens(State(app): State<Arc<App>>) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let tokens = app.core.call(move || accounts.tokens()).await?;
    Ok(answer(&json!({"count": tokens.len(), "tokens": tokens})))
}

/// A token that is made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    name: String,
    role: Role,
    /// How long it counts: seconds, or a duration as 90d; for ever when left
    /// out.
    #[schema(value_type = Option<serde_json::Value>)]
    expires: Option<Length>,
}

#[derive(Serialize)]
struct Shown<'a> {
    token: &'a str,
    #[serde(flatten)]
    info: &'a TokenInfo,
}

/// Makes a token: it is shown now and never again. What is made by a token ends
/// with that token at the latest.
///
/// # Errors
/// 400 for a name that cannot be used.
#[utoipa::path(post, path = "/api/gaia/tokens", tag = "accounts", request_body = NewToken)]
pub async fn create_token(
    State(app): State<Arc<App>>,
    who: Who,
    Json(new): Json<NewToken>,
) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let made = app.core.call(move || {
        let expires = new.expires.map(|Length(time)| time);
        accounts.create_token_for(&who, &new.name, new.role, expires)
    });
    let (info, secret) = made.await?;
    let shown = Shown {
        token: secret.reveal(),
        info: &info,
    };
    Ok((StatusCode::CREATED, answer(&shown)).into_response())
}

/// Revokes a token.
///
/// # Errors
/// 404 for an unknown one.
#[utoipa::path(delete, path = "/api/gaia/tokens/{id}", tag = "accounts", params(("id" = i64, Path)))]
pub async fn revoke_token(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
) -> Answer<Response> {
    let accounts = app.accounts.clone();
    let revoked = app
        .core
        .call(move || accounts.revoke_token_by_id(id, &who.name));
    Ok(answer(
        &json!({"revoked": true, "tokens": [revoked.await?]}),
    ))
}
