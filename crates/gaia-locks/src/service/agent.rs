//! What agents' hooks do with the locks that they take for the session that
//! writes.
//!
//! Such a lock is another thing than one that somebody asked for. Its lease is
//! counted from the session's last sign of life, so each of them sets it anew;
//! the life of the client's process extends it only while a tool runs. And it
//! leaves linked work trees inside the locked one to others, because they are
//! folders of their own.

use std::time::Duration;

use super::LockTx;
use super::acquire::{Attempt, check_ttl};
use crate::error::Error;
use crate::folder::{Folder, is_within};
use crate::ids::{LockId, SessionId, TaskId};
use crate::model::{AgentBinding, Binding, EndReason, Lock};
use crate::rules::acquire::{Decision, decide};
use crate::wire::Answer;

/// What the history says of a lock that was let go because its session's turn
/// ended.
pub const RESTS: &str = "its session stopped";

impl LockTx<'_> {
    /// The active locks of one holder, once time and death have had their say.
    ///
    /// # Errors
    /// When the store fails.
    pub fn held_by(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error> {
        let mut locks = self.tx.locks_of_task(session, task)?;
        let scope = self.config.scope.clone();
        let freed = self.settle_locks(&mut locks, |_| true)?;
        if !freed.is_empty() {
            self.hand_off(&scope, &freed)?;
        }
        Ok(locks)
    }

    /// The active locks around a folder, once time and death have had their
    /// say.
    ///
    /// # Errors
    /// When the store fails.
    pub fn around_now(&mut self, folder: &Folder) -> Result<Vec<Lock>, Error> {
        let scope = self.config.scope.clone();
        let folders = std::slice::from_ref(folder);
        let mut locks = self.tx.locks_overlapping(&scope, folders)?;
        let freed = self.settle_locks(&mut locks, |_| true)?;
        if !freed.is_empty() {
            self.hand_off(&scope, &freed)?;
        }
        Ok(locks)
    }

    /// A session's sign of life for a lock that its hook took: from now on it
    /// lasts so long, and is bound so.
    ///
    /// # Errors
    /// When the store fails or the length is out of range.
    pub fn keep_for_agent(
        &mut self,
        lock: &Lock,
        binding: AgentBinding,
        lease: Duration,
    ) -> Result<(), Error> {
        check_ttl(lease)?;
        let known = match &lock.binding {
            Binding::Agent(known) => known.spares.as_slice(),
            _ => &[],
        };
        if known != binding.spares {
            self.note_spares(lock.id, &binding.spares)?;
        }
        let lock = Lock {
            binding: Binding::Agent(Box::new(binding)),
            expires: self.now().moment.plus(lease),
            ttl: lease,
            ..lock.clone()
        };
        self.tx.update_lock(&lock)?;
        self.effects.locks.extended.push(lock);
        Ok(())
    }

    /// An agent's lock on a tree leaves a linked work tree inside it to others
    /// from now on, first to those who wait for it. Whether it is such a lock,
    /// and did not do so before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn spare(&mut self, lock: LockId, tree: &Folder) -> Result<bool, Error> {
        let Some(lock) = self.tx.lock(lock)? else {
            return Ok(false);
        };
        let inside = |key: &str| is_within(key, lock.folder.path_key());
        let Binding::Agent(mut agent) = lock.binding.clone() else {
            return Ok(false);
        };
        let key = tree.path_key();
        if !inside(key) || key == lock.folder.path_key() || agent.spares.iter().any(|t| t == key) {
            return Ok(false);
        }
        agent.spares.push(key.to_owned());
        self.note_spares(lock.id, &agent.spares)?;
        let binding = Binding::Agent(agent);
        let lock = Lock { binding, ..lock };
        self.tx.update_lock(&lock)?;
        self.hand_off(&lock.scope, std::slice::from_ref(tree))?;
        Ok(true)
    }

    /// The history keeps what a lock left to others, or two holders of one tree
    /// would look like a fault when it is judged later.
    fn note_spares(&mut self, lock: LockId, spares: &[String]) -> Result<(), Error> {
        let details = serde_json::json!({ "leaves_out": spares });
        self.tx.annotate(lock, &details)
    }

    /// Asks for locks that do not cover some trees inside them. Nobody stands
    /// in line for them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn acquire_sparing(
        &mut self,
        attempt: &Attempt<'_>,
        trees: &[Folder],
    ) -> Result<Answer, Error> {
        let want = attempt.want;
        let mut state = self.settled_state(want, false)?;
        // A tree that is itself asked for is not spared.
        let asked_for = |tree: &Folder| want.folders.iter().any(|folder| tree.covers(folder));
        let trees: Vec<_> = trees.iter().filter(|tree| !asked_for(tree)).collect();
        let in_tree = |key: &str| trees.iter().any(|tree| is_within(key, tree.path_key()));
        let spared = |folder: &Folder| folder.keys().all(in_tree);
        state.locks.retain(|lock| !spared(&lock.folder));
        let wants_inside = |folders: &[Folder]| folders.iter().all(spared);
        state
            .waiters
            .retain(|waiter| !wants_inside(&waiter.want.folders));
        match decide(&state, want, self.now()) {
            Decision::Grant(grants) => self.grant(attempt, &state, &grants),
            Decision::Blocked(blocked) => Ok(Answer::Refused(self.refusal(want, &state, &blocked))),
        }
    }

    /// What is in the way of a request, as a refusal tells it; nothing is taken.
    /// `None`: nothing is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn would_refuse(
        &mut self,
        want: &crate::model::Want,
    ) -> Result<Option<crate::wire::Refusal>, Error> {
        let state = self.settled_state(want, false)?;
        Ok(match decide(&state, want, self.now()) {
            Decision::Grant(_) => None,
            Decision::Blocked(blocked) => Some(self.refusal(want, &state, &blocked)),
        })
    }

    /// Ends a lock that a hook took, and grants to those who waited for it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn let_go(&mut self, lock: &Lock, why: &str) -> Result<(), Error> {
        let by = lock.holder.session.as_str().to_owned();
        let end = self.end_now(EndReason::Released, &by, Some(why));
        self.end(lock, &end)?;
        self.hand_off(&lock.scope, std::slice::from_ref(&lock.folder))
    }
}
