//! What ends a wait inside the transaction: the grant is taken up, or the
//! place is left.

use super::super::LockTx;
use crate::error::Error;
use crate::ids::WaiterId;
use crate::model::{Binding, EndReason, Lock, Waiter, WaiterState};
use crate::wire::{Answer, Granted, LockInfo, Refusal};

impl LockTx<'_> {
    /// Takes up what was granted at one's turn; `None`: it is not granted, or
    /// was not taken up in time and is gone.
    pub(super) fn take_turn(&mut self, id: WaiterId) -> Result<Option<Answer>, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(None);
        };
        let locks = self.take_up(&waiter)?;
        Ok(locks.map(|locks| {
            Answer::Granted(Granted {
                locks,
                held_before: false,
                held: Vec::new(),
            })
        }))
    }

    /// Makes a claimed grant the waiter's own: its lease and binding as asked.
    /// Where a part of it is gone already, the rest is given back: all or none.
    pub(in crate::service) fn take_up(
        &mut self,
        waiter: &Waiter,
    ) -> Result<Option<Vec<LockInfo>>, Error> {
        let WaiterState::Granted(ids) = &waiter.state else {
            return Ok(None);
        };
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            claimed.extend(self.active_now(*id)?);
        }
        if claimed.len() < ids.len() {
            self.leave(waiter.id)?;
            return Ok(None);
        }
        let mut locks = Vec::with_capacity(ids.len());
        for lock in claimed {
            locks.push(self.make_own(lock, waiter)?);
        }
        self.tx.remove_waiter(waiter.id)?;
        if let Some(request) = &waiter.request {
            self.remember_as(request, &waiter.want, ids.clone(), None)?;
        }
        Ok(Some(locks))
    }

    fn make_own(&mut self, lock: Lock, waiter: &Waiter) -> Result<LockInfo, Error> {
        let expires = self.now().moment.plus(waiter.want.ttl).max(lock.expires);
        let binding = waiter
            .want
            .process
            .clone()
            .map_or(Binding::Lease, Binding::Process);
        let lock = Lock {
            expires,
            binding,
            ..lock
        };
        self.tx.update_lock(&lock)?;
        let info = LockInfo::active(&lock, self.now());
        self.effects.locks.extended.push(lock);
        Ok(info)
    }

    /// Patience is over: what was granted at the last moment is taken, unless
    /// the wait was called off; otherwise the answer says what is in the way.
    pub(super) fn give_up(
        &mut self,
        id: WaiterId,
        called_off: bool,
    ) -> Result<Option<Answer>, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(None);
        };
        if matches!(waiter.state, WaiterState::Granted(_)) && !called_off {
            return self.take_turn(id);
        }
        let mut state = self.live_state(&waiter.want)?;
        state.waiters.retain(|other| other.id < id);
        let refusal = self.queued(&waiter, &state).refusal;
        self.leave(id)?;
        Ok(Some(Answer::Refused(refusal)))
    }

    /// The youngest wait in a circle is refused; `None`: there is none any more.
    pub(in crate::service) fn leave_circle(
        &mut self,
        id: WaiterId,
    ) -> Result<Option<Answer>, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(None);
        };
        let mut state = self.live_state(&waiter.want)?;
        state.waiters.retain(|other| other.id < id);
        let circle = match waiter.state {
            WaiterState::Waiting => self.circle(&waiter.want, Some(id), &state)?,
            WaiterState::Granted(_) => None,
        };
        let Some(circle) = circle else {
            return Ok(None);
        };
        let refusal = Refusal {
            cycle: Some(circle),
            ..self.queued(&waiter, &state).refusal
        };
        self.leave(id)?;
        Ok(Some(Answer::Refused(refusal)))
    }

    /// Leaves the line; a grant that was not taken up is given back.
    ///
    /// # Errors
    /// When the store fails.
    pub fn leave(&mut self, id: WaiterId) -> Result<(), Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(());
        };
        self.tx.remove_waiter(id)?;
        self.effects.changed = true;
        if let WaiterState::Granted(ids) = &waiter.state {
            let end = self.end_now(
                EndReason::Released,
                waiter.want.holder.session.as_str(),
                None,
            );
            for id in ids {
                if let Some(lock) = self.tx.lock(*id)? {
                    self.end(&lock, &end)?;
                }
            }
        }
        self.hand_off(&waiter.want.scope, &waiter.want.folders)
    }
}
