//! The figures of the summary, each computed from what was written down.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use gaia_testkit::checker::Violation;
use serde::Serialize;

use super::{Case, fate};
use crate::commands::demo::picture::folder;
use crate::commands::demo::play::{Fate, PERSON};
use crate::commands::demo::report::Report;

/// The summary.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Whether everything adds up.
    pub adds_up: bool,
    /// What does not.
    pub doubts: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What became of the tasks.
    pub tasks: Fates,
    /// What the history says.
    pub history: History,
    /// What the stand-ins say.
    pub agents: Agents,
    /// The longest time that anybody waited.
    pub longest_wait: Option<Wait>,
    /// The stand-in that was killed.
    pub killed: Option<Killed>,
    /// What is left.
    pub left: Left,
    /// The home, if it is still there.
    pub home: Option<PathBuf>,
}

/// What became of the tasks.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Fates {
    /// How many there were.
    pub count: usize,
    /// Done.
    pub completed: usize,
    /// Failed, as the play wants it.
    pub failed: usize,
    /// Waits for one that failed.
    pub blocked: usize,
    /// Tried more than once.
    pub retried: usize,
}

/// What the history says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct History {
    /// Locks granted.
    pub granted: usize,
    /// How they ended.
    pub ended: BTreeMap<&'static str, usize>,
    /// How many were active at once.
    pub most_at_once: usize,
    /// Conflicting locks at the same time.
    pub conflicts: usize,
}

/// What the stand-ins say.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Agents {
    /// How many of them worked.
    pub worked: usize,
    /// How many were alone all the time.
    pub alone: usize,
    /// How often they looked.
    pub looks: usize,
    /// How many were at work at once.
    pub most_at_once: usize,
    /// Pairs that were where they must not be together.
    pub conflicts: usize,
    /// What they wrote into files.
    pub edits: usize,
}

/// The longest wait.
#[derive(Clone, Debug, Serialize)]
pub struct Wait {
    /// How long, in seconds.
    pub seconds: f64,
    /// Who and for what.
    pub who: String,
}

/// The stand-in that was killed.
#[derive(Clone, Debug, Serialize)]
pub struct Killed {
    /// Its lock.
    pub lock: LockId,
    /// How long its folder stayed locked after that, in milliseconds.
    pub freed_after_ms: f64,
    /// How the history says that its lock ended.
    pub end: &'static str,
}

/// What is left.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Left {
    /// Active locks.
    pub locks: usize,
    /// Waiters.
    pub waiters: usize,
    /// Processes.
    pub processes: usize,
}

impl Case<'_> {
    pub(super) fn summary(&self) -> Summary {
        let left = Left {
            locks: self.picture.locks.locks.len(),
            waiters: self.picture.locks.waiters.len(),
            processes: self.running,
        };
        let doubts = self.doubts(left);
        Summary {
            adds_up: doubts.is_empty(),
            doubts,
            seconds: self.notes.took.as_secs_f64(),
            tasks: self.fates(),
            history: self.of_history(),
            agents: self.of_agents(),
            longest_wait: self.longest_wait(),
            killed: self.killed(),
            left,
            home: None,
        }
    }

    fn fates(&self) -> Fates {
        let tasks = &self.picture.tasks;
        let count =
            |wanted: &dyn Fn(&TaskInfo) -> bool| tasks.iter().filter(|task| wanted(task)).count();
        Fates {
            count: tasks.len(),
            completed: count(&|task| fate(task) == Some(Fate::Completed)),
            failed: count(&|task| fate(task) == Some(Fate::Failed)),
            blocked: count(&|task| fate(task) == Some(Fate::Blocked)),
            retried: count(&|task| self.was_retried(task)),
        }
    }

    fn of_history(&self) -> History {
        let mut ended = BTreeMap::new();
        for end in self.history.iter().filter_map(|record| record.end.as_ref()) {
            *ended.entry(end.reason.word()).or_default() += 1;
        }
        let spans = self.history.iter().map(|record| {
            let end = record.end.as_ref();
            (record.granted, end.map_or(Moment::MAX, |end| end.moment))
        });
        let is_conflict = |one: &&Violation| matches!(one, Violation::Conflict { .. });
        History {
            granted: self.history.len(),
            ended,
            most_at_once: most_at_once(spans),
            conflicts: self.verdict.violations.iter().filter(is_conflict).count(),
        }
    }

    pub(super) fn of_agents(&self) -> Agents {
        let reports = &self.reports;
        let alone = |report: &&Report| report.looks > 0 && report.found.is_empty();
        let spans = reports.iter().map(|report| (report.began, report.heard));
        Agents {
            worked: reports.len(),
            alone: reports.iter().filter(alone).count(),
            looks: reports.iter().map(|report| report.looks).sum(),
            most_at_once: most_at_once(spans),
            conflicts: self.clashes().len(),
            edits: self.edits,
        }
    }

    /// From being sent to the first grant, or from asking to the turn.
    fn longest_wait(&self) -> Option<Wait> {
        let tasks = self.picture.tasks.iter().filter_map(|task| {
            let first = self.tries_of(task.id).next()?;
            let waited = first.granted_at.since(task.created_at?);
            Some((waited, format!("task {} for {}", task.id, folder(task))))
        });
        let (waited, who) = tasks.chain(self.person_waited()).max()?;
        Some(Wait {
            seconds: waited.as_secs_f64(),
            who,
        })
    }

    fn person_waited(&self) -> Option<(Duration, String)> {
        let waited = self.of_person()?.granted.since(self.notes.asked?);
        Some((waited, format!("{PERSON} for {}", self.play.person.folder)))
    }

    fn killed(&self) -> Option<Killed> {
        let (lock, at) = self.notes.killed?;
        let end = self.record(lock)?.end.as_ref()?;
        Some(Killed {
            lock,
            freed_after_ms: end.moment.since(at).as_secs_f64() * 1000.0,
            end: end.reason.word(),
        })
    }
}

/// How many spans of time there were at once.
fn most_at_once(spans: impl Iterator<Item = (Moment, Moment)>) -> usize {
    let mut steps: Vec<(Moment, bool)> = spans
        .flat_map(|(from, to)| [(from, true), (to, false)])
        .collect();
    steps.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, begins) in steps {
        now = if begins {
            now + 1
        } else {
            now.saturating_sub(1)
        };
        most = most.max(now);
    }
    most
}
