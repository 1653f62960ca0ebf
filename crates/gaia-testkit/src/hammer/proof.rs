//! A proof that needs no database: whoever holds a folder says so in a plain
//! file, and looks whether another says the same.
//!
//! # How it is certain
//! A worker writes its file when it is granted, then reads all others. Of two
//! that hold conflicting locks at once, the one that wrote later sees the
//! other. A file is taken away before its lock is released, so one that is
//! there stands for a lock that was not given back. It counts only while its
//! writer lives and may trust its lease; what a dead or late worker left
//! behind is no proof of anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::LockId;
use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use gaia_locks::model::{Holder, Mode};

use super::now;

/// What a holder says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) token: LockId,
    pub(super) folder: String,
    pub(super) holder: Holder,
    pub(super) mode: Mode,
    /// Until when it may be relied on: less than the lease.
    pub(super) trusted_until: Moment,
    pub(super) process: ProcessIdentity,
}

impl Claim {
    fn excludes(&self, other: &Claim) -> bool {
        let overlap = match (Folder::clean(&self.folder), Folder::clean(&other.folder)) {
            (Ok(mine), Ok(theirs)) => mine.overlaps(&theirs),
            _ => false,
        };
        overlap && self.mode.excludes(other.mode) && !self.holder.is_same_worker(&other.holder)
    }
}

/// The files of all workers.
pub(super) struct Proofs {
    directory: PathBuf,
}

impl Proofs {
    pub(super) fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Says that a folder is held; gives what contradicts it.
    pub(super) fn raise(&self, claim: &Claim) -> io::Result<Option<String>> {
        let text = serde_json::to_vec(claim)?;
        let path = self.path(claim.token);
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => file.write_all(&text)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(Some(format!("token {} was proved before", claim.token)));
            }
            Err(error) => return Err(error),
        }
        self.contradiction(claim)
    }

    /// Takes it back; before the lock is released.
    pub(super) fn lower(&self, token: LockId) {
        // One that was dead in another's eyes may be gone already.
        drop(fs::remove_file(self.path(token)));
    }

    fn path(&self, token: LockId) -> PathBuf {
        self.directory.join(token.to_string())
    }

    fn contradiction(&self, mine: &Claim) -> io::Result<Option<String>> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            // One that is being written sees this one.
            let Some(other) = read(&path) else { continue };
            if other.token == mine.token || !mine.excludes(&other) {
                continue;
            }
            let read_at = now();
            if liveness(&other.process) == Liveness::Gone {
                drop(fs::remove_file(&path));
            } else if read_at < other.trusted_until && read_at < mine.trusted_until {
                return Ok(Some(format!(
                    "lock {} says that {} holds {} ({}), while {} holds {}",
                    other.token,
                    other.holder,
                    other.folder,
                    other.mode.word(),
                    mine.holder,
                    mine.folder
                )));
            }
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Option<Claim> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
