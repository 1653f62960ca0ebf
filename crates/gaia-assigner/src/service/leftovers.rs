//! What a session that asks for its work does with what another task left
//! uncommitted in its folder [T13].
//!
//! Git is asked outside the transaction that gives the task: it may take
//! seconds. A task that must wait for a person is looked at before it is given.
//! What is stashed is stashed after that, under the new task's lock and before
//! its agent is told of it: meanwhile the task is assigned, and not yet in
//! progress.

use std::path::Path;
use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::folder::is_within;
use gaia_locks::ids::TaskId;
use gaia_locks::model::Mode;
use gaia_locks::service::{LockService, LockTx};
use gaia_locks::settings::Uncommitted;

use super::TaskService;
use super::end::FIRST_PAUSE;
use crate::plan::Assign;
use crate::store::ending::{self, Ending};
use crate::store::remote::{self, Trees};
use crate::store::uncommitted::{self, Leftover};
use crate::store::{again, earlier, running};
use crate::task::{Outcome, Running, after};
use crate::worktree::{LOOKING, STASHING, look, stash_within};

/// What another task left where a task is to work.
pub(super) struct Found {
    pub left: Leftover,
    pub folder: String,
    /// Whether its policy is to warn, whatever was set.
    pub only_warn: bool,
}

/// What is known of the folder of a task that is to be given; git was not
/// asked yet.
pub(super) fn found(tx: &mut LockTx<'_>, assign: &Assign) -> Result<Option<Found>, Error> {
    let Some(folder) = &assign.folder else {
        return Ok(None);
    };
    let folder = folder.path().to_owned();
    let Some(left) = uncommitted::left_in(tx, &folder, assign.task)? else {
        return Ok(None);
    };
    // One who only reads does nobody's work any harm.
    let only_warn = assign.mode == Mode::Shared || uncommitted::may_go_on(tx, assign.task)?;
    Ok(Some(Found {
        left,
        folder,
        only_warn,
    }))
}

impl Found {
    /// Whether it still lies there: a person may have committed it.
    pub fn is_there(&self) -> bool {
        let tree = look(Path::new(&self.folder), LOOKING);
        tree.is_some_and(|tree| tree.uncommitted != Some(false))
    }
}

impl TaskService {
    /// Whether this has to be looked at before the task is given.
    pub(super) fn must_wait(&self, found: &Found) -> bool {
        self.uncommitted == Uncommitted::Wait && !found.only_warn
    }

    /// Holds a task for a person, or forgets what was cleared away.
    pub(super) fn hold_or_forget(&self, task: TaskId, found: &Found) -> Result<(), Error> {
        if !found.is_there() {
            let folder = &found.folder;
            return self.locks.transact(|tx| uncommitted::forget(tx, folder));
        }
        let note = found.left.reason();
        let held = self
            .locks
            .transact(|tx| uncommitted::hold(tx, task, &note))?;
        if held {
            tracing::info!(task = task.0, why = note, "task held for a person");
        }
        Ok(())
    }

    /// Whether this is to be stashed once the task is given.
    pub(super) fn must_stash(&self, found: &Found) -> bool {
        self.uncommitted == Uncommitted::Stash && !found.only_warn
    }

    /// Stashes it for a task that was given and has not begun. `false`: the
    /// task is held for a person instead, or is not this session's any more.
    pub(super) fn stash_for(
        &self,
        running: &Running,
        found: &Found,
        lease: Duration,
    ) -> Result<bool, Error> {
        // Past its lease another may work there.
        let within = STASHING.min(lease / 2);
        let name = found.left.stash_name();
        let stashed = match found.is_there() {
            true => stash_within(Path::new(&found.folder), &name, within),
            false => Ok(()),
        };
        match stashed {
            Ok(()) => self.locks.transact(|tx| {
                let now = running::by_id(tx, running.id)?;
                let is_ours = now.is_some_and(|now| {
                    now.session == running.session && now.token == running.token
                });
                if is_ours {
                    uncommitted::forget(tx, &found.folder)?;
                    running::started(tx, running, None)?;
                }
                Ok(is_ours)
            }),
            Err(why) => {
                let why = format!("uncommitted work could not be stashed: {why}");
                let outcome = Outcome::Uncommitted(why);
                let next = after(running, &outcome, FIRST_PAUSE);
                let ending = Ending::of(running, &outcome, &next);
                self.locks.transact(|tx| ending::end(tx, &ending))?;
                Ok(false)
            }
        }
    }

    /// Where no assigner lives, whoever asks for work lets held tasks go whose
    /// folders are clean by now.
    pub(super) fn look_at_held(&self) -> Result<(), Error> {
        match self.uncommitted {
            Uncommitted::Wait => let_the_clean_go(&self.locks, "somebody who asks for work"),
            _ => Ok(()),
        }
    }
}

/// Ends what remote sessions have lost meanwhile; how they left their folders
/// is looked at first.
///
/// # Errors
/// When the store fails.
pub(crate) fn settle_remote(locks: &LockService, first_pause: Duration) -> Result<(), Error> {
    if !locks.look(earlier::wrested)?.is_empty() {
        locks.transact(earlier::let_go_remote)?;
    }
    if !locks.look(remote::anybody_works)? {
        return Ok(());
    }
    let seen = |(task, folder): (TaskId, String)| {
        look(Path::new(&folder), LOOKING).map(|tree| (task, tree))
    };
    let lost = locks.look(remote::lost)?;
    let trees: Trees = lost.into_iter().filter_map(seen).collect();
    locks.transact(|tx| remote::settle(tx, first_pause, &trees))
}

/// Lets held tasks go whose folders are clean by now. Git is asked once for
/// each folder.
///
/// # Errors
/// When the store fails.
pub(crate) fn let_the_clean_go(locks: &LockService, by: &str) -> Result<(), Error> {
    let (mut clean, mut dirty): (Vec<String>, Vec<String>) = Default::default();
    for (task, folder) in locks.look(uncommitted::held)? {
        let known = clean.iter().any(|known| is_within(&folder, known));
        let is_clean =
            || look(Path::new(&folder), LOOKING).is_none_or(|tree| tree.uncommitted == Some(false));
        if dirty.contains(&folder) {
            continue;
        }
        if known || is_clean() {
            locks.transact(|tx| {
                uncommitted::forget(tx, &folder)?;
                again::let_go(tx, task, by)
            })?;
            tracing::info!(
                task = task.0,
                folder,
                "the folder is clean: the task goes on"
            );
            clean.push(folder);
        } else {
            dirty.push(folder);
        }
    }
    Ok(())
}
