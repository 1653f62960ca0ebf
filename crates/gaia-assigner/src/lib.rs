//! Tasks and sessions: a queue, and an assigner that gives each task to a
//! session together with the lock on its folder.
//!
//! # What is promised
//! A task is taken once, however many assigners run [T9]; it is given out in
//! the transaction that takes its lock [T2]; when it ends, whatever ran for it
//! is gone before its lock is [T3]; a waiting task occupies no session [T12];
//! a locked folder holds up nobody but its own tasks [T7].
//!
//! # The map
//! ```text
//! task session    words and state machines                      no I/O
//! agents          what agents' hooks tell of their sessions
//! hearing/        one call of a hook: whether a write may pass, and what is locked
//! plan            thinking: (snapshot, now) -> effects           no I/O
//! store/          the tables; every verb runs inside a transaction of the lock store
//! service         the door (trait Tasks): send, show, cancel, wait, add a session …
//! daemon/         carries out what was planned, decides nothing
//! runner/         the assigner's side of a running task
//! keeper/         the process beside each running task that outlives the assigner
//! output presets  what clients print, and how the usual ones are driven    no I/O
//! remote          what follows from a far agent's silence            no I/O
//! worktree        what git says of a folder
//! doctor/         everything that can be wrong, with its remedy
//! why             in one sentence: what keeps a task, who has a folder
//! wire            the one JSON shape
//! ```

pub mod agents;
pub mod daemon;
pub mod doctor;
pub mod error;
pub mod hearing;
pub mod keeper;
mod output;
pub mod plan;
pub mod presets;
pub mod remote;
pub mod runner;
pub mod service;
pub mod session;
pub mod store;
pub mod task;
pub mod why;
pub mod wire;
pub mod worktree;

pub use daemon::{Assigner, Config};
pub use error::TaskError;
pub use service::{TaskService, Tasks};
