//! One thread that listens at the doorbell for everybody.
//!
//! # Why
//! Two hundred requests that wait for a folder must not be two hundred
//! threads. A waiter is a row (ADR 5); here it is also an entry in a table
//! that one thread looks through whenever something changed. It does for all
//! of them what [`gaia_locks::service::Locks::wait`] does for one:
//!
//! - a ring, or [`SLOW_LOOK`]: which of them were granted, or are gone?
//! - what nobody rings for (the end of a lease, the death of a process): if
//!   anything is over, it is swept, which grants to whoever waited for it; while
//!   nobody waits only where locks are swept at all;
//! - every [`HEARTBEAT`] they let themselves be heard, in one transaction.
//!
//! Whoever follows changes (live events, a page that waits for a task) is
//! woken by the same thread.
//!
//! # What is not promised
//! A ring is a hint. Whoever is woken looks for itself.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::ids::WaiterId;
use gaia_locks::model::{Waiter, WaiterLife, WaiterState};
use gaia_locks::os::Listener;
use gaia_locks::rules::expire::{self, Verdict};
use gaia_locks::service::{ANY_CHANGE, LockService, LockTx, Locks as _, Release, Topic};
use tokio::sync::{oneshot, watch};

/// How often somebody's place is looked at although nobody rang.
const SLOW_LOOK: Duration = Duration::from_millis(250);
/// The same while nobody waits.
const IDLE_LOOK: Duration = Duration::from_secs(1);
/// How long those who look on are shown nothing new, at least; and so many times
/// as long as showing took, so that it never takes more than its share.
const REST: Duration = Duration::from_millis(20);
const REST_FOR_WORK: u32 = 4;
/// How long no server may have run for those who waited meanwhile to keep their
/// places: as long as they try to reach one, and some more.
const DOWNTIME: Duration = Duration::from_secs(180);
/// How often waiters let themselves be heard; after 30 s they count as dead.
const HEARTBEAT: Duration = Duration::from_secs(8);

/// The bell.
pub struct Bell {
    locks: LockService,
    places: Mutex<HashMap<WaiterId, (u64, oneshot::Sender<()>)>>,
    next: AtomicU64,
    leaving: Mutex<Vec<Gone>>,
    changes: watch::Sender<u64>,
    sweeps: bool,
    stopped: AtomicBool,
}

/// What somebody leaves behind who went before the answer came.
pub enum Gone {
    /// A place in line; one that was granted meanwhile is given back.
    Place(WaiterId),
    /// A lock that nobody was told of.
    Lock(Release),
}

/// A place in line that this server looks after, until dropped.
pub struct Place {
    bell: Arc<Bell>,
    waiter: WaiterId,
    number: u64,
    /// Resolves when it is granted or gone; with an error when a later request
    /// looks after the same place, which is then that one's.
    pub turn: oneshot::Receiver<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.bell.places();
        // A later request may look after it by now.
        if places
            .get(&self.waiter)
            .is_some_and(|(number, _)| *number == self.number)
        {
            places.remove(&self.waiter);
        }
    }
}

impl Bell {
    /// A bell that nobody listens at yet; whether it sweeps although nobody
    /// waits.
    pub fn new(locks: LockService, sweeps: bool) -> Self {
        Self {
            locks,
            places: Mutex::default(),
            next: AtomicU64::new(0),
            leaving: Mutex::default(),
            changes: watch::Sender::new(0),
            sweeps,
            stopped: AtomicBool::new(false),
        }
    }

    /// Starts the thread; `each` is called after every change, on it.
    ///
    /// # Errors
    /// When nothing can be listened to, or no thread can be started.
    pub fn start(
        self: &Arc<Self>,
        mut each: impl FnMut() + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        let listener = self
            .locks
            .listen(Topic::AnyChange)
            .map_err(std::io::Error::other)?;
        // Before anybody is answered, who might sweep such places away.
        if let Err(error) = self.locks.transact(hear_out) {
            tracing::error!(%error, "those who waited before could not be heard");
        }
        let bell = self.clone();
        std::thread::Builder::new()
            .name("bell".to_owned())
            .spawn(move || bell.run(&*listener, &mut each))
    }

    /// Looks after a place in line.
    pub fn look_after(self: &Arc<Self>, waiter: WaiterId) -> Place {
        let (tell, turn) = oneshot::channel();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.places().insert(waiter, (number, tell));
        // It may have been granted already: looked at once.
        self.ring();
        Place {
            bell: self.clone(),
            waiter,
            number,
            turn,
        }
    }

    /// How many places are looked after.
    pub fn waiting(&self) -> usize {
        self.places().len()
    }

    /// The places that are looked after.
    pub fn looked_after(&self) -> HashSet<WaiterId> {
        self.places().keys().copied().collect()
    }

    /// Counts changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ends the thread, soon.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Cleared away on the bell's own thread, soon.
    pub fn clear_away(&self, gone: Gone) {
        self.leaving().push(gone);
        self.ring();
    }

    fn ring(&self) {
        self.locks.doorbell().ring(ANY_CHANGE);
    }

    fn leaving(&self) -> MutexGuard<'_, Vec<Gone>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, listener: &dyn Listener, each: &mut dyn FnMut()) {
        let (mut heard_at, mut shows_at) = (now(), Moment::default());
        while !self.stopped.load(Ordering::SeqCst) {
            // First, so that what is over is shown as what it was.
            if let Err(error) = self.sweep_what_is_over() {
                tracing::error!(%error, "what is over could not be swept");
            }
            // Whoever only looks on is not shown every one of a thousand
            // changes a second.
            let began = now();
            let shows = began >= shows_at;
            if shows {
                each();
                self.changes.send_modify(|count| *count += 1);
                let took = now().since(began);
                shows_at = now().plus(REST.max(took * REST_FOR_WORK));
            }
            if let Err(error) = self.turn(&mut heard_at) {
                tracing::error!(%error, "the line could not be looked at");
            }
            let quiet = match self.waiting() {
                0 => IDLE_LOOK,
                _ => SLOW_LOOK,
            };
            listener.wait(if shows { quiet } else { now().until(shows_at) });
        }
        if let Err(error) = self.let_leave() {
            tracing::error!(%error, "the line could not be left");
        }
    }

    /// Many who go at once (a server that stops) go in one transaction. When the
    /// store fails they are put back: the next turn tries again.
    fn let_leave(&self) -> Result<(), gaia_locks::Error> {
        let leaving = std::mem::take(&mut *self.leaving());
        if leaving.is_empty() {
            return Ok(());
        }
        let left = self.locks.transact(|tx| {
            leaving.iter().try_for_each(|gone| match gone {
                Gone::Place(waiter) => tx.leave(*waiter),
                Gone::Lock(release) => tx.release(release).map(drop),
            })
        });
        if let Err(gaia_locks::Error::Store(_)) = &left {
            self.leaving().extend(leaving);
        }
        left
    }

    fn sweep_what_is_over(&self) -> Result<(), gaia_locks::Error> {
        let asked_for = self.sweeps || self.waiting() > 0;
        if asked_for && self.locks.look(|tx| self.something_is_over(tx))? {
            self.locks.transact(|tx| tx.sweep())?;
        }
        Ok(())
    }

    fn turn(&self, heard_at: &mut Moment) -> Result<(), gaia_locks::Error> {
        self.let_leave()?;
        let waiting: Vec<WaiterId> = self.places().keys().copied().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        if now() >= heard_at.plus(HEARTBEAT) {
            *heard_at = now();
            self.locks.transact(|tx| be_heard(tx, &waiting))?;
        }
        let ready = self.locks.look(|tx| ready(tx, &waiting))?;
        let mut places = self.places();
        for waiter in ready {
            if let Some((_, tell)) = places.remove(&waiter) {
                // Whoever does not listen any more has left.
                let _ = tell.send(());
            }
        }
        Ok(())
    }

    fn something_is_over(&self, tx: &mut LockTx<'_>) -> Result<bool, gaia_locks::Error> {
        let (now, witness) = (tx.now(), self.locks.witness());
        let due = tx.store().locks_due(now.moment)?;
        let over = |lock| expire::judge_patiently(lock, now, &**witness) != Verdict::Stands;
        let gone = |waiter: &Waiter| {
            waiter.state == WaiterState::Waiting && !expire::is_waiting(waiter, now, &**witness)
        };
        Ok(due.iter().any(over) || tx.store().waiters()?.iter().any(gone))
    }

    fn places(&self) -> MutexGuard<'_, HashMap<WaiterId, (u64, oneshot::Sender<()>)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Moment {
    SystemClock.now().moment
}

/// Who waits elsewhere is heard by a server. While none ran nobody could be: a
/// place that is still there gets its time to be heard once more.
fn hear_out(tx: &mut LockTx<'_>) -> Result<(), gaia_locks::Error> {
    let now = tx.now().moment;
    for waiter in tx.store().waiters()? {
        let elsewhere = waiter.life == WaiterLife::Heartbeat;
        if elsewhere && waiter.state == WaiterState::Waiting && now.since(waiter.heard) < DOWNTIME {
            tx.store().update_waiter(waiter.id, &waiter.state, now)?;
        }
    }
    Ok(())
}

/// Which of them were granted or are gone.
fn ready(tx: &mut LockTx<'_>, waiting: &[WaiterId]) -> Result<Vec<WaiterId>, gaia_locks::Error> {
    let mut ready = Vec::new();
    for id in waiting {
        let waiter = tx.store().waiter(*id)?;
        if waiter.is_none_or(|waiter| waiter.state != WaiterState::Waiting) {
            ready.push(*id);
        }
    }
    Ok(ready)
}

fn be_heard(tx: &mut LockTx<'_>, waiting: &[WaiterId]) -> Result<(), gaia_locks::Error> {
    let heard = tx.now().moment;
    for id in waiting {
        if let Some(waiter) = tx.store().waiter(*id)? {
            tx.store().update_waiter(*id, &waiter.state, heard)?;
        }
    }
    Ok(())
}
