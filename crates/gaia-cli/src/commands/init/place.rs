//! A file that GAIA writes among the user's own.
//!
//! In its first line it says by whom it was made and what its content adds up
//! to. So a file that somebody has changed is known, and is theirs from then on:
//! it is neither written over nor removed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exit::{Failure, Status};

const MADE_BY: &str = "Made by gaia init";
/// Before everything else in a property list.
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Where the file belongs.
pub struct Place {
    path: PathBuf,
}

/// What is there.
pub enum Found {
    Nothing,
    /// As it was written.
    Ours(String),
    /// By somebody else, or changed by somebody.
    Others,
}

/// The content with the line that says by whom it was made.
pub fn signed((begin, end): (&str, &str), content: &str) -> String {
    let sum = sum(content);
    let before = if begin == "<!-- " { XML } else { "" };
    format!("{before}{begin}{MADE_BY}, which can undo it ({sum:016x}){end}\n{content}")
}

fn is_signed(text: &str) -> bool {
    let text = text.strip_prefix(XML).unwrap_or(text);
    let Some((first, content)) = text.split_once('\n') else {
        return false;
    };
    first.contains(MADE_BY) && first.contains(&format!("({:016x})", sum(content)))
}

/// FNV-1a: it tells a change of a few words, and guards against nobody.
fn sum(content: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    content.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Place {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A link is somebody's own way to keep it elsewhere.
    pub fn found(&self) -> Result<Found, Failure> {
        match std::fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(self.unusable(&error)),
            Ok(there) if !there.is_file() => return Ok(Found::Others),
            Ok(_) => {}
        }
        Ok(match std::fs::read_to_string(&self.path) {
            Ok(text) if is_signed(&text) => Found::Ours(text),
            Ok(_) => Found::Others,
            Err(error) => return Err(self.unusable(&error)),
        })
    }

    /// Whole or not at all.
    pub fn write(&self, content: &str) -> Result<(), Failure> {
        self.put(content).map_err(|error| self.unusable(&error))
    }

    fn put(&self, content: &str) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)?;
        let mut whole = tempfile::NamedTempFile::new_in(folder)?;
        whole.write_all(content.as_bytes())?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        whole.as_file().set_permissions(readable)?;
        whole.persist(&self.path)?;
        Ok(())
    }

    pub fn remove(&self) -> Result<(), Failure> {
        std::fs::remove_file(&self.path).map_err(|error| self.unusable(&error))
    }

    fn unusable(&self, error: &io::Error) -> Failure {
        let why = format!("{} cannot be used: {error}", self.path.display());
        Failure::new("failed", Status::Failed, why)
    }
}
