//! The embedded store: one SQLite file, used by many processes at once.
//!
//! # How it stays safe
//! - Every transaction that may write begins with `BEGIN IMMEDIATE`, behind a
//!   blocking `flock` on a gate file: SQLite's own waiting has no queue and
//!   starves writers. The gate is for fairness only; SQLite's lock is what
//!   excludes.
//! - One connection for each file and process, kept until the process ends.
//!   It takes open-file-description locks (see `vfs`), so that another copy
//!   of SQLite in the same process can close the file without taking them away.
//!   A forked child opens its own (see `fork`).
//! - `synchronous=NORMAL` in WAL mode survives `kill -9`, but a power cut rolls
//!   back acknowledged commits. So that no token is ever given twice, tokens
//!   are given from blocks whose end was synced before (`tokens`).
//! - The file system is judged before the file is opened: where WAL's shared
//!   memory does not work, nobody is granted anything [R18].
//!
//! - A log that somebody deleted alone is noticed, since SQLite itself deletes
//!   it only after its `-shm` (`open`).
//!
//! # What is not promised
//! A process that is stopped (SIGSTOP) inside its 20 microseconds of
//! transaction keeps the database locked until it goes on or dies: others are
//! told so after ten seconds.

mod active;
mod connection;
mod copy;
mod earlier;
mod fork;
mod gate;
mod history;
mod index;
mod line;
mod migrate;
mod one_write;
mod open;
mod remove;
mod requests;
mod settle;
mod tokens;
mod transaction;
mod vfs;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use copy::restore;
pub use earlier::{Earlier, Rows, Takeover, survey};
pub use fork::quiesce as quiesce_forks;
pub use remove::{InUse, in_use, remove_unused};
pub use transaction::SqliteTx;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, StoreError};
use crate::os::openings::is_open_without;
use crate::os::{Doorbell, LocalDoorbell};
use crate::settings::Durability;
use crate::store::{Store, Version, Work};

use connection::Connection;

/// The embedded store.
pub struct SqliteStore {
    connection: Arc<Connection>,
    doorbell: Arc<dyn Doorbell>,
    clock: Arc<dyn Clock>,
}

/// How the file is opened.
#[derive(Clone)]
pub struct SqliteOptions {
    /// What is on disk when a grant is answered [R14].
    pub durability: Durability,
    /// The clock that leases are measured on.
    pub clock: Arc<dyn Clock>,
    /// What is to be known of what was there before GAIA.
    pub earlier: Earlier,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Normal,
            clock: Arc::new(SystemClock),
            earlier: Earlier::default(),
        }
    }
}

impl SqliteStore {
    /// Opens a database, making it when it is not there.
    ///
    /// # Errors
    /// A [`StoreError`] that says why the file cannot be trusted or used [R18].
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let connection = open::open(path, &options)?;
        let doorbell = doorbell(connection.path());
        Ok(Self {
            connection,
            doorbell,
            clock: options.clock,
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        self.connection.path()
    }

    /// Whether this process made the file, or took it over from an earlier
    /// assigner: then there may be locks whose markers nobody has written. Told
    /// to the first who asks, since a process opens a file only once.
    pub fn is_fresh(&self) -> bool {
        self.connection.is_fresh()
    }

    /// The id of this very database, whatever stands at its path another day.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn id(&self) -> Result<String, StoreError> {
        let sqlite = self.connection.lock();
        migrate::id_of(&sqlite).map_err(|error| open::of_sqlite(self.path(), &error))
    }

    /// How many rows of the history cannot be understood and are left alone, and
    /// the id of the first: another program wrote them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unreadable_history(&self) -> Result<(usize, Option<i64>), StoreError> {
        let sqlite = self.connection.lock();
        history::unreadable_rows(&sqlite).map_err(|error| open::of_sqlite(self.path(), &error))
    }

    /// Looks through the whole file for damage, and gives what was found.
    ///
    /// # Errors
    /// When the file cannot be read at all.
    pub fn quick_check(&self) -> Result<Option<String>, StoreError> {
        let sqlite = self.connection.lock();
        let found: String = sqlite
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| open::of_sqlite(self.path(), &error))?;
        Ok(Some(found).filter(|found| found != "ok"))
    }
}

impl Store for SqliteStore {
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error> {
        transaction::write(&self.connection, &*self.clock, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        transaction::read(&self.connection, &*self.clock, work)
    }

    fn version(&self) -> Option<Version> {
        self.connection.version()
    }

    fn doorbell(&self) -> Arc<dyn Doorbell> {
        self.doorbell.clone()
    }

    fn name(&self) -> String {
        self.path().display().to_string()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        copy::backup(&self.connection, to)
    }

    fn settle(&self) {
        settle::settle(&self.connection);
    }
}

/// A doorbell is only a hint. Where none can be opened (another user made it),
/// waiters find their grants by looking, a quarter of a second later at most.
fn doorbell(database: &Path) -> Arc<dyn Doorbell> {
    crate::os::open_doorbell(database).unwrap_or_else(|error| {
        tracing::warn!(%error, database = %database.display(), "no doorbell: waiters look now and then");
        Arc::new(LocalDoorbell::new())
    })
}

/// Whether another program has the database open: one that does not come
/// through the gate, as whoever uses this store does.
///
/// # Errors
/// What the system said; also where it does not tell.
pub fn is_open_elsewhere(database: &Path) -> io::Result<bool> {
    is_open_without(database, &beside(database, "-gate"))
}

/// A file beside the database, named after it.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unusable {
        path: path.to_owned(),
        detail: error.to_string(),
    }
}
