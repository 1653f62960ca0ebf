//! What the agents noted, put together: one run for each time that a task was
//! sent to an agent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// One line.
#[derive(Clone, Debug, Deserialize)]
pub struct Note {
    pub at: i64,
    pub folder: PathBuf,
    pub found: Value,
    pub pid: i64,
    pub reads: bool,
    pub session: String,
    pub task: i64,
    pub token: Option<i64>,
    pub what: String,
}

/// One run: everything that was noted under one token.
#[derive(Clone, Debug)]
pub struct Run {
    pub task: i64,
    pub token: i64,
    pub session: String,
    pub folder: PathBuf,
    pub reads: bool,
    /// How often an agent began under this token: once.
    pub begun: usize,
    /// From its first note to its last, of whatever it started.
    pub first: i64,
    pub last: i64,
    /// How it ended, if it came to its end: done or failed.
    pub ended: Option<bool>,
    /// What it should not have seen.
    pub seen: Vec<String>,
}

/// All notes, in their order in the file. Where its writer was killed in the
/// midst of a line, at the end of a page, the next note follows on the same one.
pub fn read(path: &Path) -> Vec<Note> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let note = |line: &str| {
        let whole = &line[line.rfind("{\"at\":").unwrap_or(0)..];
        serde_json::from_str(whole).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let lines = text.split_inclusive('\n');
    lines
        .filter(|line| line.ends_with('\n'))
        .map(note)
        .collect()
}

/// The runs under a lock, in order of tokens.
pub fn runs(notes: &[Note]) -> Vec<Run> {
    let mut runs: BTreeMap<i64, Run> = BTreeMap::new();
    for note in notes {
        let Some(token) = note.token else { continue };
        let run = runs.entry(token).or_insert_with(|| Run {
            task: note.task,
            token,
            session: note.session.clone(),
            folder: note.folder.clone(),
            reads: note.reads,
            begun: 0,
            first: note.at,
            last: note.at,
            ended: None,
            seen: Vec::new(),
        });
        run.add(note);
    }
    runs.into_values().collect()
}

impl Run {
    fn add(&mut self, note: &Note) {
        self.first = self.first.min(note.at);
        self.last = self.last.max(note.at);
        match note.what.as_str() {
            "began" => self.begun += 1,
            "ended" => self.ended = note.found.as_bool(),
            "here" => {}
            what => self
                .seen
                .push(format!("{what}: {} (process {})", note.found, note.pid)),
        }
    }

    /// Whether the two must never be at work at one instant.
    pub fn excludes(&self, other: &Run) -> bool {
        let overlap =
            self.folder.starts_with(&other.folder) || other.folder.starts_with(&self.folder);
        overlap && !(self.reads && other.reads)
    }
}
