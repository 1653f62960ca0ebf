//! What keeps a task or a folder, and what would free it, in one sentence: the
//! same on the command line, over the API and on the task's page.
//!
//! A sentence holds text from elsewhere with what is not seen escaped, and
//! commands in backticks.

mod folder;
mod task;

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::duration::human_short;
use gaia_locks::ids::TaskId;
use gaia_locks::letters::clear;

pub use folder::{FolderWhy, look_at};
pub use task::{Why, of_task};

/// A holder as people read it.
fn holder(session: &str, task: TaskId) -> String {
    match task {
        TaskId::NONE => format!("session {}", clear(session)),
        task => format!("session {} (task {task})", clear(session)),
    }
}

/// How long ago something was: `4m20s ago`.
fn ago(time: Wall, now: Wall) -> String {
    match now.since(time) {
        passed if passed < Duration::from_secs(1) => "just now".to_owned(),
        passed => format!("{} ago", human_short(Duration::from_secs(passed.as_secs()))),
    }
}
