//! How a command ends: one table from errors to code, exit status and hint.

mod codes;

use std::process::ExitCode;

use gaia_assigner::TaskError;
use gaia_locks::open::OpenError;
use gaia_locks::settings::SettingError;
use gaia_locks::{Error, ServerError, StoreError};
use gaia_server::AccountError;
use serde::Serialize;

use crate::output::Output;
use crate::tell;

/// What a command's `run` gives: the exit status it ends with.
pub type Ended = Result<ExitCode, Failure>;

/// The exit statuses of section 6 of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// Held by another, a wait ran out, or a circle.
    NotGranted = 3,
    /// Not held, or not allowed.
    NotHeld = 4,
    /// The database cannot be reached.
    NoDatabase = 5,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}

/// Why a command failed, and what can be done.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// A word for programs; a promise (docs/cli-json.md).
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
    #[serde(skip)]
    pub status: Status,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            status,
        }
    }

    /// What is known by this word.
    fn of_code(word: &str, message: String) -> Self {
        let (code, status, hint) = codes::of_code(word);
        Self {
            code,
            message,
            hint: hint.map(str::to_owned),
            status,
        }
    }

    /// Wrong usage that the parser could not see.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", Status::Usage, message)
    }

    /// Whether the same may go better soon: who shows live what there is goes on
    /// looking.
    pub fn may_pass(&self) -> bool {
        matches!(
            self.code,
            "server_unreachable" | "server_stopping" | "server_busy" | "database_busy"
        )
    }

    /// The same with what can be done.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let told = Self::of_code(codes::of_error(&error), error.to_string());
        match error {
            Error::Server(ServerError::Said {
                hint: Some(hint), ..
            }) => told.hint(hint),
            _ => told,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let message = error.to_string();
        match error {
            OpenError::Locks(error) => error.into(),
            _ => Failure::new("not_supported", Status::NoDatabase, message)
                .hint("leave it out, or name a file: GAIA_DATABASE_URL=sqlite:///absolute/path"),
        }
    }
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Locks(error) => error.into(),
            error => Self::of_code(codes::of_task_error(&error), error.to_string()),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Locks(error) => error.into(),
            error => Self::of_code(codes::of_account_error(&error), error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<gaia_locks::error::InvalidName> for Failure {
    fn from(error: gaia_locks::error::InvalidName) -> Self {
        Error::from(error).into()
    }
}

impl From<gaia_locks::folder::InvalidFolder> for Failure {
    fn from(error: gaia_locks::folder::InvalidFolder) -> Self {
        Error::from(error).into()
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Failure::new("invalid_setting", Status::Usage, error.to_string())
            .hint("`gaia --help` lists the settings and what is allowed")
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::new("failed", Status::Failed, error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        std::io::Error::from(error).into()
    }
}

/// An error as JSON.
#[derive(Serialize)]
struct Told<'a> {
    error: &'a Failure,
}

/// Tells of a failure where it is looked for: as JSON on stdout; in words on
/// stderr, also where stdout cannot be written.
pub fn fail(out: &Output, failure: &Failure) -> ExitCode {
    let told = Told { error: failure };
    if !out.is_json() || out.deliver(&told, |_| String::new()).is_err() {
        tell::error(&failure.message, failure.hint.as_deref());
    }
    failure.status.into()
}
