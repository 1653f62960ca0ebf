//! A running task's lease, renewed from beside it [T5].
//!
//! # Why here
//! The assigner may be dead for hours while its tasks run. So the keeper renews
//! by itself, through a connection of its own, which it opens when the first
//! renewal is due: a short task never pays for it.
//!
//! # When the agent is stopped
//! A lease that was found lost: at once. One that cannot be renewed: so early
//! that TERM, a grace and KILL are over before the lease can no longer be
//! trusted ([`gaia_locks::lease`]), which is before the store gives it away.
//! Opening and renewing may block on a store that does not answer; they have
//! threads of their own, and the keeper goes by its clock.
//!
//! A keeper that wakes late (the machine slept, somebody stopped it) asks once
//! more before it gives up: whoever finds the lock of a living keeper on this
//! machine leaves it to it [R11].

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::ids::{LockId, SessionId};
use gaia_locks::lease::{Kept, LeaseKeeper, News, trusted_until};
use gaia_locks::{Error, Locks};
use serde::{Deserialize, Serialize};

use super::Event;

/// How a keeper comes to the locks.
pub type Door = Arc<dyn Fn() -> Result<Arc<dyn Locks>, Error> + Send + Sync>;

/// How long one sleeps at most: a machine's sleep is not counted by waiting.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);
/// Who wakes later than this has not been running.
const LATE: Duration = Duration::from_secs(1);
/// How long one who woke late has to renew.
const REPRIEVE: Duration = Duration::from_secs(2);

/// The lease of a task that is about to start, as its assigner knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The lock.
    pub token: LockId,
    /// Its holder.
    pub session: SessionId,
    /// The lease's length in milliseconds.
    pub ttl_ms: u64,
    /// The moment before it was asked for, on the clock that does not jump.
    pub asked_at_ns: i64,
}

impl Lease {
    /// A lock's lease.
    pub fn new(token: LockId, session: SessionId, ttl: Duration, asked_at: Moment) -> Self {
        Self {
            token,
            session,
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            asked_at_ns: asked_at.0,
        }
    }

    fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }

    fn asked_at(&self) -> Moment {
        Moment(self.asked_at_ns)
    }
}

/// A lease in a keeper's care, from its task's start to its end.
pub(super) struct Care {
    lease: Lease,
    grace: Duration,
    keeper: Option<LeaseKeeper>,
    /// Ends the thread that opens the door, when dropped.
    opening: Option<Sender<()>>,
    /// Until when one who woke late may still try.
    reprieve: Option<Moment>,
    tell: Sender<Event>,
}

impl Care {
    pub(super) fn new(lease: Lease, grace: Duration, tell: Sender<Event>) -> Self {
        Self {
            grace: grace.min(lease.ttl() / 4),
            lease,
            keeper: None,
            opening: None,
            reprieve: None,
            tell,
        }
    }

    /// What the agent is given between TERM and KILL when the lease ends.
    pub(super) fn grace(&self) -> Duration {
        self.grace
    }

    pub(super) fn token(&self) -> LockId {
        self.lease.token
    }

    /// Until when nothing else may work in the folder.
    pub(super) fn trusted_until(&self) -> Moment {
        let first = trusted_until(self.lease.asked_at(), self.lease.ttl());
        self.keeper
            .as_ref()
            .map_or(first, |keeper| keeper.trusted_until().max(first))
    }

    fn stop_at(&self) -> Moment {
        self.trusted_until().minus(self.grace)
    }

    fn due(&self) -> Moment {
        self.lease.asked_at().plus(self.lease.ttl() / 3)
    }

    /// When it wants to be looked at next.
    pub(super) fn wakes_at(&self, now: Moment) -> Moment {
        let begun = self.keeper.is_some() || self.opening.is_some();
        let next = match (begun, self.reprieve) {
            (false, _) => self.due(),
            (true, Some(until)) => until,
            (true, None) => self.stop_at(),
        };
        next.min(now.plus(LONGEST_SLEEP))
    }

    /// Does what is due. `true`: the lease cannot be renewed in time, so the
    /// agent must be stopped now.
    pub(super) fn look(
        &mut self,
        now: Moment,
        locks: Option<&Arc<dyn Locks>>,
        door: &Door,
    ) -> bool {
        if self.keeper.is_none() && self.opening.is_none() && now >= self.due() {
            match locks {
                Some(locks) => self.begin(locks.clone(), door),
                None => self.open(door),
            }
        }
        let stop_at = self.stop_at();
        if now < stop_at {
            self.reprieve = None;
            return false;
        }
        if let Some(until) = self.reprieve {
            return now >= until;
        }
        if now < stop_at.plus(LATE) {
            return true;
        }
        self.reprieve = Some(now.plus(REPRIEVE));
        if let Some(keeper) = &self.keeper {
            keeper.look_now();
        }
        false
    }

    /// The door is open: from now on the lease is renewed.
    pub(super) fn begin(&mut self, locks: Arc<dyn Locks>, door: &Door) {
        if self.keeper.is_some() {
            return;
        }
        let kept = Kept {
            token: self.lease.token,
            session: self.lease.session.clone(),
            ttl: self.lease.ttl(),
            asked_at: self.lease.asked_at(),
        };
        let (tell, token) = (self.tell.clone(), kept.token);
        let hear = move |news| {
            if let News::Lost(why) = news {
                // Without a receiver the keeper is at its end already.
                let _ = tell.send(Event::LeaseLost(token, why));
            }
        };
        match LeaseKeeper::start(locks, kept, hear) {
            Ok(keeper) => {
                self.opening = None;
                self.keeper = Some(keeper);
            }
            Err(error) => {
                tracing::warn!(lock = self.lease.token.0, %error, "a lease cannot be kept yet");
                self.open(door);
            }
        }
    }

    fn open(&mut self, door: &Door) {
        let pause = (self.lease.ttl() / 10).min(Duration::from_secs(10));
        let (stop, stopped) = mpsc::channel();
        let (door, tell) = (door.clone(), self.tell.clone());
        let open = move || {
            // The first try is made at once, unless nobody wants it any more.
            let mut wait = Duration::ZERO;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                match door() {
                    Ok(locks) => {
                        let _ = tell.send(Event::Door(locks));
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the database cannot be opened yet");
                        wait = pause;
                    }
                }
            }
        };
        // No thread, no renewal: the lease's end is looked after all the same.
        if thread::Builder::new()
            .name("door".to_owned())
            .spawn(open)
            .is_ok()
        {
            self.opening = Some(stop);
        }
    }
}

/// The moment now.
pub(super) fn now() -> Moment {
    SystemClock.now().moment
}
