//! How a stand-in knows that it is alone, without asking any lock.
//!
//! It puts a file with its name into its folder and looks for such files in
//! every folder above and below. Of two that are there at once, the one that
//! came later sees the other. And it remembers what lies in its folder: if
//! that changes between two of its own edits, somebody else was there.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gaia_locks::liveness::{Liveness, liveness};
use gaia_locks::model::Mode;

use super::report::Worker;

/// How the names of these files begin.
const NAME: &str = ".at-work-";

/// A stand-in in its folder.
pub struct Presence<'a> {
    worker: &'a Worker,
    folder: PathBuf,
    /// The repository: above it nobody works.
    top: PathBuf,
    mine: PathBuf,
    /// What lay there after the last edit of one's own.
    known: u64,
}

impl<'a> Presence<'a> {
    /// Comes in.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn enter(worker: &'a Worker, top: &Path) -> io::Result<Self> {
        let folder = PathBuf::from(&worker.folder);
        let mine = folder.join(format!("{NAME}{}", worker.process.pid));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&mine)?;
        file.write_all(&serde_json::to_vec(worker)?)?;
        Ok(Self {
            worker,
            top: top.to_owned(),
            known: fingerprint(&folder)?,
            mine,
            folder,
        })
    }

    /// What shows that it is not alone, if anything.
    ///
    /// # Errors
    /// When the folders cannot be read.
    pub fn look(&self) -> io::Result<Option<String>> {
        if fingerprint(&self.folder)? != self.known {
            return Ok(Some("files changed that it did not touch".to_owned()));
        }
        let above = self.folder.ancestors().skip(1);
        let above = above.take_while(|folder| folder.starts_with(&self.top));
        for folder in above {
            if let Some(other) = self.other_in(folder)? {
                return Ok(Some(other));
            }
        }
        for folder in folders_below(&self.folder)? {
            if let Some(other) = self.other_in(&folder)? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Takes note of an edit of one's own.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn edited(&mut self) -> io::Result<()> {
        self.known = fingerprint(&self.folder)?;
        Ok(())
    }

    /// Goes: before the lock ends, so that the next one finds nothing.
    ///
    /// # Errors
    /// When the file is not there any more: somebody was.
    pub fn leave(self) -> io::Result<()> {
        fs::remove_file(&self.mine)
    }

    /// Another that works directly in this folder and must not. Who was killed
    /// has left its file; it is taken away.
    fn other_in(&self, folder: &Path) -> io::Result<Option<String>> {
        for (name, path) in entries(folder)? {
            if !name.starts_with(NAME) || path == self.mine {
                continue;
            }
            let Some(other) = read(&path) else { continue };
            let exclusive = other.mode == Mode::Exclusive || self.worker.mode == Mode::Exclusive;
            if liveness(&other.process) == Liveness::Gone {
                // Two that read may both want to take it away.
                drop(fs::remove_file(&path));
            } else if exclusive {
                let (session, task, folder) = (&other.session, other.task, &other.folder);
                return Ok(Some(format!(
                    "{session} (task {task}) is at work in {folder}"
                )));
            }
        }
        Ok(None)
    }
}

/// One that is being written cannot be read yet; its writer will see this one.
fn read(path: &Path) -> Option<Worker> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        found.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    found.sort_unstable();
    Ok(found)
}

/// A folder and all below it, git's own left out.
fn folders_below(top: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        let below = entries(&folder)?.into_iter();
        let below = below.filter(|(name, path)| name != ".git" && path.is_dir());
        found.extend(below.map(|(_, path)| path));
        next += 1;
    }
    Ok(found)
}

/// The files that are worked on in a folder and below.
///
/// # Errors
/// When it cannot be read.
pub fn files_in(top: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders_below(top)? {
        let found = entries(&folder)?.into_iter();
        let found = found.filter(|(name, path)| !name.starts_with(NAME) && path.is_file());
        files.extend(found.map(|(_, path)| path));
    }
    Ok(files)
}

fn fingerprint(top: &Path) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for file in files_in(top)? {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}
