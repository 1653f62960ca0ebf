//! What only an admin does: ending any lock [R7], pausing folders.

use super::LockTx;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::LockId;
use crate::model::{EndReason, Pause};
use crate::wire::{LockInfo, PauseInfo};

/// The most bytes that a reason may have: it stands in every refusal and in the
/// history.
pub const LONGEST_REASON: usize = 2048;

/// Checks why somebody ends a lock or pauses a folder.
///
/// # Errors
/// [`Error::InvalidRequest`] for an empty or over-long reason.
pub fn check_reason(reason: &str, what_for: &str) -> Result<(), Error> {
    if reason.trim().is_empty() {
        let message = format!("give a reason: {what_for}");
        return Err(Error::InvalidRequest(message));
    }
    if reason.len() > LONGEST_REASON {
        let bytes = reason.len();
        let message = format!("the reason has {bytes} bytes; it has at most {LONGEST_REASON}");
        return Err(Error::InvalidRequest(message));
    }
    Ok(())
}

impl LockTx<'_> {
    /// Ends any lock by its id.
    ///
    /// # Errors
    /// [`Error::UnknownLock`], [`Error::AlreadyEnded`], an empty or over-long reason.
    pub fn force_release(&mut self, id: LockId, by: &str, reason: &str) -> Result<LockInfo, Error> {
        check_reason(reason, "it stays in the history")?;
        let Some(lock) = self.active_now(id)? else {
            return Err(match self.tx.record(id)?.map(|record| record.end) {
                None => Error::UnknownLock(id),
                Some(end) => Error::AlreadyEnded {
                    id,
                    how: end.map_or("lapsed", |end| end.reason.word()).to_owned(),
                },
            });
        };
        let end = self.end_now(EndReason::Forced, by, Some(reason));
        self.end(&lock, &end)?;
        self.hand_off(&lock.scope, std::slice::from_ref(&lock.folder))?;
        Ok(LockInfo::just_ended(&lock, &end, self.now()))
    }

    /// Ends a task's lock in an admin's name, for the assigner's transactions:
    /// what ran for the task was stopped by that very word, so that its process
    /// is gone is no reason of its own. `None`: it had ended before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn force_task_lock(
        &mut self,
        id: LockId,
        by: &str,
        reason: &str,
    ) -> Result<Option<LockInfo>, Error> {
        let Some(lock) = self.tx.lock(id)? else {
            return Ok(None);
        };
        let end = self.end_now(EndReason::Forced, by, Some(reason));
        self.end(&lock, &end)?;
        self.hand_off(&lock.scope, std::slice::from_ref(&lock.folder))?;
        Ok(Some(LockInfo::just_ended(&lock, &end, self.now())))
    }

    /// Grants nothing new in a folder from now on.
    ///
    /// # Errors
    /// When the store fails, or the reason is empty or over-long.
    pub fn pause(&mut self, folder: &Folder, by: &str, reason: &str) -> Result<PauseInfo, Error> {
        check_reason(reason, "those who wait are shown it")?;
        let pause = Pause {
            scope: self.config.scope.clone(),
            folder: folder.clone(),
            reason: reason.to_owned(),
            by: by.to_owned(),
            since: self.now().wall,
        };
        self.tx.insert_pause(&pause)?;
        self.effects.changed = true;
        Ok(PauseInfo::from(&pause))
    }

    /// Grants there again, first to those who waited.
    ///
    /// # Errors
    /// When the store fails.
    pub fn resume(&mut self, folder: &Folder) -> Result<bool, Error> {
        let scope = self.config.scope.clone();
        let was_paused = self.tx.remove_pause(&scope, folder)?;
        if was_paused {
            self.effects.changed = true;
            self.hand_off(&scope, std::slice::from_ref(folder))?;
        }
        Ok(was_paused)
    }
}
