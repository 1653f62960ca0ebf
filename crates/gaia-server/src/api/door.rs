//! The doors for a gaia elsewhere (ADR 13): each verb of [`gaia_locks::Locks`]
//! and [`gaia_assigner::Tasks`], one to one, for whoever may use it.
//!
//! The rest of the API is for people's own programs and keeps its shapes; this
//! is spoken between gaia and gaia, bears a number, and is not in the document.

mod locks;
mod tasks;
mod wait;

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::door::{Files, Hello, PROTOCOL, PROTOCOL_HEADER, Request as Door};
use serde::de::DeserializeOwned;

use super::extract::{Json, json as answer};
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::error::{Answer, Problem};

pub use locks::locks;
pub use tasks::tasks;
pub use wait::own_place;

/// Whoever speaks this language; known before the rest of a request is read.
pub struct Speaks;

impl<S: Sync> FromRequestParts<S> for Speaks {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let named = parts.headers.get(PROTOCOL_HEADER);
        let named = named.and_then(|number| number.to_str().ok());
        if named.and_then(|number| number.parse().ok()) == Some(PROTOCOL) {
            return Ok(Self);
        }
        let version = env!("CARGO_PKG_VERSION");
        let named = named.map_or_else(|| "none".to_owned(), |named| format!("{named:?}"));
        let detail = format!(
            "this server is gaia {version} and speaks {PROTOCOL_HEADER} {PROTOCOL}, the client {named}"
        );
        Err(
            Problem::new(StatusCode::BAD_REQUEST, "other_version", detail)
                .hint("install the same release of gaia on both machines"),
        )
    }
}

/// A verb. One that is not known here, or has fields that are not, is that of
/// another release: verbs are added without a new number, so that two releases
/// that lie close together work beside each other as far as they know the same.
pub struct Verb<Call>(pub Door<Call>);

impl<Call: DeserializeOwned, S: Sync> FromRequest<S> for Verb<Call> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let read = Json::from_request(request, state).await;
        read.map(|Json(verb)| Self(verb)).map_err(|problem| {
            match UNKNOWN.iter().any(|word| problem.detail().contains(word)) {
                true => other_version(problem.detail()),
                false => problem,
            }
        })
    }
}

/// How it is told that something read is not known.
const UNKNOWN: [&str; 3] = ["unknown variant", "unknown field", "missing field"];

fn other_version(what: &str) -> Problem {
    let version = env!("CARGO_PKG_VERSION");
    let detail = format!("this server is gaia {version} and does not know what was asked: {what}");
    Problem::new(StatusCode::BAD_REQUEST, "other_version", detail)
        .hint("install the same release of gaia on both machines")
}

/// Whom a client speaks with, and as whom.
pub async fn hello(State(app): State<Arc<App>>, who: Who, _: Speaks) -> Response {
    answer(&Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scope: app.locks.scope(),
        ttl: app.locks.default_ttl(),
        files: Files::seen_here(),
        name: who.name,
        role: who.role.to_string(),
    })
}

/// Refuses whoever has less than this role.
fn needs(least: Role, who: &Who) -> Answer<()> {
    if who.role >= least {
        return Ok(());
    }
    let (name, role) = (&who.name, who.role);
    Err(Problem::forbidden(format!(
        "{name} is {role}; this needs {least}"
    )))
}
