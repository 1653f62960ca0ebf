//! The hammer: many real processes at random work on one database, disturbed
//! on purpose, and judged by [`crate::checker`].
//!
//! The workers are the calling program itself, started again with arguments
//! that lead it to [`worker_main`]; what they are to do comes over their
//! standard input. So a test binary and the command line use the same hammer.
//!
//! # What is done to them
//! `kill -9` at any moment and a new process in its place; SIGSTOP for as long
//! as leases last; wall clocks that jump by up to a day (in the workers' own
//! clock: the machine's is left alone); leases of a second that lapse.

mod clock;
mod crew;
mod deeds;
mod disturber;
mod draw;
mod proof;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::service::Config;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{LockService, Locks};

use crate::checker::{Evidence, Journal, Verdict, judge};
use crate::faults::{Fault, FaultyStore};
use clock::HammerClock;
pub use crew::Crew;
pub use draw::Draw;
pub use worker::worker_main;

/// What the workers do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Anything: all modes, folders, leases, waits.
    Random,
    /// Stand in line for a few overlapping folders, hold them for no time,
    /// until this token has been given.
    Line {
        /// The token at which it ends.
        last: i64,
    },
    /// Hold one folder, bound to the process, until killed.
    Hold,
    /// Hold it by a lease of a second, and do nothing more.
    Lease,
}

/// One run of the hammer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The database file; made when it is not there.
    pub database: PathBuf,
    /// A directory of its own for journals and proofs.
    pub workshop: PathBuf,
    /// How many workers at once.
    pub processes: usize,
    /// For how long.
    pub duration: Duration,
    /// How long after that a worker may take to end. Generous by default: a
    /// slow machine is no hang.
    pub patience: Duration,
    /// Whether workers are killed, and replaced.
    pub kill: bool,
    /// Whether workers are stopped for a while.
    pub stop: bool,
    /// Whether the wall clocks of half the workers jump.
    pub step_wall: bool,
    /// Decides everything that is drawn.
    pub seed: u64,
    /// What they do.
    pub work: Work,
    /// A fault to plant.
    pub fault: Option<Fault>,
    /// The arguments that lead this program to [`worker_main`].
    pub worker_args: Vec<String>,
}

impl Plan {
    /// Random work with every disturbance.
    pub fn new(database: &Path, workshop: &Path, worker_args: &[&str]) -> Self {
        Self {
            database: database.to_owned(),
            workshop: workshop.to_owned(),
            processes: 8,
            duration: Duration::from_secs(60),
            patience: Duration::from_secs(60),
            kill: true,
            stop: true,
            step_wall: true,
            seed: 1,
            work: Work::Random,
            fault: None,
            worker_args: worker_args.iter().map(|arg| (*arg).to_owned()).collect(),
        }
    }

    fn journals(&self) -> PathBuf {
        self.workshop.join("journals")
    }

    fn proofs(&self) -> PathBuf {
        self.workshop.join("proofs")
    }

    /// The door that workers use, the planted fault included.
    fn door(&self, clock: HammerClock) -> io::Result<LockService> {
        let options = SqliteOptions {
            clock: Arc::new(clock),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&self.database, options).map_err(io::Error::other)?;
        let store: Arc<dyn gaia_locks::store::Store> = match self.fault {
            Some(fault) => Arc::new(FaultyStore::new(Arc::new(store), fault)),
            None => Arc::new(store),
        };
        Ok(LockService::new(store, Config::default()))
    }
}

/// Hammers, and judges what came of it.
///
/// # Errors
/// When workers cannot be started or what they left cannot be read. What they
/// did wrong is in the verdict.
pub fn run(plan: &Plan) -> io::Result<Verdict> {
    let mut crew = Crew::start(plan)?;
    disturber::disturb(plan, &mut crew)?;
    crew.finish()?;
    verdict(plan)
}

/// Sweeps the database and judges its history beside the journals.
///
/// # Errors
/// When the database or a journal cannot be read.
pub fn verdict(plan: &Plan) -> io::Result<Verdict> {
    let door = plan.door(HammerClock::still())?;
    door.cleanup().map_err(io::Error::other)?;
    let journals = Journal::read_all(&plan.journals())?;
    let evidence = Evidence::gather(&**door.store(), journals).map_err(io::Error::other)?;
    Ok(judge(&evidence))
}

fn now() -> Moment {
    SystemClock.now().moment
}

/// Lets time pass: work takes a while, and so does a disturbance.
#[expect(
    clippy::disallowed_methods,
    reason = "it stands for work that takes time; nothing is awaited by it"
)]
pub(crate) fn rest(duration: Duration) {
    std::thread::sleep(duration);
}
