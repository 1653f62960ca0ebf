//! What a keeper does while its agent runs: it hears of the agent's end, of
//! the word to stop it and of its lease, and goes by the clock.

use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;

use super::agent::Agent;
use super::family::Family;
use super::lease::{Care, now};
use super::{Audience, Event, Exit, Keeper, Said, Spec, Word};

/// How long after its time is up a task is stopped from here: by then an
/// assigner that lives has done so itself.
const LATE: Duration = Duration::from_secs(5);

/// Why a lease could not be kept.
enum Unkept {
    Lost(String),
    Unrenewed,
}

/// What is watched while an agent runs.
pub(super) struct Watch {
    pub(super) family: Family,
    care: Option<Care>,
    /// When its time is up, whether an assigner lives or not [T4].
    late_at: Option<Moment>,
    is_late: bool,
    /// Once the agent was told to end: when it is killed.
    kill_at: Option<Moment>,
    unkept: Option<Unkept>,
    /// Whether a worker has done what it was given.
    pub(super) is_answered: bool,
    pub(super) audience: Audience,
}

impl Watch {
    pub(super) fn new(spec: &Spec, agent: &Agent, tell: &Sender<Event>) -> Self {
        let grace = Duration::from_millis(spec.grace_ms);
        let lease = spec.lease.clone();
        Self {
            family: Family::of(agent, grace),
            care: lease.map(|lease| Care::new(lease, grace, tell.clone())),
            late_at: spec.deadline.map(|deadline| deadline.plus(LATE)),
            is_late: false,
            kill_at: None,
            unkept: None,
            is_answered: false,
            audience: Audience::Assigner,
        }
    }

    /// Waits for something, and reacts. `true`: the agent has ended, or has
    /// answered.
    pub(super) fn turn(&mut self, keeper: &mut Keeper) -> bool {
        match self.next(&keeper.events) {
            Some(Event::AgentEnded) => return true,
            // One that was told to end does end.
            Some(Event::Answered) if self.kill_at.is_none() => {
                self.is_answered = true;
                return true;
            }
            Some(Event::Stop) => self.stop(self.family.grace()),
            Some(Event::NobodyListens) => self.audience = Audience::Nobody,
            Some(Event::Door(locks)) => {
                keeper.locks = Some(locks.clone());
                if let Some(care) = &mut self.care {
                    care.begin(locks, &keeper.door);
                }
            }
            Some(Event::LeaseLost(token, why)) => self.lost(token, why),
            Some(Event::Acknowledged | Event::Answered | Event::Spec(_)) | None => {}
        }
        self.look(keeper);
        false
    }

    fn next(&self, events: &Receiver<Event>) -> Option<Event> {
        let now = now();
        let care = self.care.as_ref().filter(|_| self.unkept.is_none());
        let wakes_at = care.map(|care| care.wakes_at(now));
        let late_at = self.late_at.filter(|_| !self.is_stopped());
        let due = self.kill_at.into_iter().chain(wakes_at).chain(late_at);
        match due.min() {
            None => events.recv().ok(),
            Some(until) => events.recv_timeout(now.until(until)).ok(),
        }
    }

    /// Does what is due.
    fn look(&mut self, keeper: &Keeper) {
        let now = now();
        if let Some(care) = self.care.as_mut().filter(|_| self.unkept.is_none()) {
            let grace = care.grace();
            if care.look(now, keeper.locks.as_ref(), &keeper.door) {
                self.unkept = Some(Unkept::Unrenewed);
                self.stop(grace);
            }
        }
        if !self.is_stopped() && self.late_at.is_some_and(|at| now >= at) {
            self.is_late = true;
            self.stop(self.family.grace());
        }
        if self.kill_at.is_some_and(|at| now >= at) {
            self.family.kill();
            self.kill_at = Some(now.plus(Duration::from_millis(100)));
        }
    }

    fn lost(&mut self, token: LockId, why: String) {
        let Some(care) = self.care.as_ref().filter(|care| care.token() == token) else {
            return;
        };
        if self.unkept.is_none() {
            let grace = care.grace();
            self.unkept = Some(Unkept::Lost(why));
            self.stop(grace);
        }
    }

    /// Told once; a shorter grace than the one that runs counts.
    fn stop(&mut self, grace: Duration) {
        if self.kill_at.is_none() {
            self.family.terminate();
        }
        let kill_at = now().plus(grace);
        self.kill_at = Some(self.kill_at.map_or(kill_at, |at| at.min(kill_at)));
    }

    /// What the agent left is gone before the lease is, too.
    pub(super) fn kill_strays_at(&self) -> Moment {
        let care = self.care.as_ref();
        care.map_or(Moment::MAX, Care::trusted_until)
    }

    /// Whether the agent was told to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.kill_at.is_some()
    }

    /// An agent that was stopped has not done its work, however it then ended:
    /// many end with status 0 when they are told to end.
    pub(super) fn word(self, exit: Exit) -> Word {
        let (is_stopped, is_late) = (self.is_stopped(), self.is_late);
        let said = match self.unkept {
            Some(Unkept::Lost(why)) => Said::LeaseLost(why),
            Some(Unkept::Unrenewed) => Said::Unrenewed,
            None => Said::Ended(exit),
        };
        Word {
            is_stopped,
            is_late,
            ..said.into()
        }
    }
}
