//! What there is, looked at through the doors: it works on a database and
//! through a server alike.

use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::service::Filter;
use gaia_assigner::task::Status as State;
use gaia_assigner::wire::{SessionInfo, TaskInfo};
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::Locks;
use gaia_locks::clock::Wall;
use gaia_locks::ids::{Scope, TaskId};
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{HeldLock, WaiterInfo};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::human::{clean, now};

/// So many tasks are listed; those that run and wait come first.
const TASKS: u32 = 500;
/// So many seconds of grants are drawn.
pub const SECONDS: usize = 60;
/// So many grants are counted at most: more than a screen can tell apart.
const GRANTS: u32 = 5000;
/// So much of a log's end is shown.
const LOG: usize = 256 * 1024;
/// So many pieces of a log are read in one look.
const PIECES: usize = 16;

/// The doors.
pub struct Eyes {
    locks: Arc<dyn Locks>,
    tasks: Arc<dyn Tasks>,
    /// The log that was read last.
    reading: Reading,
}

/// How far a log was read, and its end.
#[derive(Default)]
struct Reading {
    task: Option<TaskId>,
    from: u64,
    end: Vec<u8>,
}

/// What there is at one moment.
#[derive(Default)]
pub struct Picture {
    /// When it was looked for.
    pub seen: Wall,
    /// Active locks.
    pub locks: Vec<HeldLock>,
    /// Who waits, in order.
    pub waiters: Vec<WaiterInfo>,
    /// The queue.
    pub tasks: Vec<TaskInfo>,
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// How many tasks there are in each state, listed or not.
    pub counts: Vec<(State, i64)>,
    /// Grants of the last seconds, the oldest first.
    pub grants: Vec<u64>,
    /// In whose file system paths lie that say no other.
    pub here: Option<Scope>,
    /// Where nothing new is granted.
    pub paused: usize,
    /// The log that was asked for: its end, or why there is none.
    pub log: Option<(TaskId, String)>,
}

impl Picture {
    /// In whose file system a path of this scope lies, where not in the one
    /// here.
    pub fn whose(&self, scope: &Scope) -> Option<String> {
        let is_other = self.here.as_ref().is_some_and(|here| here != scope);
        is_other.then(|| clean(scope.as_str()))
    }
}

impl Eyes {
    /// Opens the doors.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn open(context: &Context) -> Result<Self, Failure> {
        Ok(Self {
            locks: context.locks()?,
            tasks: context.tasks()?,
            reading: Reading::default(),
        })
    }

    /// One look, into the log of this task too.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn look(&mut self, log: Option<TaskId>) -> Result<Picture, Failure> {
        let (seen, status) = (now(), self.locks.status(None)?);
        let filter = Filter {
            limit: Some(TASKS),
            ..Filter::default()
        };
        Ok(Picture {
            seen,
            locks: status.locks,
            waiters: status.waiters,
            tasks: self.tasks.list(&filter)?.tasks,
            sessions: self.tasks.sessions()?.sessions,
            counts: self.tasks.counts()?,
            grants: self.grants()?,
            here: Some(self.locks.scope()),
            paused: status.paused.len(),
            log: log.map(|task| (task, self.log(task))),
        })
    }

    fn grants(&self) -> Result<Vec<u64>, Failure> {
        let (now, whole) = (now(), Duration::from_secs(SECONDS as u64));
        let filter = HistoryFilter {
            since: Some(now.minus(whole)),
            limit: Some(GRANTS),
            ..HistoryFilter::default()
        };
        let mut seconds = vec![0; SECONDS];
        for lock in self.locks.history(&filter)? {
            let ago = usize::try_from(now.since(lock.created_at).as_secs()).unwrap_or(SECONDS);
            if let Some(second) = SECONDS
                .checked_sub(ago + 1)
                .and_then(|at| seconds.get_mut(at))
            {
                *second += 1;
            }
        }
        Ok(seconds)
    }

    /// The end of a task's log, or why there is none.
    fn log(&mut self, id: TaskId) -> String {
        let mut reading = std::mem::take(&mut self.reading);
        if reading.task != Some(id) {
            reading = Reading {
                task: Some(id),
                ..Reading::default()
            };
        }
        let read = self.read_on(id, &mut reading);
        self.reading = reading;
        match read {
            Ok(()) => String::from_utf8_lossy(&self.reading.end).into_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// A long log in several looks: the screen does not wait for all of it.
    fn read_on(&self, id: TaskId, reading: &mut Reading) -> Result<(), TaskError> {
        for _ in 0..PIECES {
            let piece = self.tasks.output(id, reading.from)?.bytes;
            if piece.is_empty() {
                break;
            }
            reading.from += piece.len() as u64;
            reading.end.extend(piece);
            let over = reading.end.len().saturating_sub(LOG);
            reading.end.drain(..over);
        }
        Ok(())
    }
}
