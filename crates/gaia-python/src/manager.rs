//! `GaiaLockManager`: section 10's calls, each one call of the door.

use std::sync::Arc;

use gaia_locks::Locks;
use gaia_locks::folder::Folder;
use gaia_locks::os::user::user;
use gaia_locks::service::{Release, Released, Renew};
use gaia_locks::settings::Flag;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{Answer, HeldLock, Status};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::door::Door;
use crate::errors::{InvalidInput, raised, refused};
use crate::lock::Lock;
use crate::request::{Asked, Given};
use crate::waiting::{Cancel, ask};
use crate::{answers, input};

/// Leases on folders, in the same database as the command `gaia`.
///
/// gaia_locks_dir: the locks directory; GAIA_LOCKS_DIR and the other settings
/// count where it is not given. The database is `assigner.db` in it, unless
/// GAIA_DATABASE_URL or database_url (`sqlite:///absolute/path`) names another.
///
/// Where GAIA_SERVER names a server (and GAIA_TOKEN its token), every call works
/// through that instead, with the same answers.
///
/// The database is opened at once and made where there is none; nothing is
/// cleaned up. A manager can be used by many threads, may be pickled, and goes
/// on working in a forked child.
///
/// Raises InvalidSetting (a ValueError) for a setting that cannot be read, and
/// StoreUnavailable for a database that cannot be used. So does every call.
#[pyclass(frozen, subclass, module = "gaia_lock_manager")]
pub struct GaiaLockManager {
    door: Door,
}

impl GaiaLockManager {
    /// The door, opened anew in a forked child.
    pub fn locks(&self, py: Python<'_>) -> PyResult<Arc<dyn Locks>> {
        self.door.locks(py)
    }
}

#[pymethods]
impl GaiaLockManager {
    #[new]
    #[pyo3(signature = (gaia_locks_dir=None, *, database_url=None))]
    fn new(
        py: Python<'_>,
        gaia_locks_dir: Given<'_, '_>,
        database_url: Given<'_, '_>,
    ) -> PyResult<Self> {
        let mut arguments = Vec::new();
        if let Some(given) = gaia_locks_dir {
            let path = input::path(given, "gaia_locks_dir")?;
            arguments.push(Flag::new("GAIA_LOCKS_DIR", "gaia_locks_dir=", path));
        }
        if let Some(given) = database_url {
            let url = input::text(given, "database_url")?;
            arguments.push(Flag::new("GAIA_DATABASE_URL", "database_url=", url));
        }
        let door = Door::open(py, arguments)?;
        Ok(Self { door })
    }

    /// Takes the lock on a folder: True if granted, also when this holder has it
    /// already (its lease is then extended); False if another holder has it.
    ///
    /// folder_path: need not exist yet. session_id, task_id: the holder; a
    /// task_id of None is 0, no task.
    /// mode: "exclusive" or "shared". ttl: the lease in seconds (or a timedelta),
    /// 1 s to 30 days, by default GAIA_LOCK_TIMEOUT_HOURS. wait: seconds to wait
    /// in line, True for as long as it takes; the GIL is released meanwhile, and
    /// Ctrl-C leaves the line. pid: a process that the lock lives and dies with.
    /// request_id: a word for this request; sent again it takes no second lock.
    /// cancel: a Cancel that calls the wait off.
    ///
    /// Raises ValueError for wrong input, Deadlock when the wait would close a
    /// circle, OtherDatabase when the folder is locked through another database,
    /// StoreUnavailable when the database cannot be used.
    #[pyo3(signature = (folder_path, session_id, task_id=None, *, mode=None, ttl=None, wait=None,
                        pid=None, request_id=None, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn acquire_lock(
        &self,
        py: Python<'_>,
        folder_path: &Bound<'_, PyAny>,
        session_id: &Bound<'_, PyAny>,
        task_id: Given<'_, '_>,
        mode: Given<'_, '_>,
        ttl: Given<'_, '_>,
        wait: Given<'_, '_>,
        pid: Given<'_, '_>,
        request_id: Given<'_, '_>,
        cancel: Option<&Cancel>,
    ) -> PyResult<bool> {
        let asked = Asked {
            session: session_id,
            task: task_id,
            mode,
            ttl,
            pid,
            request_id,
        };
        let folders = vec![input::folder(folder_path)?];
        match self.answer(py, &asked, folders, wait, cancel)? {
            Answer::Granted(granted) => {
                Ok(granted.locks.iter().all(|lock| lock.expires_in.is_some()))
            }
            Answer::Refused(refusal) if refusal.cycle.is_some() => {
                Err(refused(py, &refusal, false))
            }
            _ => Ok(false),
        }
    }

    /// Takes the locks on one folder or several, all together or none, and gives
    /// the whole answer as a dict: `{"granted": True, "locks": […], "held_before":
    /// bool}`, or `{"granted": False, "conflicts": […]}`, which says who is in
    /// the way, since when and until when, and with `cycle` in it when the wait
    /// would close a circle. Arguments and errors as acquire_lock, but a circle
    /// is an answer here.
    #[pyo3(signature = (folders, session_id, task_id=None, *, mode=None, ttl=None, wait=None,
                        pid=None, request_id=None, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn acquire<'py>(
        &self,
        py: Python<'py>,
        folders: &Bound<'py, PyAny>,
        session_id: &Bound<'py, PyAny>,
        task_id: Given<'_, 'py>,
        mode: Given<'_, 'py>,
        ttl: Given<'_, 'py>,
        wait: Given<'_, 'py>,
        pid: Given<'_, 'py>,
        request_id: Given<'_, 'py>,
        cancel: Option<&Cancel>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let asked = Asked {
            session: session_id,
            task: task_id,
            mode,
            ttl,
            pid,
            request_id,
        };
        match self.answer(py, &asked, input::folders(folders)?, wait, cancel)? {
            Answer::Granted(granted) => answers::granted(py, &granted),
            Answer::Refused(refusal) => answers::refused(py, &refusal),
            Answer::Queued(queued) => answers::refused(py, &queued.refusal),
        }
    }

    /// A lock for a `with` block, renewed in the background while the block
    /// runs and released at its end:
    ///
    ///     with manager.lock("/work/app", "ana", 7, wait=60) as lock:
    ///         ...
    ///
    /// It is a lock of its own beside others of the same holder, and is freed at
    /// once if this process dies. Entering raises Held, WaitTimedOut or Deadlock
    /// when it is not granted; leaving raises LockLost when the lock was lost
    /// while the block ran. on_lost: called with the reason, from a background
    /// thread, at the moment of the loss. Other arguments as acquire.
    #[pyo3(signature = (folders, session_id, task_id=None, *, mode=None, ttl=None, wait=None,
                        on_lost=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn lock(
        slf: &Bound<'_, Self>,
        folders: &Bound<'_, PyAny>,
        session_id: &Bound<'_, PyAny>,
        task_id: Given<'_, '_>,
        mode: Given<'_, '_>,
        ttl: Given<'_, '_>,
        wait: Given<'_, '_>,
        on_lost: Option<Py<PyAny>>,
    ) -> PyResult<Lock> {
        let (pid, request_id) = (None, None);
        let asked = Asked {
            session: session_id,
            task: task_id,
            mode,
            ttl,
            pid,
            request_id,
        };
        let request = asked.request(input::folders(folders)?)?;
        let wait = input::wait(wait)?;
        let on_lost = input::callback(on_lost, slf.py(), "on_lost")?;
        Ok(Lock::new(slf.clone().unbind(), request, wait, on_lost))
    }

    /// `(locked, info)`: True when an exclusive request by a stranger would be
    /// refused now. info is the lock in the way as a dict (the folder's own
    /// first, then one on a folder above it, then one inside it), or None, also
    /// where the folder is only paused.
    fn is_locked<'py>(
        &self,
        py: Python<'py>,
        folder_path: &Bound<'_, PyAny>,
    ) -> PyResult<(bool, Option<Bound<'py, PyDict>>)> {
        let folder = input::folder(folder_path)?;
        let locks = self.locks(py)?;
        let status = py.detach(|| locks.status(Some(&folder))).map_err(raised)?;
        let in_the_way = status
            .locks
            .iter()
            .min_by_key(|held| nearness(&folder, held));
        let info = in_the_way
            .map(|held| answers::to_dict(py, held))
            .transpose()?;
        Ok((info.is_some() || is_kept_free(&folder, &status), info))
    }

    /// Ends what this session holds on exactly this folder, or only one task's
    /// lock, or only the lock with this token. True if something ended, else
    /// False; a lock that an assigner took ends with its task.
    #[pyo3(signature = (folder_path, session_id, task_id=None, *, token=None))]
    fn release_lock(
        &self,
        py: Python<'_>,
        folder_path: &Bound<'_, PyAny>,
        session_id: &Bound<'_, PyAny>,
        task_id: Given<'_, '_>,
        token: Given<'_, '_>,
    ) -> PyResult<bool> {
        let task = task_id.map(|task| input::task(Some(task)));
        let token = token.map(|token| input::token(token, "token"));
        let request = Release {
            folder: Some(input::folder(folder_path)?),
            session: input::session(session_id)?,
            task: task.transpose()?,
            token: token.transpose()?,
        };
        let locks = self.locks(py)?;
        let released = py.detach(|| locks.release(&request)).map_err(raised)?;
        Ok(matches!(released, Released::Ended(_)))
    }

    /// Extends the lease of the lock with this token and gives the lock as a
    /// dict. ttl: its length from now on, in seconds; as before when left out.
    ///
    /// Raises NotHeld after a lapse or release, NotAllowed for another's lock.
    #[pyo3(signature = (token, session_id, *, ttl=None))]
    fn renew_lock<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'_, PyAny>,
        session_id: &Bound<'_, PyAny>,
        ttl: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = Renew {
            token: input::token(token, "token")?,
            session: input::session(session_id)?,
            task: None,
            folder: None,
            ttl: ttl.map(|ttl| input::duration(ttl, "ttl")).transpose()?,
        };
        let locks = self.locks(py)?;
        let lock = py.detach(|| locks.renew(&request)).map_err(raised)?;
        answers::to_dict(py, &lock)
    }

    /// Whether that very lock is active now: `{"active": bool, "lock": {…} or
    /// None}`. Ask before writing what must not be written after a lapse.
    fn verify<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let token = input::token(token, "token")?;
        let locks = self.locks(py)?;
        let verified = py.detach(|| locks.verify(token)).map_err(raised)?;
        answers::to_dict(py, &verified)
    }

    /// The active locks, all or one session's: a dict with `locks` (a list of
    /// dicts) and `count`; also `waiters`, `paused` and the `database`.
    #[pyo3(signature = (session_id=None))]
    fn get_lock_status<'py>(
        &self,
        py: Python<'py>,
        session_id: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let session = session_id.map(input::session).transpose()?;
        let locks = self.locks(py)?;
        let mut status = py.detach(|| locks.status(None)).map_err(raised)?;
        if let Some(session) = session {
            status.locks.retain(|held| held.lock.session_id == session);
            status.waiters.retain(|waiter| waiter.session_id == session);
            status.count = status.locks.len();
        }
        answers::to_dict(py, &status)
    }

    /// Ends what lapsed or whose process died, grants to those who waited for
    /// it, repairs marker files; gives how many locks ended.
    fn cleanup_expired_locks(&self, py: Python<'_>) -> PyResult<u64> {
        let locks = self.locks(py)?;
        py.detach(|| locks.cleanup()).map_err(raised)
    }

    /// Ends any lock by its id, as an admin: the history keeps the reason and
    /// the system user. Gives the lock as a dict.
    ///
    /// Raises UnknownLock, or AlreadyEnded.
    fn force_release<'py>(
        &self,
        py: Python<'py>,
        lock_id: &Bound<'_, PyAny>,
        reason: &Bound<'_, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let id = input::token(lock_id, "lock_id")?;
        let reason = input::text(reason, "reason")?;
        if reason.trim().is_empty() {
            return Err(InvalidInput::new_err(
                "reason is empty; say why the lock is ended",
            ));
        }
        let locks = self.locks(py)?;
        let ended = py.detach(|| locks.force_release(id, &user(), &reason));
        answers::to_dict(py, &ended.map_err(raised)?)
    }

    /// The past and the present, newest first: a list of dicts; of one folder
    /// and what overlaps it, of one session, or at most so many.
    #[pyo3(signature = (folder_path=None, *, session_id=None, task_id=None, limit=None))]
    fn history<'py>(
        &self,
        py: Python<'py>,
        folder_path: Given<'_, '_>,
        session_id: Given<'_, '_>,
        task_id: Given<'_, '_>,
        limit: Given<'_, '_>,
    ) -> PyResult<Bound<'py, PyList>> {
        let filter = HistoryFilter {
            folder: folder_path.map(input::folder).transpose()?,
            session: session_id.map(input::session).transpose()?,
            task: task_id.map(|task| input::task(Some(task))).transpose()?,
            limit: limit.map(input::limit).transpose()?,
            ..HistoryFilter::default()
        };
        let locks = self.locks(py)?;
        let records = py.detach(|| locks.history(&filter)).map_err(raised)?;
        Ok(answers::to_python(py, &records)?.cast_into::<PyList>()?)
    }

    /// The database in use, as people are shown it.
    #[getter]
    fn database(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.locks(py)?.database())
    }

    /// The locks directory in use.
    #[getter]
    fn locks_dir<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self
            .door
            .settings()
            .locks_dir
            .as_os_str()
            .into_pyobject(py)?
            .into_any())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<GaiaLockManager {}>", self.database(py)?))
    }

    /// For pickle: the same database in another process.
    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, pyo3::types::PyTuple>, Bound<'py, PyDict>)> {
        let settings = self.door.settings();
        let named = PyDict::new(py);
        named.set_item("gaia_locks_dir", self.locks_dir(py)?)?;
        named.set_item("database_url", settings.database.to_string())?;
        Ok((pyo3::types::PyTuple::empty(py), named))
    }
}

impl GaiaLockManager {
    fn answer(
        &self,
        py: Python<'_>,
        asked: &Asked<'_, '_>,
        folders: Vec<Folder>,
        wait: Given<'_, '_>,
        cancel: Option<&Cancel>,
    ) -> PyResult<Answer> {
        let request = asked.request(folders)?;
        ask(py, &self.locks(py)?, &request, input::wait(wait)?, cancel)
    }
}

/// The folder's own lock first, then one above it, then one inside it; among
/// equals the oldest.
fn nearness(folder: &Folder, held: &HeldLock) -> (u8, gaia_locks::LockId) {
    let (own, theirs) = (folder.path(), held.lock.folder_path.as_str());
    let rank = match (own == theirs, own.len() > theirs.len()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    };
    (rank, held.lock.id)
}

/// Whether nothing is granted there although nobody holds it: it is paused, or
/// somebody stands in line for it.
fn is_kept_free(folder: &Folder, status: &Status) -> bool {
    let paused = || {
        status
            .paused
            .iter()
            .any(|pause| input::overlaps(folder, &pause.folder_path))
    };
    !status.waiters.is_empty() || paused()
}
