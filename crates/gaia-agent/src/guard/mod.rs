//! The guard before a commit: git calls it, and a commit that touches a folder
//! held by another is refused.
//!
//! It stands beside whatever hooks a repository has. Where git looks for hooks
//! in the repository itself, an older hook is kept and run after the guard.
//! Where `core.hooksPath` leads elsewhere (husky, a shared folder), that
//! place is left alone: git is pointed to a folder of the guard's, whose hooks
//! call the guard and then those of the other place.

mod check;
mod git;
mod hook;
mod install;
mod place;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use check::{Refused, check};
pub use install::{Found, Planned, install, look, planned, remove};

/// Why the guard could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Git could not be asked.
    #[error("git {command} failed in {}: {why}", folder.display())]
    Git {
        /// Its words.
        command: String,
        /// Where.
        folder: PathBuf,
        /// What it said.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{} cannot be {verb}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// read, written, made, moved.
        verb: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was written is not what git calls.
    #[error("git looks for the hooks of {} in {}, and not where the guard is", tree.display(), hooks.display())]
    NotCalled {
        /// The work tree.
        tree: PathBuf,
        /// Where it looks.
        hooks: PathBuf,
    },
    /// The locks could not be asked.
    #[error(transparent)]
    Locks(#[from] gaia_locks::Error),
    /// A folder that cannot be one.
    #[error(transparent)]
    Folder(#[from] gaia_locks::folder::InvalidFolder),
}
