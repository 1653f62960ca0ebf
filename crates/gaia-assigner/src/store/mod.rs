//! The tables of tasks and sessions.
//!
//! Every verb runs inside a transaction of the lock store and on its
//! connection, so that the lock, the task's state and the session's state
//! change together or not at all. Neither room touches the other's tables.

pub(crate) mod again;
pub(crate) mod agents;
pub(crate) mod earlier;
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
use rusqlite::types::ValueRef;
use rusqlite::{Connection as Sqlite, Row};
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

/// A column's text, whatever type another program gave the value.
pub(crate) fn words(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
    })
}

/// A column's number; what is none counts as not there.
pub(crate) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<i64>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(number) => Some(number),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and is nobody's exact number"
        )]
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        ValueRef::Null | ValueRef::Blob(_) => None,
    })
}

/// As [`number`], with fractions.
pub(crate) fn fraction(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<f64>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        _ => number(row, at)?.map(|number| number as f64),
    })
}

/// A small count, such as of tries.
pub(crate) fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<u32>> {
    Ok(number(row, at)?.map(|number| u32::try_from(number.max(0)).unwrap_or(u32::MAX)))
}
