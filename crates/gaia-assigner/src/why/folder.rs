//! What keeps a folder.

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::duration::human_short;
use gaia_locks::error::Error;
use gaia_locks::folder::Folder;
use gaia_locks::letters::clear;
use gaia_locks::service::Locks;
use gaia_locks::wire::{HeldLock, PauseInfo, Status, WaiterInfo};
use serde::Serialize;

use super::{ago, holder};

/// What keeps a folder, and what would free it.
#[derive(Clone, Debug, Serialize)]
pub struct FolderWhy {
    /// The folder.
    pub folder_path: String,
    /// Whether nothing keeps it.
    pub is_free: bool,
    /// All of it in words.
    pub sentence: String,
    /// What is locked of it.
    pub locks: Vec<HeldLock>,
    /// Who waits for it.
    pub waiters: Vec<WaiterInfo>,
    /// Where nothing new is granted.
    pub paused: Vec<PauseInfo>,
}

/// Looks at a folder.
///
/// # Errors
/// When the store fails.
pub fn look_at(locks: &dyn Locks, folder: &Folder, now: Wall) -> Result<FolderWhy, Error> {
    let status = around(locks, folder)?;
    Ok(FolderWhy {
        folder_path: folder.path().to_owned(),
        is_free: status.locks.is_empty() && status.paused.is_empty() && status.waiters.is_empty(),
        sentence: of_folder(folder, &status, now),
        locks: status.locks,
        waiters: status.waiters,
        paused: status.paused,
    })
}

/// How it stands around a folder here.
///
/// # Errors
/// When the store cannot be used.
pub(super) fn around(locks: &dyn Locks, folder: &Folder) -> Result<Status, Error> {
    let (mut status, here) = (locks.status(Some(folder))?, locks.scope());
    let covers = |pause: &PauseInfo| {
        let paused = Folder::clean(&pause.folder_path);
        pause.scope == here && paused.is_ok_and(|paused| paused.overlaps(folder))
    };
    status.paused.retain(covers);
    Ok(status)
}

/// Who has a folder or comes next, and what would free it; `status` is how it
/// stands [`around`] the folder.
pub(super) fn of_folder(folder: &Folder, status: &Status, now: Wall) -> String {
    let path = clear(folder.path());
    if let Some(pause) = status.paused.first() {
        return format!(
            "{path} is paused by {} since {} ({}): `gaia resume {}` frees it.",
            clear(&pause.by),
            ago(pause.since, now),
            clear(&pause.reason),
            clear(&pause.folder_path),
        );
    }
    match status.locks.split_first() {
        Some((first, others)) => held(folder, first, others.len(), &status.waiters, now),
        None => match status.waiters.first() {
            Some(next) => format!(
                "{path} is held by nobody, but {} waits for it since {} and comes first.",
                holder(next.session_id.as_str(), next.task_id),
                ago(next.since, now),
            ),
            None => format!("{path} is free: nobody holds it and nobody waits for it."),
        },
    }
}

fn held(
    folder: &Folder,
    first: &HeldLock,
    others: usize,
    waiters: &[WaiterInfo],
    now: Wall,
) -> String {
    let lock = &first.lock;
    let through = match lock.folder_path == folder.path() {
        true => String::new(),
        false => format!(" through {}", clear(&lock.folder_path)),
    };
    let others = match others {
        0 => String::new(),
        1 => " and one other lock".to_owned(),
        others => format!(" and {others} other locks"),
    };
    format!(
        "{} is held by {}{through} since {}{others}{}; {}.",
        clear(folder.path()),
        holder(lock.session_id.as_str(), lock.task_id),
        ago(lock.created_at, now),
        line(waiters),
        what_frees(first),
    )
}

fn line(waiters: &[WaiterInfo]) -> String {
    let names: Vec<String> = waiters
        .iter()
        .map(|waiter| {
            format!(
                "{} in place {}",
                clear(waiter.session_id.as_str()),
                waiter.place
            )
        })
        .collect();
    match names.len() {
        0 => ", nobody waits".to_owned(),
        1..=3 => format!(", waiting: {}", names.join(", ")),
        many => format!(", {many} wait, next {}", names[0]),
    }
}

fn what_frees(held: &HeldLock) -> String {
    let lock = &held.lock;
    let left = lock.expires_in.map_or_else(String::new, left);
    let id = lock.id;
    match (held.alive, lock.pid) {
        (Some(true), Some(pid)) => {
            format!(
                "it is freed when process {pid} ends, or by `gaia force-release {id} --reason TEXT`"
            )
        }
        _ => format!(
            "it is freed when its holder releases it, when its lease ends in {left} unless renewed, or by `gaia force-release {id} --reason TEXT`"
        ),
    }
}

/// How long something lasts from now: `1h59m`.
fn left(seconds: f64) -> String {
    let left = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let rounded = left + Duration::from_millis(500);
    human_short(Duration::from_secs(rounded.as_secs()))
}
