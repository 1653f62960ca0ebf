//! Whether a lease is renewed [R5].

use crate::clock::{Moment, Now};
use crate::ids::SessionId;
use crate::ids::TaskId;
use crate::model::Lock;
use std::time::Duration;

/// Why a lock is not renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotRenewed {
    /// It is somebody else's.
    OtherHolder,
}

/// What a lock has from its renewal on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// The end of its lease, never earlier than before.
    pub expires: Moment,
    /// What a later renewal adds that names no length: never less than before
    /// either, since whoever asked for more relies on it.
    pub ttl: Duration,
}

/// Decides over an active lock that has not lapsed.
///
/// # Errors
/// [`NotRenewed`] when the lock is somebody else's.
pub fn decide(
    lock: &Lock,
    session: &SessionId,
    task: Option<TaskId>,
    ttl: Duration,
    now: Now,
) -> Result<Renewal, NotRenewed> {
    let holder =
        lock.holder.session == *session && task.is_none_or(|task| task == lock.holder.task);
    if holder {
        Ok(Renewal {
            expires: now.moment.plus(ttl).max(lock.expires),
            ttl: ttl.max(lock.ttl),
        })
    } else {
        Err(NotRenewed::OtherHolder)
    }
}
