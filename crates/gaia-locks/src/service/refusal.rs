//! A refusal tells what a person or an agent needs to know [R17].

use super::LockTx;
use crate::clock::{Now, Wall};
use crate::ids::WaiterId;
use crate::model::{Lock, Waiter, Want};
use crate::rules::acquire::{Blocked, State};
use crate::rules::queue;
use crate::wire::{Conflict, LockInfo, PauseInfo, Refusal, WaiterInfo, wall_at};

impl LockTx<'_> {
    /// Everything in the way, with what a person or an agent needs to know
    /// about it [R17].
    pub(super) fn refusal(&self, want: &Want, state: &State, blocked: &Blocked<'_>) -> Refusal {
        let now = self.now();
        let about = |conflict: Conflict| Conflict {
            waiting: state.waiters.len(),
            ..conflict
        };
        let locks = blocked
            .locks
            .iter()
            .map(|lock| self.conflict(want, lock, now));
        let waiters = blocked.waiters.iter().map(|waiter| Conflict {
            waiter: Some(WaiterInfo::of(
                waiter,
                queue::place(&waiter.want, ahead(state, waiter.id)),
            )),
            alive: Some(true),
            last_seen: Some(wall_at(waiter.heard, now)),
            ..nothing_in(want)
        });
        let pauses = blocked.pauses.iter().map(|pause| Conflict {
            paused: Some(PauseInfo::from(*pause)),
            ..nothing_in(want)
        });
        let all = blocked.locks.len() + blocked.waiters.len() + blocked.pauses.len();
        let told = locks.chain(waiters).chain(pauses).take(Refusal::SHOWN);
        Refusal {
            conflicts: told.map(about).collect(),
            more: all.saturating_sub(Refusal::SHOWN),
            cycle: None,
        }
    }

    fn conflict(&self, want: &Want, lock: &Lock, now: Now) -> Conflict {
        let asked = want
            .folders
            .iter()
            .find(|folder| lock.folder.overlaps(folder));
        let (alive, last_seen) = self.signs_of_life(lock, now);
        Conflict {
            folder_path: asked.unwrap_or(&lock.folder).path().to_owned(),
            lock: Some(LockInfo::active(lock, now)),
            alive,
            last_seen: Some(last_seen),
            ..nothing_in(want)
        }
    }

    /// Whether a lock's holder lives, where that can be told, and when it was
    /// last known to live.
    pub(super) fn signs_of_life(&self, lock: &Lock, now: Now) -> (Option<bool>, Wall) {
        let process = lock.binding.process();
        let alive =
            process.and_then(|process| crate::wire::alive(self.config.witness.liveness(process)));
        if alive == Some(true) {
            return (alive, now.wall);
        }
        // Without a process to look at, the last sign of life is the grant or
        // the last renewal: its lease's end less its length. A lease that was
        // renewed for less than it had left, or waits to be taken up, ends at
        // another time than that; but it was not seen before its grant.
        let renewed = wall_at(lock.expires.minus(lock.ttl).min(now.moment), now);
        (alive, renewed.max(lock.granted_at.min(now.wall)))
    }
}

fn ahead(state: &State, waiter: WaiterId) -> &[Waiter] {
    &state.waiters[..state.waiters.partition_point(|other| other.id < waiter)]
}

fn nothing_in(want: &Want) -> Conflict {
    Conflict {
        folder_path: want
            .folders
            .first()
            .map_or_else(String::new, |folder| folder.path().to_owned()),
        lock: None,
        alive: None,
        last_seen: None,
        waiting: 0,
        waiter: None,
        paused: None,
    }
}
