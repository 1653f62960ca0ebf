//! The campaign: many tasks on few sessions, and whoever has a hand in it
//! killed again and again; judged by what the tasks themselves noted.
//!
//! ```text
//! field       sessions, folders that lie in each other, tasks of every kind
//! terminal    a tmux server with panes that are sessions too
//! disturber   kills and stops assigners, keepers, agents, panes and others, by a seed
//! notes       what the agents saw (examples/campaigner.rs)
//! judge       notes, tasks, their history and that of the locks -> what is wrong
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests"
)]

pub mod disturber;
pub mod field;
pub mod judge;
pub mod notes;
pub mod processes;
pub mod terminal;

use std::time::Duration;

/// Waits until something holds; says whether it did in time.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes are watched, and they ring nobody here"
)]
pub fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let until = std::time::Instant::now() + limit;
    while !holds() {
        if std::time::Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// A number that a person gave for a longer or another run.
#[expect(clippy::disallowed_methods, reason = "for whoever runs the tests")]
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}
