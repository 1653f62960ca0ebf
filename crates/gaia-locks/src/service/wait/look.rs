//! What a waiter sees when it looks around: whether its turn came, what is in
//! its way, and until when nothing of that changes by itself.

use std::collections::HashSet;
use std::time::Duration;

use super::super::LockTx;
use crate::clock::Moment;
use crate::error::Error;
use crate::ids::WaiterId;
use crate::liveness::ProcessIdentity;
use crate::model::{Lock, Waiter, WaiterLife, WaiterState};
use crate::rules::acquire::State;
use crate::rules::queue;
use crate::wire::Queued;

/// How often a waiter looks although nobody rang.
const SLOW_LOOK: Duration = Duration::from_millis(250);
/// The same for one who is not next: whatever ends, others come first.
const SLOWER_LOOK: Duration = Duration::from_secs(1);
/// How often a waiter lets itself be heard.
const HEARTBEAT: Duration = Duration::from_secs(8);

/// How it stands with somebody's place, for whoever looks after it.
#[derive(Clone, PartialEq, Debug)]
pub enum PlaceNow {
    /// It waits, and this is in its way.
    Waiting(Queued),
    /// It was granted, is gone, or is to be left: a wait there ends at once.
    Over,
}

/// What a look found.
pub(super) enum Seen {
    Granted,
    Gone(Moment),
    StillWaiting(Box<Waiting>),
}

/// What keeps a waiter waiting.
pub(super) struct Waiting {
    /// What is in the way, where somebody wants to see it.
    pub(super) queued: Option<Queued>,
    /// Until when nothing changes by itself.
    pub(super) quiet_for: Duration,
    pub(super) until: Option<Moment>,
    pub(super) patience_over: bool,
    pub(super) heard_long_ago: bool,
    /// Something in the way is over; a write will clear it away.
    pub(super) due: bool,
    /// It waits in a circle in which nobody came later.
    pub(super) in_circle: bool,
    pub(super) processes: HashSet<ProcessIdentity>,
}

impl LockTx<'_> {
    pub(super) fn look_around(&mut self, id: WaiterId, shows: bool) -> Result<Seen, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(Seen::Gone(self.now().moment));
        };
        if let WaiterState::Granted(_) = waiter.state {
            return Ok(Seen::Granted);
        }
        let mut state = self.state(&waiter.want)?;
        state.waiters.retain(|other| other.id < id);
        let now = self.now().moment;
        let (due, processes) = self.what_ends(&waiter, &state);
        let in_circle = self.circle(&waiter.want, Some(id), &state)?.is_some();
        let queued = shows.then(|| self.queued(&waiter, &state));
        Ok(Seen::StillWaiting(Box::new(Waiting {
            queued,
            quiet_for: quiet_for(&waiter, &state, now),
            until: waiter.until,
            patience_over: waiter.until.is_some_and(|until| now >= until),
            heard_long_ago: now.since(waiter.heard) >= HEARTBEAT,
            due,
            in_circle,
            processes,
        })))
    }

    /// How it stands with a place in line, for a door that looks after places
    /// of others.
    ///
    /// # Errors
    /// When the store fails.
    pub fn place_now(&mut self, id: WaiterId) -> Result<PlaceNow, Error> {
        Ok(match self.look_around(id, true)? {
            Seen::StillWaiting(waiting) if !waiting.in_circle && !waiting.patience_over => {
                waiting.queued.map_or(PlaceNow::Over, PlaceNow::Waiting)
            }
            _ => PlaceNow::Over,
        })
    }

    pub(super) fn queued(&self, waiter: &Waiter, ahead: &State) -> Queued {
        Queued {
            waiter: waiter.id,
            refusal: self.refusal_now(&waiter.want, ahead),
            place: queue::place(&waiter.want, &ahead.waiters),
        }
    }

    /// Whether something in the way is over already, and the processes whose
    /// death would clear the way. Waiters ahead are looked at only when they
    /// are all that is in the way: at a hand-off the dead among them are left
    /// out anyway.
    fn what_ends(&self, waiter: &Waiter, state: &State) -> (bool, HashSet<ProcessIdentity>) {
        use crate::rules::expire::{Verdict, is_waiting, judge_patiently};
        let (now, witness) = (self.now(), &*self.config.witness);
        let in_the_way: Vec<&Lock> = queue::locks_in_the_way(&waiter.want, &state.locks).collect();
        let only_waiters = in_the_way.is_empty();
        let ahead = state.waiters.iter();
        let ahead: Vec<&Waiter> = ahead
            .filter(|other| only_waiters && waiter.want.excludes(&other.want))
            .collect();
        let due = in_the_way
            .iter()
            .any(|lock| judge_patiently(lock, now, witness) != Verdict::Stands)
            || ahead.iter().any(|other| !is_waiting(other, now, witness));
        let of_locks = in_the_way.iter().filter_map(|lock| lock.binding.process());
        // Where somebody else releases the lock, his death counts too.
        let of_locks = of_locks
            .flat_map(|process| [Some(process), process.released_by.as_deref()])
            .flatten()
            .cloned();
        let of_waiters = ahead.iter().filter_map(|other| match &other.life {
            WaiterLife::Process(process) => Some(process.clone()),
            WaiterLife::Heartbeat => None,
        });
        (due, of_locks.chain(of_waiters).collect())
    }

    /// Acts on what a look found to be over, and lets itself be heard.
    pub(super) fn clear_the_way(&mut self, id: WaiterId) -> Result<(), Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(());
        };
        let heard = self.now().moment;
        self.tx.update_waiter(id, &waiter.state, heard)?;
        self.settled_state(&waiter.want, true)?;
        self.hand_off(&waiter.want.scope, &waiter.want.folders)
    }
}

/// How long nothing can change by itself.
fn quiet_for(waiter: &Waiter, state: &State, now: Moment) -> Duration {
    let ends = queue::locks_in_the_way(&waiter.want, &state.locks).map(|lock| lock.expires);
    let soonest = ends
        .chain(waiter.until)
        .map(|moment| moment.since(now))
        .min();
    let is_next = queue::place(&waiter.want, &state.waiters) == 1;
    let longest = if is_next { SLOW_LOOK } else { SLOWER_LOOK };
    soonest
        .unwrap_or(longest)
        .clamp(Duration::from_millis(1), longest)
}
