//! The one door to the locks.
//!
//! [`Locks`] is what every way in calls: the command line, the server, hooks,
//! Python, the assigner. [`LockService`] answers it on a store; a client that
//! goes through a server's API answers it too and passes the same suite.
//!
//! # The way of a request
//! One verb is one file here and one in [`crate::rules`]. A verb runs in one
//! store transaction ([`LockTx`]): it reads what overlaps, clears away what
//! time and death have ended, lets the rule decide, writes, and grants to
//! those whose turn came by it. After the commit, outside the transaction,
//! waiters are woken and marker files follow.
//!
//! Several requests can share one transaction, and other tables can join it:
//! [`LockService::transact`].

mod acquire;
mod admin;
mod agent;
mod door;
mod hand_off;
mod line;
mod query;
mod refusal;
mod release;
mod renew;
mod request;
mod reserved;
mod touch;
mod wait;
mod would_grant;

use std::sync::Arc;
use std::time::Duration;

pub use acquire::{Acquire, Attempt, Line};
pub use admin::{LONGEST_REASON, check_reason};
pub use agent::RESTS;
pub use door::Locks;
pub use query::Standing;
pub use release::{Release, Released};
pub use renew::{Renew, Renewed};
pub use touch::{Touch, Touched};
pub use wait::{Cancel, Look, Patience, PlaceNow};
pub use would_grant::InTheWay;

use crate::clock::{Now, Wall};
use crate::error::{Error, StoreError};
use crate::folder::Folder;
use crate::ids::{LockId, Scope, WaiterId};
use crate::liveness::{SystemWitness, Witness};
use crate::markers::{Changes, Markers, Truth};
use crate::model::{Lock, Want};
use crate::os::{Doorbell, Listener};
use crate::store::{self, HistoryFilter, Store, Tx};
use crate::wire::{Answer, LockInfo, PauseInfo, Status, Verified};

/// What the service is told about the place where it runs.
#[derive(Clone)]
pub struct Config {
    /// The scope of paths here.
    pub scope: Scope,
    /// The lease's length when a request names none.
    pub ttl: Duration,
    /// Looks at processes.
    pub witness: Arc<dyn Witness>,
    /// Marker files.
    pub markers: Markers,
    /// The age at which a sweep forgets history, if it does [R15].
    pub retention: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scope: Scope::local(),
            ttl: Duration::from_secs(2 * 3600),
            witness: Arc::new(SystemWitness),
            markers: Markers::off(),
            retention: None,
        }
    }
}

/// The shortest lease [R3].
pub const SHORTEST_TTL: Duration = Duration::from_secs(1);
/// The longest lease [R3].
pub const LONGEST_TTL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The door on a store.
#[derive(Clone)]
pub struct LockService {
    store: Arc<dyn Store>,
    doorbell: Arc<dyn Doorbell>,
    config: Config,
}

/// The doorbell slot that is rung whenever locks, the line or the queue of
/// tasks changed: for the assigner and for live views.
pub const ANY_CHANGE: u32 = 0;

/// What somebody can listen for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// Anything: locks, the line, the queue of tasks.
    AnyChange,
    /// One lock: that it ended, or that somebody waits for it.
    Lock(LockId),
}

/// The doorbell slot of a waiter or a lock. They may share one with others: a
/// ring is a hint.
fn slot_of(id: i64) -> u32 {
    // The remainder is below 4095, so that the conversion cannot fail.
    1 + u32::try_from(id.rem_euclid(4095)).unwrap_or(0)
}

/// What is done after the commit, outside the transaction.
#[derive(Default)]
struct Effects {
    rings: Vec<WaiterId>,
    changed: bool,
    /// What marker files follow.
    locks: Changes,
    /// Locks that somebody began to wait for.
    asked_for: Vec<LockId>,
    /// Nobody is shown what is in the way of a request that stands in line: it
    /// need not be put into words.
    unseen: bool,
}

/// The lock verbs inside one transaction.
pub struct LockTx<'a> {
    tx: &'a mut dyn Tx,
    config: &'a Config,
    effects: &'a mut Effects,
}

impl LockTx<'_> {
    /// The store's clock.
    pub fn now(&self) -> Now {
        self.tx.now()
    }

    /// The store's transaction, for tables that join it.
    pub fn store(&mut self) -> &mut dyn Tx {
        self.tx
    }

    /// Tells those who listen for any change (the assigner, live views) once
    /// this transaction has committed.
    pub fn tell(&mut self) {
        self.effects.changed = true;
    }
}

impl LockService {
    /// A door on a store.
    pub fn new(store: Arc<dyn Store>, config: Config) -> Self {
        let doorbell = store.doorbell();
        Self {
            store,
            doorbell,
            config,
        }
    }

    /// The store itself, for backups and for tables beside the locks'.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How waiters are woken.
    pub fn doorbell(&self) -> &Arc<dyn Doorbell> {
        &self.doorbell
    }

    /// Looks at processes.
    pub fn witness(&self) -> &Arc<dyn Witness> {
        &self.config.witness
    }

    /// Checks a request and gives what it wants, for an [`Attempt`] in a shared
    /// transaction.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for no folder and for a lease out of range.
    pub fn want(&self, request: &Acquire) -> Result<Want, Error> {
        request.want(&self.config)
    }

    /// Runs several verbs, and whatever joins them, in one transaction.
    ///
    /// # Errors
    /// What `work` answers; then nothing was changed.
    pub fn transact<T>(
        &self,
        mut work: impl FnMut(&mut LockTx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut effects = Effects::default();
        let answer = store::write(&*self.store, |tx| {
            effects = Effects::default();
            work(&mut LockTx {
                tx,
                config: &self.config,
                effects: &mut effects,
            })
        })?;
        self.carry_out(&effects);
        Ok(answer)
    }

    /// Runs queries in one transaction that only reads.
    ///
    /// # Errors
    /// What `work` answers.
    pub fn look<T>(
        &self,
        mut work: impl FnMut(&mut LockTx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut effects = Effects::default();
        store::read(&*self.store, |tx| {
            work(&mut LockTx {
                tx,
                config: &self.config,
                effects: &mut effects,
            })
        })
    }

    /// As [`Locks::acquire`]; `unseen`: a place in line is answered without what
    /// is in the way.
    fn ask(&self, request: &Acquire, unseen: bool) -> Result<Answer, Error> {
        let want = self.want(request)?;
        self.refuse_foreign(&want.folders)?;
        self.transact(|tx| {
            tx.effects.unseen = unseen;
            tx.acquire(&Attempt {
                want: &want,
                request,
            })
        })
    }

    fn listen_on(&self, slot: u32) -> Result<Box<dyn Listener>, Error> {
        self.doorbell.listen(slot).map_err(|error| {
            Error::Store(StoreError::Failed(format!(
                "cannot listen at the doorbell: {error}"
            )))
        })
    }

    /// Refuses folders that lie under a live marker of another database; for
    /// whoever acquires inside [`LockService::transact`]. [`Locks::acquire`]
    /// asks by itself.
    ///
    /// # Errors
    /// [`Error::OtherDatabase`], naming both.
    pub fn refuse_foreign(&self, folders: &[Folder]) -> Result<(), Error> {
        self.config.markers.refuse_foreign(folders)
    }

    /// Makes the marker files what the database says.
    pub fn repair_markers(&self) {
        self.config.markers.repair(self);
    }

    fn carry_out(&self, effects: &Effects) {
        for waiter in &effects.rings {
            self.doorbell.ring(slot_of(waiter.0));
        }
        for lock in effects
            .locks
            .ended
            .iter()
            .map(|lock| lock.id)
            .chain(effects.asked_for.iter().copied())
        {
            self.doorbell.ring(slot_of(lock.0));
        }
        if effects.changed {
            self.doorbell.ring(ANY_CHANGE);
        }
        self.config.markers.follow(&effects.locks, self);
    }
}

impl Truth for LockService {
    fn beside(&self, lock: &Lock) -> Option<Vec<Lock>> {
        let folders = std::slice::from_ref(&lock.folder);
        let overlapping = self.look(|tx| tx.store().locks_overlapping(&lock.scope, folders));
        let mut locks = overlapping.ok()?;
        locks.retain(|other| other.folder.path() == lock.folder.path());
        Some(locks)
    }

    fn all(&self) -> Option<Vec<Lock>> {
        self.look(|tx| tx.store().locks()).ok()
    }
}

impl Locks for LockService {
    fn acquire(&self, request: &Acquire) -> Result<Answer, Error> {
        self.ask(request, false)
    }

    fn acquire_waiting(
        &self,
        request: &Acquire,
        patience: &mut Patience<'_>,
    ) -> Result<Answer, Error> {
        match self.ask(&request.clone().queued(patience.limit), true)? {
            Answer::Queued(queued) => self.wait(queued.waiter, patience),
            answer => Ok(answer),
        }
    }

    fn wait(&self, waiter: WaiterId, patience: &mut Patience<'_>) -> Result<Answer, Error> {
        wait::wait(self, waiter, patience)
    }

    fn leave(&self, waiter: WaiterId) -> Result<(), Error> {
        self.transact(|tx| tx.leave(waiter))
    }

    fn renew(&self, request: &Renew) -> Result<LockInfo, Error> {
        self.transact(|tx| tx.renew(request))?.into_result()
    }

    fn release(&self, request: &Release) -> Result<Released, Error> {
        self.transact(|tx| tx.release(request))
    }

    fn verify(&self, token: LockId) -> Result<Verified, Error> {
        self.look(|tx| tx.verify(token))
    }

    fn waiting_for(&self, token: LockId) -> Result<usize, Error> {
        self.look(|tx| tx.waiting_for(token))
    }

    fn status(&self, folder: Option<&Folder>) -> Result<Status, Error> {
        let database = self.database();
        self.look(|tx| tx.status(folder, &database))
    }

    fn touched(&self, touch: &Touch) -> Result<Vec<Touched>, Error> {
        self.transact(|tx| tx.touched(touch))
    }

    fn history(&self, filter: &HistoryFilter) -> Result<Vec<LockInfo>, Error> {
        self.look(|tx| tx.history(filter))
    }

    fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, Error> {
        self.transact(|tx| tx.force_release(id, by, reason))
    }

    fn cleanup(&self) -> Result<u64, Error> {
        let ended = self.transact(|tx| tx.sweep())?;
        if let Some(age) = self.config.retention {
            self.transact(|tx| {
                let before = tx.now().wall.minus(age);
                tx.store().prune(before)
            })?;
        }
        self.repair_markers();
        Ok(ended)
    }

    fn prune(&self, before: Wall) -> Result<u64, Error> {
        self.transact(|tx| tx.store().prune(before))
    }

    fn pause(&self, folder: &Folder, by: &str, reason: &str) -> Result<PauseInfo, Error> {
        self.transact(|tx| tx.pause(folder, by, reason))
    }

    fn resume(&self, folder: &Folder) -> Result<bool, Error> {
        self.transact(|tx| tx.resume(folder))
    }

    fn listen(&self, topic: Topic) -> Result<Box<dyn Listener>, Error> {
        self.listen_on(match topic {
            Topic::AnyChange => ANY_CHANGE,
            Topic::Lock(id) => slot_of(id.0),
        })
    }

    fn scope(&self) -> Scope {
        self.config.scope.clone()
    }

    fn default_ttl(&self) -> Duration {
        self.config.ttl
    }

    fn database(&self) -> String {
        self.store.name()
    }
}
