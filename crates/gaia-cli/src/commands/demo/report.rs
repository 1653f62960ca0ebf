//! What a stand-in says of its own work: one line of JSON for each look
//! around, in a file of its own, written whether or not anybody asks.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Mode;
use serde::{Deserialize, Serialize};

/// Who works where, by which lock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Worker {
    /// The lock that it was given.
    pub token: LockId,
    /// The session.
    pub session: String,
    /// The task, 0 for the person.
    pub task: TaskId,
    /// The folder, absolute.
    pub folder: String,
    /// Alone, or beside others that read.
    pub mode: Mode,
    /// The process.
    pub process: ProcessIdentity,
}

/// One thing that it says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Says {
    /// It has begun.
    Began(Worker),
    /// It has looked around and is alone.
    Alone,
    /// It has looked around and is not.
    NotAlone {
        /// What it found.
        found: String,
    },
    /// It is about to end.
    Ends,
}

/// One line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Line {
    at: Moment,
    #[serde(flatten)]
    says: Says,
}

/// Where a stand-in writes.
pub struct Pen {
    file: File,
}

impl Pen {
    /// Begins a report. Each lock has one, and no two workers share it.
    ///
    /// # Errors
    /// When there is one for this lock already.
    pub fn begin(reports: &Path, worker: &Worker) -> io::Result<Self> {
        let path = reports.join(format!("{}.jsonl", worker.token));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(path)?;
        let mut pen = Self { file };
        pen.say(Says::Began(worker.clone()))?;
        Ok(pen)
    }

    /// Writes one line, in one piece: what is written survives its writer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn say(&mut self, says: Says) -> io::Result<()> {
        let at = SystemClock.now().moment;
        let mut line = serde_json::to_vec(&Line { at, says })?;
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

/// A report as it was read.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who.
    pub worker: Worker,
    /// When it began.
    pub began: Moment,
    /// When it was last heard.
    pub heard: Moment,
    /// How often it looked around and was alone.
    pub looks: usize,
    /// When it was not alone, what it found.
    pub found: Vec<String>,
}

impl Report {
    /// Reads one; `None` before its first line is written. A torn last line is
    /// left out.
    ///
    /// # Errors
    /// When it cannot be read, or does not say who wrote it.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = std::fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines: Result<Vec<Line>, _> = whole.lines().map(serde_json::from_str).collect();
        let mut lines = lines?.into_iter();
        let Some(first) = lines.next() else {
            return Ok(None);
        };
        let Says::Began(worker) = first.says else {
            let what = format!("{} does not say who wrote it", path.display());
            return Err(io::Error::other(what));
        };
        let mut report = Self {
            worker,
            began: first.at,
            heard: first.at,
            looks: 0,
            found: Vec::new(),
        };
        lines.for_each(|line| report.add(line));
        Ok(Some(report))
    }

    fn add(&mut self, line: Line) {
        self.heard = line.at;
        match line.says {
            Says::Alone => self.looks += 1,
            Says::NotAlone { found } => self.found.push(found),
            Says::Began(_) | Says::Ends => {}
        }
    }

    /// All reports, by token.
    ///
    /// # Errors
    /// As [`Report::read`].
    pub fn read_all(reports: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(reports)? {
            all.extend(Self::read(&entry?.path())?);
        }
        all.sort_by_key(|report| report.worker.token);
        Ok(all)
    }

    /// Whether two of them were at work at the same time where they must not
    /// be. Thought out anew from paths alone, not asked of the lock rules.
    pub fn clashes(&self, other: &Self) -> bool {
        let exclusive = self.worker.mode == Mode::Exclusive || other.worker.mode == Mode::Exclusive;
        let at_once = self.began <= other.heard && other.began <= self.heard;
        exclusive && at_once && nested(&self.worker.folder, &other.worker.folder)
    }
}

fn nested(one: &str, other: &str) -> bool {
    let (one, other) = (PathBuf::from(one), PathBuf::from(other));
    one.starts_with(&other) || other.starts_with(&one)
}

/// A folder as reports name it.
pub fn folder_name(path: &Path) -> String {
    let resolved = Folder::resolve(path, Path::new("/"));
    resolved.map_or_else(
        |_| path.display().to_string(),
        |folder| folder.path().to_owned(),
    )
}
