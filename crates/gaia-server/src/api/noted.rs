//! What admins do to the locks of all, with its line in the trail: both in one
//! transaction, so that neither is there without the other.

use gaia_locks::LockService;
use gaia_locks::clock::Wall;
use gaia_locks::error::Error;
use gaia_locks::folder::Folder;
use gaia_locks::wire::PauseInfo;

use crate::accounts;

/// Grants nothing new in a folder.
///
/// # Errors
/// As [`gaia_locks::Locks::pause`].
pub fn pause(
    door: &LockService,
    by: &str,
    folder: &Folder,
    reason: &str,
) -> Result<PauseInfo, Error> {
    door.transact(|tx| {
        let paused = tx.pause(folder, by, reason)?;
        let details = format!("{}: {reason}", folder.path());
        accounts::note(tx, by, "pause", &details)?;
        Ok(paused)
    })
}

/// Grants there again; whether it was paused.
///
/// # Errors
/// As [`gaia_locks::Locks::resume`].
pub fn resume(door: &LockService, by: &str, folder: &Folder) -> Result<bool, Error> {
    door.transact(|tx| {
        let was_paused = tx.resume(folder)?;
        if was_paused {
            accounts::note(tx, by, "resume", folder.path())?;
        }
        Ok(was_paused)
    })
}

/// Forgets history that ended before; gives how many rows.
///
/// # Errors
/// As [`gaia_locks::Locks::prune`].
pub fn prune(door: &LockService, by: &str, before: Wall) -> Result<u64, Error> {
    door.transact(|tx| {
        let pruned = tx.store().prune(before)?;
        let details = format!("{pruned} rows that ended before {}", before.to_rfc3339());
        accounts::note(tx, by, "prune", &details)?;
        Ok(pruned)
    })
}
