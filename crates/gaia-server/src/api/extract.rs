//! What a client sent, read with limits; what is wrong with it is told as a
//! problem document.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;

use crate::error::{Answer, Problem};

/// The largest body: room for a task's text.
pub const LARGEST: usize = 1024 * 1024;
/// The largest form: in it a letter of a task's text may take twelve bytes.
pub const LARGEST_FORM: usize = 3 * LARGEST;
/// How long a body may take to arrive.
const ARRIVES_WITHIN: Duration = Duration::from_secs(20);

/// A whole body.
///
/// # Errors
/// 413 for one that is too large, 408 for one that does not arrive.
pub async fn all_of(body: Body, largest: usize) -> Answer<Bytes> {
    let read = tokio::time::timeout(ARRIVES_WITHIN, to_bytes(body, largest));
    let Ok(read) = read.await else {
        let detail = format!("the body did not arrive within {ARRIVES_WITHIN:?}");
        return Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            detail,
        ));
    };
    read.map_err(|_| {
        let detail = format!("the body is cut off, or larger than {largest} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            .for_people("This is more than can be sent at once.")
    })
}

/// A body in JSON. No body at all is an empty object, where that will do.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = all_of(request.into_body(), LARGEST).await?;
        if body.is_empty() {
            return read(b"{}").map(Self);
        }
        let is_json = kind.is_some_and(|kind| {
            let kind = kind.to_str().unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "the body is read as JSON: send Content-Type: application/json",
            ));
        }
        read(&body).map(Self)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    // A list of the fields' values would be read as well, and no document says so.
    if body.trim_ascii_start().starts_with(b"[") {
        let detail = "the body cannot be used: it is a list, and an object {…} is meant";
        return Err(Problem::invalid(detail));
    }
    serde_json::from_slice(body)
        .map_err(|error| Problem::invalid(format!("the body cannot be used: {error}")))
}

/// The words behind the question mark.
pub struct Words<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Words<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            Problem::invalid(error.body_text()).for_people("This address cannot be read.")
        };
        query.map(|Query(words)| Self(words)).map_err(wrong)
    }
}

/// What stands in the path.
pub struct In<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for In<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let wrong = |error| {
            Problem::invalid(format!("the path cannot be used: {}", why(error)))
                .for_people("There is no page at this address.")
        };
        path.map(|Path(value)| Self(value)).map_err(wrong)
    }
}

/// What is wrong with a path, without words of the code.
fn why(error: PathRejection) -> String {
    use axum::extract::path::ErrorKind;
    let PathRejection::FailedToDeserializePathParams(error) = error else {
        return error.body_text();
    };
    match error.kind() {
        ErrorKind::ParseError { value, .. }
        | ErrorKind::ParseErrorAtKey { value, .. }
        | ErrorKind::ParseErrorAtIndex { value, .. } => {
            format!("{value:?} stands where a whole number is meant")
        }
        _ => error.body_text(),
    }
}

/// A value as JSON.
pub fn json(value: &impl serde::Serialize) -> Response {
    axum::Json(value).into_response()
}
