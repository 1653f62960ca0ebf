//! What to do next: pure, from a snapshot and the time.
//!
//! It reads no clock, no table and no file. What it says is carried out one
//! effect at a time, each in a transaction that looks again whether it still
//! holds; an effect that has become wrong meanwhile changes nothing and is
//! planned anew.

mod region;

use std::cmp::Reverse;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId, WaiterId};
use gaia_locks::model::Mode;

pub use region::{Region, cleaned, is_clean};

use crate::session::{Kind, Session};
use crate::task::{Pending, Running, Stop, Wants};

/// What the queue and the sessions look like.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All sessions that can be given tasks.
    pub sessions: Vec<Session>,
    /// As many tasks as there may be work for, in the order of the queue, and
    /// those that stand in their folder's line.
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
    /// Nobody needed to look: something is in the way of its region.
    Shut,
    /// The task has none [T1].
    Nowhere,
    /// It cannot be worked in: why.
    Impossible(String),
    /// It would be granted.
    Free(Folder),
    /// It would be granted to these sessions alone: what is in the way is
    /// their own, and a session with and without a task is one worker [R1].
    FreeFor(Folder, Vec<SessionId>, Region),
    /// It would not: somebody holds it, waits for it or paused it; and what
    /// else that is in the way of.
    Taken(Folder, Region),
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
    /// Let a task, and those that are kept by the same, wait in a region.
    Enter {
        /// Which.
        task: TaskId,
        /// Where.
        region: Region,
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

/// How many tasks of one lane and region stand in line at most, however many
/// sessions there are.
pub const MOST_STANDING: usize = 8;

impl Snapshot {
    /// Whether anybody could take this task at once, or it has been passed
    /// over for so long that it is to stand in line: only then somebody needs
    /// to look at its folder.
    pub fn is_worth_a_look(&self, task: &Pending, now: Moment, rules: Rules) -> bool {
        let fits = |session: &Session| session.fit(&task.wants).is_some();
        self.sessions.iter().any(fits)
            || (is_out_of_patience(task, now, rules) && self.most_standing(&task.wants) > 0)
    }

    /// Whether any known session could take such a task, now or later.
    pub fn has_taker(&self, wants: &Wants) -> bool {
        self.sessions
            .iter()
            .any(|session| session.could_take(wants))
    }

    /// How many tasks of one lane may stand in line for one region: no more
    /// than could be used. A place that a session would have to take up whose
    /// pane is gone would keep its folder from everybody.
    pub fn most_standing(&self, wants: &Wants) -> usize {
        let could = |session: &&Session| session.could_take(wants) && !session.is_gone;
        self.sessions
            .iter()
            .filter(could)
            .count()
            .min(MOST_STANDING)
    }
}

/// Whether a task has been passed over for so long that it may stand in line.
pub fn is_out_of_patience(task: &Pending, now: Moment, rules: Rules) -> bool {
    let waited = task.passed_over.map(|since| now.since(since));
    task.waiter.is_none() && waited.is_some_and(|waited| waited >= rules.patience)
}

/// The queue's order: higher priority first, then age.
pub fn order(task: &Pending) -> impl Ord + Copy + use<> {
    (Reverse(task.priority), task.id)
}

/// Plans: in the queue's order; what is locked is passed over.
pub fn plan(snapshot: &Snapshot, now: Moment, rules: Rules) -> Vec<Effect> {
    let mut heads: Vec<&Head> = snapshot.heads.iter().collect();
    heads.sort_by_key(|head| order(&head.task));
    let standing = heads.iter().filter(|head| head.task.waiter.is_some());
    let mut round = Round::new(snapshot, standing.map(|head| &head.task));
    heads
        .iter()
        .flat_map(|head| round.step(head, now, rules))
        .collect()
}

/// What is left while a plan is made. Whoever gathers a snapshot goes through
/// it too, so that it gathers no more than there is work for.
pub struct Round<'a> {
    sessions: &'a Snapshot,
    free: Vec<&'a Session>,
    /// What this plan has given away.
    given: Vec<(Folder, Mode)>,
    /// Regions that were found to be shut.
    shut: Vec<(Region, Mode)>,
    /// Who stands in line.
    standing: Vec<(Wants, Region)>,
}

impl<'a> Round<'a> {
    /// A round in which nothing is given away yet.
    pub fn new<'b>(snapshot: &'a Snapshot, standing: impl Iterator<Item = &'b Pending>) -> Self {
        let free = snapshot.sessions.iter();
        Self {
            sessions: snapshot,
            free: free.filter(|session| session.can_be_given()).collect(),
            given: Vec::new(),
            shut: Vec::new(),
            standing: standing
                .map(|task| (task.wants.lane(), task.region.clone()))
                .collect(),
        }
    }

    /// Whether a session is left that such a task could go to; one of `among`
    /// if that is given.
    pub fn has_room(&self, wants: &Wants, among: Option<&[SessionId]>) -> bool {
        let among = |session: &Session| among.is_none_or(|among| among.contains(&session.name));
        self.best_of(wants, among).is_some()
    }

    /// Whether nothing in this region can be given away in this round any more.
    pub fn is_shut(&self, region: &Region, mode: Mode) -> bool {
        let given =
            |(folder, held): &(Folder, Mode)| held.excludes(mode) && region.is_shut_by(folder);
        let shut = |(shut, of): &(Region, Mode)| is_as_strict(mode, *of) && shut == region;
        self.given.iter().any(given) || self.shut.iter().any(shut)
    }

    /// Whether this task waits for what another was passed over for in this
    /// round.
    pub fn is_passed_over(&self, task: &Pending) -> bool {
        let Some(written) = &task.wants.folder else {
            return false;
        };
        let mode = task.wants.mode();
        let holds = |(shut, of): &(Region, Mode)| is_as_strict(mode, *of) && shut.holds(written);
        task.waiter.is_none() && self.shut.iter().any(holds)
    }

    /// What is to be done about the next task in the queue's order.
    pub fn step(&mut self, head: &Head, now: Moment, rules: Rules) -> Vec<Effect> {
        let task = &head.task;
        match &head.place {
            Place::Unseen => self.leave(task).into_iter().collect(),
            Place::Shut => self.pass_over(task).into_iter().collect(),
            Place::Impossible(why) => self.fail(task, why).into_iter().collect(),
            Place::Nowhere => self.assign(task, None, |_| true),
            Place::Free(folder) => self.assign(task, Some(folder), |_| true),
            Place::FreeFor(folder, own, region) => {
                let among = |session: &Session| own.contains(&session.name);
                if self.best_of(&task.wants, among).is_none() {
                    return self.enter(task, region.clone()).into_iter().collect();
                }
                self.assign(task, Some(folder), among)
            }
            Place::Taken(folder, region) => self.taken(task, folder, region, now, rules),
        }
    }

    fn best_of(&self, wants: &Wants, among: impl Fn(&Session) -> bool) -> Option<usize> {
        let fits = self.free.iter().enumerate();
        let fits = fits.filter(|(_, session)| among(session));
        let fits = fits.filter_map(|(at, session)| Some((session.fit(wants)?, at)));
        fits.min().map(|(_, at)| at)
    }

    fn fail(&self, task: &Pending, why: &str) -> Option<Effect> {
        self.has_room(&task.wants, None).then(|| Effect::Fail {
            task: task.id,
            why: why.to_owned(),
        })
    }

    fn assign(
        &mut self,
        task: &Pending,
        folder: Option<&Folder>,
        among: impl Fn(&Session) -> bool,
    ) -> Vec<Effect> {
        let mode = task.wants.mode();
        let Some(at) = self.best_of(&task.wants, among) else {
            return Vec::new();
        };
        let clash = folder.and_then(|folder| {
            let clashes =
                |(other, held): &&(Folder, Mode)| held.excludes(mode) && other.overlaps(folder);
            self.given.iter().find(clashes)
        });
        // Given away a moment ago: whether it is passed over shows next time.
        if let Some((given, _)) = clash {
            let written = task.wants.folder.as_deref().unwrap_or_default();
            let region = Region::beside(written, given);
            return self.enter(task, region).into_iter().collect();
        }
        let session = self.free.remove(at);
        self.given
            .extend(folder.map(|folder| (folder.clone(), mode)));
        vec![Effect::Assign(Assign {
            task: task.id,
            session: session.name.clone(),
            kind: session.kind,
            folder: folder.cloned(),
            mode,
            waiter: task.waiter,
        })]
    }

    /// Whoever stands in line is served there, wherever its region is.
    fn taken(
        &mut self,
        task: &Pending,
        folder: &Folder,
        region: &Region,
        now: Moment,
        rules: Rules,
    ) -> Vec<Effect> {
        if task.waiter.is_some() {
            return Vec::new();
        }
        let entered = self.enter(task, region.clone());
        let next = if is_out_of_patience(task, now, rules) {
            self.stand(task, folder, region)
        } else {
            self.pass_over(task)
        };
        entered.into_iter().chain(next).collect()
    }

    fn enter(&mut self, task: &Pending, region: Region) -> Option<Effect> {
        self.shut.push((region.clone(), task.wants.mode()));
        let moves = task.waiter.is_none() && task.region != region;
        moves.then_some(Effect::Enter {
            task: task.id,
            region,
        })
    }

    fn stand(&mut self, task: &Pending, folder: &Folder, region: &Region) -> Option<Effect> {
        let (lane, most) = (task.wants.lane(), self.sessions.most_standing(&task.wants));
        let same = |other: &&(Wants, Region)| other.0 == lane && other.1 == *region;
        if self.standing.iter().filter(same).count() >= most {
            return None;
        }
        self.standing.push((lane, region.clone()));
        Some(Effect::Stand {
            task: task.id,
            folder: folder.clone(),
            mode: task.wants.mode(),
        })
    }

    fn pass_over(&self, task: &Pending) -> Option<Effect> {
        let first = task.passed_over.is_none() && self.has_room(&task.wants, None);
        first.then_some(Effect::PassOver { task: task.id })
    }

    fn leave(&self, task: &Pending) -> Option<Effect> {
        let waiter = task
            .waiter
            .filter(|_| self.sessions.most_standing(&task.wants) == 0)?;
        Some(Effect::Leave {
            task: task.id,
            waiter,
        })
    }
}

/// What keeps the one keeps the other: whatever is in the way of a reader is
/// in the way of a writer too.
fn is_as_strict(mode: Mode, other: Mode) -> bool {
    mode == other || mode == Mode::Exclusive
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
