//! Which locks a release ends [R6].

use crate::folder::Folder;
use crate::ids::{LockId, Scope, SessionId, TaskId};
use crate::model::{Lock, Releaser};

/// What a holder wants to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whose file system.
    pub scope: Scope,
    /// On exactly this folder; `None` only with a token.
    pub folder: Option<Folder>,
    /// Whose locks.
    pub session: SessionId,
    /// Only this task's.
    pub task: Option<TaskId>,
    /// Only this very lock.
    pub token: Option<LockId>,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These end.
    End(Vec<LockId>),
    /// Nothing of the sort is held.
    NotHeld,
    /// It is held, but ends with its task only, or belongs to somebody else.
    NotAllowed(LockId),
}

/// Decides among the active locks that overlap the folder, or the one lock
/// that the token names.
pub fn decide(locks: &[Lock], wish: &Wish) -> Decision {
    let meant: Vec<&Lock> = locks.iter().filter(|lock| is_meant(lock, wish)).collect();
    let own = |lock: &&&Lock| is_the_holders(lock, wish) && lock.releaser == Releaser::Holder;
    let ending: Vec<LockId> = meant.iter().filter(own).map(|lock| lock.id).collect();
    if !ending.is_empty() {
        return Decision::End(ending);
    }
    // With a token, somebody else's lock is named as such; without one, only
    // the session's own locks are meant at all.
    match meant
        .iter()
        .find(|lock| wish.token.is_some() || is_the_holders(lock, wish))
    {
        Some(lock) => Decision::NotAllowed(lock.id),
        None => Decision::NotHeld,
    }
}

fn is_meant(lock: &Lock, wish: &Wish) -> bool {
    lock.scope == wish.scope
        && wish.token.is_none_or(|token| token == lock.id)
        && wish
            .folder
            .as_ref()
            .is_none_or(|folder| lock.folder.same(folder))
}

fn is_the_holders(lock: &Lock, wish: &Wish) -> bool {
    lock.holder.session == wish.session && wish.task.is_none_or(|task| task == lock.holder.task)
}
