//! A refusal in words: who holds what, until when, whether they live, and
//! what can be done [R17].

use gaia_locks::ids::TaskId;
use gaia_locks::model::Mode;
use gaia_locks::wire::{Conflict, HolderInfo, LockInfo, PauseInfo, Refusal, WaiterInfo};

use super::Output;
use super::human::{Style, ago, at, clean, left};
use super::json::Acquired;
use crate::tell;

/// Tells whoever asked: as JSON on stdout; in words on stderr, also where
/// stdout cannot be written.
pub fn tell(out: &Output, refusal: &Refusal, waited: bool) {
    let json = Acquired::refused(refusal, waited);
    if !out.is_json() || out.deliver(&json, |_| String::new()).is_err() {
        tell::line(&in_words(&tell::style(), refusal, waited));
    }
}

/// Everything that a person needs to know.
pub fn in_words(style: &Style, refusal: &Refusal, waited: bool) -> String {
    let head = match (&refusal.cycle, waited) {
        (Some(_), _) => "not granted, waiting would never end:",
        (None, true) => "not granted, the wait ran out:",
        (None, false) => "not granted:",
    };
    let mut lines = vec![style.red(head)];
    lines.extend(
        refusal
            .conflicts
            .iter()
            .map(|conflict| one(style, conflict)),
    );
    if refusal.more > 0 {
        lines.push(format!("  and {} more", refusal.more));
    }
    lines.extend(refusal.cycle.as_deref().map(circle));
    lines.push(format!("{} {}", style.dim("  hint:"), hint(refusal)));
    lines.join("\n")
}

fn one(style: &Style, conflict: &Conflict) -> String {
    let asked = style.bold(&clean(&conflict.folder_path));
    if let Some(lock) = &conflict.lock {
        return held(style, &asked, conflict, lock);
    }
    if let Some(pause) = &conflict.paused {
        return paused(&asked, pause);
    }
    match &conflict.waiter {
        Some(waiter) => behind(&asked, waiter),
        None => format!("  {asked}"),
    }
}

fn held(style: &Style, asked: &str, conflict: &Conflict, lock: &LockInfo) -> String {
    let through = match lock.folder_path == conflict.folder_path {
        true => String::new(),
        false => format!(" through {}", clean(&lock.folder_path)),
    };
    let until = lock.expires_at.map_or_else(String::new, at);
    let in_all = lock.expires_in.map_or_else(String::new, left);
    let facts = format!(
        "lock {}, {}, since {} ({}), until {until} (in {in_all})",
        lock.id,
        lock.mode.word(),
        at(lock.created_at),
        ago(lock.created_at),
    );
    format!(
        "  {asked} is held by {}{through}\n    {facts}\n    {}",
        holder(lock.session_id.as_str(), lock.task_id),
        style.dim(&signs_of_life(conflict)),
    )
}

fn signs_of_life(conflict: &Conflict) -> String {
    let seen = conflict.last_seen.map_or_else(String::new, ago);
    let life = match conflict.alive {
        Some(true) => "its process lives".to_owned(),
        Some(false) => format!("its process is gone, last seen {seen}"),
        None => format!("last sign of life {seen}"),
    };
    match conflict.waiting {
        0 => format!("{life}; nobody waits"),
        1 => format!("{life}; 1 waits"),
        waiting => format!("{life}; {waiting} wait"),
    }
}

fn paused(asked: &str, pause: &PauseInfo) -> String {
    let by = format!("{} since {}", clean(&pause.by), at(pause.since));
    format!("  {asked} is paused by {by}: {}", clean(&pause.reason))
}

fn behind(asked: &str, waiter: &WaiterInfo) -> String {
    let who = holder(waiter.session_id.as_str(), waiter.task_id);
    format!(
        "  {asked}: {who} waits for it since {}, and came first",
        at(waiter.since)
    )
}

/// A holder as people read it.
pub fn holder(session: &str, task: TaskId) -> String {
    match task {
        TaskId::NONE => format!("session {}", clean(session)),
        task => format!("session {} (task {task})", clean(session)),
    }
}

fn circle(cycle: &[HolderInfo]) -> String {
    let mut names: Vec<String> = cycle
        .iter()
        .map(|who| holder(who.session_id.as_str(), who.task_id))
        .collect();
    names.extend(names.first().cloned());
    format!("  a circle: {}", names.join(" waits for "))
}

fn hint(refusal: &Refusal) -> String {
    if refusal.cycle.is_some() {
        return "one of them has to release what it holds first".to_owned();
    }
    let paused = refusal
        .conflicts
        .iter()
        .find_map(|conflict| conflict.paused.as_ref());
    if let Some(pause) = paused {
        return format!("gaia resume {} ends the pause", clean(&pause.folder_path));
    }
    let lock = refusal
        .conflicts
        .iter()
        .find_map(|conflict| conflict.lock.as_ref());
    match lock {
        Some(lock) if lock.mode == Mode::Shared => {
            format!(
                "wait in line with --wait, ask for --shared, or end it: gaia force-release {} --reason TEXT",
                lock.id
            )
        }
        Some(lock) => format!(
            "wait in line with --wait, take another folder, or end it: gaia force-release {} --reason TEXT",
            lock.id
        ),
        None => "wait in line with --wait".to_owned(),
    }
}
