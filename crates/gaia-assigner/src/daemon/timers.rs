//! What happens by itself: renewals, deadlines, sweeps. All else is rung for.

use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::service::{Locks as _, Renew};

use super::{Active, Assigner};
use crate::store::{queue, remote};

/// How often the queue is looked at although nobody rang: a lease that lapses
/// and a holder that dies ring nobody [R3].
const SLOW_LOOK: Duration = Duration::from_secs(1);
/// How often tasks that stand in line let themselves be heard [R8].
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How often is looked whether the folders of held tasks are clean by now.
const HELD: Duration = Duration::from_secs(5);
/// How often is looked whether another assigner has died.
const RECOVERY: Duration = Duration::from_secs(3);

/// When what is due next.
#[derive(Default)]
pub(super) struct Timers {
    sweep_at: Moment,
    held_at: Moment,
    remote_at: Moment,
    heard_at: Moment,
    pub(super) recover_at: Moment,
    /// The soonest moment at which the queue changes by itself.
    pub(super) queue_at: Option<Moment>,
    /// Whether the last look found nothing that could still be taken.
    pub(super) nothing_to_do: bool,
}

pub(super) fn now() -> Moment {
    SystemClock.now().moment
}

impl Assigner {
    /// How long nothing happens by itself.
    pub(super) fn quiet_for(&self) -> Duration {
        let runs = self.active.values().flat_map(|active| {
            let deadline = active.kill_at.unwrap_or(active.running.deadline);
            let renew_at = active.is_renewed_here().then_some(active.renew_at);
            [Some(deadline), renew_at].into_iter().flatten()
        });
        let soonest = runs
            .chain(self.timers.queue_at)
            .chain([self.pulse.at])
            .min();
        let quiet = soonest.map_or(SLOW_LOOK, |soonest| now().until(soonest));
        quiet.clamp(Duration::from_millis(1), SLOW_LOOK)
    }

    /// Does what is due.
    pub(super) fn tick(&mut self) {
        let now = now();
        if now >= self.timers.recover_at {
            self.timers.recover_at = now.plus(RECOVERY);
            self.recover();
        }
        if now >= self.timers.heard_at {
            self.timers.heard_at = now.plus(HEARTBEAT);
            self.be_heard();
        }
        if now >= self.timers.remote_at {
            self.timers.remote_at = now.plus(SLOW_LOOK);
            self.mind_others();
            self.mind_remote();
        }
        if now >= self.timers.held_at {
            self.timers.held_at = now.plus(HELD);
            self.look_at_held();
        }
        if let Some(interval) = self.config.sweep.filter(|_| now >= self.timers.sweep_at) {
            self.timers.sweep_at = now.plus(interval);
            if let Err(error) = self.locks.cleanup() {
                tracing::error!(%error, "locks could not be swept");
            }
        }
        self.pulse(now);
        self.renew(now);
        self.kill_the_deaf(now);
    }

    /// Tasks of sessions elsewhere are in nobody's hands.
    fn mind_remote(&self) {
        let pause = self.config.first_pause;
        let minded = self.locks.look(remote::anybody_works).and_then(|works| {
            if works {
                self.locks.transact(|tx| remote::settle(tx, pause))
            } else {
                Ok(())
            }
        });
        if let Err(error) = minded {
            tracing::error!(%error, "tasks of remote sessions could not be looked at");
        }
    }

    fn be_heard(&self) {
        let heard = self.locks.look(queue::anybody_stands).and_then(|stands| {
            if stands {
                self.locks.transact(queue::be_heard)
            } else {
                Ok(())
            }
        });
        if let Err(error) = heard {
            tracing::error!(%error, "tasks in line could not let themselves be heard");
        }
    }

    fn renew(&mut self, now: Moment) {
        let ttl = self.locks.default_ttl();
        let due = self
            .active
            .values_mut()
            .filter(|active| active.is_renewed_here() && now >= active.renew_at);
        for active in due {
            active.renew_at = now.plus(ttl / 3);
            if !active.run.shows_life() {
                continue;
            }
            if let Err(error) = renew(&self.locks, active) {
                let (task, lock) = (
                    active.running.id.0,
                    active.running.token.map(|token| token.0),
                );
                tracing::warn!(task, lock, %error, "a task's lock could not be renewed");
            }
        }
    }

    /// What was told to stop and does not is ended without asking.
    fn kill_the_deaf(&mut self, now: Moment) {
        for active in self.active.values_mut() {
            if active.kill_at.is_some_and(|at| now >= at) {
                active.run.kill();
            }
        }
    }
}

fn renew(locks: &gaia_locks::LockService, active: &Active) -> Result<(), gaia_locks::Error> {
    let Some(token) = active.running.token else {
        return Ok(());
    };
    let request = Renew {
        token,
        session: active.running.session.clone(),
        task: Some(active.running.id),
        folder: None,
        ttl: None,
    };
    locks.renew(&request).map(drop)
}
