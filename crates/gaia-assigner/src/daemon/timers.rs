//! What happens by itself: renewals, deadlines, sweeps. All else is rung for.

use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::service::{Locks as _, Renew};

use super::{Active, Assigner};
use crate::service::leftovers::settle_remote;
use crate::store::queue;

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
    pub(super) remote_at: Moment,
    heard_at: Moment,
    pub(super) recover_at: Moment,
    /// The soonest moment at which the queue changes by itself, as this turn's
    /// look at it says.
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
        // The end of one that is over and could not be recorded is tried again
        // at the next look, whatever time is up for it.
        let at_work = self.active.values().filter(|active| active.over.is_none());
        let runs = at_work.flat_map(|active| {
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
        if let Err(error) = settle_remote(&self.locks, pause) {
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

    /// What was told to stop and does not is ended without asking, again and
    /// again until it is.
    fn kill_the_deaf(&mut self, now: Moment) {
        for active in self.active.values_mut() {
            // One that is over waits for its end to be recorded.
            if active.over.is_none() && active.kill_at.is_some_and(|at| now >= at) {
                active.run.kill();
                active.kill_at = Some(now.plus(SLOW_LOOK));
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use gaia_locks::LockService;
    use gaia_locks::ids::{SessionId, TaskId};
    use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

    use super::*;
    use crate::Config;
    use crate::runner::{KeeperProgram, Run, Spare};
    use crate::task::{Outcome, Running};

    struct Nothing;

    impl Run for Nothing {
        fn stop(&mut self) {}

        fn patience(&self, grace: Duration) -> Duration {
            grace
        }

        fn kill(&mut self) {}

        fn acknowledge(self: Box<Self>) -> Option<Spare> {
            None
        }
    }

    /// One that has been asked to end, so that it looks at no queue.
    fn assigner(home: &Path) -> Assigner {
        let store = SqliteStore::open(&home.join("assigner.db"), SqliteOptions::default()).unwrap();
        let locks = LockService::new(Arc::new(store), gaia_locks::service::Config::default());
        let keeper = KeeperProgram {
            program: "true".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        };
        let assigner = Assigner::new(locks, Config::new(home.join("logs"), keeper)).unwrap();
        assigner.shutdown().ask();
        assigner
    }

    const LONG: Duration = Duration::from_millis(100);

    #[test]
    fn a_moment_of_the_queue_that_is_past_does_not_keep_an_assigner_busy_that_assigns_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut assigner = assigner(home.path());
        assigner.timers.queue_at = Some(now());
        assigner.turn();
        assert!(assigner.quiet_for() > LONG);
    }

    #[test]
    fn what_is_over_and_could_not_be_recorded_is_looked_at_slowly_whatever_time_is_up() {
        let home = tempfile::tempdir().unwrap();
        let mut assigner = assigner(home.path());
        assigner.turn();
        let running = Running::known(TaskId(1), SessionId::new("worker").unwrap(), None);
        let past = now();
        let active = Active {
            running,
            run: Box::new(Nothing),
            renew_at: past,
            kill_at: Some(past),
            over: None,
            turn: None,
        };
        assigner.active.insert(0, active);
        assert!(assigner.quiet_for() < LONG, "its time is up");
        for active in assigner.active.values_mut() {
            active.over = Some(Outcome::Lost);
        }
        assert!(assigner.quiet_for() > LONG);
    }
}
