//! Looking whether a request would be granted, without asking for it.
//!
//! Nothing is written and nobody is told, so that a planner can look at very
//! many requests in a transaction that only reads. The answer is the one that
//! [`LockTx::acquire`] gives in the same transaction, but for what is due to
//! those in line: whoever acquires hands it to them first, and a look cannot
//! foresee what that changes.

use super::LockTx;
use crate::error::Error;
use crate::ids::WaiterId;
use crate::model::{Lock, Pause, Waiter, Want};
use crate::rules::acquire::{Blocked, Decision, decide};
use crate::rules::expire::{self, Verdict};

/// What is in the way of a request; nothing: it would be granted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InTheWay {
    /// Active locks of others.
    pub locks: Vec<Lock>,
    /// Earlier waiters that may not be overtaken.
    pub waiters: Vec<Waiter>,
    /// Pauses.
    pub pauses: Vec<Pause>,
}

impl InTheWay {
    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.locks.is_empty() && self.waiters.is_empty() && self.pauses.is_empty()
    }

    fn of(blocked: &Blocked<'_>) -> Self {
        Self {
            locks: blocked.locks.iter().copied().cloned().collect(),
            waiters: blocked.waiters.iter().copied().cloned().collect(),
            pauses: blocked.pauses.iter().copied().cloned().collect(),
        }
    }
}

impl LockTx<'_> {
    /// What keeps a request from being granted now. One who stands in line at
    /// a `place` is behind those only who came before it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn would_grant(&mut self, want: &Want, place: Option<WaiterId>) -> Result<InTheWay, Error> {
        let mut state = self.state(want)?;
        let (now, witness) = (self.now(), self.config.witness.clone());
        // What time and death have ended is cleared away only by who acquires.
        state
            .locks
            .retain(|lock| !matches!(expire::judge(lock, now, &*witness), Verdict::Over(_)));
        state.waiters.retain(|waiter| {
            place.is_none_or(|place| waiter.id < place)
                && expire::is_waiting(waiter, now, &*witness)
        });
        Ok(match decide(&state, want, now) {
            Decision::Grant(_) => InTheWay::default(),
            Decision::Blocked(blocked) => InTheWay::of(&blocked),
        })
    }
}
