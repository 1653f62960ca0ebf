//! Whether it all adds up: what the history says, what the stand-ins say, and
//! whether the two say the same.
//!
//! The history is judged by the checker that the tests use; the stand-ins'
//! reports are compared with one another by paths and times alone. Neither
//! sees what the other goes by.

mod doubts;
mod figures;

use std::time::Duration;

use gaia_assigner::TaskService;
use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::store::Record;
use gaia_testkit::checker::{self, Evidence, Verdict};
use serde::{Deserialize, Serialize};

use super::agent::edits_in;
use super::company::still_running;
use super::picture::Picture;
use super::play::{Fate, PERSON, Play};
use super::report::Report;
use super::stage::Stage;
use crate::exit::Failure;

pub use figures::Summary;

/// What only those know who were there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Notes {
    /// The stand-in that was killed: its lock, and when.
    pub killed: Option<(LockId, Moment)>,
    /// How long all of it took.
    pub took: Duration,
    /// When the person asked.
    pub asked: Option<Moment>,
    /// What went wrong.
    pub troubles: Vec<String>,
}

/// All that is judged.
struct Case<'a> {
    play: &'a Play,
    notes: &'a Notes,
    /// How tasks and locks stand at the end.
    picture: Picture,
    /// What the history says, in order of tokens.
    history: Vec<Record>,
    /// What the checker says of it.
    verdict: Verdict,
    /// What the stand-ins say.
    reports: Vec<Report>,
    /// How many lines they added to files.
    edits: usize,
    /// Processes that still run.
    running: usize,
}

/// Judges.
///
/// # Errors
/// When what is judged cannot be read.
pub fn judge(
    stage: &Stage,
    tasks: &TaskService,
    play: &Play,
    notes: &Notes,
) -> Result<Summary, Failure> {
    let evidence = Evidence::gather(&**tasks.locks().store(), Vec::new())?;
    let case = Case {
        play,
        notes,
        picture: Picture::take(tasks)?,
        verdict: checker::judge(&evidence),
        history: evidence.history,
        reports: Report::read_all(&stage.reports())?,
        edits: edits_in(&stage.repository())?,
        running: still_running(stage)?.len(),
    };
    Ok(Summary {
        home: stage.is_kept().then(|| stage.root.clone()),
        ..case.summary()
    })
}

impl Case<'_> {
    fn record(&self, token: LockId) -> Option<&Record> {
        self.history.iter().find(|record| record.id == token)
    }

    fn tries_of(&self, task: TaskId) -> impl Iterator<Item = &Record> {
        let records = self.history.iter();
        records.filter(move |record| record.holder.task == task)
    }

    /// Its first try was not its last.
    fn was_retried(&self, task: &TaskInfo) -> bool {
        self.tries_of(task.id).count() > 1
    }

    /// The lock for which the person stood in line.
    fn of_person(&self) -> Option<&Record> {
        let mut records = self.history.iter();
        records.find(|record| record.holder.session.as_str() == PERSON)
    }
}

fn fate(task: &TaskInfo) -> Option<Fate> {
    match task.status {
        Status::Completed => Some(Fate::Completed),
        Status::Failed => Some(Fate::Failed),
        Status::Pending if !task.blocked_by.is_empty() => Some(Fate::Blocked),
        _ => None,
    }
}
