//! Once in a while one line in the log says how the loop is: whoever looks in
//! the morning sees in the last line that it works, how much is left, and what
//! went wrong last.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock, Wall};
use gaia_locks::duration::human_short;
use gaia_locks::service::LockTx;

use super::Assigner;
use super::timers::now;
use crate::store::{sessions, tasks};
use crate::task::Status;

/// What went wrong last. Whoever writes the log tells it of each error, so that
/// no place that handles one has to say it twice.
#[derive(Clone, Default)]
pub struct LastError {
    text: Arc<Mutex<Option<(Moment, String)>>>,
}

impl LastError {
    /// Notes an error.
    pub fn note(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), text));
    }

    /// The error and how long ago it was.
    fn told(&self) -> Option<String> {
        let noted = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, text) = noted.as_ref()?;
        Some(format!("{} ago: {text}", whole(now().since(*at))))
    }
}

impl fmt::Debug for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastError").field(&self.told()).finish()
    }
}

/// When the next line is due, and since when there are any.
pub(super) struct Pulse {
    pub(super) at: Moment,
    since: Moment,
    started: Wall,
}

impl Pulse {
    pub(super) fn starting(interval: Duration) -> Self {
        let start = SystemClock.now();
        Self {
            at: start.moment.plus(interval),
            since: start.moment,
            started: start.wall,
        }
    }
}

/// How it is.
#[derive(Default)]
struct State {
    pending: i64,
    idle: usize,
    busy: usize,
    /// Neither: nobody knows what they do, or they wait for a person.
    unknown: usize,
    locks: usize,
}

fn state(tx: &mut LockTx<'_>) -> Result<State, gaia_locks::Error> {
    let mut state = State::default();
    let counts = tasks::counts(tx)?;
    let pending = counts.iter().find(|(status, _)| *status == Status::Pending);
    state.pending = pending.map_or(0, |(_, count)| *count);
    for session in sessions::list(tx)? {
        match session.status.as_str() {
            "idle" => state.idle += 1,
            "busy" => state.busy += 1,
            _ => state.unknown += 1,
        }
    }
    state.locks = tx.store().locks()?.len();
    Ok(state)
}

impl Assigner {
    /// Says how it is, if that is due. What cannot be looked at now is said so,
    /// and looked at again at the next time.
    pub(super) fn pulse(&mut self, now: Moment) {
        if now < self.pulse.at {
            return;
        }
        self.pulse.at = now.plus(self.config.pulse);
        match self.locks.look(state) {
            Ok(state) => self.say(&state),
            Err(error) => tracing::error!(%error, "how the assigner is cannot be told"),
        }
    }

    fn say(&self, state: &State) {
        let up = whole(now().since(self.pulse.since));
        let last_error = self.config.last_error.told();
        tracing::info!(
            running = self.active.len(),
            pending = state.pending,
            idle = state.idle,
            busy = state.busy,
            unknown = state.unknown,
            locks = state.locks,
            since = self.pulse.started.to_rfc3339(),
            up,
            last_error = last_error.as_deref().unwrap_or("none"),
            "assigner at work"
        );
    }
}

fn whole(duration: Duration) -> String {
    human_short(Duration::from_secs(duration.as_secs()))
}
