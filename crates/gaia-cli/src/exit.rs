//! How a command ends: one table from errors to code, exit status and hint.

use std::process::ExitCode;

use gaia_assigner::TaskError;
use gaia_locks::open::OpenError;
use gaia_locks::settings::SettingError;
use gaia_locks::{Error, StoreError};
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

    /// Wrong usage that the parser could not see.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("usage", Status::Usage, message)
    }

    /// The same with what can be done.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The one table.
fn row(error: &Error) -> (&'static str, Status, Option<&'static str>) {
    use Status::{Failed, NoDatabase, NotGranted, NotHeld, Usage};
    match error {
        Error::InvalidFolder(_) => ("invalid_folder", Usage, None),
        Error::InvalidName(_) => ("invalid_name", Usage, None),
        Error::InvalidRequest(_) => ("invalid_request", Usage, None),
        Error::NotHeld(_) => (
            "not_held",
            NotHeld,
            Some("`gaia status` shows what is held now"),
        ),
        Error::NotAllowed(_) => (
            "not_allowed",
            NotHeld,
            Some("an admin can end any lock: gaia force-release ID --reason TEXT"),
        ),
        Error::UnknownLock(_) => (
            "unknown_lock",
            NotHeld,
            Some("`gaia status` and `gaia history` show the ids"),
        ),
        Error::AlreadyEnded { .. } => ("already_ended", NotHeld, None),
        Error::RequestIdReused { .. } => ("request_id_reused", Usage, None),
        Error::NotInLine(_) => (
            "not_in_line",
            NotGranted,
            Some("ask again: the line was left"),
        ),
        Error::OtherDatabase { .. } => ("other_database", NotGranted, None),
        Error::Store(error) => {
            let (code, hint) = store_row(error);
            (code, NoDatabase, hint)
        }
        _ => ("failed", Failed, None),
    }
}

fn store_row(error: &StoreError) -> (&'static str, Option<&'static str>) {
    match error {
        StoreError::UntrustedFileSystem { .. } => ("untrusted_file_system", None),
        StoreError::Foreign { .. } => (
            "foreign_database",
            Some("name another file with GAIA_DATABASE_URL=sqlite:///absolute/path or --database"),
        ),
        StoreError::TooNew { .. } => ("database_too_new", None),
        StoreError::Damaged { .. } => ("database_damaged", None),
        StoreError::Unusable { .. } => (
            "database_unusable",
            Some("`gaia doctor` shows which place is meant and what is wrong with it"),
        ),
        StoreError::Busy { .. } => (
            "database_busy",
            Some("`gaia doctor` names the process that holds it"),
        ),
        _ => ("database_failed", Some("`gaia doctor` looks for the cause")),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, status, hint) = row(&error);
        Self {
            code,
            status,
            message: error.to_string(),
            hint: hint.map(str::to_owned),
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
        use Status::{Failed, NotHeld, Usage};
        let message = error.to_string();
        let (code, status, hint) = match error {
            TaskError::Locks(error) => return error.into(),
            TaskError::UnknownTask(_) => {
                ("unknown_task", Failed, Some("`gaia tasks` shows the ids"))
            }
            TaskError::UnknownSession(_) => ("unknown_session", Failed, None),
            TaskError::SessionExists(_) => ("session_exists", Failed, None),
            TaskError::SessionBusy { .. } => ("session_busy", Failed, None),
            TaskError::TaskIsOver { .. } => ("task_is_over", Failed, None),
            TaskError::InvalidRequest(_) => ("invalid_request", Usage, None),
            TaskError::WrongState { .. } => ("wrong_state", Failed, None),
            TaskError::NoOutput { .. } => ("no_output", Failed, None),
            TaskError::DecidedByStatus(_) => ("decided_by_status", NotHeld, None),
            TaskError::NotYours { .. } => ("not_yours", NotHeld, None),
            TaskError::Lapsed { .. } => ("lapsed", NotHeld, None),
            TaskError::NotRemote { .. } => ("not_remote", Usage, None),
            TaskError::StillStopping { .. } => (
                "still_stopping",
                Failed,
                Some("`gaia task show` shows whether it has stopped"),
            ),
            _ => ("failed", Failed, None),
        };
        Self {
            code,
            status,
            message,
            hint: hint.map(str::to_owned),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        use Status::{Failed, Usage};
        let message = error.to_string();
        let (code, status, hint) = match error {
            AccountError::Locks(error) => return error.into(),
            AccountError::UserExists(_) => (
                "user_exists",
                Failed,
                Some("`gaia user password NAME` sets another password"),
            ),
            AccountError::UnknownUser(_) => {
                ("unknown_user", Failed, Some("`gaia user list` shows them"))
            }
            AccountError::UnknownToken(_) => (
                "unknown_token",
                Failed,
                Some("`gaia token list` shows them"),
            ),
            AccountError::InvalidPassword(_) => ("invalid_password", Usage, None),
            _ => ("failed", Failed, None),
        };
        Self {
            code,
            status,
            message,
            hint: hint.map(str::to_owned),
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
