//! The holder's release [R6], and the end of a task's locks [T3].

use serde::{Deserialize, Serialize};

use super::LockTx;
use crate::clock::Moment;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::{LockId, Scope, SessionId, TaskId};
use crate::model::{End, EndReason, Lock, Releaser};
use crate::rules::expire::{Verdict, judge};
use crate::rules::release::{self as rule, Decision, Wish};
use crate::wire::LockInfo;

/// A holder's wish to end what it holds.
#[derive(Clone, Debug)]
pub struct Release {
    /// On exactly this folder; may be left out when a token is given.
    pub folder: Option<Folder>,
    /// Whose.
    pub session: SessionId,
    /// Only this task's.
    pub task: Option<TaskId>,
    /// Only this very lock.
    pub token: Option<LockId>,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Released {
    /// These ended.
    Ended(Vec<LockInfo>),
    /// Nothing of the sort is held (any more).
    NotHeld,
    /// It is held by somebody else, or ends with its task only.
    NotAllowed(Box<LockInfo>),
}

/// A holder that names its very lock within its lease says itself how it ends:
/// released. `gaia run` releases when the command's process has ended, which is
/// no death that the history should tell of.
fn is_told_by_holder(lock: &Lock, request: &Release, now: Moment) -> bool {
    request.token == Some(lock.id) && request.session == lock.holder.session && now < lock.expires
}

impl LockTx<'_> {
    /// Ends what the holder means.
    ///
    /// # Errors
    /// When the store fails, or neither folder nor token was given.
    pub fn release(&mut self, request: &Release) -> Result<Released, Error> {
        self.release_by(request, request.session.as_str())
    }

    /// The same by somebody who acts for the holder, whom the history names.
    ///
    /// # Errors
    /// As [`LockTx::release`].
    pub fn release_by(&mut self, request: &Release, by: &str) -> Result<Released, Error> {
        let scope = self.config.scope.clone();
        let mut locks = match (request.token, &request.folder) {
            (Some(token), _) => self.tx.lock(token)?.into_iter().collect(),
            (None, Some(folder)) => self
                .tx
                .locks_overlapping(&scope, std::slice::from_ref(folder))?,
            (None, None) => {
                return Err(Error::InvalidRequest(
                    "name a folder or a token to release".to_owned(),
                ));
            }
        };
        let now = self.now().moment;
        let lapsed =
            self.settle_locks(&mut locks, |lock| !is_told_by_holder(lock, request, now))?;
        let wish = self.wish(request, &locks, scope.clone());
        let released = self.end_meant(&locks, &wish, by)?;
        self.hand_off_all(&scope, lapsed, &released)?;
        Ok(released)
    }

    /// A token names its lock wherever it is; a scope is only compared when
    /// the folder decides.
    fn wish(&self, request: &Release, locks: &[Lock], scope: Scope) -> Wish {
        let of_token = request
            .token
            .and_then(|_| locks.first())
            .map(|lock| lock.scope.clone());
        Wish {
            scope: of_token.unwrap_or(scope),
            folder: request.folder.clone(),
            session: request.session.clone(),
            task: request.task,
            token: request.token,
        }
    }

    fn end_meant(&mut self, locks: &[Lock], wish: &Wish, by: &str) -> Result<Released, Error> {
        let now = self.now();
        match rule::decide(locks, wish) {
            Decision::NotHeld => Ok(Released::NotHeld),
            Decision::NotAllowed(id) => {
                let lock = locks.iter().find(|lock| lock.id == id);
                Ok(lock.map_or(Released::NotHeld, |lock| {
                    Released::NotAllowed(Box::new(LockInfo::active(lock, now)))
                }))
            }
            Decision::End(ids) => {
                let end = self.end_now(EndReason::Released, by, None);
                let mut ended = Vec::with_capacity(ids.len());
                for lock in locks.iter().filter(|lock| ids.contains(&lock.id)) {
                    self.end(lock, &end)?;
                    ended.push(LockInfo::just_ended(lock, &end, now));
                }
                Ok(Released::Ended(ended))
            }
        }
    }

    fn hand_off_all(
        &mut self,
        scope: &Scope,
        mut freed: Vec<Folder>,
        released: &Released,
    ) -> Result<(), Error> {
        if let Released::Ended(_) = released {
            let from = self
                .effects
                .locks
                .ended
                .iter()
                .map(|lock| lock.folder.clone());
            freed.extend(from);
        }
        if freed.is_empty() {
            Ok(())
        } else {
            self.hand_off(scope, &freed)
        }
    }

    /// Ends every lock of a task, whoever took it, and grants to those who
    /// waited for them; for the assigner's transactions [T3].
    ///
    /// # Errors
    /// When the store fails.
    pub fn end_task_locks(&mut self, tokens: &[LockId], by: &str) -> Result<Vec<LockInfo>, Error> {
        let now = self.now();
        let by_task = self.end_now(EndReason::TaskEnded, by, None);
        let mut ended = Vec::new();
        for token in tokens {
            let Some(lock) = self.tx.lock(*token)? else {
                continue;
            };
            let end = self.lapsed(&lock).unwrap_or_else(|| by_task.clone());
            self.end(&lock, &end)?;
            ended.push(LockInfo::just_ended(&lock, &end, now));
            self.hand_off(&lock.scope, std::slice::from_ref(&lock.folder))?;
        }
        Ok(ended)
    }

    /// How a lock ended whose lease was over before its task was: the history
    /// tells of that [R3].
    fn lapsed(&self, lock: &Lock) -> Option<End> {
        let now = self.now();
        if now.moment < lock.expires {
            return None;
        }
        match judge(lock, now, &*self.config.witness) {
            Verdict::Over(end) if end.reason == EndReason::Lapsed => Some(end),
            _ => None,
        }
    }

    /// The active locks of one task of one session.
    ///
    /// # Errors
    /// When the store fails.
    pub fn task_locks(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error> {
        self.tx.locks_of_task(session, task)
    }

    /// Whether the assigner holds this lock for a task.
    pub fn is_kept_by_assigner(lock: &Lock) -> bool {
        lock.releaser == Releaser::Assigner
    }
}
