//! Whether it all adds up: what the history says, what the stand-ins say, and
//! whether the two say the same.
//!
//! The history is judged by the checker that the tests use; the stand-ins'
//! reports are compared with one another by paths and times alone. Neither
//! sees what the other goes by.

use std::collections::BTreeMap;
use std::time::Duration;

use gaia_assigner::Tasks;
use gaia_assigner::task::Status;
use gaia_assigner::wire::TaskInfo;
use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use gaia_locks::model::EndReason;
use gaia_locks::store::Record;
use gaia_testkit::checker::{self, Evidence};
use serde::{Deserialize, Serialize};

use super::agent::edits_in;
use super::company::still_running;
use super::picture::{Picture, folder};
use super::play::{Fate, PERSON, Part, Play};
use super::report::Report;
use super::stage::Stage;
use crate::exit::Failure;

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

/// All that is judged.
struct Case<'a> {
    play: &'a Play,
    notes: &'a Notes,
    picture: Picture,
    history: Vec<Record>,
    reports: Vec<Report>,
}

/// Judges.
///
/// # Errors
/// When what is judged cannot be read.
pub fn judge(stage: &Stage, tasks: &Tasks, play: &Play, notes: &Notes) -> Result<Summary, Failure> {
    let evidence = Evidence::gather(&**tasks.locks().store(), Vec::new())?;
    let verdict = checker::judge(&evidence);
    let case = Case {
        play,
        notes,
        picture: Picture::take(tasks)?,
        history: evidence.history,
        reports: Report::read_all(&stage.reports())?,
    };
    let left = Left {
        locks: case.picture.locks.locks.len(),
        waiters: case.picture.locks.waiters.len(),
        processes: still_running(stage)?.len(),
    };
    let mut doubts: Vec<String> = notes.troubles.clone();
    doubts.extend(verdict.violations.iter().map(ToString::to_string));
    doubts.extend(case.reports.iter().flat_map(complaints));
    let clashes = case.clashes();
    doubts.extend(clashes.iter().cloned());
    doubts.extend(case.differences());
    doubts.extend(case.wrong_fates());
    doubts.extend(case.missed());
    doubts.extend(leftovers(left));
    Ok(Summary {
        adds_up: doubts.is_empty(),
        seconds: notes.took.as_secs_f64(),
        tasks: case.fates(),
        history: case.of_history(verdict.violations.len()),
        agents: case.of_agents(clashes.len(), edits_in(&stage.repository())?),
        longest_wait: case.longest_wait(),
        killed: case.killed(),
        left,
        doubts,
    })
}

fn complaints(report: &Report) -> Vec<String> {
    let worker = &report.worker;
    let of = |found: &String| {
        format!(
            "{} (lock {}) was not alone: {found}",
            worker.session, worker.token
        )
    };
    report.found.iter().map(of).collect()
}

fn leftovers(left: Left) -> Vec<String> {
    let all = [
        (left.locks, "locks"),
        (left.waiters, "waiters"),
        (left.processes, "processes"),
    ];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{count} {what} are left"))
        .collect()
}

impl Case<'_> {
    fn record(&self, token: LockId) -> Option<&Record> {
        self.history.iter().find(|record| record.id == token)
    }

    /// Two stand-ins where they must not be together.
    fn clashes(&self) -> Vec<String> {
        let mut clashes = Vec::new();
        for (at, one) in self.reports.iter().enumerate() {
            for other in self.reports[at + 1..]
                .iter()
                .filter(|other| one.clashes(other))
            {
                let (a, b) = (&one.worker, &other.worker);
                clashes.push(format!(
                    "{} in {} and {} in {} were at work at the same time (locks {} and {})",
                    a.session, a.folder, b.session, b.folder, a.token, b.token
                ));
            }
        }
        clashes
    }

    /// Where the history and the reports do not say the same.
    fn differences(&self) -> Vec<String> {
        let unheard = self.history.iter().filter(|record| {
            !self
                .reports
                .iter()
                .any(|report| report.worker.token == record.id)
        });
        let unheard = unheard
            .map(|record| format!("lock {} was granted, and nobody worked by it", record.id));
        let reports = self
            .reports
            .iter()
            .filter_map(|report| self.difference(report));
        unheard.chain(reports).collect()
    }

    fn difference(&self, report: &Report) -> Option<String> {
        let (worker, token) = (&report.worker, report.worker.token);
        let Some(record) = self.record(token) else {
            return Some(format!(
                "{} worked by lock {token}, which the history does not know",
                worker.session
            ));
        };
        let same = record.folder.path() == worker.folder
            && record.holder.session.as_str() == worker.session
            && record.holder.task == worker.task
            && record.mode == worker.mode;
        if !same {
            return Some(format!(
                "lock {token} is that of another holder or folder in the history"
            ));
        }
        let until = record.end.as_ref().map_or(Moment::MAX, |end| end.moment);
        let within = record.granted <= report.began && report.heard <= until;
        (!within).then(|| {
            format!(
                "{} worked when lock {token} was not its own",
                worker.session
            )
        })
    }

    fn fate(&self, task: &TaskInfo) -> Option<Fate> {
        match task.status {
            Status::Completed => Some(Fate::Completed),
            Status::Failed => Some(Fate::Failed),
            Status::Pending if !task.blocked_by.is_empty() => Some(Fate::Blocked),
            _ => None,
        }
    }

    /// Its first try was not its last.
    fn was_retried(&self, task: &TaskInfo) -> bool {
        let tries = self
            .history
            .iter()
            .filter(|record| record.holder.task == task.id);
        tries.count() > 1
    }

    fn wrong_fates(&self) -> Vec<String> {
        let wrong = |task: &TaskInfo| {
            let order = self.play.order(task.id)?;
            let right =
                self.fate(task) == Some(order.fate) && self.was_retried(task) == order.is_retried();
            let error = task.error.as_deref().unwrap_or_default();
            (!right).then(|| {
                format!(
                    "task {} ended otherwise than the play has it: {} {error}",
                    task.id,
                    task.status.word()
                )
            })
        };
        self.picture.tasks.iter().filter_map(wrong).collect()
    }

    /// What should have happened and has not.
    fn missed(&self) -> Vec<String> {
        let sent = self.picture.tasks.len() == self.play.orders.len();
        let all = [
            (self.notes.killed.is_some(), "nobody was killed"),
            (
                self.history
                    .iter()
                    .any(|record| record.holder.session.as_str() == PERSON),
                "the person had no turn",
            ),
            (sent, "tasks are missing"),
        ];
        let missed = all.into_iter().filter(|(happened, _)| !happened);
        missed.map(|(_, what)| what.to_owned()).collect()
    }

    fn fates(&self) -> Fates {
        let count = |fate| {
            let tasks = self.picture.tasks.iter();
            tasks.filter(|task| self.fate(task) == Some(fate)).count()
        };
        Fates {
            count: self.picture.tasks.len(),
            completed: count(Fate::Completed),
            failed: count(Fate::Failed),
            blocked: count(Fate::Blocked),
            retried: self
                .picture
                .tasks
                .iter()
                .filter(|task| self.was_retried(task))
                .count(),
        }
    }

    fn of_history(&self, conflicts: usize) -> History {
        let mut ended = BTreeMap::new();
        for end in self.history.iter().filter_map(|record| record.end.as_ref()) {
            *ended.entry(end.reason.word()).or_default() += 1;
        }
        let spans = self.history.iter().map(|record| {
            let end = record.end.as_ref();
            (record.granted, end.map_or(Moment::MAX, |end| end.moment))
        });
        History {
            granted: self.history.len(),
            ended,
            most_at_once: most_at_once(spans),
            conflicts,
        }
    }

    fn of_agents(&self, conflicts: usize, edits: usize) -> Agents {
        let alone = |report: &&Report| report.looks > 0 && report.found.is_empty();
        Agents {
            worked: self.reports.len(),
            alone: self.reports.iter().filter(alone).count(),
            looks: self.reports.iter().map(|report| report.looks).sum(),
            most_at_once: most_at_once(
                self.reports
                    .iter()
                    .map(|report| (report.began, report.heard)),
            ),
            conflicts,
            edits,
        }
    }

    fn longest_wait(&self) -> Option<Wait> {
        let tasks = self.picture.tasks.iter().filter_map(|task| {
            let mut tries = self.history.iter();
            let first = tries.find(|record| record.holder.task == task.id)?;
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
        let mut locks = self.history.iter();
        let lock = locks.find(|record| record.holder.session.as_str() == PERSON)?;
        let waited = lock.granted.since(self.notes.asked?);
        Some((waited, format!("{PERSON} for {}", self.play.person.folder)))
    }

    fn killed(&self) -> Option<Killed> {
        let (lock, at) = self.notes.killed?;
        let end = self.record(lock)?.end.as_ref()?;
        Some(Killed {
            lock,
            freed_after_ms: end.moment.since(at).as_secs_f64() * 1000.0,
            end: EndReason::word(end.reason),
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

/// Which stand-in is to be killed now: it is in the midst of its work.
pub fn to_be_killed<'a>(play: &Play, reports: &'a [Report]) -> Option<&'a Report> {
    let mut in_the_midst = reports.iter().filter(|report| report.looks >= 4);
    in_the_midst.find(|report| {
        let order = play.order(report.worker.task);
        order.is_some_and(|order| order.part == Part::KilledFirst)
    })
}
