//! Leases on folders: who may work where, decided in one place.
//!
//! # What is promised
//! No two conflicting locks are ever active at once [R1]; tokens only rise
//! [R4]; waiters are served in order of arrival [R8]; a lease ends when it
//! says [R3], a dead process's lock when it is noticed [R11]; what was
//! acknowledged survives `kill -9` [R14]; every grant leaves a row in the
//! history [R15].
//!
//! # What is not
//! A lease excludes nobody by itself: a process that slept past its lease can
//! still write to the disk. Whoever writes asks [`service::Locks::verify`]
//! first; the gates that GAIA owns do.
//!
//! # The map
//! ```text
//! ids model folder clock liveness    words: plain data and how it is read from the system
//! rules/                             thinking: (state, request, now) -> decision, no I/O
//! store/                             remembering: memory, SQLite; few verbs, one transaction
//! service/                           the door: one verb, one transaction, one file
//! lease                              the holder's side: renews, knows until when to trust
//! markers wire settings              files and JSON that people look at; settings
//! letters duration                   how text from elsewhere and times are shown
//! open                               from settings to the door
//! os/                                what only one system has
//! ```
//!
//! # The acquire path
//! [`service::Locks::acquire`] → `LockTx::acquire` (service/acquire.rs): state
//! read in the transaction → [`rules::acquire::decide`] → applied → commit →
//! waiters woken, markers follow.

pub mod clock;
pub mod duration;
pub mod error;
pub mod folder;
pub mod ids;
pub mod lease;
pub mod letters;
pub mod liveness;
pub mod markers;
pub mod model;
pub mod open;
pub mod os;
pub mod rules;
pub mod service;
pub mod settings;
pub mod store;
pub mod wire;

pub use error::{Error, ServerError, StoreError};
pub use ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
pub use service::{LockService, Locks};
