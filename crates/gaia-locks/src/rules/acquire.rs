//! Whether a request is granted [R1, R2, R8, R9].

use crate::clock::{Moment, Now};
use crate::ids::LockId;
use crate::model::{Binding, Lock, Pause, Waiter, Want};
use crate::rules::queue;

/// What overlaps the request or a waiter that does: locks that have not lapsed,
/// in order of id; waiters that still wait, in order of arrival; pauses.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Active locks.
    pub locks: Vec<Lock>,
    /// The line.
    pub waiters: Vec<Waiter>,
    /// Where nothing new is granted.
    pub pauses: Vec<Pause>,
    /// Those among the locks that were granted to somebody in line and not
    /// taken up yet.
    pub claimed: Vec<LockId>,
}

/// What to do with one folder of a granted request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grant {
    /// It is held exactly so already: the lease goes on until then, and is
    /// never shortened [R2].
    Extend(LockId, Moment),
    /// A new lock, until then.
    New(Moment),
}

impl Grant {
    /// The lock, if it is held already.
    pub fn held(&self) -> Option<LockId> {
        match self {
            Grant::Extend(id, _) => Some(*id),
            Grant::New(_) => None,
        }
    }
}

/// The answer to a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision<'a> {
    /// All folders together, one grant for each, in the order asked.
    Grant(Vec<Grant>),
    /// None of them: this is in the way.
    Blocked(Blocked<'a>),
}

/// What is in the way.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Blocked<'a> {
    /// Active locks of others.
    pub locks: Vec<&'a Lock>,
    /// Earlier waiters that may not be overtaken.
    pub waiters: Vec<&'a Waiter>,
    /// Pauses.
    pub pauses: Vec<&'a Pause>,
}

/// Decides.
pub fn decide<'a>(state: &'a State, want: &Want, now: Now) -> Decision<'a> {
    let until = now.moment.plus(want.ttl);
    let grants: Vec<Grant> = (0..want.folders.len())
        .map(|at| grant(state, want, at, until))
        .collect();
    if grants
        .iter()
        .all(|grant| matches!(grant, Grant::Extend(..)))
    {
        return Decision::Grant(grants);
    }
    let blocked = Blocked {
        locks: queue::locks_in_the_way(want, &state.locks).collect(),
        waiters: queue::waiters_in_the_way(want, &state.locks, &state.waiters),
        pauses: paused(&state.pauses, want),
    };
    if blocked == Blocked::default() {
        Decision::Grant(grants)
    } else {
        Decision::Blocked(blocked)
    }
}

/// Asking again for exactly what one holds extends it; whoever holds by a
/// scope of its own never shares one lock with another request [R2]. Nor is a
/// lock shared that an agent's hook took: it lasts by the session's signs of
/// life, and each of them would cut the longer lease that was asked for. Nor
/// one that a waiter may still give back [R8]. A link that was turned since
/// leads to another folder than the one that is held [R12].
fn grant(state: &State, want: &Want, at: usize, until: Moment) -> Grant {
    let folder = &want.folders[at];
    let held = state.locks.iter().find(|lock| {
        !want.own
            && !lock.own
            && !matches!(lock.binding, Binding::Agent(_))
            && lock.mode == want.mode
            && lock.holder == want.holder
            && lock.scope == want.scope
            && lock.folder.path_key() == folder.path_key()
            && !state.claimed.contains(&lock.id)
    });
    match held {
        Some(lock) => Grant::Extend(lock.id, until.max(lock.expires)),
        None => Grant::New(until),
    }
}

/// The pauses that keep a request from being granted.
pub fn paused<'a>(pauses: &'a [Pause], want: &Want) -> Vec<&'a Pause> {
    let applies = |pause: &&Pause| {
        pause.scope == want.scope
            && want
                .folders
                .iter()
                .any(|folder| pause.folder.overlaps(folder))
    };
    pauses.iter().filter(applies).collect()
}
