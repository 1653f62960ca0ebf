//! What is found on the way through a command.

use std::path::{Path, PathBuf};

use super::words::Meaning;
use super::{Judged, Unsure, Written, named, words};

/// So many paths are kept for the case that something is written of which only
/// the run knows where.
const MOST: usize = 200;

/// Where the next program may run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Here {
    /// More than one where a `cd` may or may not have been done.
    pub folders: Vec<PathBuf>,
    /// Whether the folder cannot be told any more.
    pub lost: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Notes {
    judged: Judged,
    /// All paths that the command mentions.
    mentioned: Vec<PathBuf>,
    /// Whether something is written of which only the run knows where: then it
    /// may be any of those.
    loose: bool,
    /// How often something could not be judged.
    doubts: usize,
    /// The user's home, for which `~` stands.
    home: Option<PathBuf>,
}

impl Notes {
    /// Nothing was found yet.
    pub(super) fn new(home: Option<&Path>) -> Self {
        Self {
            home: home.map(Path::to_owned),
            ..Self::default()
        }
    }

    /// The judgement.
    pub(super) fn end(mut self) -> Judged {
        if self.loose {
            for path in std::mem::take(&mut self.mentioned) {
                self.note_named(path);
            }
        }
        self.judged
    }

    /// How often something could not be judged: whether it happened since can be
    /// told by it.
    pub(super) fn doubts(&self) -> usize {
        self.doubts
    }

    /// Something is written of which only the run knows where.
    pub(super) fn loose(&mut self) {
        self.loose = true;
    }

    /// A text that stands in the command.
    pub(super) fn mention(&mut self, text: &str, here: &Here) {
        for path in named::paths_in(text) {
            for folder in &here.folders {
                let path = named::path_in(folder, &path, self.home.as_deref());
                if self.mentioned.len() < MOST && !self.mentioned.contains(&path) {
                    self.mentioned.push(path);
                }
            }
        }
    }

    /// Texts that something has which may write what stands in them.
    pub(super) fn name(&mut self, text: &str, here: &Here) {
        for path in named::paths_in(text) {
            for folder in &here.folders {
                self.note_named(named::path_in(folder, &path, self.home.as_deref()));
            }
        }
    }

    fn note_named(&mut self, path: PathBuf) {
        if self.judged.named.len() < MOST && !self.judged.named.contains(&path) {
            self.judged.named.push(path);
        }
    }

    /// A file or folder is written.
    pub(super) fn writes(&mut self, what: &Meaning, here: &Here) {
        match what {
            Meaning::Text(text) | Meaning::Pattern(text) => self.writes_path(text, here),
            Meaning::Unknown { start, .. } => {
                self.unsure("a path that is only known when it runs", here);
                self.loose();
                if let Some((folder, _)) = start.rsplit_once('/') {
                    self.name(&format!("{folder}/."), here);
                }
            }
        }
    }

    fn writes_path(&mut self, text: &str, here: &Here) {
        if is_device(text) {
            return;
        }
        if here.lost && !Path::new(text).is_absolute() {
            self.loose();
            return self.unsure("a path in a folder that is only known when it runs", here);
        }
        for folder in &here.folders {
            self.note(Written::Path(words::path_in(folder, text)));
        }
    }

    /// The work tree around a folder is written.
    pub(super) fn writes_tree(&mut self, folder: &str, here: &Here) {
        if here.lost && !Path::new(folder).is_absolute() {
            self.loose();
            return self.unsure("a folder that is only known when it runs", here);
        }
        for base in &here.folders {
            self.note(Written::Tree(words::path_in(base, folder)));
        }
    }

    /// A new work tree is made somewhere.
    pub(super) fn makes_tree(&mut self, place: &Meaning, here: &Here) {
        match place {
            Meaning::Text(text) if !here.lost || Path::new(text).is_absolute() => {
                for base in &here.folders {
                    self.note(Written::NewTree {
                        place: words::path_in(base, text),
                        of: base.clone(),
                    });
                }
            }
            _ => self.writes(place, here),
        }
    }

    fn note(&mut self, written: Written) {
        if !self.judged.writes.contains(&written) {
            self.judged.writes.push(written);
        }
    }

    /// Something that may write anything where it runs: anywhere that the
    /// command mentions, if that cannot be told.
    pub(super) fn unsure(&mut self, what: &str, here: &Here) {
        self.doubts += 1;
        self.loose |= here.lost;
        for folder in &here.folders {
            let unsure = Unsure {
                what: what.to_owned(),
                folder: folder.clone(),
            };
            if !self.judged.unsure.contains(&unsure) {
                self.judged.unsure.push(unsure);
            }
        }
    }
}

fn is_device(text: &str) -> bool {
    const FREE: [&str; 7] = [
        "/dev/null",
        "/dev/stdin",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/tty",
        "/dev/zero",
        "/dev/full",
    ];
    FREE.contains(&text) || text.starts_with("/dev/fd/")
}
