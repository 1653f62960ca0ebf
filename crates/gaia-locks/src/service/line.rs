//! Standing in line [R8], and not when that would close a circle [R10].

use std::collections::HashMap;
use std::rc::Rc;

use super::acquire::Line;
use super::hand_off::lies_within;
use super::{Attempt, LockTx};
use crate::error::Error;
use crate::ids::{SessionId, WaiterId};
use crate::model::{Holder, Lock, Waiter, WaiterState, Want};
use crate::rules::acquire::{Blocked, State};
use crate::rules::{deadlock, expire, queue};
use crate::wire::{Answer, HolderInfo, Queued, Refusal};

impl LockTx<'_> {
    /// Takes a place in line, if the request wants one.
    pub(super) fn stand_in_line(
        &mut self,
        attempt: &Attempt<'_>,
        state: &State,
        blocked: &Blocked<'_>,
    ) -> Result<Answer, Error> {
        let Line::Stand { life, limit, turn } = &attempt.request.line else {
            return Ok(Answer::Refused(self.refusal(attempt.want, state, blocked)));
        };
        if let Some(circle) = self.circle(attempt.want, None, state)? {
            return Ok(Answer::Refused(Refusal {
                cycle: Some(circle),
                ..self.refusal(attempt.want, state, blocked)
            }));
        }
        let now = self.now();
        let waiter = Waiter {
            id: WaiterId(0),
            want: attempt.want.clone(),
            state: WaiterState::Waiting,
            life: life.clone(),
            heard: now.moment,
            since: now.wall,
            until: limit.map(|limit| now.moment.plus(limit)),
            turn: *turn,
            request: attempt.request.request_id.clone(),
        };
        let id = self.tx.insert_waiter(&waiter)?;
        self.effects.changed = true;
        // Whoever is in the way learns that somebody waits.
        self.effects
            .asked_for
            .extend(blocked.locks.iter().map(|lock| lock.id));
        self.remember(attempt, Vec::new(), Some(id))?;
        let refusal = if self.effects.unseen {
            Refusal::default()
        } else {
            self.refusal(attempt.want, state, blocked)
        };
        Ok(Answer::Queued(Queued {
            waiter: id,
            refusal,
            place: queue::place(attempt.want, &state.waiters),
        }))
    }

    /// The circle that a request closes at its place, or would close at the end
    /// of the line. `state` is what overlaps it, settled, with those alone who
    /// are ahead: it is not read again.
    pub(super) fn circle(
        &mut self,
        want: &Want,
        place: Option<WaiterId>,
        state: &State,
    ) -> Result<Option<Vec<HolderInfo>>, Error> {
        if self.leads_nowhere(want, state)? {
            return Ok(None);
        }
        let mut line = LineNow {
            seen: HashMap::new(),
            tx: self,
        };
        line.know(want, state);
        let circle = deadlock::circle(want, place, &mut line)?;
        let name = |holder: Holder| HolderInfo {
            session_id: holder.session,
            task_id: holder.task,
        };
        Ok(circle.map(|holders| holders.into_iter().map(name).collect()))
    }

    /// The usual case, seen without a walk: whoever is ahead waits for nothing
    /// but these folders, the asking holder has no lock there, and of those
    /// who have one nobody waits.
    fn leads_nowhere(&mut self, want: &Want, state: &State) -> Result<bool, Error> {
        let mut theirs = state.waiters.iter().flat_map(|waiter| &waiter.want.folders);
        if !theirs.all(|folder| lies_within(folder, &want.folders)) {
            return Ok(false);
        }
        for lock in &state.locks {
            // Its own wait is none that leads on from somebody else's lock.
            if lock.holder.is_same_worker(&want.holder)
                || !self.tx.waiters_of(&lock.holder.session)?.is_empty()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What overlaps a request, without what time and death have ended and
    /// nobody has cleared away yet; changes nothing.
    pub(super) fn live_state(&mut self, want: &Want) -> Result<State, Error> {
        let mut state = self.state(want)?;
        let now = self.now();
        let witness = self.config.witness.clone();
        state.locks.retain(|lock| {
            !matches!(
                expire::judge(lock, now, &*witness),
                expire::Verdict::Over(_)
            )
        });
        Ok(state)
    }
}

/// What overlaps one request.
type Seen = (Rc<[Lock]>, Rc<[Waiter]>);

/// The line as one transaction sees it; each set of folders is read once.
struct LineNow<'a, 'b> {
    tx: &'a mut LockTx<'b>,
    seen: HashMap<Vec<String>, Seen>,
}

fn key_of(want: &Want) -> Vec<String> {
    let paths = want.folders.iter().map(|folder| folder.path().to_owned());
    paths.collect()
}

impl LineNow<'_, '_> {
    fn know(&mut self, want: &Want, state: &State) {
        let seen: Seen = (state.locks.clone().into(), state.waiters.clone().into());
        self.seen.insert(key_of(want), seen);
    }

    fn around(&mut self, want: &Want) -> Result<Seen, Error> {
        let key = key_of(want);
        if let Some(seen) = self.seen.get(&key) {
            return Ok(seen.clone());
        }
        let state = self.tx.live_state(want)?;
        let seen: Seen = (state.locks.into(), state.waiters.into());
        self.seen.insert(key, seen.clone());
        Ok(seen)
    }
}

impl deadlock::Line for LineNow<'_, '_> {
    fn locks(&mut self, want: &Want) -> Result<Rc<[Lock]>, Error> {
        Ok(self.around(want)?.0)
    }

    fn waiters(&mut self, want: &Want) -> Result<Rc<[Waiter]>, Error> {
        Ok(self.around(want)?.1)
    }

    fn waiters_of(&mut self, session: &SessionId) -> Result<Rc<[Waiter]>, Error> {
        let mut waiters = self.tx.store().waiters_of(session)?;
        waiters.retain(|waiter| waiter.state == WaiterState::Waiting);
        Ok(waiters.into())
    }
}
