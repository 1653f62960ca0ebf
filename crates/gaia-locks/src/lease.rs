//! The holder's side of a lease: renews it, knows until when it may be
//! trusted, tells of its loss and of those who wait.
//!
//! # Until when a lease may be trusted
//! Until the moment *before* it was asked for, plus its length, less a margin:
//! all on the holder's own clock. However long the answer took, the store's
//! lease ends later than that. A holder that cannot renew stops trusting its
//! lease before the store gives it away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{Clock, Moment, SystemClock};
use crate::error::Error;
use crate::ids::{LockId, SessionId};
use crate::os::Listener;
use crate::service::{Locks, Renew, Topic};

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
/// Dropping it does not release the lock: that is the holder's act.
pub struct LeaseKeeper {
    shared: Arc<Shared>,
    wake: Arc<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    trusted_until: AtomicI64,
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
        let trusted = trusted_until(kept.asked_at, kept.ttl);
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            trusted_until: AtomicI64::new(trusted.0),
        });
        let mut watch = Watch {
            locks,
            kept,
            shared: shared.clone(),
            tell,
            waiting: 0,
            renewed: trusted,
        };
        watch.renewed = watch.kept.asked_at;
        let thread = std::thread::Builder::new()
            .name("gaia-lease".to_owned())
            .spawn(move || watch.run(&*listener))
            .map_err(|error| {
                Error::InvalidRequest(format!("cannot start a thread to renew the lock: {error}"))
            })?;
        Ok(Self {
            shared,
            wake,
            thread: Some(thread),
        })
    }

    /// Renews now if that is due: for one who woke late.
    pub fn look_now(&self) {
        (self.wake)();
    }

    /// Until when the holder may act on it, on [`SystemClock`].
    pub fn trusted_until(&self) -> Moment {
        Moment(self.shared.trusted_until.load(Ordering::SeqCst))
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        (self.wake)();
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been reported by its own hook.
            drop(thread.join());
        }
    }
}

/// Until when a lease may be trusted that was asked for at a moment: a fiftieth
/// of it, at most two seconds, is left unused.
pub fn trusted_until(asked_at: Moment, ttl: Duration) -> Moment {
    asked_at.plus(ttl.saturating_sub((ttl / 50).min(Duration::from_secs(2))))
}

struct Watch<F> {
    locks: Arc<dyn Locks>,
    kept: Kept,
    shared: Arc<Shared>,
    tell: F,
    waiting: usize,
    renewed: Moment,
}

impl<F: FnMut(News)> Watch<F> {
    fn run(&mut self, listener: &dyn Listener) {
        loop {
            listener.wait(self.pause());
            if self.shared.stop.load(Ordering::SeqCst) {
                return;
            }
            if let Err(lost) = self.look() {
                if !self.shared.stop.load(Ordering::SeqCst) {
                    (self.tell)(News::Lost(lost));
                }
                return;
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

    fn look(&mut self) -> Result<(), String> {
        let now = SystemClock.now().moment;
        let outcome = if now >= self.renewed.plus(self.kept.ttl / 3) {
            self.renew(now)
        } else {
            self.verify()
        };
        match outcome {
            Ok(()) => Ok(()),
            Err(Error::NotHeld(why) | Error::NotAllowed(why)) => Err(why),
            Err(error) if now >= Moment(self.shared.trusted_until.load(Ordering::SeqCst)) => {
                Err(format!("the lease could not be renewed in time: {error}"))
            }
            Err(error) => {
                tracing::warn!(lock = self.kept.token.0, %error, "a lease could not be renewed yet");
                Ok(())
            }
        }
    }

    fn renew(&mut self, asked_at: Moment) -> Result<(), Error> {
        self.locks.renew(&Renew {
            token: self.kept.token,
            session: self.kept.session.clone(),
            task: None,
            folder: None,
            ttl: Some(self.kept.ttl),
        })?;
        self.renewed = asked_at;
        let trusted = trusted_until(asked_at, self.kept.ttl);
        self.shared.trusted_until.store(trusted.0, Ordering::SeqCst);
        Ok(())
    }

    fn verify(&mut self) -> Result<(), Error> {
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
        if waiting > self.waiting {
            (self.tell)(News::Waiting(waiting));
        }
        self.waiting = waiting;
        Ok(())
    }
}
