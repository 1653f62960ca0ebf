//! One connection for each database file and process, kept until the process
//! ends.
//!
//! Why one: see [`super::vfs`]. Why until the end: the last connection that is
//! closed checkpoints and deletes the log, which a command that lives for five
//! milliseconds should not pay for; and a fresh connection would start without
//! its prepared statements.
//!
//! A connection must not be used across `fork`: a child finds that its process
//! is another one and opens its own (see [`super::fork`]).

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

use rusqlite::ffi;

use super::fork::Held;
use super::gate::Gate;
use super::index::Index;
use super::transaction::State;
use super::{beside, unusable};
use crate::clock::Moment;
use crate::error::StoreError;
use crate::os::{PerProcess, moment};
use crate::store::Version;

/// How long a database that was seen at its path is taken to be there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The connections of this process, by the file's device and number. They are
/// never freed, so that whoever forks can hold on to all of them.
static OPEN: PerProcess<HashMap<(u64, u64), &'static Arc<Connection>>> = PerProcess::new();

/// While it is held nobody opens a database.
pub(super) type RegistryGuard = MutexGuard<'static, HashMap<(u64, u64), &'static Arc<Connection>>>;

/// The connection to one database file.
pub(super) struct Connection {
    path: PathBuf,
    /// The file's device and number.
    file: (u64, u64),
    /// Whether it had a log when it was opened; a backup that is used as it is
    /// has none.
    has_log: bool,
    /// When it was last seen at its path.
    seen: AtomicI64,
    index: Option<Index>,
    sqlite: Mutex<rusqlite::Connection>,
    pub(super) gate: Gate,
    known: Mutex<Option<(u32, State)>>,
    /// Whether this process made it, or took it over from an earlier assigner.
    is_fresh: AtomicBool,
}

impl Connection {
    pub(super) fn new(
        path: PathBuf,
        file: (u64, u64),
        sqlite: rusqlite::Connection,
        gate: Gate,
    ) -> Self {
        Self {
            has_log: !is_gone(&beside(&path, "-wal")),
            path,
            file,
            seen: AtomicI64::new(moment().0),
            index: Index::of(&sqlite),
            sqlite: Mutex::new(sqlite),
            gate,
            known: Mutex::new(None),
            is_fresh: AtomicBool::new(false),
        }
    }

    /// Whether this process made it, or took it over.
    pub(super) fn fresh(self, is_fresh: bool) -> Self {
        self.is_fresh.store(is_fresh, Ordering::Relaxed);
        self
    }

    /// The same, told to the first who asks: what follows from it is done once.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh.swap(false, Ordering::Relaxed)
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

    /// Refuses to go on with a file that was deleted or replaced while it was
    /// open here: others lock in another one, and know nothing of this. Looked
    /// at once a second, since whoever deletes it is not in time with us anyway.
    pub(super) fn refuse_if_replaced(&self) -> Result<(), StoreError> {
        let now = moment();
        if now.since(Moment(self.seen.load(Ordering::Relaxed))) < LOOK_EVERY {
            return Ok(());
        }
        let replaced = match fs::metadata(&self.path) {
            Ok(found) => (found.dev(), found.ino()) != self.file,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        // SQLite keeps the log as long as anybody has the database open.
        let replaced = replaced || self.has_log && is_gone(&beside(&self.path, "-wal"));
        if replaced {
            return Err(unusable(
                &self.path,
                &"it or its log was deleted or replaced while it was in use; \
                  end what still uses the old one, and `gaia restore` a backup if locks were lost",
            ));
        }
        self.seen.store(now.0, Ordering::Relaxed);
        Ok(())
    }

    /// What changes whenever anybody changes the file, where that is known now.
    /// Nobody is waited for.
    pub(super) fn version(&self) -> Option<Version> {
        self.refuse_if_replaced().ok()?;
        self.index.as_ref()?.version()
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

fn is_gone(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
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
    OPEN.with(|open| {
        if let Some(known) = open.get(&key) {
            return Ok(Arc::clone(known));
        }
        let made: &'static Arc<Connection> = Box::leak(Box::new(Arc::new(make()?)));
        open.insert(key, made);
        Ok(made.clone())
    })
}

/// Waits until no thread is inside a database, and keeps them out.
pub(super) fn hold_all() -> Vec<Held> {
    let open = OPEN.hold();
    let mut held: Vec<Held> = open
        .values()
        .map(|connection| Held::Connection(connection.lock()))
        .collect();
    held.push(Held::Registry(open));
    held
}
