//! What the agent reads. Short, with what it needs to know and what it can do
//! [R17]; no way around.

use gaia_locks::clock::Wall;
use gaia_locks::duration::human;
use gaia_locks::ids::TaskId;
use gaia_locks::wire::{Conflict, LockInfo, Refusal, WaiterInfo};

use super::gate::{Lapse, Verdict};
use super::run::{Leave, Told};

/// Why a tool may not run; nothing when it may.
pub(super) fn reason(told: &Told) -> Option<String> {
    match &told.leave {
        Leave::Given => None,
        Leave::Refused(verdict) => Some(refused(told, verdict)),
        Leave::Asked { what, why } => Some(format!(
            "GAIA cannot tell whether `{}` writes here. {}",
            clean(what),
            refused(told, why)
        )),
    }
}

fn refused(told: &Told, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Held(refusal) => held(told, refusal),
        Verdict::OnlyReads { task, folder } => format!(
            "GAIA refused this write: task {task} only reads, and {} is in its folder. \
             Say what should be changed instead of changing it.",
            clean(folder)
        ),
        Verdict::Lapsed(lapse) => lapsed(lapse),
    }
}

fn held(told: &Told, refusal: &Refusal) -> String {
    let facts: Vec<String> = refusal.conflicts.iter().take(3).map(fact).collect();
    let more = refusal.conflicts.len().saturating_sub(3) + refusal.more;
    let more = if more > 0 {
        format!(" And {more} more.")
    } else {
        String::new()
    };
    let folder = refusal
        .conflicts
        .first()
        .map_or("", |conflict| &conflict.folder_path);
    format!(
        "GAIA refused this: {}{more} You can work in another folder; wait with \
         `{}` and try again when it is granted; or tell your user. Reading is free.",
        facts.join(" "),
        wait_command(told, folder),
    )
}

/// The command that waits for a folder in the session's name.
fn wait_command(told: &Told, folder: &str) -> String {
    let session = match told.by_itself {
        true => String::new(),
        false => format!(" --session {}", quoted(&told.session)),
    };
    format!("gaia acquire {} --wait=10m{session}", quoted(folder))
}

/// What is in the way, in one sentence.
pub(crate) fn fact(conflict: &Conflict) -> String {
    let asked = clean(&conflict.folder_path);
    if let Some(lock) = &conflict.lock {
        return lock_fact(&asked, conflict, lock);
    }
    if let Some(pause) = &conflict.paused {
        return format!(
            "{asked} is paused by {}: {}.",
            clean(&pause.by),
            clean(&pause.reason)
        );
    }
    match &conflict.waiter {
        Some(waiter) => format!(
            "{} waits for {asked} and came first.",
            who(waiter.session_id.as_str(), waiter.task_id)
        ),
        None => format!("{asked} is not free."),
    }
}

fn lock_fact(asked: &str, conflict: &Conflict, lock: &LockInfo) -> String {
    let through = match lock.folder_path == conflict.folder_path {
        true => String::new(),
        false => format!(" (its lock is on {})", clean(&lock.folder_path)),
    };
    let life = match (conflict.alive, conflict.last_seen) {
        (Some(true), _) => "it is alive".to_owned(),
        (Some(false), Some(seen)) => format!("its process is gone since {}", at(seen)),
        (_, Some(seen)) => format!("last sign of life {}", at(seen)),
        (_, None) => "no sign of life is known".to_owned(),
    };
    let left = lock.expires_in.map_or_else(String::new, |left| {
        let left = std::time::Duration::try_from_secs_f64(left.max(0.0)).unwrap_or_default();
        format!(", in {}", human(left))
    });
    let until = lock.expires_at.map_or_else(|| "its end".to_owned(), at);
    format!(
        "{asked} is held by {}{through} since {}, until {until}{left}; {life}; {} waiting.",
        who(lock.session_id.as_str(), lock.task_id),
        at(lock.created_at),
        conflict.waiting,
    )
}

fn lapsed(lapse: &Lapse) -> String {
    let ended = lapse.ended.released_at.or(lapse.ended.expired_at);
    let ended = ended.map_or_else(|| "before".to_owned(), at);
    let until = lapse
        .other
        .released_at
        .or(lapse.other.expired_at)
        .map_or_else(|| "now".to_owned(), at);
    format!(
        "GAIA refused this once: your lock on {} ended at {ended}, and {} held the folder from {} until {until}. \
         It is yours again from now on. Files there may have changed: read them again, then write.",
        clean(&lapse.folder),
        who(lapse.other.session_id.as_str(), lapse.other.task_id),
        at(lapse.other.created_at),
    )
}

/// That somebody waits.
pub(super) fn waits(told: &Told) -> Option<String> {
    let waiter: &WaiterInfo = told.waits.as_ref()?;
    let folder = waiter.folder_paths.first().map_or("", String::as_str);
    let session = match told.by_itself {
        true => String::new(),
        false => format!(" --session {}", quoted(&told.session)),
    };
    Some(format!(
        "GAIA: {} waits for {} since {}. When your work there is done, free what you hold with `gaia release FOLDER{session}`, or stop.",
        who(waiter.session_id.as_str(), waiter.task_id),
        clean(folder),
        at(waiter.since),
    ))
}

/// What failed inside, for the agent and its user.
pub(super) fn failed(why: &str) -> String {
    format!(
        "GAIA refused this because it cannot tell who holds the folder: {}. Tell your user; `gaia doctor` looks for the cause.",
        clean(why)
    )
}

/// A holder by name.
pub(crate) fn who(session: &str, task: TaskId) -> String {
    match task {
        TaskId::NONE => format!("session {}", clean(session)),
        task => format!("session {} (task {task})", clean(session)),
    }
}

/// A time to the second.
fn at(wall: Wall) -> String {
    let text = wall.to_rfc3339();
    let seconds = text.split('.').next().unwrap_or(&text);
    format!("{seconds}Z")
}

/// What others named, without what could pass for words of ours.
fn clean(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).take(1000).collect()
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=%".contains(c);
    let text = clean(text);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
