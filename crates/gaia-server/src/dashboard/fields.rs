//! The fields of a form. A browser sends every field, empty ones too, so that
//! an empty one means that nothing was said.

use axum::body::Body;
use axum::extract::{Form, FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::api::extract::{LARGEST_FORM, all_of};
use crate::error::{Answer, Problem};

/// A form that was sent.
pub struct Fields<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let (parts, body) = request.into_parts();
        let bytes = all_of(body, LARGEST_FORM).await?;
        let request = Request::from_parts(parts, Body::from(bytes));
        let read = Form::<T>::from_request(request, state).await;
        let wrong = |error: axum::extract::rejection::FormRejection| {
            Problem::invalid(format!("the form cannot be used: {}", error.body_text()))
        };
        read.map(|Form(fields)| Self(fields)).map_err(wrong)
    }
}

/// What somebody wrote into a field, if anything.
pub fn said(field: Option<String>) -> Option<String> {
    field
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// A number that somebody wrote into a field, if anything.
///
/// # Errors
/// 400, naming the field and what stands in it.
pub fn number<N: std::str::FromStr>(name: &str, field: Option<String>) -> Answer<Option<N>> {
    let Some(text) = said(field) else {
        return Ok(None);
    };
    let wrong = |_| Problem::invalid(format!("{name} is {text:?}, which is no whole number"));
    text.parse().map(Some).map_err(wrong)
}
