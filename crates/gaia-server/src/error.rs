//! One table from errors to problem documents (RFC 9457).
//!
//! `code` is the same word as on the command line (docs/cli-json.md), so that
//! a program that knows one knows both.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gaia_assigner::TaskError;
use gaia_locks::{Error, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::accounts::AccountError;

/// Why a request was not done.
#[derive(Clone, Debug)]
pub struct Problem(Box<Told>);

/// The same as it is told.
#[derive(Clone, Debug, Serialize)]
struct Told {
    /// Names the kind, as a URI.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(rename = "status", serialize_with = "number")]
    status: StatusCode,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Further facts, such as who holds the folder.
    #[serde(flatten)]
    facts: Map<String, Value>,
    /// The same for people, where the detail speaks to programs.
    #[serde(skip)]
    people: Option<&'static str>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

fn number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

/// What a handler gives.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem of this kind.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Told {
            kind: format!("urn:gaia:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into(),
            code,
            hint: None,
            facts: Map::new(),
            people: None,
            retry_after: None,
        }))
    }

    /// What the client sent cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// Nobody is signed in.
    pub fn signed_out(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", detail)
            .hint("send `Authorization: Bearer TOKEN`, or sign in; an admin makes tokens with `gaia token create`")
    }

    /// Somebody is signed in who may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Nothing is here.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The server failed at it; what went wrong was logged where it was seen.
    pub fn failed() -> Self {
        let detail = "the server failed at this; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail)
    }

    /// The server cannot do it now.
    pub fn busy(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
    }

    /// The same with what can be done.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same with other words on a page.
    pub fn for_people(mut self, words: &'static str) -> Self {
        self.0.people = Some(words);
        self
    }

    /// The same with the seconds after which it may go better.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The same with further facts, the fields of a value.
    pub fn facts(mut self, facts: &impl Serialize) -> Self {
        if let Ok(Value::Object(facts)) = serde_json::to_value(facts) {
            self.0.facts.extend(facts);
        }
        self
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// One sentence on what is wrong.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The same sentence as a page says it, with what can be done.
    pub fn to_read(&self) -> (&str, Option<&str>) {
        match self.0.people {
            Some(words) => (words, None),
            None => (self.detail(), self.what_helps()),
        }
    }

    /// Its kind in a word for programs.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What can be done.
    pub fn what_helps(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kept = self.clone();
        let Self(told) = self;
        if told.status.is_server_error() {
            tracing::warn!(
                status = told.status.as_u16(),
                code = told.code,
                "{}",
                told.detail
            );
        }
        let (status, retry_after) = (told.status, told.retry_after);
        let mut response = (status, Json(told)).into_response();
        // For whoever reads pages: see the dashboard's `told`.
        response.extensions_mut().insert(kept);
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"gaia\"");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

/// The one table of the locks' errors.
fn row(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::InvalidFolder(_) => (StatusCode::BAD_REQUEST, "invalid_folder"),
        Error::InvalidName(_) => (StatusCode::BAD_REQUEST, "invalid_name"),
        Error::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
        Error::NotHeld(_) => (StatusCode::CONFLICT, "not_held"),
        Error::NotAllowed(_) => (StatusCode::FORBIDDEN, "not_allowed"),
        Error::UnknownLock(_) => (StatusCode::NOT_FOUND, "unknown_lock"),
        Error::AlreadyEnded { .. } => (StatusCode::CONFLICT, "already_ended"),
        Error::RequestIdReused { .. } => (StatusCode::CONFLICT, "request_id_reused"),
        Error::NotInLine(_) => (StatusCode::GONE, "not_in_line"),
        Error::OtherDatabase { .. } => (StatusCode::CONFLICT, "other_database"),
        Error::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, store_row(error)),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}

fn store_row(error: &StoreError) -> &'static str {
    match error {
        StoreError::UntrustedFileSystem { .. } => "untrusted_file_system",
        StoreError::Foreign { .. } => "foreign_database",
        StoreError::TooNew { .. } => "database_too_new",
        StoreError::Damaged { .. } => "database_damaged",
        StoreError::Unusable { .. } => "database_unusable",
        StoreError::Busy { .. } => "database_busy",
        _ => "database_failed",
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code) = row(&error);
        let facts = gaia_locks::wire::door::facts_of(&error);
        Problem::new(status, code, error.to_string()).facts(&facts)
    }
}

impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        let (status, code) = match &error {
            TaskError::Locks(error) => row(error),
            TaskError::UnknownTask(_) => (StatusCode::NOT_FOUND, "unknown_task"),
            TaskError::UnknownSession(_) => (StatusCode::NOT_FOUND, "unknown_session"),
            TaskError::SessionExists(_) => (StatusCode::CONFLICT, "session_exists"),
            TaskError::SessionBusy { .. } => (StatusCode::CONFLICT, "session_busy"),
            TaskError::TaskIsOver { .. } => (StatusCode::CONFLICT, "task_is_over"),
            TaskError::WrongState { .. } => (StatusCode::CONFLICT, "wrong_state"),
            TaskError::DecidedByStatus(_) => (StatusCode::CONFLICT, "decided_by_status"),
            TaskError::NotYours { .. } => (StatusCode::FORBIDDEN, "not_yours"),
            TaskError::Lapsed { .. } => (StatusCode::CONFLICT, "lapsed"),
            TaskError::NoOutput { .. } => (StatusCode::NOT_FOUND, "no_output"),
            TaskError::StillStopping { .. } => (StatusCode::SERVICE_UNAVAILABLE, "still_stopping"),
            TaskError::NotRemote { .. } => (StatusCode::CONFLICT, "not_remote"),
            TaskError::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            TaskError::Log { .. } => (StatusCode::NOT_FOUND, "no_log"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        let facts = gaia_assigner::wire::door::facts_of(&error);
        Problem::new(status, code, error.to_string()).facts(&facts)
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let (status, code) = match &error {
            AccountError::Locks(error) => row(error),
            AccountError::UserExists(_) => (StatusCode::CONFLICT, "user_exists"),
            AccountError::UnknownUser(_) => (StatusCode::NOT_FOUND, "unknown_user"),
            AccountError::UnknownToken(_) => (StatusCode::NOT_FOUND, "unknown_token"),
            AccountError::InvalidPassword(_) => (StatusCode::BAD_REQUEST, "invalid_password"),
            AccountError::NoTime => (StatusCode::BAD_REQUEST, "invalid_expiry"),
            AccountError::NoRandomness(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Problem::new(status, code, error.to_string())
    }
}

impl From<gaia_locks::error::InvalidName> for Problem {
    fn from(error: gaia_locks::error::InvalidName) -> Self {
        Error::from(error).into()
    }
}

impl From<gaia_locks::folder::InvalidFolder> for Problem {
    fn from(error: gaia_locks::folder::InvalidFolder) -> Self {
        Error::from(error).into()
    }
}
