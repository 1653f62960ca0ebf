//! What a shell command would write.
//!
//! A hook sees only the text of the command. It is parsed as bash would, and
//! each program in it is judged by what is known of it: readers are free,
//! writers name their targets, git writes to the work tree that it acts on.
//! What cannot be judged (a script, an interpreter, a path in a variable) is
//! said to be unsure rather than guessed, and so is what cannot be parsed; the
//! paths that stand in it are told with it.
//!
//! Not promised: that a command which hides what it does is seen through. The
//! judgement is there for agents that mean well and forget.

mod archives;
mod braces;
mod editors;
mod find;
mod functions;
mod git;
mod limits;
mod named;
mod notes;
mod options;
mod outputs;
mod packages;
mod patch;
mod program;
mod readers;
mod sed_script;
mod walk;
mod words;
mod wrappers;
mod writers;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use named::{path_in as path_of_text, paths_in as paths_in_text};
pub use patch::paths_of as paths_of_patch;

/// What a command would write.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Judged {
    /// What it surely writes.
    pub writes: Vec<Written>,
    /// What cannot be judged.
    pub unsure: Vec<Unsure>,
    /// Paths that what cannot be judged names, or may get: it may write there
    /// too.
    pub named: Vec<PathBuf>,
}

/// Something that is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// This file or folder.
    Path(PathBuf),
    /// The work tree around this folder, wherever in it.
    Tree(PathBuf),
    /// A work tree is made here, linked to the one around a folder: a folder of
    /// its own from then on, which somebody else may be meant to work in.
    NewTree {
        /// The new one.
        place: PathBuf,
        /// In the one that it comes from.
        of: PathBuf,
    },
}

/// A part of a command that may write anything in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unsure {
    /// What it is.
    pub what: String,
    /// Where it runs.
    pub folder: PathBuf,
}

impl Judged {
    /// Whether it is known to read only.
    pub fn is_free(&self) -> bool {
        self.writes.is_empty() && self.unsure.is_empty() && self.named.is_empty()
    }

    fn unsure(what: &str, command: &str, folder: &Path, home: Option<&Path>) -> Self {
        let named = named::paths_in(command);
        let named = named.iter().map(|path| named::path_in(folder, path, home));
        Self {
            writes: Vec::new(),
            unsure: vec![Unsure {
                what: what.to_owned(),
                folder: folder.to_owned(),
            }],
            named: named.collect(),
        }
    }
}

/// Judges a command that is run in a folder.
pub fn judge(command: &str, folder: &Path, home: Option<&Path>) -> Judged {
    if let Some(why) = limits::too_much(command) {
        return Judged::unsure(why, command, folder, home);
    }
    let owned = (
        command.to_owned(),
        folder.to_owned(),
        home.map(Path::to_owned),
    );
    let work = move || walk::judge(&owned.0, &owned.1, owned.2.as_deref());
    let late = "a command that takes too long to read";
    limits::within_limits(work).unwrap_or_else(|| Judged::unsure(late, command, folder, home))
}
