//! What init changed, kept in `GAIA_HOME/init.json` for `--undo`.
//!
//! Changes are noted before they are made. Somebody who is killed in between
//! leaves notes of changes that were never made; undoing finds each place as it
//! was before, and has nothing to do there.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::plan::{Change, Text, unusable};
use super::write;
use crate::exit::{Failure, Status};

/// It may repeat what stands in the user's own files.
const PRIVATE: u32 = 0o600;
const FORMAT: u32 = 1;

/// The journal of one home, nobody else's while this lives.
pub struct Journal {
    file: PathBuf,
    kept: Kept,
    _turn: File,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    changes: Vec<Change>,
}

impl Journal {
    /// Opens it; a home that is not there has none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(home: &Path) -> Result<Option<Self>, Failure> {
        let turn = match File::open(home) {
            Ok(turn) => turn,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(home, &error)),
        };
        flock(&turn, FlockOperation::LockExclusive)
            .map_err(|error| unusable(home, &error.into()))?;
        let file = home.join("init.json");
        Ok(Some(Self {
            kept: read(&file)?,
            file,
            _turn: turn,
        }))
    }

    /// Where it lies.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What was changed, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.kept.changes
    }

    /// Notes what will be changed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, changes: &[Change]) -> Result<(), Failure> {
        self.kept.changes.extend_from_slice(changes);
        self.keep()
    }

    /// Strikes out what was undone. Where nothing is left it is removed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn strike(&mut self, undone: &[bool]) -> Result<(), Failure> {
        let mut undone = undone.iter().copied();
        let is_left = |_: &Change| !undone.next().unwrap_or(false);
        self.kept.changes.retain(is_left);
        self.keep()
    }

    fn keep(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| unusable(&self.file, &error);
        if self.kept.changes.is_empty() {
            return match self.file.try_exists().map_err(failed)? {
                true => write::put(&self.file, None).map_err(failed),
                false => Ok(()),
            };
        }
        let text = Text {
            text: serde_json::to_string_pretty(&self.kept)?,
            mode: PRIVATE,
        };
        write::put(&self.file, Some(&text)).map_err(failed)
    }
}

fn read(file: &Path) -> Result<Kept, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Kept {
                format: FORMAT,
                changes: Vec::new(),
            });
        }
        Err(error) => return Err(unusable(file, &error)),
    };
    match serde_json::from_str::<Kept>(&text) {
        Ok(kept) if kept.format == FORMAT => Ok(kept),
        Ok(Kept { format, .. }) => Err(unread(file, &format!("its format is {format}"))),
        Err(error) => Err(unread(file, &error.to_string())),
    }
}

fn unread(file: &Path, why: &str) -> Failure {
    let message = format!(
        "what was set up is noted in {}, which cannot be read: {why}",
        file.display()
    );
    Failure::new("journal_unread", Status::Failed, message)
        .hint("move it away; then nothing that was set up before can be undone by gaia")
}
