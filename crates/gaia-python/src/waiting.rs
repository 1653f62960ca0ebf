//! Asking, and waiting in line.
//!
//! Python runs its signal handlers on the main thread only, and only while
//! that is inside the interpreter. So on the main thread the wait itself is
//! handed to a thread of its own, and the main thread comes back ten times a
//! second to let handlers run; if one raises (Ctrl-C), the line is left before
//! the exception goes on. On other threads the wait just lets go of the
//! interpreter lock.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use gaia_locks::service::{Acquire, Cancel as CoreCancel, Patience};
use gaia_locks::wire::Answer;
use gaia_locks::{Error, Locks, WaiterId};
use pyo3::prelude::*;

use crate::errors::{GaiaError, raised};

/// How often the main thread looks for signals.
const SIGNALS: Duration = Duration::from_millis(100);

/// Calls a wait off from another thread: the line is left, and the call answers
/// that nothing was granted. One `Cancel` serves one call.
#[pyclass(frozen, module = "gaia_lock_manager")]
#[derive(Default)]
pub struct Cancel {
    inner: CoreCancel,
}

#[pymethods]
impl Cancel {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Calls the wait off. Safe from any thread, and more than once.
    fn cancel(&self) {
        self.inner.cancel();
    }

    /// Whether it was called off.
    #[getter]
    fn cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }
}

/// Whether and how long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Never,
    /// Without a limit.
    AsLongAsItTakes,
    /// At most so long.
    UpTo(Duration),
}

/// Asks for locks and, where told to, waits for them.
pub fn ask(
    py: Python<'_>,
    locks: &Arc<dyn Locks>,
    request: &Acquire,
    wait: Wait,
    cancel: Option<&Cancel>,
) -> PyResult<Answer> {
    let limit = match wait {
        Wait::Never => {
            let answer = py.detach(|| locks.acquire(request));
            return answer.map(not_in_line).map_err(raised);
        }
        Wait::AsLongAsItTakes => None,
        Wait::UpTo(limit) => Some(limit),
    };
    let queued = request.clone().queued(limit);
    match py.detach(|| locks.acquire(&queued)).map_err(raised)? {
        Answer::Queued(place) => {
            let cancel = cancel
                .map(|cancel| cancel.inner.clone())
                .unwrap_or_default();
            let waiter = Waiter {
                locks,
                id: place.waiter,
                limit,
                cancel,
            };
            waiter.wait(py, request).map(not_in_line)
        }
        answer => Ok(answer),
    }
}

/// Who does not wait is shown what is in the way.
fn not_in_line(answer: Answer) -> Answer {
    match answer {
        Answer::Queued(queued) => Answer::Refused(queued.refusal),
        answer => answer,
    }
}

struct Waiter<'a> {
    locks: &'a Arc<dyn Locks>,
    id: WaiterId,
    limit: Option<Duration>,
    cancel: CoreCancel,
}

type Outcome = Result<Answer, Error>;

impl Waiter<'_> {
    fn wait(&self, py: Python<'_>, request: &Acquire) -> PyResult<Answer> {
        if !is_main_thread(py)? {
            return py.detach(|| self.wait_here()).map_err(raised);
        }
        let mut outcome = self.wait_elsewhere(py)?;
        loop {
            let (again, said) = py.detach(move || {
                let said = outcome.recv_timeout(SIGNALS);
                (outcome, said)
            });
            outcome = again;
            match said {
                Ok(answer) => return answer.map_err(raised),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(GaiaError::new_err("the thread that waited is gone"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(interrupt) = py.check_signals() {
                py.detach(move || self.call_off(&outcome, request));
                return Err(interrupt);
            }
        }
    }

    fn wait_here(&self) -> Outcome {
        let mut patience = Patience {
            limit: self.limit,
            cancel: self.cancel.clone(),
            on_look: None,
        };
        self.locks.wait(self.id, &mut patience)
    }

    fn wait_elsewhere(&self, py: Python<'_>) -> PyResult<Receiver<Outcome>> {
        let (tell, outcome) = sync_channel(1);
        let (locks, id, limit, cancel) =
            (self.locks.clone(), self.id, self.limit, self.cancel.clone());
        let work = move || {
            let waiter = Waiter {
                locks: &locks,
                id,
                limit,
                cancel,
            };
            // Nobody listens any more when the interpreter has ended.
            drop(tell.send(waiter.wait_here()));
        };
        let started = std::thread::Builder::new()
            .name("gaia-wait".to_owned())
            .spawn(work);
        started.map(|_| outcome).map_err(|error| {
            // What cannot be left now is taken for dead with this process.
            drop(py.detach(|| self.locks.leave(self.id)));
            GaiaError::new_err(format!("no thread to wait in: {error}"))
        })
    }

    /// Leaves the line. A grant that came in the very moment is given back.
    fn call_off(&self, outcome: &Receiver<Outcome>, request: &Acquire) {
        self.cancel.cancel();
        if let Ok(Ok(Answer::Granted(granted))) = outcome.recv() {
            // What cannot be given back now ends with its lease.
            drop(self.locks.give_back(request, &granted));
        }
    }
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}
