//! Looking who holds what somebody is about to change: a commit.

use serde::{Deserialize, Serialize};

use super::LockTx;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::{SessionId, TaskId};
use crate::model::{Binding, Holder, Lock, Mode};
use crate::wire::LockInfo;

/// What somebody is about to change.
#[derive(Clone, Debug)]
pub struct Touch {
    /// The work tree that it lies in.
    pub tree: Folder,
    /// Whether that is a linked one: a folder of its own, which a hook's lock on
    /// the tree around it leaves out.
    pub linked: bool,
    /// The files.
    pub files: Vec<Folder>,
    /// Who is about to; where nobody can tell, every lock is another's.
    pub holder: Option<Holder>,
}

/// A lock of another's on something that is about to be changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Touched {
    /// Which of the files, counted from 0.
    pub file: usize,
    /// The lock.
    pub lock: LockInfo,
}

impl LockTx<'_> {
    /// The locks of others on what somebody is about to change.
    ///
    /// # Errors
    /// When the store fails.
    pub fn touched(&mut self, touch: &Touch) -> Result<Vec<Touched>, Error> {
        let stranger = Holder::new(SessionId::new("(nobody known)")?, TaskId(-1));
        let holder = touch.holder.as_ref().unwrap_or(&stranger);
        let mut locks = self.around_now(&touch.tree)?;
        locks.retain(|lock| !touch.leaves_out(lock));
        let mut found: Vec<Touched> = Vec::new();
        for (at, file) in touch.files.iter().enumerate() {
            let scope = &self.config.scope;
            let in_the_way =
                |lock: &&Lock| lock.conflicts_with(scope, file, holder, Mode::Exclusive);
            for lock in locks.iter().filter(in_the_way) {
                if !found.iter().any(|known| known.lock.id == lock.id) {
                    found.push(Touched {
                        file: at,
                        lock: LockInfo::active(lock, self.now()),
                    });
                }
            }
        }
        Ok(found)
    }
}

impl Touch {
    fn leaves_out(&self, lock: &Lock) -> bool {
        let by_hook = matches!(lock.binding, Binding::Agent(_));
        let around = lock.folder.covers(&self.tree) && !lock.folder.same(&self.tree);
        self.linked && by_hook && around
    }
}
