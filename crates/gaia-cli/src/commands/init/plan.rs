//! What is to be changed, gathered before anything is.
//!
//! A planner reads files through the plan and writes into it, never to the
//! disk: so two planners can change one file, and everything can be shown
//! before it is done.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gaia_agent::clients::Part;
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, Status};

/// What a new file may be read by: everybody, as an editor would make it.
pub const READABLE: u32 = 0o644;

/// A text file as it is or will be.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// All that is in it.
    pub text: String,
    /// Its permissions.
    pub mode: u32,
}

/// What is changed.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A folder is made, as the user's umask has it.
    Folder,
    /// A folder is made that nobody else may look into.
    #[serde(rename = "private_folder")]
    PrivateFolder,
    /// A file's text; none: there is no such file.
    File {
        /// As it was found.
        before: Option<Text>,
        /// As it will be.
        after: Option<Text>,
    },
    /// A file goes to another name beside it, as it is: a link stays a link.
    Moved {
        /// The other name.
        to: PathBuf,
    },
    /// The database is made.
    Database,
}

impl What {
    /// Whether a folder is made.
    pub fn is_folder(&self) -> bool {
        matches!(self, What::Folder | What::PrivateFolder)
    }
}

/// What of GAIA's stands in a file that is its user's and an agent client's
/// besides: that can be taken out again, whoever has changed the rest.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct OfClient {
    /// The client's word.
    pub client: String,
    /// Which part.
    pub part: Part,
}

/// One change to one place.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Change {
    /// Who wants it.
    pub planner: String,
    /// For which repository, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repo: Option<PathBuf>,
    /// A part of a client's settings, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<OfClient>,
    /// Where.
    pub path: PathBuf,
    /// Why, in a few words.
    pub why: String,
    /// What.
    pub what: What,
}

/// All changes, in the order in which they are made.
#[derive(Default)]
pub struct Plan {
    changes: Vec<Change>,
    notes: Vec<String>,
    planner: &'static str,
    repo: Option<PathBuf>,
    of: Option<OfClient>,
}

impl Plan {
    /// Whose changes follow.
    pub fn by(&mut self, planner: &'static str) {
        self.planner = planner;
        self.repo = None;
    }

    /// For which repository the changes that follow are.
    pub fn for_repo(&mut self, top: &Path) {
        self.repo = Some(top.to_owned());
    }

    /// What the user should know: something was left alone, and why.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// What was noted.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The changes.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Makes a folder that nobody else may look into, unless it is there. Those
    /// above it are as the user's umask has them.
    pub fn private_folder(&mut self, path: &Path, why: &str) -> Result<(), Failure> {
        self.make_folder(path, why, What::PrivateFolder)
    }

    /// Makes a folder and those above it, unless they are there.
    pub fn folder(&mut self, path: &Path, why: &str) -> Result<(), Failure> {
        self.make_folder(path, why, What::Folder)
    }

    fn make_folder(&mut self, path: &Path, why: &str, what: What) -> Result<(), Failure> {
        if self.is_planned(path) || path.is_dir() {
            return Ok(());
        }
        if path.symlink_metadata().is_ok() {
            let message = format!("{} is not a folder", path.display());
            return Err(Failure::new("not_ours", Status::Failed, message));
        }
        if let Some(above) = path.parent() {
            self.folder(above, why)?;
        }
        self.add(path.to_owned(), why, what)
    }

    /// A file's text as it will be by what was planned so far; none when there
    /// is no such file.
    pub fn text(&self, path: &Path) -> Result<Option<String>, Failure> {
        let file = end_of_links(path)?;
        Ok(self.planned_text(&file)?.map(|text| text.text))
    }

    /// Sets a file's text, keeping its permissions. A link is followed: it is
    /// somebody's own way to keep the file elsewhere.
    pub fn write(&mut self, path: &Path, text: &str, why: &str) -> Result<(), Failure> {
        let file = end_of_links(path)?;
        let mode = self.planned_text(&file)?.map(|before| before.mode);
        self.put(file, text, mode.unwrap_or(READABLE), why)
    }

    /// Sets a file's text and its permissions. A link in its place is replaced,
    /// and what it led to stays as it is.
    pub fn write_with_mode(
        &mut self,
        path: &Path,
        text: &str,
        mode: u32,
        why: &str,
    ) -> Result<(), Failure> {
        self.put(path.to_owned(), text, mode, why)
    }

    /// Sets the text of a client's settings, of which only that part is GAIA's.
    /// `new_mode` are the permissions of a file that is not there yet.
    pub fn write_part(
        &mut self,
        of: OfClient,
        path: &Path,
        (text, new_mode): (&str, u32),
        why: &str,
    ) -> Result<(), Failure> {
        let file = end_of_links(path)?;
        let mode = self.planned_text(&file)?.map(|before| before.mode);
        self.of = Some(of);
        let put = self.put(file, text, mode.unwrap_or(new_mode), why);
        self.of = None;
        put
    }

    /// Gives a file another name beside it. A link is not followed.
    pub fn move_aside(&mut self, path: &Path, to: &Path, why: &str) -> Result<(), Failure> {
        let to = to.to_owned();
        self.add(path.to_owned(), why, What::Moved { to })
    }

    /// Makes the database.
    pub fn database(&mut self, file: &Path, why: &str) -> Result<(), Failure> {
        self.add(file.to_owned(), why, What::Database)
    }

    fn put(&mut self, file: PathBuf, text: &str, mode: u32, why: &str) -> Result<(), Failure> {
        let before = self.planned_text(&file)?;
        let after = Text {
            text: text.to_owned(),
            mode,
        };
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        if let Some(above) = file.parent() {
            self.folder(above, why)?;
        }
        let after = Some(after);
        self.add(file, why, What::File { before, after })
    }

    fn planned_text(&self, file: &Path) -> Result<Option<Text>, Failure> {
        let mut newest = self.changes.iter().rev();
        let planned = newest.find_map(|change| match &change.what {
            _ if change.path != file => None,
            What::File { after, .. } => Some(after.clone()),
            What::Moved { .. } => Some(None),
            _ => None,
        });
        planned.map_or_else(|| on_disk(file), Ok)
    }

    /// Whether something is to be changed there already.
    pub fn is_planned(&self, path: &Path) -> bool {
        self.changes.iter().any(|change| change.path == path)
    }

    fn add(&mut self, path: PathBuf, why: &str, what: What) -> Result<(), Failure> {
        if path.to_str().is_none() {
            let why = format!("{path:?} is not UTF-8, so it could not be noted for --undo");
            return Err(Failure::usage(why));
        }
        self.changes.push(Change {
            planner: self.planner.to_owned(),
            repo: self.repo.clone(),
            of: self.of.clone(),
            path,
            why: why.to_owned(),
            what,
        });
        Ok(())
    }
}

/// A file's text on disk.
pub fn on_disk(file: &Path) -> Result<Option<Text>, Failure> {
    let read = || -> io::Result<Text> {
        let text = std::fs::read_to_string(file)?;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        Ok(Text { text, mode })
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unusable(file, &error)),
    }
}

/// Where a file stands in the place of a folder there is nothing below it.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Where a file's content lies; a link that leads nowhere is not filled.
fn end_of_links(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_symlink() {
        return Ok(path.to_owned());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a file to be written, not a folder to be locked"
    )]
    path.canonicalize().map_err(|error| unusable(path, &error))
}

/// A place that cannot be read or written.
pub fn unusable(path: &Path, error: &io::Error) -> Failure {
    let why = format!("{} cannot be used: {error}", path.display());
    Failure::new("failed", Status::Failed, why)
}
