//! The holder's side of a lease: renews it, knows until when it may be
//! trusted, tells of its loss and of those who wait.
//!
//! # Until when a lease may be trusted
//! Until the moment *before* it was asked for, plus its length, less a margin:
//! all on the holder's own clock. However long the answer took, the store's
//! lease ends later than that. A holder that cannot renew stops trusting its
//! lease before the store gives it away.
//!
//! # Why two threads
//! One looks and renews; its calls may hang, on a server that does not answer
//! or a database that another program holds. The other asks nobody anything: it
//! only knows until when the lease may be trusted, and tells in time.

mod trust;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{Clock, Moment, SystemClock};
use crate::duration::human;
use crate::error::Error;
use crate::ids::{LockId, SessionId};
use crate::os::Listener;
use crate::service::{Locks, Renew, SHORTEST_TTL, Topic};
use crate::wire::LockInfo;

use trust::Trust;

/// What a holder is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The lock is no longer held, or cannot be trusted to be: why.
    Lost(String),
    /// So many wait for it now.
    Waiting(usize),
}

/// Keeps one lock alive from a thread of its own until it is dropped.
///
/// Dropping it does not release the lock: that is the holder's act. It tells
/// nothing any more from then on, and nobody waits for a call that stands.
pub struct LeaseKeeper {
    trust: Arc<Trust>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Knows until when the lease may be trusted.
    guard: Option<JoinHandle<()>>,
    /// Looks and renews.
    asker: Option<JoinHandle<()>>,
}

/// Tells of a loss once, whoever sees it first.
struct Teller<F> {
    tell: F,
    lost: bool,
}

impl<F: FnMut(News)> Teller<F> {
    fn tell(&mut self, news: News) {
        if !self.lost {
            self.lost = matches!(news, News::Lost(_));
            (self.tell)(news);
        }
    }
}

/// What is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The lock.
    pub token: LockId,
    /// Its holder.
    pub session: SessionId,
    /// The lease's length.
    pub ttl: Duration,
    /// On [`SystemClock`], the moment before the lock was asked for.
    pub asked_at: Moment,
}

impl Kept {
    /// A lock that was just granted. Who asked for no length has the one that
    /// was granted; it is not asked for now, when the lease runs already.
    pub fn of(lock: &LockInfo, ttl: Option<Duration>, asked_at: Moment) -> Self {
        let left = lock.expires_in.map(Duration::try_from_secs_f64);
        let left = left.and_then(Result::ok);
        Self {
            token: lock.id,
            session: lock.session_id.clone(),
            ttl: ttl.or(left).unwrap_or(SHORTEST_TTL),
            asked_at,
        }
    }

    /// To be called before anything is done under the lock: renews it where the
    /// answer came late, as after a wait. Its lease may have run for long by
    /// then, and nobody here knows since when.
    ///
    /// # Errors
    /// As [`Locks::renew`]; [`Error::NotHeld`] also when that answer came too
    /// late to begin with anything.
    pub fn begin(&mut self, locks: &dyn Locks) -> Result<(), Error> {
        let now = SystemClock.now().moment;
        if now.since(self.asked_at) < self.ttl / 10 {
            return Ok(());
        }
        locks.renew(&self.renewal())?;
        self.asked_at = now;
        self.check()
    }

    /// Whether its lease can still be trusted, as it was asked for last.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when it cannot.
    pub fn check(&self) -> Result<(), Error> {
        if SystemClock.now().moment < trusted_until(self.asked_at, self.ttl) {
            return Ok(());
        }
        let (token, ttl) = (self.token, human(self.ttl));
        Err(Error::NotHeld(format!(
            "the answer came when the lease of lock {token}, {ttl}, was over"
        )))
    }

    fn renewal(&self) -> Renew {
        Renew {
            token: self.token,
            session: self.session.clone(),
            task: None,
            folder: None,
            ttl: Some(self.ttl),
        }
    }
}

impl LeaseKeeper {
    /// Starts to keep a lock that was just granted.
    ///
    /// # Errors
    /// When nothing can be listened to, or no thread can be started.
    pub fn start(
        locks: Arc<dyn Locks>,
        kept: Kept,
        tell: impl FnMut(News) + Send + 'static,
    ) -> Result<Self, Error> {
        let listener = locks.listen(Topic::Lock(kept.token))?;
        let wake = listener.handle();
        let trust = Arc::new(Trust::new(trusted_until(kept.asked_at, kept.ttl)));
        let teller = Arc::new(Mutex::new(Teller { tell, lost: false }));
        let mut keeper = Self {
            trust: trust.clone(),
            wake,
            guard: None,
            asker: None,
        };
        let (guards, ttl, told) = (trust.clone(), kept.ttl, teller.clone());
        let ring = keeper.wake.clone();
        keeper.guard = Some(spawn("gaia-trust", move || {
            if guards.until_over(ttl, &*ring) {
                let why = "the lease could not be renewed in time: there was no answer";
                lock(&told).tell(News::Lost(why.to_owned()));
            }
        })?);
        let mut watch = Watch {
            locks,
            renewed: kept.asked_at,
            kept,
            trust,
            teller,
            waiting: 0,
        };
        keeper.asker = Some(spawn("gaia-lease", move || watch.run(&*listener))?);
        Ok(keeper)
    }

    /// Has the lock looked at now, or renewed if that is due; waits for nothing:
    /// for one who woke late, or began to keep it late.
    pub fn look_now(&self) {
        (self.wake)();
    }

    /// Until when the holder may act on it, on [`SystemClock`].
    pub fn trusted_until(&self) -> Moment {
        self.trust.until()
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let named = std::thread::Builder::new().name(name.to_owned());
    named.spawn(work).map_err(|error| {
        Error::InvalidRequest(format!("cannot start a thread to renew the lock: {error}"))
    })
}

fn lock<F>(teller: &Mutex<Teller<F>>) -> std::sync::MutexGuard<'_, Teller<F>> {
    teller.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        let is_asking = self.trust.stop();
        (self.wake)();
        let here = std::thread::current().id();
        // A call may stand for long; its answer is not looked at any more.
        let asker = self.asker.take().filter(|_| !is_asking);
        for thread in [self.guard.take(), asker].into_iter().flatten() {
            // Whoever is told of the loss may drop this there and then: on the thread itself.
            if thread.thread().id() != here {
                // A panic in the thread has been reported by its own hook.
                drop(thread.join());
            }
        }
    }
}

/// How long a holder who ends tries to release all that it held: a server that
/// is started again is back by then, and whoever waits for that end need not
/// wait for one that is silent.
pub const RELEASING: Duration = Duration::from_secs(4);

/// Until when a lease may be trusted that was asked for at a moment: a fiftieth
/// of it, at most two seconds, is left unused.
pub fn trusted_until(asked_at: Moment, ttl: Duration) -> Moment {
    asked_at.plus(ttl.saturating_sub(margin(ttl)))
}

/// What of a lease is left unused.
fn margin(ttl: Duration) -> Duration {
    (ttl / 50).min(Duration::from_secs(2))
}

struct Watch<F> {
    locks: Arc<dyn Locks>,
    kept: Kept,
    trust: Arc<Trust>,
    teller: Arc<Mutex<Teller<F>>>,
    waiting: usize,
    renewed: Moment,
}

impl<F: FnMut(News)> Watch<F> {
    fn run(&mut self, listener: &dyn Listener) {
        loop {
            listener.wait(self.pause());
            if !self.trust.begin_to_ask() {
                return;
            }
            let seen = self.look();
            if !self.trust.end_asking() {
                return;
            }
            match seen {
                Ok(None) => {}
                Ok(Some(waiting)) => lock(&self.teller).tell(News::Waiting(waiting)),
                Err(lost) => {
                    lock(&self.teller).tell(News::Lost(lost));
                    self.trust.stop();
                    return;
                }
            }
        }
    }

    /// Renewed at a third of its length, and tried again each tenth when that
    /// failed.
    fn pause(&self) -> Duration {
        let due = self.renewed.plus(self.kept.ttl / 3);
        let now = SystemClock.now().moment;
        due.since(now)
            .max(Duration::from_millis(100).min(self.kept.ttl / 10))
    }

    /// Gives how many wait now, if they have become more; or why it is lost.
    fn look(&mut self) -> Result<Option<usize>, String> {
        let now = SystemClock.now().moment;
        let outcome = if now >= self.renewed.plus(self.kept.ttl / 3) {
            self.renew(now).map(|()| None)
        } else {
            self.verify()
        };
        match outcome {
            Ok(more) => Ok(more),
            Err(Error::NotHeld(why) | Error::NotAllowed(why)) => Err(why),
            Err(error) if now >= self.trust.until() => {
                Err(format!("the lease could not be renewed in time: {error}"))
            }
            Err(error) => {
                tracing::warn!(lock = self.kept.token.0, %error, "a lease could not be renewed yet");
                Ok(None)
            }
        }
    }

    fn renew(&mut self, asked_at: Moment) -> Result<(), Error> {
        self.locks.renew(&self.kept.renewal())?;
        self.renewed = asked_at;
        self.trust.renew(trusted_until(asked_at, self.kept.ttl));
        Ok(())
    }

    fn verify(&mut self) -> Result<Option<usize>, Error> {
        let verified = self.locks.verify(self.kept.token)?;
        if !verified.active {
            let how = verified
                .lock
                .and_then(|lock| lock.end_reason)
                .map_or("ended", |reason| reason.word());
            return Err(Error::NotHeld(format!(
                "lock {} is not active any more ({how})",
                self.kept.token
            )));
        }
        let waiting = self.locks.waiting_for(self.kept.token)?;
        let before = std::mem::replace(&mut self.waiting, waiting);
        Ok((waiting > before).then_some(waiting))
    }
}
