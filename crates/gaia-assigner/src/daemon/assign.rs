//! Looking at the queue, and carrying out what was planned for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gaia_locks::Error;
use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::model::Mode;
use gaia_locks::service::Locks as _;

use super::leftovers::Leftovers;
use super::timers::now;
use super::{Active, Assigner, make_logs, report};
use crate::error::TaskError;
use crate::keeper::{Lease, Spec, log_file};
use crate::output::is_worker;
use crate::plan::{self, Assign, Effect};
use crate::runner::{Spare, mark, word_file};
use crate::session::{Drive, Kind, Session};
use crate::store::ending;
use crate::store::queue::{self, Eyes};
use crate::store::running::{self, Begun, Hands};
use crate::store::sessions;
use crate::task::{Outcome, Running};

impl Assigner {
    /// Whether anything was assigned or failed.
    pub(super) fn look_at_queue(&mut self) -> bool {
        match self.plan() {
            Ok(effects) => {
                let done = effects
                    .iter()
                    .filter(|effect| self.carry_out(effect))
                    .count();
                self.keep_a_spare();
                done > 0
            }
            Err(error) => {
                tracing::error!(%error, "the queue could not be looked at");
                false
            }
        }
    }

    fn plan(&mut self) -> Result<Vec<Effect>, Error> {
        let is_untidy = self.locks.look(queue::is_untidy)?;
        if is_untidy {
            self.locks.transact(queue::tidy)?;
        }
        let scope = self.locks.scope();
        let locks = self.locks.clone();
        let is_foreign =
            |folder: &Folder| locks.refuse_foreign(std::slice::from_ref(folder)).is_err();
        let eyes = Eyes {
            scope: &scope,
            is_foreign: &is_foreign,
            rules: self.rules,
            witness: &**locks.witness(),
        };
        let (sight, moment, again) = self.locks.look(|tx| {
            let again = [queue::next_retry(tx)?, sessions::next_back(tx)?];
            Ok((queue::look(tx, eyes)?, tx.now().moment, again))
        })?;
        let again = again.into_iter().flatten().min();
        // What one transaction left untidy is not for the next second.
        let untidy = is_untidy.then_some(moment);
        self.timers.queue_at = sight.patience.into_iter().chain(again).chain(untidy).min();
        self.timers.nothing_to_do = !sight.is_claimed && again.is_none();
        self.warn_of_unclaimed(&sight.unclaimed);
        self.dismiss_workers(&sight.snapshot.sessions);
        Ok(plan::plan(&sight.snapshot, moment, self.rules))
    }

    /// The first task of each lane that no known session could take is told
    /// of, once.
    fn warn_of_unclaimed(&mut self, unclaimed: &[TaskId]) {
        for task in unclaimed {
            if self.warned.insert(*task) {
                tracing::warn!(task = task.0, "no known session could take this task");
            }
        }
    }

    /// Whether it changed anything that is worth another look at once.
    fn carry_out(&mut self, effect: &Effect) -> bool {
        let done = match effect {
            Effect::Assign(assign) => self.assign(assign),
            Effect::Fail { task, why } => self.fail(*task, why),
            Effect::PassOver { task } => self.pass_over(*task).map(|()| false),
            Effect::Enter { task, region } => {
                self.locks.transact(|tx| queue::enter(tx, *task, region))
            }
            Effect::Stand { task, folder, mode } => {
                self.stand(*task, folder, *mode).map(|()| false)
            }
            Effect::Leave { task, waiter } => self
                .locks
                .transact(|tx| {
                    tx.leave(*waiter)?;
                    queue::set_waiter(tx, *task, None)
                })
                .map(|()| false),
        };
        done.unwrap_or_else(|error| {
            tracing::error!(?effect, %error, "an effect could not be carried out");
            false
        })
    }

    fn pass_over(&self, task: TaskId) -> Result<(), Error> {
        self.locks.transact(|tx| queue::pass_over(tx, task))?;
        report::passed_over(&self.locks, task);
        Ok(())
    }

    fn fail(&self, task: TaskId, why: &str) -> Result<bool, Error> {
        let failed = self
            .locks
            .transact(|tx| ending::fail_pending(tx, task, why))?;
        if failed {
            tracing::warn!(task = task.0, error = why, "task failed");
        }
        Ok(failed)
    }

    fn stand(&self, task: TaskId, folder: &Folder, mode: Mode) -> Result<(), Error> {
        let scope = self.locks.scope();
        self.locks
            .transact(|tx| queue::stand(tx, &scope, task, folder, mode))?;
        tracing::info!(
            task = task.0,
            folder = folder.path(),
            "task stands in its folder's line"
        );
        Ok(())
    }

    fn assign(&mut self, assign: &Assign) -> Result<bool, Error> {
        if let Some(Err(error)) = assign
            .folder
            .as_ref()
            .map(|folder| self.locks.refuse_foreign(std::slice::from_ref(folder)))
        {
            // As good as locked: that others lock it is seen in a file only.
            tracing::warn!(task = assign.task.0, %error, "task passed over");
            return self.pass_over(assign.task).map(|()| false);
        }
        let Some(leftovers) = self.mind_leftovers(assign)? else {
            return Ok(false);
        };
        match assign.kind {
            Kind::Process => self.assign_process(assign, leftovers),
            Kind::Tmux => self.assign_pane(assign, leftovers),
            // The plan gives nothing to remote sessions.
            Kind::Remote => Ok(false),
        }
    }

    fn assign_process(&mut self, assign: &Assign, leftovers: Leftovers) -> Result<bool, Error> {
        let log = match self.ready_log(assign.task) {
            Ok(log) => log,
            Err(error) => {
                tracing::error!(task = assign.task.0, %error, "a task's log cannot be written: nothing is assigned");
                return Ok(false);
            }
        };
        let argv = self
            .locks
            .look(|tx| sessions::argv(tx, assign.session.as_str()))?;
        let worker = is_worker(&argv).then_some(&assign.session);
        let spare = match self.take_spare(worker) {
            Ok(spare) => spare,
            Err(error) => {
                tracing::error!(task = assign.task.0, %error, "no keeper can be started");
                return Ok(false);
            }
        };
        let hands = Hands {
            scope: &self.locks.scope(),
            ttl: self.locks.default_ttl(),
            assigner: Some(&self.me),
            keeper: Some(spare.identity()),
            log: &log.to_string_lossy(),
            log_from: length(&log),
            is_heard: false,
        };
        let asked_at = now();
        let begun = self.locks.transact(|tx| running::begin(tx, assign, &hands));
        match begun {
            Ok(Some(mut begun)) => {
                if let Some(warning) = &leftovers.warning {
                    begun.text.insert_str(0, warning);
                }
                report::assigned(assign, &begun);
                let spec = Spec {
                    lease: self.lease(&begun.running, asked_at),
                    stash: leftovers.stash,
                    ..self.spec(assign, &begun, &spare, &log)
                };
                self.start(begun, spare, &spec);
                Ok(true)
            }
            Ok(None) => {
                self.keep(spare);
                Ok(false)
            }
            Err(error) => {
                self.keep(spare);
                Err(error)
            }
        }
    }

    /// A keeper without a task stands ready for another.
    pub(super) fn keep(&mut self, spare: Spare) {
        match spare.serves.clone() {
            Some(session) => drop(self.workers.insert(session, spare)),
            None => self.spares.push(spare),
        }
    }

    /// A task's log must be there before the task is given: a folder that was
    /// tidied away, or a full disk, is no fault of the task, and would cost
    /// every task of the queue all its tries.
    fn ready_log(&self, task: TaskId) -> Result<PathBuf, TaskError> {
        make_logs(&self.config.logs)?;
        let path = self.log_of(task);
        log_file(&path).map_err(|source| TaskError::Log {
            path: path.display().to_string(),
            source,
        })?;
        Ok(path)
    }

    /// What its keeper has to know to renew it.
    fn lease(&self, running: &Running, asked_at: Moment) -> Option<Lease> {
        let ttl = self.locks.default_ttl();
        let session = running.session.clone();
        running
            .token
            .map(|token| Lease::new(token, session, ttl, asked_at))
    }

    /// The task is given: from here on a failure is the end of a try [T2].
    fn start(&mut self, begun: Begun, spare: Spare, spec: &Spec) {
        if !matches!(begun.drive, Drive::Process { .. }) {
            // Changed under the plan's eyes: the next look gives it anew.
            return self.give_back(begun.running, "its session is no process session");
        }
        let run = self.next_run;
        self.next_run += 1;
        match spare.run(spec, run) {
            Ok(handle) => {
                let renew_at = now().plus(self.locks.default_ttl() / 3);
                let active = Active {
                    running: begun.running,
                    run: Box::new(handle),
                    renew_at,
                    kill_at: None,
                    over: None,
                    turn: None,
                };
                self.active.insert(run, active);
            }
            Err(error) => {
                let why = format!("the keeper could not be used: {error}");
                self.give_back(begun.running, &why);
            }
        }
    }

    fn give_back(&mut self, running: Running, why: &str) {
        self.end_or_keep(running, Outcome::NotStarted(why.to_owned()));
    }

    fn spec(&self, assign: &Assign, begun: &Begun, spare: &Spare, log: &Path) -> Spec {
        let (argv, folder) = match &begun.drive {
            Drive::Process { argv, folder } => (argv.as_slice(), folder.as_deref()),
            Drive::Tmux(_) | Drive::Remote => (&[][..], None),
        };
        let is_worker = spare.serves.is_some();
        let takes_text = argv.iter().any(|argument| argument.contains("{prompt}"));
        let argv = argv
            .iter()
            .map(|argument| argument.replace("{prompt}", &begun.text))
            .collect();
        let own = [
            ("GAIA_SESSION", Some(assign.session.to_string())),
            ("GAIA_TASK", Some(assign.task.to_string())),
            (
                "GAIA_LOCK_TOKEN",
                begun.running.token.map(|token| token.to_string()),
            ),
        ];
        // A worker outlives its tasks: which one it works on, its session says.
        let lasts = |name: &str| !is_worker || name == "GAIA_SESSION";
        let own = own
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.filter(|_| lasts(name))));
        let given = self
            .config
            .environment
            .iter()
            .cloned()
            .chain([mark(spare.identity())]);
        Spec {
            argv,
            input: (!takes_text).then(|| begun.text.clone()),
            folder: working_folder(assign, folder),
            environment: given
                .map(|(name, value)| (name, Some(value)))
                .chain(own)
                .collect(),
            log: log.to_owned(),
            word: word_file(log, spare.identity()),
            grace_ms: u64::try_from(self.config.grace.as_millis()).unwrap_or(u64::MAX),
            is_worker,
            lease: None,
            deadline: Some(begun.running.deadline),
            stash: None,
        }
    }

    /// Where a task's output goes.
    pub(super) fn log_of(&self, task: TaskId) -> PathBuf {
        self.config.logs.join(format!("task-{task}.log"))
    }

    /// A keeper for a task; of a session with a worker, its own.
    fn take_spare(&mut self, worker: Option<&SessionId>) -> io::Result<Spare> {
        let own = worker.and_then(|session| self.workers.remove(session));
        if let Some(spare) = own.filter(Spare::is_alive) {
            return Ok(spare);
        }
        Ok(self.take_any()?.serving(worker.cloned()))
    }

    fn take_any(&mut self) -> io::Result<Spare> {
        while let Some(spare) = self.spares.pop() {
            if spare.is_alive() {
                return Ok(spare);
            }
            spare.dismiss();
        }
        Spare::start(&self.config.keeper, self.tell.clone())
    }

    /// While there is work a keeper stands ready; when there is none, no more
    /// than one does.
    fn keep_a_spare(&mut self) {
        if self.timers.nothing_to_do {
            self.dismiss_spares(1);
        } else if self.spares.is_empty() {
            self.spares
                .extend(Spare::start(&self.config.keeper, self.tell.clone()).ok());
        }
    }

    /// Sends away the workers of sessions that were removed.
    fn dismiss_workers(&mut self, sessions: &[Session]) {
        let is_known = |name: &SessionId| sessions.iter().any(|session| session.name == *name);
        let gone = |name: &SessionId, _: &mut Spare| !is_known(name);
        for (_, keeper) in self.workers.extract_if(gone) {
            keeper.dismiss();
        }
    }

    /// Sends away all keepers that stand ready but so many.
    pub(super) fn dismiss_spares(&mut self, but: usize) {
        for spare in self.spares.drain(but.min(self.spares.len())..) {
            spare.dismiss();
        }
    }
}

/// Where this try's output begins in a log.
pub(super) fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |found| found.len())
}

/// A locked file is worked on in the folder where it lies; without a folder
/// the session's own is taken.
fn working_folder(assign: &Assign, own: Option<&str>) -> PathBuf {
    let Some(folder) = &assign.folder else {
        return PathBuf::from(own.unwrap_or("/"));
    };
    let path = Path::new(folder.path());
    match (path.is_file(), path.parent()) {
        (true, Some(parent)) => parent.to_owned(),
        _ => path.to_owned(),
    }
}
