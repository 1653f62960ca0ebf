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

/// Decides over an active lock that has not lapsed: the new end of its lease,
/// never earlier than the present one.
///
/// # Errors
/// [`NotRenewed`] when the lock is somebody else's.
pub fn decide(
    lock: &Lock,
    session: &SessionId,
    task: Option<TaskId>,
    ttl: Duration,
    now: Now,
) -> Result<Moment, NotRenewed> {
    let holder =
        lock.holder.session == *session && task.is_none_or(|task| task == lock.holder.task);
    if holder {
        Ok(now.moment.plus(ttl).max(lock.expires))
    } else {
        Err(NotRenewed::OtherHolder)
    }
}
