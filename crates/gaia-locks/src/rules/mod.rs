//! The lock rules as pure functions: (state, request, now) -> decision.
//!
//! What is not here: rules never read a clock, a file, a process table or a
//! store. "Now" is an argument; whether a process lives is asked of a
//! [`crate::liveness::Witness`] that the caller hands in. The same verb bears
//! the same file name in [`crate::service`].

pub mod acquire;
pub mod deadlock;
pub mod expire;
pub mod queue;
pub mod release;
pub mod renew;
