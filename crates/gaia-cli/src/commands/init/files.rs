//! The files as they are once what came before is undone.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::plan::{Text, on_disk};
use crate::exit::Failure;

/// What undoing has come to so far, beside what is on disk.
#[derive(Default)]
pub struct Files {
    texts: HashMap<PathBuf, Option<Text>>,
    /// Names that a file has again which init had moved aside.
    taken: HashSet<PathBuf>,
    /// The names that those had meanwhile.
    left: HashSet<PathBuf>,
}

/// Another file has the name.
pub struct Taken;

impl Files {
    /// A file's text; the error: another file has its name by then.
    pub fn now(&self, path: &Path) -> Result<Result<Option<Text>, Taken>, Failure> {
        if self.taken.contains(path) {
            return Ok(Err(Taken));
        }
        match self.texts.get(path) {
            Some(known) => Ok(Ok(known.clone())),
            None => on_disk(path).map(Ok),
        }
    }

    /// Whether anything has this name.
    pub fn is_there(&self, path: &Path) -> bool {
        match self.texts.get(path) {
            _ if self.taken.contains(path) => true,
            _ if self.left.contains(path) => false,
            Some(known) => known.is_some(),
            None => path.symlink_metadata().is_ok(),
        }
    }

    /// A file has this text then.
    pub fn put(&mut self, path: &Path, text: Option<Text>) {
        self.texts.insert(path.to_owned(), text);
    }

    /// A file has its own name again.
    pub fn move_back(&mut self, path: &Path, from: &Path) {
        self.taken.insert(path.to_owned());
        self.left.insert(from.to_owned());
    }
}
