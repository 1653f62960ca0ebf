//! A place in line that was kept for somebody who is not known yet [T7].
//!
//! A task stands in line in its own name; at its turn it is granted together
//! with the session that takes it, and behind those only who came before it.

use super::LockTx;
use crate::error::Error;
use crate::ids::WaiterId;
use crate::model::{Binding, Want};
use crate::rules::acquire::{Decision, decide};
use crate::wire::Granted;

impl LockTx<'_> {
    /// Grants to a reserved place what is wanted, in the name that `want`
    /// bears; `None` when its turn has not come or the place is gone, and then
    /// nothing was changed for it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_reserved(&mut self, id: WaiterId, want: &Want) -> Result<Option<Granted>, Error> {
        let mut state = self.settled_state(want, true)?;
        if self.tx.waiter(id)?.is_none() {
            return Ok(None);
        }
        state.waiters.retain(|waiter| waiter.id < id);
        let now = self.now();
        if !matches!(decide(&state, want, now), Decision::Grant(_)) {
            return Ok(None);
        }
        self.tx.remove_waiter(id)?;
        let binding = want
            .process
            .clone()
            .map_or(Binding::Lease, Binding::Process);
        let mut locks = Vec::with_capacity(want.folders.len());
        for folder in &want.folders {
            let expires = now.moment.plus(want.ttl);
            locks.push(self.insert(want, folder, expires, binding.clone())?);
        }
        // Whoever shares with it need not stand behind it any longer.
        self.hand_off(&want.scope, &want.folders)?;
        Ok(Some(Granted {
            locks,
            held_before: false,
            held: Vec::new(),
        }))
    }
}
