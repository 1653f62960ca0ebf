//! What a process tells of itself: one line of JSON for each thing it does,
//! written before and after every request, with the moment.
//!
//! A line is one `write` to a file opened for appending: it survives `kill -9`
//! of its writer as soon as the call has returned, and at most the last line
//! of a journal is torn.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::ids::{LockId, SessionId, TaskId, WaiterId};
use gaia_locks::model::Mode;

/// One thing that a process did or was told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The process began.
    Started {
        /// Its number.
        pid: u32,
    },
    /// It is about to ask for locks.
    Asked {
        /// The request's number within the journal.
        ask: u64,
        /// What it asks for.
        want: Asked,
    },
    /// It was given a place in line.
    Queued {
        /// Which request.
        ask: u64,
        /// The place.
        waiter: WaiterId,
    },
    /// It was granted what it asked for.
    Granted {
        /// Which request.
        ask: u64,
        /// The tokens, one for each folder.
        tokens: Vec<LockId>,
        /// Whether all of them were held before.
        held_before: bool,
    },
    /// It was refused, or its patience ended.
    Refused {
        /// Which request.
        ask: u64,
        /// Whether the refusal named a circle.
        circle: bool,
    },
    /// It was told that its place in line is gone.
    Gone {
        /// Which request.
        ask: u64,
    },
    /// It is about to renew.
    Renewing {
        /// Which lock.
        token: LockId,
        /// The lease's length from then on, in milliseconds.
        ttl_ms: u64,
    },
    /// What came of the renewal.
    Renewed {
        /// Which lock.
        token: LockId,
        /// Whether it was renewed.
        renewed: bool,
    },
    /// It is about to release.
    Releasing {
        /// Which lock.
        token: LockId,
    },
    /// What came of the release.
    Released {
        /// Which lock.
        token: LockId,
        /// Whether the lock ended by it; otherwise it was not held any more.
        ended: bool,
    },
    /// It is about to ask whether a lock is active.
    Looking {
        /// Which lock.
        token: LockId,
    },
    /// What it was told.
    Looked {
        /// Which lock.
        token: LockId,
        /// Whether it is active.
        active: bool,
    },
    /// It found another at work in its folder.
    NotAlone {
        /// Its own lock.
        token: LockId,
        /// What it found.
        found: String,
    },
    /// Something failed that should not.
    Failed {
        /// What.
        what: String,
    },
    /// The process ends by itself.
    Leaving,
    /// The disturber is about to kill a process.
    Killing {
        /// The journal of that process.
        journal: String,
    },
    /// A process did not end in time.
    Hung {
        /// The journal of that process.
        journal: String,
    },
}

/// A request as its asker wrote it down.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The folders.
    pub folders: Vec<String>,
    /// For which session.
    pub session: SessionId,
    /// For which task.
    pub task: TaskId,
    /// Exclusive or shared.
    pub mode: Mode,
    /// The lease's length, in milliseconds.
    pub ttl_ms: u64,
    /// Whether the locks are bound to the asking process.
    pub bound: bool,
    /// Whether they are to be locks of their own.
    pub own: bool,
    /// How long it waits in line, in milliseconds; `None`: not at all.
    pub limit_ms: Option<u64>,
}

/// One line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Line {
    /// When it was written.
    pub at: Moment,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// All that one process wrote.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Its name: the file's, without the ending.
    pub name: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

impl Journal {
    /// Reads one journal; a torn last line is left out.
    ///
    /// # Errors
    /// When the file cannot be read or is torn elsewhere.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines: Result<Vec<Line>, _> = whole.lines().map(serde_json::from_str).collect();
        let stem = path.file_stem().unwrap_or_default();
        Ok(Self {
            name: stem.to_string_lossy().into_owned(),
            lines: lines.map_err(io::Error::other)?,
        })
    }

    /// Reads every journal in a directory.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn read_all(directory: &Path) -> io::Result<Vec<Self>> {
        let mut journals = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "jsonl") {
                journals.push(Self::read(&path)?);
            }
        }
        journals.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(journals)
    }
}

/// Where a process writes its journal.
#[derive(Debug)]
pub struct Pen {
    file: File,
}

impl Pen {
    /// Begins a journal.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(format!("{name}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file })
    }

    /// Writes one line and gives its moment.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, event: Event) -> io::Result<Moment> {
        let at = SystemClock.now().moment;
        let mut line = serde_json::to_vec(&Line { at, event })?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        Ok(at)
    }
}
