//! The seam: what the lock rules need of a place that keeps state.
//!
//! # Why so few verbs
//! A store only reads and writes rows. Everything that is thought (who is in
//! whose way, whose turn it is, what has lapsed) is thought once, in
//! [`crate::rules`], and acted out once, in [`crate::service`]. A new store
//! has to get three things right and nothing else:
//!
//! 1. **One transaction at a time may write** what overlaps: what a
//!    transaction read is still true when it commits. The embedded stores
//!    serialise all writers; a server may serialise per scope.
//! 2. **Tokens only rise** in the order of grants, whatever is killed, rolled
//!    back or restored [R4].
//! 3. **Time comes from the store**: [`Tx::now`] is read after the transaction
//!    has begun, so no wait lies between "now" and the decision.
//!
//! # Joining and batching
//! A transaction is a closure over [`Tx`]: one request, or as many as the
//! caller likes, share one commit. Other tables (the assigner's) join it
//! through [`Tx::join`], on the same connection; neither touches the other's
//! tables.
//!
//! The closure may run more than once (a busy server store starts a
//! transaction again), so it must not do anything outside but compute.

pub mod memory;
pub mod sqlite;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, Now, Wall};
use crate::error::{Error, StoreError};
use crate::folder::Folder;
use crate::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use crate::model::{Binding, End, Holder, Lock, Mode, Pause, Waiter, WaiterState, Want};
use crate::os::Doorbell;

/// What a transaction does; may run more than once.
pub type Work<'a> = dyn FnMut(&mut dyn Tx) -> Result<(), Error> + 'a;

/// A place that keeps locks, waiters and history.
pub trait Store: Send + Sync {
    /// Runs one transaction that may write. An error from `work` rolls
    /// everything back and is passed on.
    ///
    /// # Errors
    /// What `work` answers, or [`Error::Store`] when the store fails; then
    /// nothing was changed.
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error>;

    /// Runs one transaction that only reads, all of one moment.
    ///
    /// # Errors
    /// As [`Store::write`]; a write inside it is an error.
    fn read(&self, work: &mut Work<'_>) -> Result<(), Error>;

    /// What changes whenever anybody changes anything here: whoever finds it as it
    /// was knows that what it has read since then is still true. Waits for nobody.
    /// `None`: not known now, or never.
    fn version(&self) -> Option<Version> {
        None
    }

    /// How waiters are woken: a hint, the row is the truth.
    fn doorbell(&self) -> Arc<dyn Doorbell>;

    /// The database, as people are shown it.
    fn name(&self) -> String;

    /// Writes a complete copy that can be given to [`crate::store`]'s restore.
    ///
    /// # Errors
    /// When the copy cannot be written; an existing file is never overwritten.
    fn backup(&self, to: &Path) -> Result<(), StoreError>;

    /// To be called by a process that is at its end: what it leaves for the
    /// next to clear away, it clears away itself.
    fn settle(&self) {}
}

/// Stands for all that a store holds: as long as it is the same, that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version([u32; 12]);

/// A lock that is about to be granted.
#[derive(Clone, Debug)]
pub struct NewLock<'a> {
    /// Whose file system.
    pub scope: &'a Scope,
    /// What.
    pub folder: &'a Folder,
    /// For whom.
    pub holder: &'a Holder,
    /// How.
    pub mode: Mode,
    /// Until when at first.
    pub expires: Moment,
    /// What a renewal adds.
    pub ttl: Duration,
    /// Proof of life.
    pub binding: Binding,
    /// A lock of its own.
    pub own: bool,
    /// Who may end it.
    pub releaser: crate::model::Releaser,
}

impl<'a> NewLock<'a> {
    /// The lock that a request gets on one of its folders.
    pub fn of(want: &'a Want, folder: &'a Folder, expires: Moment, binding: Binding) -> Self {
        Self {
            scope: &want.scope,
            folder,
            holder: &want.holder,
            mode: want.mode,
            expires,
            ttl: want.ttl,
            binding,
            own: want.own,
            releaser: want.releaser,
        }
    }

    /// The same once it has been granted.
    pub fn granted(&self, id: LockId, now: Now) -> Lock {
        Lock {
            id,
            scope: self.scope.clone(),
            folder: self.folder.clone(),
            holder: self.holder.clone(),
            mode: self.mode,
            granted_at: now.wall,
            expires: self.expires,
            ttl: self.ttl,
            binding: self.binding.clone(),
            own: self.own,
            releaser: self.releaser,
        }
    }
}

/// One row of the history [R15].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The token.
    pub id: LockId,
    /// Whose file system.
    pub scope: Scope,
    /// What.
    pub folder: Folder,
    /// Who.
    pub holder: Holder,
    /// How.
    pub mode: Mode,
    /// Granted when, by the wall clock.
    pub granted_at: Wall,
    /// Granted when, on the store's clock (means something within one boot).
    pub granted: Moment,
    /// Until when its lease would have gone, once it has ended.
    pub expires_at: Option<Wall>,
    /// How it ended; `None` while the row still says active.
    pub end: Option<End>,
    /// Further facts kept with the row, such as the work tree's state [T13].
    pub details: Option<serde_json::Value>,
}

/// Which rows of the history are wanted; empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    /// Folders that overlap this one.
    pub folder: Option<Folder>,
    /// Paths of this scope. The verb names its own where a folder is asked for:
    /// the same path elsewhere is another folder.
    pub scope: Option<Scope>,
    /// This session's.
    pub session: Option<SessionId>,
    /// This task's.
    pub task: Option<TaskId>,
    /// Granted at or after this instant.
    pub since: Option<Wall>,
    /// Held at some time from the first instant until before the second.
    pub held: Option<(Wall, Wall)>,
    /// Only ids below this one (the next page).
    pub before: Option<LockId>,
    /// At most so many rows, newest first; `None`: all.
    pub limit: Option<u32>,
}

/// What a request id led to [R16].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// A fingerprint of the request's content.
    pub content: String,
    /// The locks it was granted.
    pub locks: Vec<LockId>,
    /// The place in line that it took, if it had to wait.
    pub waiter: Option<WaiterId>,
    /// When, by the wall clock.
    pub at: Wall,
}

/// One transaction. Reads see what the transaction itself has written.
pub trait Tx {
    /// The store's clock, the same throughout the transaction.
    fn now(&self) -> Now;

    /// Active locks on folders that overlap any of these, each once, in order
    /// of id. Rows whose lease has ended are among them.
    ///
    /// # Errors
    /// When the store fails, as every verb here.
    fn locks_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Result<Vec<Lock>, Error>;
    /// One active lock.
    fn lock(&mut self, id: LockId) -> Result<Option<Lock>, Error>;
    /// All active locks, in order of id.
    fn locks(&mut self) -> Result<Vec<Lock>, Error>;
    /// The active locks of one task of one session, in order of id.
    fn locks_of_task(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error>;
    /// Locks whose lease ends at or before `moment`, or that are bound to a
    /// process: what a sweep has to look at.
    fn locks_due(&mut self, moment: Moment) -> Result<Vec<Lock>, Error>;
    /// Grants: one new active lock and its row in the history. Gives the
    /// token, higher than any before.
    fn insert_lock(&mut self, lock: &NewLock<'_>) -> Result<LockId, Error>;
    /// Stores another lease end, length and binding of an active lock.
    fn update_lock(&mut self, lock: &Lock) -> Result<(), Error>;
    /// Ends an active lock: its row leaves the active ones and the history
    /// keeps how it ended. Changes nothing when it is not active any more.
    fn end_lock(&mut self, lock: &Lock, end: &End) -> Result<(), Error>;

    /// One row of the history.
    fn record(&mut self, id: LockId) -> Result<Option<Record>, Error>;
    /// Rows of the history, newest first.
    fn history(&mut self, filter: &HistoryFilter) -> Result<Vec<Record>, Error>;
    /// Stores further facts with a row of the history.
    fn annotate(&mut self, id: LockId, details: &serde_json::Value) -> Result<(), Error>;
    /// Forgets ended rows that ended before an instant; never the row with
    /// the highest token. Gives how many.
    fn prune(&mut self, before: Wall) -> Result<u64, Error>;

    /// Whether anybody stands in line at all: the quick way out.
    fn has_waiters(&mut self) -> Result<bool, Error>;
    /// Waiters for folders that overlap any of these, each once, in order of
    /// arrival; granted ones too.
    fn waiters_overlapping(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Vec<Waiter>, Error>;
    /// Of [`Tx::waiters_overlapping`] the first that was not granted. The usual
    /// hand-off needs no more, however long the line is.
    fn first_waiting(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Option<Waiter>, Error> {
        let mut waiters = self.waiters_overlapping(scope, folders)?;
        waiters.retain(|waiter| waiter.state == WaiterState::Waiting);
        Ok(waiters.into_iter().next())
    }
    /// All waiters of one session, in order of arrival.
    fn waiters_of(&mut self, session: &SessionId) -> Result<Vec<Waiter>, Error>;
    /// All waiters, in order of arrival.
    fn waiters(&mut self) -> Result<Vec<Waiter>, Error>;
    /// One waiter.
    fn waiter(&mut self, id: WaiterId) -> Result<Option<Waiter>, Error>;
    /// Puts a waiter at the end of the line; `waiter.id` is ignored, the
    /// answer is its place: higher than any before it.
    fn insert_waiter(&mut self, waiter: &Waiter) -> Result<WaiterId, Error>;
    /// Stores a waiter's state and when it was last heard.
    fn update_waiter(
        &mut self,
        id: WaiterId,
        state: &WaiterState,
        heard: Moment,
    ) -> Result<(), Error>;
    /// Takes a waiter out of the line.
    fn remove_waiter(&mut self, id: WaiterId) -> Result<(), Error>;

    /// What a request id of a session led to, if it is still remembered.
    fn remembered(
        &mut self,
        session: &SessionId,
        id: &RequestId,
    ) -> Result<Option<Remembered>, Error>;
    /// Remembers what a request id led to, in place of what was there.
    fn remember(
        &mut self,
        session: &SessionId,
        id: &RequestId,
        what: &Remembered,
    ) -> Result<(), Error>;
    /// Forgets one request id.
    fn forget(&mut self, session: &SessionId, id: &RequestId) -> Result<(), Error>;
    /// Forgets request ids older than an instant.
    fn forget_before(&mut self, before: Wall) -> Result<(), Error>;

    /// Pauses in force, oldest first.
    fn pauses(&mut self) -> Result<Vec<Pause>, Error>;
    /// Adds a pause, in place of one on the same folder.
    fn insert_pause(&mut self, pause: &Pause) -> Result<(), Error>;
    /// Ends the pause on exactly this folder; whether there was one.
    fn remove_pause(&mut self, scope: &Scope, folder: &Folder) -> Result<bool, Error>;

    /// The transaction's own handle, for other tables that join it: the
    /// assigner's store knows what it is handed.
    fn join(&mut self) -> &mut dyn Any;
}

/// Runs a transaction that may write and gives what it computed.
///
/// # Errors
/// As [`Store::write`].
pub fn write<T>(
    store: &dyn Store,
    mut work: impl FnMut(&mut dyn Tx) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut answer = None;
    store.write(&mut |tx| {
        answer = Some(work(tx)?);
        Ok(())
    })?;
    answer.ok_or_else(nothing_ran)
}

/// Runs a transaction that only reads and gives what it computed.
///
/// # Errors
/// As [`Store::read`].
pub fn read<T>(
    store: &dyn Store,
    mut work: impl FnMut(&mut dyn Tx) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut answer = None;
    store.read(&mut |tx| {
        answer = Some(work(tx)?);
        Ok(())
    })?;
    answer.ok_or_else(nothing_ran)
}

fn nothing_ran() -> Error {
    Error::Store(StoreError::Failed(
        "the store committed without running the transaction".to_owned(),
    ))
}
