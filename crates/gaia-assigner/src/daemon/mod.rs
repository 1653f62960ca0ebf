//! The assigner: a loop that carries out what was planned and decides nothing.
//!
//! ```text
//! a run is over, a lock or task changed, a timer ran out
//!   → what is over is ended      (one transaction each: lock, task, session)
//!   → what must stop is stopped  (called off, lock lost, time is up)
//!   → the queue is looked at     (one look) → plan::plan → each effect carried out
//!   → nothing left to do: wait for the next ring
//! ```
//! An error in one task or one turn is logged, and the loop goes on.

mod absence;
mod assign;
mod earlier;
mod hooks;
mod leftovers;
mod panes;
mod pulse;
mod recover;
mod report;
mod timers;
mod turn;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::os::Listener;
use gaia_locks::service::{LockService, Locks as _, Topic};
use gaia_locks::settings::Uncommitted;
use rustix::process::getuid;

pub use pulse::LastError;

use crate::agents::Turn;
use crate::error::TaskError;
use crate::plan::Rules;
use crate::runner::{Event, KeeperProgram, Run, RunId, Spare, Tell};
use crate::task::{Outcome, Running};

/// How an assigner works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the logs of tasks go.
    pub logs: PathBuf,
    /// What is started as a keeper.
    pub keeper: KeeperProgram,
    /// Variables that agents are given, so that their own `gaia` finds the
    /// same home and database.
    pub environment: Vec<(String, String)>,
    /// How long a task is passed over before it stands in line [T7].
    pub patience: Duration,
    /// How long after TERM comes KILL [T4].
    pub grace: Duration,
    /// The pause after the first try; later ones are longer [T6].
    pub first_pause: Duration,
    /// How often locks are swept, if at all.
    pub sweep: Option<Duration>,
    /// How often the log says how it is.
    pub pulse: Duration,
    /// What went wrong last, for that line; told by whoever writes the log.
    pub last_error: LastError,
    /// What a task does with work that another left uncommitted in its folder.
    pub uncommitted: Uncommitted,
    /// How long an earlier assigner on the same database must have been quiet
    /// before anything is assigned.
    pub quiet: Duration,
    /// Where the sockets of this user's tmux servers lie: an earlier
    /// assigner's sessions may be there.
    pub tmux_sockets: PathBuf,
    /// Whether to end when nothing is left to do.
    pub until_idle: bool,
}

impl Config {
    /// The usual times.
    pub fn new(logs: PathBuf, keeper: KeeperProgram) -> Self {
        Self {
            logs,
            keeper,
            environment: Vec::new(),
            patience: Duration::from_secs(600),
            grace: Duration::from_secs(5),
            first_pause: Duration::from_secs(1),
            sweep: Some(Duration::from_secs(3600)),
            pulse: Duration::from_secs(60),
            last_error: LastError::default(),
            uncommitted: Uncommitted::Warn,
            quiet: earlier::QUIET,
            tmux_sockets: PathBuf::from(format!("/tmp/tmux-{}", getuid().as_raw())),
            until_idle: false,
        }
    }
}

/// Asks an assigner to end: once, and it assigns nothing more and waits for
/// what runs; twice, and it stops what runs, which is then pending again.
#[derive(Clone)]
pub struct Shutdown {
    asked: Arc<AtomicU8>,
    ring: Arc<dyn Fn() + Send + Sync>,
}

impl Shutdown {
    /// Asks, or asks again.
    pub fn ask(&self) {
        let more = |asked: u8| Some(asked.saturating_add(1));
        // The closure always gives a value, so this cannot fail.
        let _ = self
            .asked
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        (self.ring)();
    }

    fn level(&self) -> u8 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A running task in this assigner's hands.
struct Active {
    running: Running,
    run: Box<dyn Run>,
    /// When its lease is renewed next.
    renew_at: Moment,
    /// Once it was told to stop: when it is killed.
    kill_at: Option<Moment>,
    /// How it ended, once it has.
    over: Option<Outcome>,
    /// Of one in a pane: what its client's hooks told of it.
    turn: Option<Turn>,
}

impl Active {
    /// A keeper renews its task's lease itself [T5].
    fn is_renewed_here(&self) -> bool {
        self.running.keeper.is_none()
    }
}

/// The assigner.
pub struct Assigner {
    locks: LockService,
    config: Config,
    me: ProcessIdentity,
    rules: Rules,
    listener: Box<dyn Listener>,
    events: Receiver<Event>,
    tell: Tell,
    shutdown: Shutdown,
    active: HashMap<RunId, Active>,
    /// Tries that are over, without a run in hand, whose end is not recorded yet.
    unended: Vec<(Running, Outcome)>,
    next_run: RunId,
    /// Keepers that stand ready.
    spares: Vec<Spare>,
    /// Keepers whose sessions' workers wait for the next task.
    workers: HashMap<SessionId, Spare>,
    panes: panes::Panes,
    hooks: hooks::Hooks,
    timers: timers::Timers,
    /// Whether an earlier assigner is at work on the database.
    is_another_at_work: bool,
    /// The tasks in its hands.
    claims: earlier::Seen,
    absence: absence::Absence,
    looking: leftovers::Looking,
    pulse: pulse::Pulse,
    /// Tasks that were told of because no session could take them.
    warned: HashSet<TaskId>,
}

impl Assigner {
    /// An assigner on a lock service's database.
    ///
    /// # Errors
    /// When the folder of the logs cannot be made, or nothing can be listened to.
    pub fn new(locks: LockService, config: Config) -> Result<Self, TaskError> {
        make_logs(&config.logs)?;
        let listener = locks.listen(Topic::AnyChange)?;
        let (words, events) = mpsc::channel();
        let tell = Tell {
            words,
            ring: listener.handle(),
        };
        let unknown = |error| {
            TaskError::InvalidRequest(format!("this process cannot tell who it is: {error}"))
        };
        Ok(Self {
            me: ProcessIdentity::current().map_err(unknown)?,
            rules: Rules {
                patience: config.patience,
            },
            shutdown: Shutdown {
                asked: Arc::new(AtomicU8::new(0)),
                ring: tell.ring.clone(),
            },
            listener,
            events,
            tell,
            active: HashMap::new(),
            unended: Vec::new(),
            next_run: 0,
            spares: Vec::new(),
            workers: HashMap::new(),
            panes: panes::Panes::default(),
            hooks: hooks::Hooks::default(),
            timers: timers::Timers::default(),
            is_another_at_work: false,
            claims: earlier::Seen::default(),
            absence: absence::Absence::default(),
            looking: leftovers::Looking::default(),
            pulse: pulse::Pulse::starting(config.pulse),
            warned: HashSet::new(),
            locks,
            config,
        })
    }

    /// How to ask it to end, from another thread.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Works until it is asked to end, or, if it was told so, until nothing is
    /// left to do.
    pub fn run(&mut self) {
        tracing::info!(
            database = self.locks.database(),
            pid = self.me.pid,
            "assigner started"
        );
        while !self.is_done() {
            if !self.turn() {
                let quiet = self.quiet_for();
                self.listener.wait(quiet);
            }
        }
        self.dismiss_spares(0);
        for (_, keeper) in self.workers.drain() {
            keeper.dismiss();
        }
        self.panes.end();
        tracing::info!(pid = self.me.pid, "assigner ended");
    }

    fn is_done(&self) -> bool {
        if !self.active.is_empty() || !self.unended.is_empty() {
            return false;
        }
        self.shutdown.level() > 0 || (self.config.until_idle && self.timers.nothing_to_do)
    }
}

fn make_logs(folder: &std::path::Path) -> Result<(), TaskError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|source| TaskError::Log {
        path: folder.display().to_string(),
        source,
    })
}
