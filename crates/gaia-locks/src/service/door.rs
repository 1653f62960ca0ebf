//! The trait that every way in calls.

use std::time::Duration;

use super::{Acquire, Patience, Release, Released, Renew, Topic, Touch, Touched};
use crate::clock::Wall;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::{LockId, Scope, WaiterId};
use crate::os::Listener;
use crate::store::HistoryFilter;
use crate::wire::{Answer, Granted, LockInfo, PauseInfo, Status, Verified};

/// The verbs that every way in uses; on a store, or through a server.
pub trait Locks: Send + Sync {
    /// Asks for locks; may take a place in line, never waits.
    ///
    /// # Errors
    /// Bad input, or a store that cannot be used. A refusal is an answer.
    fn acquire(&self, request: &Acquire) -> Result<Answer, Error>;
    /// Waits at a place in line until it is granted, or patience ends: then the
    /// place is left and the last refusal given.
    ///
    /// # Errors
    /// [`Error::NotInLine`] when the place is gone; otherwise as [`Locks::acquire`].
    fn wait(&self, waiter: WaiterId, patience: &mut Patience<'_>) -> Result<Answer, Error>;
    /// Leaves the line; a grant that was not taken up is given back.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn leave(&self, waiter: WaiterId) -> Result<(), Error>;
    /// Renews a lease.
    ///
    /// # Errors
    /// [`Error::NotHeld`] after a lapse, [`Error::NotAllowed`] for somebody else's.
    fn renew(&self, request: &Renew) -> Result<LockInfo, Error>;
    /// The holder's release.
    ///
    /// # Errors
    /// When the store cannot be used; "not held" is an answer.
    fn release(&self, request: &Release) -> Result<Released, Error>;
    /// The same for a holder whose end somebody waits for: a server is tried for
    /// `at_most` so long. What it does not hear of ends with its process or its
    /// lease.
    ///
    /// # Errors
    /// As [`Locks::release`].
    fn release_within(&self, request: &Release, at_most: Duration) -> Result<Released, Error> {
        // A database is on this machine.
        let _ = at_most;
        self.release(request)
    }
    /// Whether that very lock is active now.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn verify(&self, token: LockId) -> Result<Verified, Error>;
    /// How many wait for a lock.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn waiting_for(&self, token: LockId) -> Result<usize, Error>;
    /// Who holds what, who waits; for one folder: what overlaps it.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn status(&self, folder: Option<&Folder>) -> Result<Status, Error>;
    /// The locks of others on what somebody is about to change, each once, with
    /// the first file that it is on.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn touched(&self, touch: &Touch) -> Result<Vec<Touched>, Error>;
    /// The past and the present, newest first.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn history(&self, filter: &HistoryFilter) -> Result<Vec<LockInfo>, Error>;
    /// Ends any lock, as an admin.
    ///
    /// # Errors
    /// [`Error::UnknownLock`], [`Error::AlreadyEnded`].
    fn force_release(&self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, Error>;
    /// Sweeps: ends what lapsed or died, and grants to those who waited for
    /// it; forgets history that is older than the retention, if one is set.
    /// Gives how many locks ended.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn cleanup(&self) -> Result<u64, Error>;
    /// Forgets history that ended before an instant. Gives how many rows.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn prune(&self, before: Wall) -> Result<u64, Error>;
    /// Grants nothing new in a folder.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn pause(&self, folder: &Folder, by: &str, reason: &str) -> Result<PauseInfo, Error>;
    /// Grants there again; whether it was paused.
    ///
    /// # Errors
    /// When the store cannot be used.
    fn resume(&self, folder: &Folder) -> Result<bool, Error>;
    /// Listens: rings mean that it is worth looking again.
    ///
    /// # Errors
    /// When nothing can be listened to.
    fn listen(&self, topic: Topic) -> Result<Box<dyn Listener>, Error>;
    /// The scope in which paths are resolved here.
    fn scope(&self) -> Scope;
    /// The lease's length when a request names none.
    fn default_ttl(&self) -> Duration;
    /// The database or server, as people are shown it.
    fn database(&self) -> String;

    /// Asks for locks and, where they are not free, waits in line.
    ///
    /// # Errors
    /// As [`Locks::acquire`] and [`Locks::wait`].
    fn acquire_waiting(
        &self,
        request: &Acquire,
        patience: &mut Patience<'_>,
    ) -> Result<Answer, Error> {
        match self.acquire(&request.clone().queued(patience.limit))? {
            Answer::Queued(queued) => match self.wait(queued.waiter, patience)? {
                Answer::Refused(refusal) => Ok(Answer::Refused(refusal.or(queued.refusal))),
                answer => Ok(answer),
            },
            answer => Ok(answer),
        }
    }

    /// Gives back what a request has newly taken: its turn came in the very
    /// moment in which the wait was called off, or nobody could be told of it.
    /// Gives what could not be released.
    fn give_back(&self, request: &Acquire, granted: &Granted) -> Vec<LockInfo> {
        let release = |lock: &LockInfo| {
            self.release(&Release {
                folder: None,
                session: request.holder.session.clone(),
                task: None,
                token: Some(lock.id),
            })
        };
        let is_new = |lock: &&LockInfo| !granted.held.contains(&lock.id);
        let new = granted.locks.iter().filter(is_new);
        new.filter(|lock| release(lock).is_err()).cloned().collect()
    }
}
