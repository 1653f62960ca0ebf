//! The door to the locks that the settings name, one for each process.
//!
//! A forked child has its parent's memory, but none of its threads, and must
//! not use its connections. So the door remembers which process opened it, and
//! a child opens its own at its first call. The mutex is taken only while the
//! interpreter lock is held, and a fork by Python happens under that lock too:
//! a child never finds it taken.

use std::ffi::OsString;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gaia_client::Client;
use gaia_locks::Locks;
use gaia_locks::open::{self, OpenError};
use gaia_locks::settings::{Flag, Settings, Sources};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors;
use crate::input;

/// The settings, and the door that they lead to.
pub struct Door {
    settings: Settings,
    opened: Mutex<Option<Opened>>,
}

struct Opened {
    process: u32,
    locks: Arc<dyn Locks>,
}

impl Door {
    /// Reads the settings and opens the database.
    pub fn open(py: Python<'_>, arguments: Vec<Flag>) -> PyResult<Self> {
        let door = Self {
            settings: load(py, arguments)?,
            opened: Mutex::new(None),
        };
        door.locks(py)?;
        Ok(door)
    }

    /// The settings in use.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The door itself.
    pub fn locks(&self, py: Python<'_>) -> PyResult<Arc<dyn Locks>> {
        let process = std::process::id();
        if let Some(known) = self.known(process) {
            return Ok(known);
        }
        let opened = py.detach(|| open_what_is_named(&self.settings));
        let locks = opened.map_err(|error| errors::of_opening(py, &error))?;
        Ok(self.remember(process, locks))
    }

    fn known(&self, process: u32) -> Option<Arc<dyn Locks>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = opened.as_ref().filter(|opened| opened.process == process);
        ours.map(|opened| opened.locks.clone())
    }

    /// Another thread may have been quicker: either is as good.
    fn remember(&self, process: u32, locks: Arc<dyn Locks>) -> Arc<dyn Locks> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Opened {
            process,
            locks: locks.clone(),
        };
        match opened.replace(new) {
            // The parent's: its descriptors and memory stay as they are.
            Some(old) if old.process != process => mem::forget(old),
            _ => {}
        }
        locks
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let opened = self.opened.get_mut();
        let opened = opened.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(opened) = opened
            && opened.process != std::process::id()
        {
            mem::forget(opened);
        }
    }
}

/// Through a server where one is named, else the database itself.
fn open_what_is_named(settings: &Settings) -> Result<Arc<dyn Locks>, OpenError> {
    Ok(match gaia_client::Config::of(settings)? {
        Some(config) => Arc::new(Client::new(config)?),
        None => Arc::new(open::open(settings)?),
    })
}

fn load(py: Python<'_>, flags: Vec<Flag>) -> PyResult<Settings> {
    let environ = environ(py)?;
    let variable = |name: &str| -> Option<OsString> {
        let value = environ.call_method1("get", (name,)).ok()?;
        value.extract().ok()
    };
    let base = input::here().unwrap_or_else(|_| PathBuf::from("/"));
    let sources = Sources {
        flags,
        user_home: variable("HOME").map(PathBuf::from),
        ..Sources::new(&variable, &base)
    };
    Settings::load(&sources).map_err(|error| errors::InvalidSetting::new_err(error.to_string()))
}

/// Python's own view of the environment: other threads may be changing it, which
/// only the interpreter lock keeps apart.
fn environ(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static ENVIRON: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let environ = ENVIRON.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("os")?.getattr("environ")?.unbind())
    })?;
    Ok(environ.bind(py))
}
