//! What the next task does with work that another left uncommitted in its
//! folder [T13].
//!
//! Only where a task is known to have left some is git asked again, since a
//! person may have committed it meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gaia_locks::Error;
use gaia_locks::settings::Uncommitted;

use super::Assigner;
use crate::plan::Assign;
use crate::service::leftovers::let_the_clean_go;
use crate::store::uncommitted;
use crate::worktree::{LOOKING, look};

/// What a task begins with.
#[derive(Default, Debug)]
pub(super) struct Leftovers {
    /// What its agent is told before its text.
    pub warning: Option<String>,
    /// Under which name what lies there is stashed before its agent starts.
    pub stash: Option<String>,
}

impl Assigner {
    /// `None`: the task is held for a person.
    pub(super) fn mind_leftovers(&self, assign: &Assign) -> Result<Option<Leftovers>, Error> {
        let Some(folder) = &assign.folder else {
            return Ok(Some(Leftovers::default()));
        };
        let (left, may_go_on) = self.locks.look(|tx| {
            let left = uncommitted::left_in(tx, folder.path(), assign.task)?;
            Ok((left, uncommitted::may_go_on(tx, assign.task)?))
        })?;
        let Some(left) = left.filter(|_| !self.is_clean(folder.path())) else {
            return Ok(Some(Leftovers::default()));
        };
        let reads = assign.mode == gaia_locks::model::Mode::Shared;
        let warn = Leftovers {
            warning: Some(left.warning()),
            stash: None,
        };
        match self.config.uncommitted {
            // One who only reads does nobody's work any harm.
            _ if reads || may_go_on => Ok(Some(warn)),
            Uncommitted::Warn => Ok(Some(warn)),
            Uncommitted::Stash => Ok(Some(Leftovers {
                warning: None,
                stash: Some(left.stash_name()),
            })),
            Uncommitted::Wait => {
                let note = left.reason();
                self.locks
                    .transact(|tx| uncommitted::hold(tx, assign.task, &note))?;
                tracing::info!(task = assign.task.0, why = note, "task held for a person");
                Ok(None)
            }
        }
    }

    /// Whether a person has cleared it away meanwhile; then it is forgotten.
    fn is_clean(&self, folder: &str) -> bool {
        let tree = look(Path::new(folder), LOOKING);
        let clean = tree.is_none_or(|tree| tree.uncommitted == Some(false));
        if clean && let Err(error) = self.locks.transact(|tx| uncommitted::forget(tx, folder)) {
            tracing::warn!(%error, "a clean folder could not be noted");
        }
        clean
    }

    /// Lets held tasks go whose folders are clean by now; git is asked in a
    /// thread of its own.
    pub(super) fn look_at_held(&self) {
        if self.looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let (locks, looking) = (self.locks.clone(), self.looking.clone());
        let work = move || {
            if let Err(error) = let_the_clean_go(&locks, "assigner") {
                tracing::warn!(%error, "held tasks could not be looked at");
            }
            looking.store(false, Ordering::SeqCst);
        };
        if thread::Builder::new()
            .name("held".to_owned())
            .spawn(work)
            .is_err()
        {
            self.looking.store(false, Ordering::SeqCst);
        }
    }
}

/// Whether the thread that looks at held tasks is at work.
pub(super) type Looking = Arc<AtomicBool>;
