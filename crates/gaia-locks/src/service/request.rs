//! Request ids: the same request again takes no second lock [R16].
//!
//! What is remembered is what was granted or the place in line; a refusal is
//! not. A lost answer can so be asked for again without harm.

use std::time::Duration;

use super::{Attempt, LockTx};
use crate::error::Error;
use crate::ids::{LockId, RequestId, WaiterId};
use crate::model::{WaiterState, Want};
use crate::rules::queue;
use crate::store::Remembered;
use crate::wire::{Answer, Granted, LockInfo, Queued};

/// How long a request id is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

impl LockTx<'_> {
    /// The answer that a request with this id was given before, if any.
    pub(super) fn answered_before(
        &mut self,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Answer>, Error> {
        let Some(id) = &attempt.request.request_id else {
            return Ok(None);
        };
        let session = &attempt.want.holder.session;
        let Some(found) = self.tx.remembered(session, id)? else {
            return Ok(None);
        };
        if found.at.plus(REMEMBERED) < self.now().wall {
            return Ok(None);
        }
        if found.content != content(attempt.want) {
            return Err(Error::RequestIdReused {
                id: id.clone(),
                session: session.clone(),
            });
        }
        match found.waiter {
            Some(waiter) => self.same_place(waiter, attempt.want),
            None => self.same_locks(&found.locks).map(Some),
        }
    }

    /// The same place in line; a place that is gone is no answer, and the
    /// request is a new one.
    fn same_place(&mut self, id: WaiterId, want: &Want) -> Result<Option<Answer>, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(None);
        };
        if let WaiterState::Granted(_) = waiter.state {
            let locks = self.take_up(&waiter)?;
            return Ok(locks.map(|locks| {
                Answer::Granted(Granted {
                    locks,
                    held_before: false,
                    held: Vec::new(),
                })
            }));
        }
        // Whoever asks again is heard.
        self.tx
            .update_waiter(id, &waiter.state, self.now().moment)?;
        if let Some(refused) = self.leave_circle(id)? {
            return Ok(Some(refused));
        }
        let state = self.live_state(want)?;
        let ahead = &state.waiters[..state.waiters.partition_point(|other| other.id < id)];
        let place = queue::place(want, ahead);
        let refusal = self.refusal_now(want, &state);
        Ok(Some(Answer::Queued(Queued {
            waiter: id,
            refusal,
            place,
        })))
    }

    fn same_locks(&mut self, ids: &[LockId]) -> Result<Answer, Error> {
        let mut locks: Vec<LockInfo> = Vec::with_capacity(ids.len());
        for id in ids {
            locks.extend(self.lock_info(*id)?);
        }
        Ok(Answer::Granted(Granted {
            locks,
            held_before: true,
            held: ids.to_vec(),
        }))
    }

    pub(super) fn remember(
        &mut self,
        attempt: &Attempt<'_>,
        locks: Vec<LockId>,
        waiter: Option<WaiterId>,
    ) -> Result<(), Error> {
        match &attempt.request.request_id {
            Some(id) => self.remember_as(id, attempt.want, locks, waiter),
            None => Ok(()),
        }
    }

    pub(super) fn remember_as(
        &mut self,
        id: &RequestId,
        want: &Want,
        locks: Vec<LockId>,
        waiter: Option<WaiterId>,
    ) -> Result<(), Error> {
        let what = Remembered {
            content: content(want),
            locks,
            waiter,
            at: self.now().wall,
        };
        self.tx.remember(&want.holder.session, id, &what)
    }
}

/// What makes two requests the same: everything but the way of waiting.
fn content(want: &Want) -> String {
    let mut folders: Vec<&str> = want.folders.iter().map(|folder| folder.path()).collect();
    folders.sort_unstable();
    let ttl = want.ttl.as_millis();
    serde_json::json!([
        want.scope,
        folders,
        want.holder,
        want.mode,
        ttl,
        want.process,
        want.own
    ])
    .to_string()
}
