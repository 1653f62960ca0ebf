//! The doors for a gaia elsewhere (ADR 13): each verb of [`gaia_locks::Locks`]
//! and [`gaia_assigner::Tasks`], one to one, for whoever may use it.
//!
//! The rest of the API is for people's own programs and keeps its shapes; this
//! is spoken between gaia and gaia, bears a number, and is not in the document.

mod locks;
mod tasks;
mod wait;

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::door::{Files, Hello, PROTOCOL, PROTOCOL_HEADER};

use super::extract::json as answer;
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::error::{Answer, Problem};

pub use locks::locks;
pub use tasks::tasks;
pub use wait::asked_elsewhere;

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
