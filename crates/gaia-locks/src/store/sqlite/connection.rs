//! One connection for each database file and process, kept until the process
//! ends.
//!
//! Why one: see [`super::vfs`]. Why until the end: the last connection that is
//! closed checkpoints and deletes the log, which a command that lives for five
//! milliseconds should not pay for; and a fresh connection would start without
//! its prepared statements.
//!
//! A connection must not be used across `fork`: a child finds that its process
//! is another one and opens its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use super::gate::Gate;
use super::transaction::State;
use crate::error::StoreError;

/// A file's identity in this process.
type Key = (u32, u64, u64);

static OPEN: Mutex<Option<HashMap<Key, Arc<Connection>>>> = Mutex::new(None);

/// The connection to one database file.
pub(super) struct Connection {
    path: PathBuf,
    sqlite: Mutex<rusqlite::Connection>,
    pub(super) gate: Gate,
    known: Mutex<Option<(u32, State)>>,
}

impl Connection {
    pub(super) fn new(path: PathBuf, sqlite: rusqlite::Connection, gate: Gate) -> Self {
        Self {
            path,
            sqlite: Mutex::new(sqlite),
            gate,
            known: Mutex::new(None),
        }
    }

    /// What the last transaction of this process left in [`State`], if nobody
    /// has changed the file since. To be asked inside a write transaction.
    pub(super) fn known(&self, sqlite: &rusqlite::Connection) -> Option<State> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (version, state) = known?;
        (Some(version) == data_version(sqlite)).then_some(state)
    }

    /// Remembers what a transaction left, right after its commit.
    pub(super) fn remember(&self, sqlite: &rusqlite::Connection, state: Option<State>) {
        let known = data_version(sqlite).zip(state);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The connection itself, for one thread at a time. A thread that panicked
    /// in a transaction left it rolled back, so poison does not matter.
    pub(super) fn lock(&self) -> MutexGuard<'_, rusqlite::Connection> {
        self.sqlite.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that changes whenever anybody changes the file, this connection
/// included.
fn data_version(sqlite: &rusqlite::Connection) -> Option<u32> {
    let mut version: u32 = 0;
    // SAFETY: the handle is that of an open connection, the name a C string,
    // and this command writes one unsigned integer.
    let code = unsafe {
        ffi::sqlite3_file_control(
            sqlite.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_DATA_VERSION,
            (&raw mut version).cast(),
        )
    };
    (code == ffi::SQLITE_OK).then_some(version)
}

/// Gives the process's connection to a file, or makes it.
pub(super) fn shared(
    key: (u64, u64),
    make: impl FnOnce() -> Result<Connection, StoreError>,
) -> Result<Arc<Connection>, StoreError> {
    let key = (std::process::id(), key.0, key.1);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let open = open.get_or_insert_with(HashMap::new);
    if let Some(known) = open.get(&key) {
        return Ok(known.clone());
    }
    let made = Arc::new(make()?);
    open.insert(key, made.clone());
    Ok(made)
}
