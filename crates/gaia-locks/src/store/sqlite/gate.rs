//! The gate before a write: whoever comes blocks in the kernel until it is his
//! turn, instead of sleeping and trying again as SQLite would.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::unusable;
use crate::error::StoreError;

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
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        options
            .open(path)
            .map(|file| Self { file })
            .map_err(|error| unusable(path, &error))
    }

    /// Waits for one's turn. A file system without flock lets everybody
    /// through: the gate is for fairness, not for safety.
    pub(super) fn pass(&self) -> Passage<'_> {
        while let Err(Errno::INTR) = flock(&self.file, FlockOperation::LockExclusive) {}
        Passage { gate: self }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        // Cannot fail on a descriptor that is open; were it to, the process's
        // end would open the gate.
        let _ = flock(&self.gate.file, FlockOperation::Unlock);
    }
}
