//! The tables of tasks and sessions.
//!
//! Every verb runs inside a transaction of the lock store and on its
//! connection, so that the lock, the task's state and the session's state
//! change together or not at all. Neither room touches the other's tables.

pub(crate) mod again;
pub(crate) mod agents;
pub(crate) mod ending;
#[cfg(test)]
mod model;
pub(crate) mod panes;
pub(crate) mod queue;
pub(crate) mod remote;
pub(crate) mod running;
pub(crate) mod sessions;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;
pub(crate) mod told;
pub(crate) mod uncommitted;

use gaia_locks::error::{Error, StoreError};
use gaia_locks::service::LockTx;
use gaia_locks::store::sqlite::SqliteTx;
use rusqlite::Connection as Sqlite;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Runs SQL inside a transaction of the lock store.
pub(crate) fn sql<T>(
    tx: &mut LockTx<'_>,
    work: impl FnOnce(&Sqlite) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    let joined = tx.store().join().downcast_ref::<SqliteTx>();
    let Some(joined) = joined else {
        return Err(Error::Store(StoreError::Failed(
            "this store keeps no tasks".to_owned(),
        )));
    };
    work(joined.connection()).map_err(|error| Error::Store(StoreError::Failed(error.to_string())))
}

/// A value as a column keeps it.
pub(crate) fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Reads back what [`text`] gave; what cannot be read counts as not there,
/// because other programs write these tables too.
pub(crate) fn read<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}
