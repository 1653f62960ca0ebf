//! A refusal in one sentence [R17]: who holds what, since when, until when, and
//! what can be done.

use gaia_locks::wire::{Conflict, HolderInfo, LockInfo, Refusal};

/// What an exception says.
pub fn refusal(refusal: &Refusal, waited: bool) -> String {
    if let Some(cycle) = &refusal.cycle {
        return format!(
            "this wait would close a circle: {}; release something first, or do not wait",
            circle(cycle)
        );
    }
    let Some(first) = refusal.conflicts.first() else {
        return match waited {
            true => "the wait was called off or ran out; ask again".to_owned(),
            false => "not granted; ask again".to_owned(),
        };
    };
    let others = refusal.conflicts.len() - 1 + refusal.more;
    let more = match others {
        0 => String::new(),
        more => format!(" (and {more} more in the way)"),
    };
    let done = match waited {
        true => "; the wait ran out",
        false => "; wait for it with wait=, or ask later",
    };
    format!("{}{more}{done}", conflict(first))
}

fn conflict(conflict: &Conflict) -> String {
    let folder = &conflict.folder_path;
    if let Some(lock) = &conflict.lock {
        return held(folder, lock, conflict.alive, conflict.waiting);
    }
    if let Some(pause) = &conflict.paused {
        let (path, by, reason) = (&pause.folder_path, &pause.by, &pause.reason);
        return format!("{path} is paused by {by}: {reason}");
    }
    match &conflict.waiter {
        Some(waiter) => format!(
            "session {} stands in line before for {folder}",
            waiter.session_id
        ),
        None => format!("{folder} is not free"),
    }
}

fn held(folder: &str, lock: &LockInfo, alive: Option<bool>, waiting: usize) -> String {
    let until = lock
        .expires_at
        .map_or_else(String::new, |until| format!(", until {until}"));
    let life = match alive {
        Some(true) => ", its process lives",
        Some(false) => ", its process is gone",
        None => "",
    };
    let where_ = match lock.folder_path == folder {
        true => String::new(),
        false => format!(" through {}", lock.folder_path),
    };
    format!(
        "{folder} is held by session {} (task {}){where_} since {}{until}{life}; {waiting} in line",
        lock.session_id, lock.task_id, lock.created_at
    )
}

fn circle(cycle: &[HolderInfo]) -> String {
    let names: Vec<String> = cycle
        .iter()
        .map(|holder| format!("session {} (task {})", holder.session_id, holder.task_id))
        .collect();
    names.join(" waits for ")
}
