//! Waiting for one's turn [R8].
//!
//! A waiter listens before it looks, so that no ring is lost between the two;
//! a ring is only a hint, its row is the truth. It does not poll for its turn:
//! whoever frees the folder grants it and rings. It wakes by itself for what
//! nobody rings for: the end of a lease in its way, the death of a process in
//! its way, the end of its own patience; and, in case a ring was lost, every
//! quarter of a second.

mod look;
mod patience;
mod take_up;

use std::collections::HashSet;
use std::time::Duration;

pub use look::PlaceNow;
pub use patience::{Cancel, Look, Patience};

use super::{LockService, slot_of};
use crate::error::Error;
use crate::ids::WaiterId;
use crate::liveness::ProcessIdentity;
use crate::model::{Waiter, WaiterState};
use crate::os::watch::ProcessWatch;
use crate::os::{Listener, Wake};
use crate::wire::{Answer, Refusal};

use look::Seen;

/// How long a waiter does nothing but listen, before it looks at all.
const SOON: Duration = Duration::from_millis(20);

pub(super) fn wait(
    service: &LockService,
    id: WaiterId,
    patience: &mut Patience<'_>,
) -> Result<Answer, Error> {
    let listener = service.listen_on(slot_of(id.0))?;
    patience.cancel.wakes(&*listener);
    let Some(waiter) = service.look(|tx| tx.tx.waiter(id))? else {
        return gone_before_it_was_seen(patience);
    };
    if let Some(answer) = soon(service, &waiter, patience, &*listener)? {
        return Ok(answer);
    }
    let shows = patience.on_look.is_some();
    let mut watched = Watched::default();
    let mut until = waiter.until;
    loop {
        let waiting = match service.look(|tx| tx.look_around(id, shows))? {
            Seen::Granted => return service.transact(|tx| tx.take_turn(id))?.ok_or_else(gone),
            Seen::Gone(now) if until.is_some_and(|until| now >= until) => return Ok(ran_out()),
            Seen::Gone(_) => return Err(gone()),
            Seen::StillWaiting(waiting) => waiting,
        };
        if waiting.in_circle
            && !waiting.due
            && let Some(answer) = service.transact(|tx| tx.leave_circle(id))?
        {
            return Ok(answer);
        }
        if patience.cancel.is_cancelled() || waiting.patience_over {
            let called_off = patience.cancel.is_cancelled();
            // Somebody else may have been quicker to clear the place away.
            let answer = service.transact(|tx| tx.give_up(id, called_off))?;
            return Ok(answer.unwrap_or_else(ran_out));
        }
        if waiting.due || waiting.heard_long_ago {
            service.transact(|tx| tx.clear_the_way(id))?;
        }
        if waiting.due {
            continue;
        }
        if let (Some(on_look), Some(queued)) = (patience.on_look.as_mut(), waiting.queued) {
            on_look(&Look { queued });
        }
        until = waiting.until;
        watched.follow(&waiting.processes, &*listener);
        if listener.wait(waiting.quiet_for) == Wake::Rung
            && let Some(answer) = service.transact(|tx| tx.take_turn(id))?
        {
            return Ok(answer);
        }
    }
}

/// Most turns come soon. Until [`SOON`] has passed a waiter asks neither what
/// is in its way nor whether that lives, and watches nobody: all this costs
/// several times what a turn does, and everybody in line would pay it.
fn soon(
    service: &LockService,
    waiter: &Waiter,
    patience: &Patience<'_>,
    listener: &dyn Listener,
) -> Result<Option<Answer>, Error> {
    let granted = matches!(waiter.state, WaiterState::Granted(_));
    let limit = patience.limit.unwrap_or(SOON).min(SOON);
    if granted || listener.wait(limit) == Wake::Rung {
        return service.transact(|tx| tx.take_turn(waiter.id));
    }
    Ok(None)
}

/// A short patience may be over, and its place cleared away by somebody else,
/// before the waiter is here to see it.
fn gone_before_it_was_seen(patience: &Patience<'_>) -> Result<Answer, Error> {
    match patience.limit {
        Some(limit) if limit < Waiter::SILENCE => Ok(ran_out()),
        _ => Err(gone()),
    }
}

/// Somebody else cleared the place away, its patience being over.
fn ran_out() -> Answer {
    Answer::Refused(Refusal::default())
}

fn gone() -> Error {
    Error::NotInLine(
        "it was left, taken for dead, or its grant was not taken up in time".to_owned(),
    )
}

/// The processes in a waiter's way, watched so that their death wakes it.
#[derive(Default)]
struct Watched {
    processes: HashSet<ProcessIdentity>,
    watch: Option<ProcessWatch>,
}

impl Watched {
    fn follow(&mut self, processes: &HashSet<ProcessIdentity>, listener: &dyn Listener) {
        if *processes == self.processes {
            return;
        }
        let wake = listener.handle();
        self.watch = None;
        if !processes.is_empty() {
            // Without a watch the slow look notices a death a little later.
            self.watch =
                ProcessWatch::start(processes.iter().cloned().collect(), move |_| wake()).ok();
        }
        self.processes.clone_from(processes);
    }
}
