//! The gate before a write: whoever comes blocks in the kernel until it is his
//! turn, instead of sleeping and trying again as SQLite would.
//!
//! A process may be stopped while it holds the gate. The gate is for fairness,
//! not for safety, so it is not waited for for ever: after [`LIMIT`] one goes
//! on without it. Was the other stopped inside its transaction, SQLite's own
//! limit applies, and the answer says that the database is kept locked.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::unusable;
use crate::error::StoreError;
use crate::os::flock::flock_within;

/// How long somebody waits at the gate: some thousand times as long as a
/// transaction takes.
const LIMIT: Duration = Duration::from_millis(200);

/// The gate file of one database, opened once.
pub(super) struct Gate {
    file: File,
}

/// Held while a write transaction runs.
pub(super) struct Passage<'a> {
    gate: &'a Gate,
}

impl Gate {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            // Opening a pipe in its place would wait for a reader for ever.
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK);
        options
            .open(path)
            .map(|file| Self { file })
            .map_err(|error| unusable(path, &error))
    }

    /// Waits for one's turn. Where no turn is to be had (no flock on this file
    /// system, a stopped process at the gate) one goes on without.
    pub(super) fn pass(&self) -> Option<Passage<'_>> {
        flock_within(&self.file, LIMIT).then_some(Passage { gate: self })
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        // Cannot fail on a descriptor that is open; were it to, the process's
        // end would open the gate.
        let _ = flock(&self.gate.file, FlockOperation::Unlock);
    }
}
