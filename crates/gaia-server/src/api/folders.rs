//! Folders as clients name them [R12]: a path is resolved where the files are.
//! One of this machine's scope is resolved here, one of another is cleaned.

use std::path::Path;

use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::Scope;
use gaia_locks::markers::Markers;
use gaia_locks::service::{Config, Locks as _};

use crate::error::{Answer, Problem};

/// What one request may name at most, of folders and of tasks to wait for: each
/// of them is work, and the next request waits meanwhile.
const MOST_NAMED: usize = 1_000;

/// Refuses a request that names too much, before any of it is looked at.
///
/// # Errors
/// 400, with the numbers.
pub fn not_too_many(count: usize, what: &str) -> Answer<()> {
    if count <= MOST_NAMED {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "this names {count} {what}; at most {MOST_NAMED} go in one request"
    )))
}

/// The door for a scope. Marker files lie where the files are, so only this
/// machine's own has them.
pub fn door(locks: &LockService, scope: Option<&Scope>) -> LockService {
    match scope.filter(|scope| **scope != locks.scope()) {
        None => locks.clone(),
        Some(scope) => LockService::new(
            locks.store().clone(),
            Config {
                scope: scope.clone(),
                ttl: locks.default_ttl(),
                witness: locks.witness().clone(),
                markers: Markers::off(),
                retention: None,
            },
        ),
    }
}

/// The folder that a path names. A relative one has no meaning here.
///
/// # Errors
/// When it cannot be a folder.
pub fn folder(locks: &LockService, scope: Option<&Scope>, path: &str) -> Answer<Folder> {
    let is_ours = scope.is_none_or(|scope| *scope == locks.scope());
    // Cleaning refuses a relative path, which would count from our own folder.
    let cleaned = Folder::clean(path)?;
    match is_ours {
        true => Ok(Folder::resolve(Path::new(path), Path::new("/"))?),
        false => Ok(cleaned),
    }
}

/// Refuses where somebody is to work what cannot be a folder, or would be one of
/// whoever happens to read it.
///
/// # Errors
/// 400, saying what is wrong.
pub fn can_be_one(path: Option<&Path>) -> Answer<()> {
    let clean = path.map(|path| Folder::clean(&path.to_string_lossy()));
    Ok(clean.transpose().map(drop)?)
}
