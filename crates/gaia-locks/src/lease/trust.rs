//! Until when a lease may be trusted, and one who waits for that moment.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{margin, trusted_until};
use crate::clock::{Clock, Moment, SystemClock};

/// A timer stands still while the machine sleeps and the lease does not, so the
/// clock is looked at again after so long.
const LOOK: Duration = Duration::from_secs(1);
/// How long renewing may take when the lease was found to be over.
const AFTER_SLEEP: Duration = Duration::from_secs(2);

/// Until when the lease may be trusted.
pub(super) struct Trust {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    until: Moment,
    stopped: bool,
    /// A call stands, to look or to renew.
    asking: bool,
}

impl Trust {
    pub(super) fn new(until: Moment) -> Self {
        let state = State {
            until,
            stopped: false,
            asking: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn until(&self) -> Moment {
        self.state().until
    }

    pub(super) fn renew(&self, until: Moment) {
        self.state().until = until;
        self.changed.notify_all();
    }

    /// Whether a call may be made: none is any more, once it was stopped.
    pub(super) fn begin_to_ask(&self) -> bool {
        let mut state = self.state();
        state.asking = !state.stopped;
        state.asking
    }

    /// The call is over. Whether its answer is still wanted: whoever stopped it
    /// meanwhile has not waited for it.
    pub(super) fn end_asking(&self) -> bool {
        let mut state = self.state();
        state.asking = false;
        !state.stopped
    }

    /// Gives whether a call stands.
    pub(super) fn stop(&self) -> bool {
        let mut state = self.state();
        state.stopped = true;
        self.changed.notify_all();
        state.asking
    }

    /// Waits until it is over; `false`: stopped before. Whoever renews is rung
    /// then and has a last moment, within the margin that the store still keeps:
    /// a machine that slept finds its lease over and may well renew it.
    ///
    /// Who comes from a long wait asked long ago: its lease is renewed first, and
    /// as long as a lease lasts that may take.
    pub(super) fn until_over(&self, ttl: Duration, ring: &dyn Fn()) -> bool {
        let began = SystemClock.now().moment;
        let first = match self.until() > began {
            true => began,
            false => trusted_until(began, ttl),
        };
        let mut state = self.state();
        while !state.stopped {
            let (now, until) = (SystemClock.now().moment, state.until.max(first));
            if now < until {
                state = self.rest(state, now.until(until).min(LOOK));
                continue;
            }
            drop(state);
            ring();
            state = self.last_moment(until, ttl);
            if !state.stopped && state.until.max(first) <= until {
                return true;
            }
        }
        false
    }

    /// Half of the margin; where the store's lease is over as well, there is
    /// nothing more to lose.
    fn last_moment(&self, until: Moment, ttl: Duration) -> MutexGuard<'_, State> {
        let margin = margin(ttl);
        let pause = match SystemClock.now().moment >= until.plus(margin) {
            true => AFTER_SLEEP,
            false => margin / 2,
        };
        let waiting = |state: &mut State| !state.stopped && state.until <= until;
        let waited = self
            .changed
            .wait_timeout_while(self.state(), pause, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn rest<'a>(&self, state: MutexGuard<'a, State>, pause: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, pause);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
