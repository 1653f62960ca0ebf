//! What to do next: pure, from a snapshot and the time.
//!
//! It reads no clock, no table and no file. What it says is carried out one
//! effect at a time, each in a transaction that looks again whether it still
//! holds; an effect that has become wrong meanwhile changes nothing and is
//! planned anew.

use std::cmp::Reverse;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId, WaiterId};
use gaia_locks::model::Mode;

use crate::session::{Kind, Session};
use crate::task::{Pending, Running, Stop};

/// What the queue and the sessions look like.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All sessions that can be given tasks.
    pub sessions: Vec<Session>,
    /// The first task of each lane, and those that stand in their folder's line.
    pub heads: Vec<Head>,
}

/// A task that may be next.
#[derive(Clone, Debug)]
pub struct Head {
    /// The task.
    pub task: Pending,
    /// How it stands with its folder.
    pub place: Place,
}

/// How it stands with a task's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nobody needed to look: no session could take the task now.
    Unseen,
    /// The task has none [T1].
    Nowhere,
    /// It cannot be worked in: why.
    Impossible(String),
    /// It would be granted.
    Free(Folder),
    /// It would be granted to these sessions alone: what is in the way is
    /// their own, and a session with and without a task is one worker [R1].
    FreeFor(Folder, Vec<SessionId>),
    /// It would not: somebody holds it, waits for it or paused it.
    Taken(Folder),
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Give a task to a session, with the lock on its folder.
    Assign(Assign),
    /// Fail a task whose turn has come and who cannot be worked on [T1].
    Fail {
        /// Which.
        task: TaskId,
        /// Why.
        why: String,
    },
    /// Note that a task is passed over from now on [T7].
    PassOver {
        /// Which.
        task: TaskId,
    },
    /// Let a task stand in its folder's line in its own name [T7].
    Stand {
        /// Which.
        task: TaskId,
        /// Where.
        folder: Folder,
        /// How it would be locked.
        mode: Mode,
    },
    /// Take a task out of the line: no session could take it any more.
    Leave {
        /// Which.
        task: TaskId,
        /// Its place.
        waiter: WaiterId,
    },
}

/// One assignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assign {
    /// The task.
    pub task: TaskId,
    /// To whom.
    pub session: SessionId,
    /// How that session is driven.
    pub kind: Kind,
    /// What is locked for it.
    pub folder: Option<Folder>,
    /// How.
    pub mode: Mode,
    /// Its place in the folder's line, which it takes up now.
    pub waiter: Option<WaiterId>,
}

/// What the planning goes by.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long a task is passed over before it stands in line [T7].
    pub patience: Duration,
}

impl Snapshot {
    /// Whether anybody could take this task at once, or it has been passed
    /// over for so long that it is to stand in line: only then somebody needs
    /// to look at its folder.
    pub fn is_worth_a_look(&self, task: &Pending, now: Moment, rules: Rules) -> bool {
        let free = self
            .sessions
            .iter()
            .any(|session| session.fit(&task.wants).is_some());
        free || (is_out_of_patience(task, now, rules) && self.has_taker(task))
    }

    /// Whether any known session could take this task, now or later.
    pub fn has_taker(&self, task: &Pending) -> bool {
        self.sessions
            .iter()
            .any(|session| session.could_take(&task.wants))
    }
}

fn is_out_of_patience(task: &Pending, now: Moment, rules: Rules) -> bool {
    let waited = task.passed_over.map(|since| now.since(since));
    task.waiter.is_none() && waited.is_some_and(|waited| waited >= rules.patience)
}

/// Plans: higher priority first, then age; what is locked is passed over.
pub fn plan(snapshot: &Snapshot, now: Moment, rules: Rules) -> Vec<Effect> {
    let mut heads: Vec<&Head> = snapshot.heads.iter().collect();
    heads.sort_by_key(|head| (Reverse(head.task.priority), head.task.id));
    let mut round = Round {
        snapshot,
        free: snapshot
            .sessions
            .iter()
            .filter(|session| session.can_be_given())
            .collect(),
        given: Vec::new(),
    };
    let steps = heads.iter().filter_map(|head| round.step(head, now, rules));
    steps.collect()
}

/// What is left while a plan is made.
struct Round<'a> {
    snapshot: &'a Snapshot,
    free: Vec<&'a Session>,
    /// What this plan has given away.
    given: Vec<(Folder, Mode)>,
}

impl Round<'_> {
    fn step(&mut self, head: &Head, now: Moment, rules: Rules) -> Option<Effect> {
        let task = &head.task;
        match &head.place {
            Place::Unseen => self.leave(task),
            Place::Nowhere => self.assign(task, None, self.best(task)?),
            Place::Free(folder) => self.assign(task, Some(folder), self.best(task)?),
            Place::FreeFor(folder, own) => {
                let at = self.best_of(task, |session| own.contains(&session.name))?;
                self.assign(task, Some(folder), at)
            }
            Place::Impossible(why) => self.best(task).map(|_| Effect::Fail {
                task: task.id,
                why: why.clone(),
            }),
            Place::Taken(folder) => self.pass_over(task, folder, now, rules),
        }
    }

    fn best(&self, task: &Pending) -> Option<usize> {
        self.best_of(task, |_| true)
    }

    fn best_of(&self, task: &Pending, among: impl Fn(&Session) -> bool) -> Option<usize> {
        let fits = self.free.iter().enumerate();
        let fits = fits.filter(|(_, session)| among(session));
        let fits = fits.filter_map(|(at, session)| Some((session.fit(&task.wants)?, at)));
        fits.min().map(|(_, at)| at)
    }

    fn assign(&mut self, task: &Pending, folder: Option<&Folder>, at: usize) -> Option<Effect> {
        let mode = task.wants.mode();
        let clashes = |folder: &Folder| {
            let clash =
                |(other, held): &(Folder, Mode)| held.excludes(mode) && other.overlaps(folder);
            self.given.iter().any(clash)
        };
        // Given away a moment ago: whether it is passed over shows next time.
        if folder.is_some_and(clashes) {
            return None;
        }
        let session = self.free.remove(at);
        self.given
            .extend(folder.map(|folder| (folder.clone(), mode)));
        Some(Effect::Assign(Assign {
            task: task.id,
            session: session.name.clone(),
            kind: session.kind,
            folder: folder.cloned(),
            mode,
            waiter: task.waiter,
        }))
    }

    fn pass_over(
        &self,
        task: &Pending,
        folder: &Folder,
        now: Moment,
        rules: Rules,
    ) -> Option<Effect> {
        if task.waiter.is_some() {
            return None;
        }
        if is_out_of_patience(task, now, rules) && self.snapshot.has_taker(task) {
            return Some(Effect::Stand {
                task: task.id,
                folder: folder.clone(),
                mode: task.wants.mode(),
            });
        }
        let first = task.passed_over.is_none() && self.best(task).is_some();
        first.then_some(Effect::PassOver { task: task.id })
    }

    fn leave(&self, task: &Pending) -> Option<Effect> {
        let waiter = task.waiter.filter(|_| !self.snapshot.has_taker(task))?;
        Some(Effect::Leave {
            task: task.id,
            waiter,
        })
    }
}

/// When the next task runs out of patience, if any is passed over.
pub fn next_patience(snapshot: &Snapshot, rules: Rules) -> Option<Moment> {
    let waiting = snapshot
        .heads
        .iter()
        .filter(|head| head.task.waiter.is_none());
    waiting
        .filter_map(|head| head.task.passed_over)
        .min()
        .map(|since| since.plus(rules.patience))
}

/// Which running tasks are to be stopped, and why. `lost` tells how a task's
/// lock ended under it.
pub fn stops(
    running: &[Running],
    now: Moment,
    lost: impl Fn(&Running) -> Option<String>,
) -> Vec<(TaskId, Stop)> {
    let why = |task: &Running| {
        let asked = task.stop.clone();
        let lost = || lost(task).map(Stop::LockLost);
        asked
            .or_else(lost)
            .or_else(|| (now >= task.deadline).then_some(Stop::TimedOut))
    };
    running
        .iter()
        .filter_map(|task| Some((task.id, why(task)?)))
        .collect()
}

#[cfg(test)]
mod tests;
