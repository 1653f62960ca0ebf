//! The folders of the live view: who is in them, who waits for them.

use gaia_assigner::task::Status;
use gaia_locks::model::Mode;
use gaia_locks::wire::{HeldLock, LockInfo};

use super::line::{Line, cell};
use super::picture::{Picture, Tone, folder, name, who};
use super::repository::{Branch, TOP};

/// Columns for the name of a folder.
const LABELS: usize = 12;

/// One folder.
pub fn branch(branch: &Branch, picture: &Picture) -> Line {
    let label = cell(&branch.label, LABELS);
    let holders = holders(&branch.folder, picture).join(", ");
    let waiting = waiting(&branch.folder, picture).join(" ");
    let above = around(&branch.folder, picture);
    let line = match (holders.as_str(), above) {
        ("", None) => Line::new().and(Tone::Plain, label),
        ("", Some(above)) => {
            let within = format!(" within {above}");
            let line = Line::new().and(Tone::Faint, label);
            line.and(Tone::Faint, within)
        }
        (holders, _) => {
            let line = Line::new().and(Tone::Plain, label);
            line.and(Tone::Good, format!(" {holders}"))
        }
    };
    match waiting.is_empty() {
        true => line,
        false => line.and(Tone::Odd, format!(" ← {waiting}")),
    }
}

fn holders(folder: &str, picture: &Picture) -> Vec<String> {
    let here = picture.locks.locks.iter();
    let here = here.filter(|held| name(&held.lock.folder_path) == folder);
    here.map(holder).collect()
}

fn holder(held: &HeldLock) -> String {
    let lock = &held.lock;
    let who = match lock.task_id.0 {
        0 => lock.session_id.to_string(),
        task => format!("{} #{task}", lock.session_id),
    };
    match lock.mode {
        Mode::Shared => format!("{who} reads"),
        Mode::Exclusive => who,
    }
}

/// The folder above that somebody has alone, and this one with it.
fn around<'a>(folder: &str, picture: &'a Picture) -> Option<&'a str> {
    let locks = picture.locks.locks.iter().map(|held| &held.lock);
    let alone = locks.filter(|lock: &&LockInfo| lock.mode == Mode::Exclusive);
    let mut names = alone.map(|lock| name(&lock.folder_path));
    names.find(|above| {
        let below = folder.strip_prefix(above);
        *above == TOP || below.is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Who stands in line for a folder, then the tasks that were passed over
/// because it is locked.
fn waiting(wanted: &str, picture: &Picture) -> Vec<String> {
    let line = picture.locks.waiters.iter().filter(|waiter| {
        let mut folders = waiter.folder_paths.iter();
        folders.any(|path| name(path) == wanted)
    });
    let tasks = picture.tasks.iter().filter(|task| {
        let waits = task.status == Status::Pending && task.passed_over && !task.in_line;
        waits && folder(task) == wanted
    });
    let tasks = tasks.map(|task| format!("#{}", task.id));
    line.map(who).chain(tasks).collect()
}
