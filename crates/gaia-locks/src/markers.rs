//! Marker files: what people see of the locks with `ls` and `cat` (section 5).

use crate::error::Error;
use crate::folder::Folder;
use crate::model::Lock;
use crate::wire::LockInfo;

/// Writes and removes marker files; the database rules, the files follow.
#[derive(Clone, Debug, Default)]
pub struct Markers {}

impl Markers {
    /// No marker files.
    pub fn off() -> Self {
        Self {}
    }

    /// Follows what a transaction has granted, extended and ended.
    pub fn follow(&self, _granted: &[LockInfo], _ended: &[Lock]) {}

    /// Refuses folders that lie under a live marker of another database.
    ///
    /// # Errors
    /// [`Error::OtherDatabase`], naming both.
    pub fn refuse_foreign(&self, _folders: &[Folder]) -> Result<(), Error> {
        Ok(())
    }

    /// Makes the files agree with the active locks.
    pub fn repair(&self, _active: &[Lock]) {}
}
