//! Renewing a lease [R5], and binding a lock to a process [R11].

use std::time::Duration;

use super::LockTx;
use super::acquire::check_ttl;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::{LockId, SessionId, TaskId};
use crate::liveness::ProcessIdentity;
use crate::model::{Binding, Lock};
use crate::rules::renew::{self as rule, NotRenewed};
use crate::wire::LockInfo;

/// A holder's wish to go on holding.
#[derive(Clone, Debug)]
pub struct Renew {
    /// The very lock: renewing needs the token.
    pub token: LockId,
    /// Its holder.
    pub session: SessionId,
    /// Its task, if the holder names it.
    pub task: Option<TaskId>,
    /// Only if the lock is on exactly this folder.
    pub folder: Option<Folder>,
    /// The lease's length from now on; the lock's own when left out.
    pub ttl: Option<Duration>,
}

/// What came of it: an answer rather than an error, so that what time has
/// ended is cleared away in the same transaction.
#[derive(Clone, PartialEq, Debug)]
pub enum Renewed {
    /// Renewed.
    Renewed(Box<LockInfo>),
    /// It is not active: a lapsed lock can only be acquired anew.
    NotHeld(String),
    /// It is somebody else's.
    NotAllowed(String),
}

impl Renewed {
    /// The lock as it is now, or why it was not renewed.
    ///
    /// # Errors
    /// [`Error::NotHeld`], [`Error::NotAllowed`].
    pub fn into_result(self) -> Result<LockInfo, Error> {
        match self {
            Renewed::Renewed(lock) => Ok(*lock),
            Renewed::NotHeld(why) => Err(Error::NotHeld(why)),
            Renewed::NotAllowed(why) => Err(Error::NotAllowed(why)),
        }
    }
}

impl LockTx<'_> {
    /// Renews a lease.
    ///
    /// # Errors
    /// When the store fails or the length is out of range.
    pub fn renew(&mut self, request: &Renew) -> Result<Renewed, Error> {
        let token = request.token;
        let Some(lock) = self.active_now(token)? else {
            return Ok(Renewed::NotHeld(self.why_not_active(token)?));
        };
        if request
            .folder
            .as_ref()
            .is_some_and(|folder| !lock.folder.same(folder))
        {
            let why = format!(
                "lock {token} is on {}, not on the folder that was named",
                lock.folder.path()
            );
            return Ok(Renewed::NotHeld(why));
        }
        let ttl = request.ttl.unwrap_or(lock.ttl);
        check_ttl(ttl)?;
        match rule::decide(&lock, &request.session, request.task, ttl, self.now()) {
            Ok(rule::Renewal { expires, ttl }) => {
                let lock = Lock {
                    expires,
                    ttl,
                    ..lock
                };
                self.store_lock(&lock)
                    .map(|info| Renewed::Renewed(Box::new(info)))
            }
            Err(NotRenewed::OtherHolder) => Ok(Renewed::NotAllowed(format!(
                "lock {token} is held by {}, who alone can renew it",
                lock.holder
            ))),
        }
    }

    /// Binds an active lock to a process [R11]; for whoever starts the process
    /// only once the lock is held.
    ///
    /// # Errors
    /// [`Error::NotHeld`] when the lock is not active any more.
    pub fn bind(&mut self, token: LockId, process: &ProcessIdentity) -> Result<LockInfo, Error> {
        let Some(lock) = self.active_now(token)? else {
            return Err(Error::NotHeld(self.why_not_active(token)?));
        };
        self.store_lock(&Lock {
            binding: Binding::Process(process.clone()),
            ..lock
        })
    }

    fn store_lock(&mut self, lock: &Lock) -> Result<LockInfo, Error> {
        self.tx.update_lock(lock)?;
        let info = LockInfo::active(lock, self.now());
        self.effects.locks.extended.push(lock.clone());
        Ok(info)
    }

    /// An active lock, once time and death have had their say about it.
    pub(super) fn active_now(&mut self, token: LockId) -> Result<Option<Lock>, Error> {
        let mut locks: Vec<Lock> = self.tx.lock(token)?.into_iter().collect();
        let scope = locks.first().map(|lock| lock.scope.clone());
        let freed = self.settle_locks(&mut locks, |_| true)?;
        if let (Some(scope), false) = (scope, freed.is_empty()) {
            self.hand_off(&scope, &freed)?;
        }
        Ok(locks.pop())
    }

    /// Why a token is not that of an active lock.
    pub(super) fn why_not_active(&mut self, token: LockId) -> Result<String, Error> {
        Ok(match self.tx.record(token)? {
            None => format!("no lock was ever granted with the token {token}"),
            Some(record) => {
                let how = record.end.map_or("ended", |end| end.reason.word());
                format!(
                    "lock {token} is not active any more ({how}); acquire the folder anew, with a new token"
                )
            }
        })
    }
}
