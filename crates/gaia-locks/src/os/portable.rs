//! Ways that every Unix has. macOS uses them; Linux has faster ones, and tests these too.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::liveness::{Liveness, ProcessIdentity, liveness};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Watches processes by looking at them ten times a second.
#[derive(Debug)]
pub struct PollingWatch {
    stop: Arc<Stop>,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl PollingWatch {
    /// Calls `on_end` once for each of these processes that is found gone, until dropped.
    pub fn start(
        processes: Vec<ProcessIdentity>,
        on_end: impl Fn(&ProcessIdentity) + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let seen_by_thread = Arc::clone(&stop);
        thread::Builder::new()
            .name("gaia-watch".into())
            .spawn(move || look_until_stopped(processes, &seen_by_thread, &on_end))?;
        Ok(Self { stop })
    }
}

impl Drop for PollingWatch {
    fn drop(&mut self) {
        *self
            .stop
            .stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
    }
}

fn look_until_stopped(
    mut processes: Vec<ProcessIdentity>,
    stop: &Stop,
    on_end: &impl Fn(&ProcessIdentity),
) {
    while !processes.is_empty() && !stop.after(LOOK_EVERY) {
        let (gone, rest) = processes
            .into_iter()
            .partition(|process| liveness(process) == Liveness::Gone);
        processes = rest;
        let gone: Vec<ProcessIdentity> = gone;
        gone.iter().for_each(on_end);
    }
}

impl Stop {
    /// Whether a stop was asked for before this much time had passed.
    fn after(&self, pause: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(stopped, pause, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
