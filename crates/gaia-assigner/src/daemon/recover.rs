//! Picking up what a dead assigner left [T8].
//!
//! A keeper outlives its assigner. One that still works is taken over as it
//! is; one that has ended has left its word; one that left none was killed,
//! and its task is tried again.

use std::path::{Path, PathBuf};

use gaia_locks::liveness::{Liveness, ProcessIdentity};

use super::timers::now;
use super::{Active, Assigner};
use crate::runner::{ProcessRun, left_behind, word_file};
use crate::store::{running, tasks};
use crate::task::{Outcome, Running};

impl Assigner {
    pub(super) fn recover(&mut self) {
        let left = match self.locks.look(running::all) {
            Ok(running) => running,
            Err(error) => {
                tracing::error!(%error, "running tasks could not be looked at");
                return;
            }
        };
        for task in left {
            let dead = task
                .assigner
                .clone()
                .filter(|assigner| *assigner != self.me && self.is_gone(assigner));
            if let Some(dead) = dead
                && let Err(error) = self.pick_up(&task, &dead)
            {
                tracing::error!(task = task.id.0, %error, "a task could not be picked up");
            }
        }
    }

    pub(super) fn is_gone(&self, process: &ProcessIdentity) -> bool {
        self.locks.witness().liveness(process) == Liveness::Gone
    }

    /// Only one of several assigners gets it. Once it has, nothing may fail any
    /// more but what is tried again: nobody else looks at the task.
    fn pick_up(&mut self, task: &Running, dead: &ProcessIdentity) -> Result<(), gaia_locks::Error> {
        let adopted = self.locks.transact(|tx| {
            let text = tasks::by_id(tx, task.id)?.map(|task| task.content);
            let adopted = running::adopt(tx, task.id, Some(dead), &self.me)?;
            Ok(adopted.then(|| text.unwrap_or_default()))
        })?;
        match (adopted, &task.pane) {
            (None, _) => {}
            (Some(text), Some(pane)) => self.pick_up_pane(task, pane, text),
            (Some(_), None) => self.pick_up_process(task),
        }
        Ok(())
    }

    fn pick_up_process(&mut self, task: &Running) {
        let word = task.log.as_ref().zip(task.keeper.as_ref());
        let word = word.map(|((log, _), keeper)| word_file(Path::new(log), keeper));
        let keeper = task.keeper.clone().filter(|keeper| !self.is_gone(keeper));
        if let (Some(keeper), Some(word)) = (keeper, word.clone())
            && self.take_over(task, keeper, word)
        {
            return;
        }
        let (outcome, work_tree) = word.map_or((Outcome::Lost, None), |word| left_behind(&word));
        tracing::info!(task = task.id.0, session = %task.session, ?outcome, "task of a dead assigner picked up");
        let task = Running {
            work_tree,
            ..task.clone()
        };
        self.end_or_keep(task, outcome);
    }

    /// One that cannot be watched counts as lost: it is ended and tried again.
    fn take_over(&mut self, task: &Running, keeper: ProcessIdentity, word: PathBuf) -> bool {
        let run = self.next_run;
        self.next_run += 1;
        let handle = match ProcessRun::adopt(keeper, word, run, self.tell.clone()) {
            Ok(handle) => handle,
            Err(error) => {
                tracing::error!(task = task.id.0, %error, "a running task could not be taken over");
                return false;
            }
        };
        tracing::info!(task = task.id.0, session = %task.session, "running task taken over");
        let active = Active {
            running: task.clone(),
            run: Box::new(handle),
            renew_at: now(),
            kill_at: None,
            over: None,
            turn: None,
        };
        self.active.insert(run, active);
        true
    }
}
