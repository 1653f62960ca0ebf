//! The line: who is behind whom, and whose turn it is [R8].
//!
//! Two rules make the line fair without letting it lock up:
//!
//! - A request that conflicts with an earlier waiter stays behind it, also
//!   when nothing else is in its way. So a request for a whole repository is
//!   not starved by requests for its parts.
//! - But it is never held back by a waiter that itself waits for a lock of the
//!   same holder: that waiter cannot move before this holder is done.

use crate::model::{Lock, Pause, Turn, Waiter, Want};
use crate::rules::acquire::paused;

/// Active locks of others that stand in the way of `want`.
pub fn locks_in_the_way<'a>(want: &Want, locks: &'a [Lock]) -> impl Iterator<Item = &'a Lock> {
    locks.iter().filter(move |lock| want.conflicts_with(lock))
}

/// Waiters `ahead` of `want` (they still wait, in order of arrival) that it
/// may not overtake, beside the active `locks` that overlap it.
pub fn waiters_in_the_way<'a>(want: &Want, locks: &[Lock], ahead: &'a [Waiter]) -> Vec<&'a Waiter> {
    if ahead.is_empty() || lies_inside_own(want, locks) {
        return Vec::new();
    }
    ahead
        .iter()
        .filter(|earlier| want.excludes(&earlier.want) && !waits_for(earlier, want, locks))
        .collect()
}

/// What lies inside one's own lock of the same or a stronger mode is granted
/// at once: whoever waits for it waits for that lock already. What that lock
/// leaves to others does not lie inside it.
fn lies_inside_own(want: &Want, locks: &[Lock]) -> bool {
    want.folders.iter().all(|folder| {
        locks.iter().any(|lock| {
            lock.scope == want.scope
                && lock.holder.is_same_worker(&want.holder)
                && lock.mode.is_at_least(want.mode)
                && lock.folder.covers(folder)
                && !lock.spares(folder)
        })
    })
}

/// Whether `earlier` itself waits for a lock of the same holder.
fn waits_for(earlier: &Waiter, want: &Want, locks: &[Lock]) -> bool {
    locks
        .iter()
        .any(|lock| lock.holder.is_same_worker(&want.holder) && earlier.want.conflicts_with(lock))
}

/// What to do next in a line where something became free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The turn of the waiter at this position has come.
    Grant(usize),
    /// The waiter at this position is gone and would hold somebody back, or
    /// would be granted what nobody takes up.
    Drop(usize),
}

/// Finds the next step among `waiters` in order of arrival that all wait,
/// beside the active `locks` that overlap any of them and the `pauses`.
///
/// Called again after each step, with the new lock among `locks` or the waiter
/// left out, until there is none. `lives` is asked only where the answer
/// matters: looking at a process costs more than all the rest.
pub fn next_step(
    waiters: &[Waiter],
    locks: &[Lock],
    pauses: &[Pause],
    lives: &dyn Fn(&Waiter) -> bool,
) -> Option<Step> {
    for (position, waiter) in waiters.iter().enumerate() {
        let want = &waiter.want;
        if locks_in_the_way(want, locks).next().is_some() || !paused(pauses, want).is_empty() {
            continue;
        }
        let ahead = waiters_in_the_way(want, locks, &waiters[..position]);
        if let Some(dead) = ahead.iter().find(|earlier| !lives(earlier)) {
            return waiters
                .iter()
                .position(|any| any.id == dead.id)
                .map(Step::Drop);
        }
        if ahead.is_empty() && waiter.turn == Turn::Granted {
            return Some(if lives(waiter) {
                Step::Grant(position)
            } else {
                Step::Drop(position)
            });
        }
    }
    None
}

/// A place in line: 1 is next among those who cannot both be granted.
pub fn place(want: &Want, ahead: &[Waiter]) -> usize {
    1 + ahead
        .iter()
        .filter(|earlier| want.excludes(&earlier.want))
        .count()
}
