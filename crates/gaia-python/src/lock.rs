//! `Lock`: held while a `with` block runs.
//!
//! A keeper renews the lease in the background and tells of its loss. It is a
//! thread, so that it does not exist in a forked child: there the inherited
//! `Lock` is nobody's, and leaving its block ends nothing of the parent's.
//!
//! The mutex is taken only while the interpreter lock is held and let go of
//! before that is: neither a fork nor a thread ever finds it taken for long.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gaia_locks::Locks;
use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::lease::{Kept, LeaseKeeper, News, RELEASING};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::service::{Acquire, Release, Released};
use gaia_locks::wire::{Answer, Granted, LockInfo};
use pyo3::prelude::*;

use crate::answers;
use crate::errors::{InvalidInput, LockLost, NotHeld, raised, refused};
use crate::input;
use crate::manager::GaiaLockManager;
use crate::request::Given;
use crate::waiting::{Cancel, Wait, ask};

/// A lock that a `with` block holds; made by `GaiaLockManager.lock`.
///
/// It can also be taken and given back by `acquire()` and `release()`, again
/// and again. It is renewed in the background for as long as it is held.
#[pyclass(frozen, module = "gaia_lock_manager", weakref)]
pub struct Lock {
    manager: Py<GaiaLockManager>,
    request: Acquire,
    wait: Wait,
    on_lost: Option<Py<PyAny>>,
    held: Mutex<Option<Held>>,
    /// Why what was given back within its block had been lost before.
    lost_before: Mutex<Option<String>>,
}

struct Held {
    process: u32,
    door: Arc<dyn Locks>,
    locks: Vec<LockInfo>,
    keepers: Vec<LeaseKeeper>,
    told: Arc<Told>,
}

/// What the keepers said.
#[derive(Default)]
struct Told {
    lost: Mutex<Option<String>>,
    waiting: AtomicUsize,
}

impl Told {
    fn lost(&self) -> Option<String> {
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether this is the first loss.
    fn lose(&self, why: &str) -> bool {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let first = lost.is_none();
        lost.get_or_insert_with(|| why.to_owned());
        first
    }
}

impl Lock {
    /// A lock that is not held yet.
    pub fn new(
        manager: Py<GaiaLockManager>,
        request: Acquire,
        wait: Wait,
        on_lost: Option<Py<PyAny>>,
    ) -> Self {
        Self {
            manager,
            request,
            wait,
            on_lost,
            held: Mutex::new(None),
            lost_before: Mutex::new(None),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost_before(&self) -> MutexGuard<'_, Option<String>> {
        self.lost_before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held by this process; what came through a fork is forgotten.
    fn take(&self) -> Option<Held> {
        let held = self.held().take()?;
        if held.is_ours() {
            return Some(held);
        }
        // Its threads are the parent's, and so is the lock.
        mem::forget(held);
        None
    }

    fn look<T>(&self, look: impl FnOnce(&Held) -> T) -> Option<T> {
        let held = self.held();
        held.as_ref().filter(|held| held.is_ours()).map(look)
    }

    fn keep(
        &self,
        py: Python<'_>,
        door: &Arc<dyn Locks>,
        kept: Kept,
        told: &Arc<Told>,
    ) -> PyResult<LeaseKeeper> {
        let (told, door) = (told.clone(), door.clone());
        let on_lost = self.on_lost.as_ref().map(|call| call.clone_ref(py));
        let tell = move |news| match news {
            News::Waiting(count) => told.waiting.store(count, Ordering::Relaxed),
            News::Lost(why) if told.lose(&why) => tell_of_loss(on_lost.as_ref(), &why),
            News::Lost(_) => {}
        };
        py.detach(|| LeaseKeeper::start(door, kept, tell))
            .map_err(raised)
    }
}

/// Calls back, unless the interpreter is about to end.
fn tell_of_loss(on_lost: Option<&Py<PyAny>>, why: &str) {
    let Some(on_lost) = on_lost else { return };
    Python::try_attach(|py| {
        if let Err(error) = on_lost.call1(py, (why,)) {
            error.write_unraisable(py, Some(on_lost.bind(py)));
        }
    });
}

impl Held {
    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }

    /// For how many seconds all of it can be trusted.
    fn left(&self) -> f64 {
        let now = SystemClock.now().moment;
        let left = self
            .keepers
            .iter()
            .map(|keeper| keeper.trusted_until().since(now));
        left.min().unwrap_or_default().as_secs_f64()
    }

    /// Ends every lock; whether all of them were still held.
    fn release(self) -> Result<bool, gaia_locks::Error> {
        drop(self.keepers);
        let until = SystemClock.now().moment.plus(RELEASING);
        let mut all = true;
        let mut failed = None;
        for lock in &self.locks {
            let wish = Release {
                folder: None,
                session: lock.session_id.clone(),
                task: None,
                token: Some(lock.id),
            };
            let left = SystemClock.now().moment.until(until);
            let released = self.door.release_within(&wish, left);
            match released {
                Ok(released) => all &= matches!(released, Released::Ended(_)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            None => Ok(all),
            Some(error) => Err(error),
        }
    }
}

#[pymethods]
impl Lock {
    /// Takes the lock. wait: as in GaiaLockManager.acquire_lock; what `lock` was
    /// given when left out. cancel: a Cancel that calls the wait off.
    ///
    /// Raises Held, WaitTimedOut or Deadlock when it is not granted, each with
    /// the whole answer as `answer`; ValueError when it is held already.
    #[pyo3(signature = (wait=None, *, cancel=None))]
    fn acquire(
        &self,
        py: Python<'_>,
        wait: Given<'_, '_>,
        cancel: Option<&Cancel>,
    ) -> PyResult<()> {
        self.refuse_twice()?;
        let wait = match wait {
            None => self.wait,
            given => input::wait(given)?,
        };
        let door = self.manager.get().locks(py)?;
        let request = self.of_this_process();
        let asked_at = SystemClock.now().moment;
        let granted = match ask(py, &door, &request, wait, cancel)? {
            Answer::Granted(granted) => granted,
            Answer::Refused(refusal) => return Err(refused(py, &refusal, wait != Wait::Never)),
            Answer::Queued(queued) => return Err(refused(py, &queued.refusal, false)),
        };
        let held = self.hold(py, &door, &granted, asked_at);
        let held = held.inspect_err(|_| {
            // What cannot be given back now ends with its process.
            drop(py.detach(|| door.give_back(&request, &granted)));
        })?;
        self.keep_hold(py, held)?;
        self.refuse_if_lost_already()
    }

    /// Gives the lock back. True if it was held until now; False if it was lost,
    /// or not taken, or came from the parent through a fork.
    fn release(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(held) = self.take() else {
            return Ok(false);
        };
        *self.lost_before() = held.told.lost();
        py.detach(|| held.release()).map_err(raised)
    }

    /// Raises LockLost when the lock was lost, or cannot be trusted to be held
    /// any more, and NotHeld when it was never taken. Ask before writing what
    /// must not be written by two; it costs no look into the database.
    fn check(&self) -> PyResult<()> {
        let why = self.look(|held| match held.told.lost() {
            Some(why) => Some(why),
            None if held.left() > 0.0 => None,
            None => Some("the lease could not be renewed in time".to_owned()),
        });
        match why {
            None => Err(NotHeld::new_err("this lock is not held by this process")),
            Some(Some(why)) => Err(LockLost::new_err(why)),
            Some(None) => Ok(()),
        }
    }

    /// The fencing token of the (first) lock, an integer that only rises; None
    /// when it is not held.
    #[getter]
    fn token(&self) -> Option<i64> {
        self.look(|held| held.locks.first().map(|lock| lock.id.0))
            .flatten()
    }

    /// The tokens, one for each folder.
    #[getter]
    fn tokens(&self) -> Vec<i64> {
        self.look(|held| held.locks.iter().map(|lock| lock.id.0).collect())
            .unwrap_or_default()
    }

    /// The locks as they were granted, a list of dicts.
    #[getter]
    fn locks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let locks = self.look(|held| held.locks.clone()).unwrap_or_default();
        answers::to_python(py, &locks)
    }

    /// Why the lock was lost; None while it was not.
    #[getter]
    fn lost(&self) -> Option<String> {
        self.look(|held| held.told.lost()).flatten()
    }

    /// Whether it is held and can be trusted to be.
    #[getter]
    fn is_held(&self) -> bool {
        self.look(|held| held.told.lost().is_none() && held.left() > 0.0)
            .unwrap_or(false)
    }

    /// For how many seconds it can be trusted to be held, were it not renewed.
    #[getter]
    fn trusted_for(&self) -> f64 {
        self.look(Held::left).unwrap_or(0.0)
    }

    /// How many wait for it.
    #[getter]
    fn waiting(&self) -> usize {
        self.look(|held| held.told.waiting.load(Ordering::Relaxed))
            .unwrap_or(0)
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().acquire(slf.py(), None, None)?;
        Ok(slf.clone())
    }

    #[pyo3(signature = (kind=None, value=None, traceback=None))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Given<'_, '_>,
        value: Given<'_, '_>,
        traceback: Given<'_, '_>,
    ) -> PyResult<bool> {
        let _ = (value, traceback);
        let Some(held) = self.take() else {
            // Whoever was told of the loss may have given it back there and then:
            // the block has to hear of it all the same.
            return match self.lost_before().take() {
                Some(why) if kind.is_none() => Err(LockLost::new_err(why)),
                _ => Ok(false),
            };
        };
        let told = held.told.clone();
        let released = py.detach(|| held.release());
        // The block's own exception says more than ours would.
        if kind.is_some() {
            return Ok(false);
        }
        match (told.lost(), released) {
            (Some(why), _) => Err(LockLost::new_err(why)),
            (None, Ok(true)) => Ok(false),
            (None, Ok(false)) => Err(LockLost::new_err("the lock had ended before its block did")),
            (None, Err(error)) => Err(raised(error)),
        }
    }

    fn __repr__(&self) -> String {
        let folders: Vec<_> = self
            .request
            .folders
            .iter()
            .map(|folder| folder.path())
            .collect();
        let (folders, holder) = (folders.join(", "), &self.request.holder);
        match self.token() {
            Some(token) => format!("<Lock on {folders} by {holder}, token {token}>"),
            None => format!("<Lock on {folders} for {holder}, not held>"),
        }
    }
}

impl Lock {
    fn refuse_twice(&self) -> PyResult<()> {
        match self.look(|_| ()) {
            None => Ok(()),
            Some(()) => Err(twice()),
        }
    }

    /// Another thread may have taken the same `Lock` meanwhile: one is enough.
    fn keep_hold(&self, py: Python<'_>, new: Held) -> PyResult<()> {
        let mut held = self.held();
        if held.as_ref().is_some_and(Held::is_ours) {
            drop(held);
            drop(py.detach(|| new.release()));
            return Err(twice());
        }
        self.lost_before().take();
        // What came through a fork is the parent's.
        mem::forget(held.replace(new));
        Ok(())
    }

    /// A lock of its own that lives and dies with this process: asked at each
    /// time, since a forked child is another one.
    fn of_this_process(&self) -> Acquire {
        Acquire {
            process: ProcessIdentity::current().ok(),
            own: true,
            ..self.request.clone()
        }
    }

    /// Starts to keep what was granted. A wait may have taken longer than the
    /// lease: then it is renewed first, so that it is known since when it counts.
    fn hold(
        &self,
        py: Python<'_>,
        door: &Arc<dyn Locks>,
        granted: &Granted,
        asked_at: Moment,
    ) -> PyResult<Held> {
        let mut held = Held {
            process: std::process::id(),
            door: door.clone(),
            locks: granted.locks.clone(),
            keepers: Vec::new(),
            told: Arc::default(),
        };
        match self.keep_all(py, &mut held, granted, asked_at) {
            Ok(()) => Ok(held),
            Err(error) => {
                // A keeper's thread may be about to tell of a loss, for which it
                // needs the interpreter; dropping the keeper waits for it.
                py.detach(move || drop(held));
                Err(error)
            }
        }
    }

    fn keep_all(
        &self,
        py: Python<'_>,
        held: &mut Held,
        granted: &Granted,
        asked_at: Moment,
    ) -> PyResult<()> {
        let door = held.door.clone();
        for lock in &granted.locks {
            let mut kept = Kept::of(lock, self.request.ttl, asked_at);
            py.detach(|| kept.begin(&*door)).map_err(raised)?;
            held.keepers.push(self.keep(py, &door, kept, &held.told)?);
        }
        Ok(())
    }

    fn refuse_if_lost_already(&self) -> PyResult<()> {
        match self.lost() {
            None => Ok(()),
            Some(why) => Err(LockLost::new_err(why)),
        }
    }
}

fn twice() -> PyErr {
    InvalidInput::new_err("this lock is held already; release it first, or make another one")
}

impl Drop for Lock {
    /// One that nobody has any more is given back: nobody else could.
    fn drop(&mut self) {
        if let Some(held) = self.take() {
            Python::try_attach(|py| py.detach(|| drop(held.release())));
        }
    }
}
