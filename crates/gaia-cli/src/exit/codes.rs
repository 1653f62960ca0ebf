//! The one table from errors to the word that programs know, exit status and
//! hint. A server that is worked through says the word alone: the rest is the
//! same here.

use gaia_assigner::TaskError;
use gaia_locks::{Error, ServerError, StoreError};
use gaia_server::AccountError;

use super::Status::{self, Failed, NoDatabase, NotGranted, NotHeld, Usage};

/// A word, the exit status, and what can be done.
pub type Row = (&'static str, Status, Option<&'static str>);

const SHOWN_BY_STATUS: Option<&str> = Some("`gaia status` and `gaia history` show the ids");
const FORCE: Option<&str> = Some("an admin can end any lock: gaia force-release ID --reason TEXT");

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("invalid_folder", Usage, None),
    ("invalid_name", Usage, None),
    ("invalid_request", Usage, None),
    ("request_id_reused", Usage, None),
    ("not_remote", Usage, None),
    ("not_held", NotHeld, Some("`gaia status` shows what is held now")),
    ("not_allowed", NotHeld, FORCE),
    ("unknown_lock", NotHeld, SHOWN_BY_STATUS),
    ("already_ended", NotHeld, None),
    ("decided_by_status", NotHeld, None),
    ("not_yours", NotHeld, None),
    ("lapsed", NotHeld, None),
    ("not_in_line", NotGranted, Some("ask again: the line was left")),
    ("other_database", NotGranted, None),
    ("unknown_task", Failed, Some("`gaia tasks` shows the ids")),
    ("unknown_session", Failed, None),
    ("session_exists", Failed, None),
    ("session_busy", Failed, None),
    ("task_is_over", Failed, None),
    ("wrong_state", Failed, None),
    ("no_output", Failed, None),
    ("still_stopping", Failed, Some("`gaia task show` shows whether it has stopped")),
    ("user_exists", Failed, Some("`gaia user password NAME` sets another password")),
    ("unknown_user", Failed, Some("`gaia user list` shows them")),
    ("unknown_token", Failed, Some("`gaia token list` shows them")),
    ("invalid_password", Usage, None),
    ("untrusted_file_system", NoDatabase, None),
    ("foreign_database", NoDatabase,
        Some("name another file with GAIA_DATABASE_URL=sqlite:///absolute/path or --database")),
    ("database_too_new", NoDatabase, None),
    ("database_damaged", NoDatabase, None),
    ("database_unusable", NoDatabase,
        Some("`gaia doctor` shows which place is meant and what is wrong with it")),
    ("database_busy", NoDatabase, Some("`gaia doctor` names the process that holds it")),
    ("database_failed", NoDatabase, Some("`gaia doctor` looks for the cause")),
    ("server_unreachable", NoDatabase,
        Some("is `gaia up` running there? GAIA_SERVER names where it is looked for")),
    ("server_untrusted", NoDatabase,
        Some("GAIA_SERVER_CA names the certificates that vouch for it, if they are your own")),
    ("not_gaia", NoDatabase, None),
    ("other_version", NoDatabase, Some("install the same release of gaia on both machines")),
    ("server_stopping", NoDatabase, Some("ask again once it is back")),
    ("server_busy", NoDatabase, Some("ask again soon")),
    ("unknown_host", NoDatabase, None),
    ("token_refused", NotHeld,
        Some("GAIA_TOKEN holds the token; an admin makes one with `gaia token create NAME --role agent`")),
    ("forbidden", NotHeld, None),
    ("answer_lost", Failed, None),
    ("asked_elsewhere", Failed, None),
];

/// What goes with a word; an unknown one is told as it came.
pub fn of_code(code: &str) -> Row {
    let row = TABLE.iter().find(|(known, _, _)| *known == code);
    row.copied().unwrap_or(("failed", Failed, None))
}

/// The word of an error about locks.
pub fn of_error(error: &Error) -> &str {
    match error {
        Error::InvalidFolder(_) => "invalid_folder",
        Error::InvalidName(_) => "invalid_name",
        Error::InvalidRequest(_) => "invalid_request",
        Error::NotHeld(_) => "not_held",
        Error::NotAllowed(_) => "not_allowed",
        Error::UnknownLock(_) => "unknown_lock",
        Error::AlreadyEnded { .. } => "already_ended",
        Error::RequestIdReused { .. } => "request_id_reused",
        Error::NotInLine(_) => "not_in_line",
        Error::OtherDatabase { .. } => "other_database",
        Error::Store(error) => of_store(error),
        Error::Server(error) => of_server(error),
        _ => "failed",
    }
}

fn of_store(error: &StoreError) -> &'static str {
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

fn of_server(error: &ServerError) -> &str {
    match error {
        ServerError::Unreachable { .. } => "server_unreachable",
        ServerError::AnswerLost { .. } => "answer_lost",
        ServerError::Untrusted { .. } => "server_untrusted",
        ServerError::TokenRefused { .. } => "token_refused",
        ServerError::OtherVersion { .. } => "other_version",
        ServerError::Said { code, .. } => code,
        _ => "failed",
    }
}

/// The word of an error about tasks and sessions.
pub fn of_task_error(error: &TaskError) -> &str {
    match error {
        TaskError::Locks(error) => of_error(error),
        TaskError::UnknownTask(_) => "unknown_task",
        TaskError::UnknownSession(_) => "unknown_session",
        TaskError::SessionExists(_) => "session_exists",
        TaskError::SessionBusy { .. } => "session_busy",
        TaskError::TaskIsOver { .. } => "task_is_over",
        TaskError::InvalidRequest(_) => "invalid_request",
        TaskError::WrongState { .. } => "wrong_state",
        TaskError::NoOutput { .. } => "no_output",
        TaskError::DecidedByStatus(_) => "decided_by_status",
        TaskError::NotYours { .. } => "not_yours",
        TaskError::Lapsed { .. } => "lapsed",
        TaskError::NotRemote { .. } => "not_remote",
        TaskError::StillStopping { .. } => "still_stopping",
        _ => "failed",
    }
}

/// The word of an error about accounts.
pub fn of_account_error(error: &AccountError) -> &str {
    match error {
        AccountError::Locks(error) => of_error(error),
        AccountError::UserExists(_) => "user_exists",
        AccountError::UnknownUser(_) => "unknown_user",
        AccountError::UnknownToken(_) => "unknown_token",
        AccountError::InvalidPassword(_) => "invalid_password",
        AccountError::NoTime => "invalid_expiry",
        _ => "failed",
    }
}
