//! One turn: what is over is ended, what must stop is stopped, and then the
//! queue is looked at.

use gaia_locks::ids::{LockId, TaskId};
use gaia_locks::model::EndReason;
use gaia_locks::service::LockTx;

use super::timers::now;
use super::{Active, Assigner, report};
use crate::keeper::Exit;
use crate::output::Form;
use crate::plan;
use crate::runner::{Event, RunId, forget_word, kill_leftovers};
use crate::service::tail;
use crate::store::ending::{self, Ending};
use crate::store::{running, sessions};
use crate::task::{Outcome, Running, Stop, Told, after};
use crate::worktree::{LOOKING, WorkTree, look};

/// How much of what a client printed is read to judge it: its end.
const PRINTED: u64 = 8 * 1024 * 1024;
/// How much of the output is kept with the task: its end.
const RESPONSE: u64 = 64 * 1024;

impl Assigner {
    /// Whether anything was done, so that it is worth looking again.
    pub(super) fn turn(&mut self) -> bool {
        let heard = self.hear();
        self.mind_panes();
        self.mind_hooks();
        let ended = self.end_what_is_over();
        self.tick();
        self.stop_what_must();
        // A look that is not made, or fails, says nothing of when to look again.
        self.timers.queue_at = None;
        let assigned = match self.shutdown.level() {
            0 if self.is_another_at_work => false,
            0 => self.look_at_queue(),
            _ => false,
        };
        heard || ended || assigned
    }

    fn hear(&mut self) -> bool {
        let mut started = Vec::new();
        let mut heard = false;
        while let Ok(event) = self.events.try_recv() {
            heard = true;
            match event {
                Event::Started { run, pid } => started.push((run, pid)),
                Event::Pane(news) => self.hear_of_pane(&news),
                Event::Left { run, tree } => {
                    if let Some(active) = self.active.get_mut(&run) {
                        active.running.work_tree = Some(tree);
                    }
                }
                Event::Over { run, outcome } => {
                    if let Some(active) = self.active.get_mut(&run) {
                        active.over.get_or_insert(outcome);
                    }
                }
            }
        }
        for (run, pid) in started {
            self.note_started(run, pid);
        }
        heard
    }

    /// One that is over already needs no row that says it runs.
    fn note_started(&mut self, run: RunId, pid: u32) {
        let Some(active) = self.active.get_mut(&run) else {
            return;
        };
        active.running.agent_pid = Some(pid);
        active.running.is_started = true;
        if active.over.is_some() {
            return;
        }
        let running = &active.running;
        if let Err(error) = self
            .locks
            .transact(|tx| running::started(tx, running, Some(pid)))
        {
            tracing::error!(task = running.id.0, %error, "a task's start could not be recorded");
        }
    }

    /// What cannot be ended now (the store fails) is tried again at the next
    /// turn; its keeper waits.
    fn end_what_is_over(&mut self) -> bool {
        let over: Vec<RunId> = self
            .active
            .iter()
            .filter(|(_, active)| active.over.is_some())
            .map(|(run, _)| *run)
            .collect();
        let mut ended = self.end_unended();
        for run in over {
            let Some(active) = self.active.get(&run) else {
                continue;
            };
            match self.end(active) {
                Ok(()) => {
                    ended = true;
                    self.let_go(run);
                }
                Err(error) => {
                    tracing::error!(task = active.running.id.0, %error, "a task's end could not be recorded yet");
                }
            }
        }
        ended
    }

    /// Ends a try that this assigner has no run of. What cannot be ended now is
    /// kept: nobody else would, since the row says that it is in these hands.
    pub(super) fn end_or_keep(&mut self, running: Running, outcome: Outcome) {
        if let Err(error) = self.end_try(&running, &outcome) {
            tracing::error!(task = running.id.0, %error, "a task's end could not be recorded yet");
            self.unended.push((running, outcome));
        }
    }

    /// Whether any of those that were kept is ended now.
    fn end_unended(&mut self) -> bool {
        let kept = std::mem::take(&mut self.unended);
        let before = kept.len();
        for (running, outcome) in kept {
            self.end_or_keep(running, outcome);
        }
        self.unended.len() < before
    }

    /// The keeper of a task that has ended stands ready for another, unless it
    /// was told to stop: that word may still be on its way.
    fn let_go(&mut self, run: RunId) {
        let Some(active) = self.active.remove(&run) else {
            return;
        };
        let told_to_stop = active.kill_at.is_some();
        match active.run.acknowledge() {
            Some(spare) if told_to_stop => spare.dismiss(),
            Some(spare) => self.keep(spare),
            None => {}
        }
    }

    fn end(&self, active: &Active) -> Result<(), gaia_locks::Error> {
        let outcome = active.over.clone().unwrap_or(Outcome::Lost);
        self.end_try(&active.running, &outcome)
    }

    /// Ends a try: first what still runs, then its locks [T3].
    pub(super) fn end_try(
        &self,
        running: &Running,
        outcome: &Outcome,
    ) -> Result<(), gaia_locks::Error> {
        if let (Outcome::Lost, Some(keeper)) = (outcome, &running.keeper) {
            kill_leftovers(keeper);
        }
        // Called off a moment ago: the last word counts.
        let row = self.locks.look(|tx| running::by_id(tx, running.id))?;
        let (asked, told) = row.map_or((None, None), |row| (row.stop, row.told));
        // So does the agent's own, before any guess [T11]: it may not have been
        // heard yet. A process is not talked about.
        let told = told.filter(|_| running.keeper.is_none());
        let outcome = &told.map_or_else(|| outcome.clone(), Outcome::Told);
        let asked = asked.or(matches!(outcome, Outcome::Late(_)).then_some(Stop::TimedOut));
        let stop = match asked {
            // An admin's word, whatever it was stopped for before [R7].
            Some(Stop::Forced { .. }) => asked,
            _ => running.stop.clone().or(asked),
        };
        let running = &Running {
            stop,
            work_tree: match running.keeper {
                Some(_) if *outcome != Outcome::Lost => running.work_tree.clone(),
                _ => self.left(running),
            },
            ..running.clone()
        };
        let (outcome, exit_status) = self.judged(running, outcome)?;
        let outcome = &outcome;
        let next = after(running, outcome, self.config.first_pause);
        let response = match outcome {
            Outcome::Told(Told::Done(Some(answer))) => Some(answer.clone()),
            _ => response(running),
        };
        let ending = Ending {
            response: response.as_deref(),
            aside: match outcome {
                Outcome::NotStarted(why) if running.stop.is_none() => {
                    Some((why, self.config.first_pause))
                }
                _ => None,
            },
            exit_status,
            ..Ending::of(running, outcome, &next)
        };
        if self.locks.transact(|tx| ending::end(tx, &ending))? {
            report::ended(&self.locks, running, &next);
        }
        forget_word(running);
        Ok(())
    }

    /// A process that has ended may have said more than its status tells. With
    /// the status, to be kept.
    fn judged(
        &self,
        running: &Running,
        outcome: &Outcome,
    ) -> Result<(Outcome, Option<i32>), gaia_locks::Error> {
        let (Outcome::Exit(exit) | Outcome::Stopped(exit) | Outcome::Late(exit)) = outcome else {
            return Ok((outcome.clone(), None));
        };
        let status = match exit {
            Exit::Code(code) => Some(*code),
            Exit::Signal(_) => None,
        };
        let name = running.session.as_str();
        let argv = self.locks.look(|tx| sessions::argv(tx, name))?;
        let printed = Form::of(&argv).zip(running.log.as_ref());
        let Some((form, (log, from))) = printed else {
            return Ok((outcome.clone(), status));
        };
        // Without a log nothing was said.
        let printed = tail(log.as_ref(), *from, PRINTED).unwrap_or_default();
        Ok((Outcome::Told(form.judge(&printed, *exit)), status))
    }

    /// How a folder was left whose task had no keeper, or lost it.
    fn left(&self, running: &Running) -> Option<WorkTree> {
        let token = running.token?;
        let record = self.locks.look(|tx| tx.store().record(token)).ok()??;
        look(record.folder.path().as_ref(), LOOKING)
    }

    fn stop_what_must(&mut self) {
        let leaving = self.shutdown.level() > 1;
        let mine: Vec<Running> = self
            .active
            .values()
            .map(|active| active.running.clone())
            .collect();
        if mine.is_empty() {
            return;
        }
        let seen = self.locks.look(|tx| seen(tx, &mine));
        // Time is up also while the store fails.
        let seen = seen.unwrap_or_else(|error| {
            tracing::error!(%error, "running tasks could not be looked at");
            mine.iter().map(|task| (task.clone(), None)).collect()
        });
        self.pass_on(&seen);
        let (rows, lost): (Vec<Running>, Vec<Option<String>>) = seen.into_iter().unzip();
        let lost = |task: &Running| {
            let at = rows.iter().position(|row| row.id == task.id)?;
            lost.get(at).cloned().flatten()
        };
        let mut stops = plan::stops(&rows, now(), lost);
        if leaving {
            stops.extend(mine.iter().map(|task| (task.id, Stop::Leaving)));
        }
        for (task, stop) in stops {
            self.stop(task, stop);
        }
    }

    /// What others have noted or said of running tasks meanwhile.
    fn pass_on(&mut self, seen: &[Seen]) {
        for active in self.active.values_mut() {
            let row = seen.iter().find(|(row, _)| row.id == active.running.id);
            let Some((row, _)) = row else { continue };
            if row.is_started && !active.running.is_started {
                active.running.is_started = true;
                active.run.taken();
            }
            let told = row.told.clone();
            if let Some(told) = told.filter(|_| active.running.told.is_none()) {
                active.running.told = Some(told.clone());
                if active.run.told(told).is_some() {
                    tracing::warn!(
                        task = active.running.id.0,
                        "what was said of its end decides nothing"
                    );
                }
            }
        }
    }

    fn stop(&mut self, task: TaskId, stop: Stop) {
        let grace = self.config.grace;
        let active = self
            .active
            .values_mut()
            .find(|active| active.running.id == task);
        let Some(active) = active.filter(|active| active.kill_at.is_none()) else {
            return;
        };
        tracing::info!(task = task.0, session = %active.running.session, why = ?stop, "stopping a task");
        active.running.stop = Some(stop);
        active.kill_at = Some(now().plus(active.run.patience(grace)));
        active.run.stop();
    }
}

/// A running task with what was asked of it meanwhile, and how its lock ended
/// if it has.
type Seen = (Running, Option<String>);

fn seen(tx: &mut LockTx<'_>, mine: &[Running]) -> Result<Vec<Seen>, gaia_locks::Error> {
    let rows = running::all(tx)?;
    let mut seen = Vec::with_capacity(mine.len());
    for task in mine {
        let row = rows.iter().find(|row| row.id == task.id);
        let is_ours = row.is_some_and(|row| row.session == task.session);
        let asked = match is_ours {
            true => row.and_then(|row| row.stop.clone()),
            false => Some(Stop::Overruled),
        };
        let lost = match task.token {
            Some(token) => lost(tx, token)?,
            None => None,
        };
        let stop = asked.or_else(|| task.stop.clone());
        let is_started = row.is_some_and(|row| row.is_started);
        let told = row.and_then(|row| row.told.clone());
        seen.push((
            Running {
                stop,
                told,
                is_started,
                ..task.clone()
            },
            lost,
        ));
    }
    Ok(seen)
}

fn lost(tx: &mut LockTx<'_>, token: LockId) -> Result<Option<String>, gaia_locks::Error> {
    if tx.store().lock(token)?.is_some() {
        return Ok(None);
    }
    let end = tx.store().record(token)?.and_then(|record| record.end);
    // Its keeper is gone, and the run is about to say so itself.
    if end
        .as_ref()
        .is_some_and(|end| end.reason == EndReason::Died)
    {
        return Ok(None);
    }
    Ok(Some(end.map_or_else(
        || "it is not active any more".to_owned(),
        |end| match &end.note {
            Some(note) => format!("{} by {}: {note}", end.reason.word(), end.by),
            None => format!("{} by {}", end.reason.word(), end.by),
        },
    )))
}

fn response(running: &Running) -> Option<String> {
    let (log, from) = running.log.as_ref()?;
    // Without a log nothing was said: the agent was never started.
    tail(log.as_ref(), *from, RESPONSE).ok()
}
