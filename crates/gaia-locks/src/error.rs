//! What can go wrong, with the facts that a person needs to mend it.
//!
//! A refusal (somebody else holds the folder) is no error but an answer, see
//! [`crate::wire::Refusal`]. Exit statuses, hints and HTTP codes are added at
//! the edge.

mod server;

use std::path::PathBuf;

use crate::folder::InvalidFolder;
use crate::ids::{LockId, RequestId, SessionId};

pub use server::ServerError;

/// A name that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {shown:?} cannot be used: {why}")]
pub struct InvalidName {
    /// Which name: "session", "scope", "request id".
    pub what: &'static str,
    /// The text as given, shortened when long.
    pub shown: String,
    /// What is wrong with it and what would be right.
    pub why: String,
}

impl InvalidName {
    /// Refuses text that is no name: empty, longer than so many bytes, or with
    /// control characters.
    ///
    /// # Errors
    /// This, naming `what` it was to be.
    pub fn check(what: &'static str, text: &str, longest: usize) -> Result<(), InvalidName> {
        let why = if text.trim().is_empty() {
            "it is empty; give a name".to_owned()
        } else if text.len() > longest {
            format!("it has {} bytes, at most {longest} are allowed", text.len())
        } else if text.chars().any(char::is_control) {
            "it holds a control character; use printable text on one line".to_owned()
        } else {
            return Ok(());
        };
        Err(InvalidName {
            what,
            shown: shorten(text, 80),
            why,
        })
    }
}

/// At most `most` characters of a text, for messages.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why a request to the lock service failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that cannot be a folder.
    #[error(transparent)]
    InvalidFolder(#[from] InvalidFolder),
    /// A name that cannot be used.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// A request that contradicts itself or leaves the allowed range.
    #[error("{0}")]
    InvalidRequest(String),
    /// The lock is not held (any more) by whoever asked.
    #[error("{0}")]
    NotHeld(String),
    /// It is held, but not for the asker to end or renew [R6].
    #[error("{0}")]
    NotAllowed(String),
    /// No lock was ever granted under this id.
    #[error("no lock has the id {0}")]
    UnknownLock(LockId),
    /// The lock had ended already.
    #[error("lock {id} has already ended ({how})")]
    AlreadyEnded {
        /// Which lock.
        id: LockId,
        /// How it ended.
        how: String,
    },
    /// The same request id came with another content [R16].
    #[error(
        "request id {id} of session {session} was used for another request within the last 24 hours; \
         use a new id for a new request"
    )]
    RequestIdReused {
        /// The id that came again.
        id: RequestId,
        /// The session that used it.
        session: SessionId,
    },
    /// The place in line is gone: it was left, or its waiter was taken for dead.
    #[error("this place in line is gone: {0}")]
    NotInLine(String),
    /// A marker of another live database lies on the folder (section 4).
    #[error(
        "{folder} is locked through another database: {theirs} (this one is {ours}); \
         use one database for both, or wait until that lock ends"
    )]
    OtherDatabase {
        /// The folder that was asked for.
        folder: String,
        /// The database in use here.
        ours: String,
        /// The database named by the marker.
        theirs: String,
    },
    /// The store cannot be used [R18]; nobody is granted anything.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What comes of working through a server.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Why a store cannot be trusted or reached [R18].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file lies where SQLite cannot exclude other writers.
    #[error(
        "the database {path} lies on {file_system}, where {reason}; \
         set GAIA_LOCKS_DIR or GAIA_DATABASE_URL to a place on a local disk"
    )]
    UntrustedFileSystem {
        /// The database file.
        path: PathBuf,
        /// The file system's name.
        file_system: String,
        /// Why it is not trusted.
        reason: String,
    },
    /// The file is no GAIA database.
    #[error("{path} is not a GAIA database: {why}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        why: String,
    },
    /// A newer release made the file and says that this one is too old for it.
    #[error(
        "the database {path} needs GAIA schema {oldest} or newer, this program knows up to {known}; \
         install the newer GAIA"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The oldest schema that may use the file.
        oldest: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The file is damaged.
    #[error("the database {path} is damaged: {detail}; restore a backup with `gaia restore FILE`")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The file or its directory cannot be written.
    #[error("cannot use {path}: {detail}")]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another program kept the database locked for too long.
    #[error("the database {path} was kept locked by another program for {seconds} s")]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long it was tried.
        seconds: u64,
    },
    /// Anything else that the store said.
    #[error("the database failed: {0}")]
    Failed(String),
}
