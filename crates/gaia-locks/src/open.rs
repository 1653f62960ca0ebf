//! From settings to the door: opens the embedded database that they name.
//!
//! Every way in that works on the database itself (the command line, Python)
//! opens it here, so that the same settings mean the same locks everywhere.
//! Settings that name something else are refused: locking somewhere else
//! instead would let two holders into one folder.

use std::path::Path;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::error::Error;
use crate::ids::Scope;
use crate::markers::Markers;
use crate::service::{Config, LockService, Locks as _};
use crate::settings::{Database, Settings};
use crate::store::sqlite::{Earlier, SqliteOptions, SqliteStore};

/// Why no door was opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The settings name something that is not the embedded database: what.
    #[error("{0}, which this version cannot work with")]
    NotEmbedded(String),
    /// The embedded database cannot be used, or its scope is no name.
    #[error(transparent)]
    Locks(#[from] Error),
}

/// Opens the embedded database and gives the door to it; made where there is
/// none yet.
///
/// # Errors
/// When the settings name another kind of database, or this one cannot be used.
pub fn open(settings: &Settings) -> Result<LockService, OpenError> {
    let file = database_file(settings)?;
    let markers = markers(settings)?;
    if !is_made(file) {
        markers.refuse_new()?;
    }
    let options = SqliteOptions {
        durability: settings.durability,
        earlier: earlier(settings),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(file, options).map_err(Error::from)?;
    let markers = markers.of_database(store.id().map_err(Error::from)?);
    let config = Config {
        markers,
        scope: scope(settings)?,
        ttl: settings.lease,
        retention: settings.history_retention,
        ..Config::default()
    };
    let is_fresh = store.is_fresh();
    let service = LockService::new(Arc::new(store), config);
    if is_fresh && service.status(None)?.count > 0 {
        // Locks that were taken over get their markers. Nothing is swept: who
        // only opens a database ends nobody's lock.
        service.repair_markers();
    }
    Ok(service)
}

/// What is to be known of what was there before GAIA.
pub fn earlier(settings: &Settings) -> Earlier {
    Earlier {
        lease: settings.lease,
        locks_dir: Some(settings.locks_dir.clone()),
    }
}

/// The file of the embedded database, whether or not it was made already.
///
/// # Errors
/// [`OpenError::NotEmbedded`] when the settings name a server.
pub fn database_file(settings: &Settings) -> Result<&Path, OpenError> {
    if let Some(server) = &settings.server {
        return Err(OpenError::NotEmbedded(format!(
            "GAIA_SERVER names {server}"
        )));
    }
    match &settings.database {
        Database::Sqlite(path) => Ok(path),
        other => Err(OpenError::NotEmbedded(format!("the database is {other}"))),
    }
}

/// The marker files of that database, whether or not it was made already.
///
/// # Errors
/// As [`database_file`]; and for a scope that is no name.
pub fn markers(settings: &Settings) -> Result<Markers, OpenError> {
    let (choice, locks_dir) = (settings.markers, &settings.locks_dir);
    let database = database_file(settings)?.display().to_string();
    let clock = Arc::new(SystemClock);
    Ok(Markers::new(
        choice,
        locks_dir,
        database,
        scope(settings)?,
        clock,
    ))
}

fn scope(settings: &Settings) -> Result<Scope, Error> {
    let named = settings.scope.clone().map(Scope::new).transpose()?;
    Ok(named.unwrap_or_else(Scope::local))
}

/// Whether there is a database already: an empty file is none yet.
fn is_made(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.len() > 0)
}
