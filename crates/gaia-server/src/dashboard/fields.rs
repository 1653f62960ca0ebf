//! The fields of a form. A browser sends every field, empty ones too, so that
//! an empty one means that nothing was said.

use axum::body::Body;
use axum::extract::{Form, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use gaia_locks::folder::{Folder, Reason};
use maud::{Markup, html};
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
            Problem::invalid(format!("the form cannot be used: {}", error.body_text())).for_people(
                "The form cannot be read. Go back, reload its page, then send it again.",
            )
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

/// A folder that somebody wrote into a field, if anything.
///
/// # Errors
/// 400, with what stands in it and what would be right.
pub fn folder(field: Option<String>) -> Answer<Option<String>> {
    let Some(path) = said(field) else {
        return Ok(None);
    };
    match Folder::clean(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.reason == Reason::Relative => Err(Problem::invalid(format!(
            "Folder is {path:?}, which does not begin with /; give the whole path"
        ))),
        Err(error) => Err(Problem::invalid(format!("Folder: {}", error.reason))),
    }
}

/// What was asked for by the fields above it, or what is wrong with them: that
/// is told beside them.
///
/// # Errors
/// What is no fault of the fields.
pub fn or_wrong<T>(found: Answer<T>) -> Answer<Result<T, Problem>> {
    match found {
        Err(problem) if !problem.status().is_client_error() => Err(problem),
        found => Ok(found),
    }
}

/// What is wrong with a form, beside it.
pub fn wrong(problem: Option<&Problem>) -> Markup {
    html! { @if let Some(problem) = problem { p.wrong role="alert" { (problem.to_read().0) } } }
}

/// A page with what is wrong on it bears that status.
pub fn with_status(page: Response, problem: Option<&Problem>) -> Response {
    match problem {
        Some(problem) => (problem.status(), page).into_response(),
        None => page,
    }
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
