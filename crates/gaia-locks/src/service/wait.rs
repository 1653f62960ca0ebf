//! Waiting for one's turn [R8].
//!
//! A waiter listens before it looks, so that no ring is lost between the two;
//! a ring is only a hint, its row is the truth. It does not poll for its turn:
//! whoever frees the folder grants it and rings. It wakes by itself for what
//! nobody rings for: the end of a lease in its way, the death of a process in
//! its way, the end of its own patience; and, in case a ring was lost, every
//! [`SLOW_LOOK`].

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{LockService, LockTx, slot_of};
use crate::clock::Moment;
use crate::error::Error;
use crate::ids::WaiterId;
use crate::liveness::ProcessIdentity;
use crate::model::{Binding, EndReason, Lock, Waiter, WaiterLife, WaiterState};
use crate::os::watch::ProcessWatch;
use crate::os::{Listener, Wake};
use crate::rules::acquire::State;
use crate::rules::queue;
use crate::wire::{Answer, Granted, LockInfo, Queued, Refusal};

/// How often a waiter looks although nobody rang.
const SLOW_LOOK: Duration = Duration::from_millis(250);
/// The same for one who is not next: whatever ends, others come first.
const SLOWER_LOOK: Duration = Duration::from_secs(1);
/// How long a waiter does nothing but listen, before it looks at all.
const SOON: Duration = Duration::from_millis(20);
/// How often a waiter lets itself be heard.
const HEARTBEAT: Duration = Duration::from_secs(8);

/// Called off from another thread or a signal handler's thread.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<CancelInner>,
}

#[derive(Default)]
struct CancelInner {
    cancelled: AtomicBool,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl Cancel {
    /// Calls the wait off; it leaves the line and ends at once.
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::SeqCst);
        let wake = self
            .inner
            .wake
            .lock()
            .map(|wake| wake.clone())
            .unwrap_or_default();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::SeqCst)
    }

    fn wakes(&self, listener: &dyn Listener) {
        if let Ok(mut wake) = self.inner.wake.lock() {
            *wake = Some(listener.handle());
        }
    }
}

/// What a waiter sees each time it looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its place, and what is in its way now.
    pub queued: Queued,
}

/// How long somebody waits, and what it does meanwhile.
#[derive(Default)]
pub struct Patience<'a> {
    /// `None`: until it is granted or called off.
    pub limit: Option<Duration>,
    /// Calls it off.
    pub cancel: Cancel,
    /// Shown what is in the way, when it starts and whenever it looks.
    pub on_look: Option<&'a mut dyn FnMut(&Look)>,
}

impl std::fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// What a look found.
enum Seen {
    Granted,
    Gone(Moment),
    StillWaiting(Box<Waiting>),
}

/// What keeps a waiter waiting.
struct Waiting {
    /// What is in the way, where somebody wants to see it.
    queued: Option<Queued>,
    /// Until when nothing changes by itself.
    quiet_for: Duration,
    until: Option<Moment>,
    patience_over: bool,
    heard_long_ago: bool,
    /// Something in the way is over; a write will clear it away.
    due: bool,
    processes: HashSet<ProcessIdentity>,
}

pub(super) fn wait(
    service: &LockService,
    id: WaiterId,
    patience: &mut Patience<'_>,
) -> Result<Answer, Error> {
    let listener = service.listen_on(slot_of(id.0))?;
    patience.cancel.wakes(&*listener);
    if let Some(answer) = soon(service, id, patience, &*listener)? {
        return Ok(answer);
    }
    let shows = patience.on_look.is_some();
    let mut watched = Watched::default();
    let mut until = None;
    loop {
        let waiting = match service.look(|tx| tx.look_around(id, shows))? {
            Seen::Granted => return service.transact(|tx| tx.take_turn(id))?.ok_or_else(gone),
            Seen::Gone(now) if until.is_some_and(|until| now >= until) => return Ok(ran_out()),
            Seen::Gone(_) => return Err(gone()),
            Seen::StillWaiting(waiting) => waiting,
        };
        if patience.cancel.is_cancelled() || waiting.patience_over {
            let called_off = patience.cancel.is_cancelled();
            return service
                .transact(|tx| tx.give_up(id, called_off))?
                .ok_or_else(gone);
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
    id: WaiterId,
    patience: &Patience<'_>,
    listener: &dyn Listener,
) -> Result<Option<Answer>, Error> {
    let granted = |tx: &mut LockTx<'_>| {
        let waiter = tx.tx.waiter(id)?;
        Ok(waiter.is_some_and(|waiter| matches!(waiter.state, WaiterState::Granted(_))))
    };
    let limit = patience.limit.unwrap_or(SOON).min(SOON);
    if service.look(granted)? || listener.wait(limit) == Wake::Rung {
        return service.transact(|tx| tx.take_turn(id));
    }
    Ok(None)
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

impl LockTx<'_> {
    fn look_around(&mut self, id: WaiterId, shows: bool) -> Result<Seen, Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(Seen::Gone(self.now().moment));
        };
        if let WaiterState::Granted(_) = waiter.state {
            return Ok(Seen::Granted);
        }
        let mut state = self.state(&waiter.want)?;
        state.waiters.retain(|other| other.id < id);
        let now = self.now().moment;
        let (due, processes) = self.what_ends(&waiter, &state);
        let queued = shows.then(|| self.queued(&waiter, &state));
        Ok(Seen::StillWaiting(Box::new(Waiting {
            queued,
            quiet_for: quiet_for(&waiter, &state, now),
            until: waiter.until,
            patience_over: waiter.until.is_some_and(|until| now >= until),
            heard_long_ago: now.since(waiter.heard) >= HEARTBEAT,
            due,
            processes,
        })))
    }

    fn queued(&self, waiter: &Waiter, ahead: &State) -> Queued {
        Queued {
            waiter: waiter.id,
            refusal: self.refusal_now(&waiter.want, ahead),
            place: queue::place(&waiter.want, &ahead.waiters),
        }
    }

    /// Whether something in the way is over already, and the processes whose
    /// death would clear the way. Waiters ahead are looked at only when they
    /// are all that is in the way: at a hand-off the dead among them are left
    /// out anyway.
    fn what_ends(&self, waiter: &Waiter, state: &State) -> (bool, HashSet<ProcessIdentity>) {
        use crate::rules::expire::{Verdict, is_waiting, judge};
        let (now, witness) = (self.now(), &*self.config.witness);
        let in_the_way: Vec<&Lock> = queue::locks_in_the_way(&waiter.want, &state.locks).collect();
        let only_waiters = in_the_way.is_empty();
        let ahead = state.waiters.iter();
        let ahead: Vec<&Waiter> = ahead
            .filter(|other| only_waiters && waiter.want.excludes(&other.want))
            .collect();
        let due = in_the_way
            .iter()
            .any(|lock| judge(lock, now, witness) != Verdict::Stands)
            || ahead.iter().any(|other| !is_waiting(other, now, witness));
        let of_locks = in_the_way.iter().filter_map(|lock| match &lock.binding {
            Binding::Process(process) | Binding::Claim(process) => Some(process.clone()),
            Binding::Lease => None,
        });
        let of_waiters = ahead.iter().filter_map(|other| match &other.life {
            WaiterLife::Process(process) => Some(process.clone()),
            WaiterLife::Heartbeat => None,
        });
        (due, of_locks.chain(of_waiters).collect())
    }

    /// Acts on what a look found to be over, and lets itself be heard.
    fn clear_the_way(&mut self, id: WaiterId) -> Result<(), Error> {
        let Some(waiter) = self.tx.waiter(id)? else {
            return Ok(());
        };
        let heard = self.now().moment;
        self.tx.update_waiter(id, &waiter.state, heard)?;
        self.settled_state(&waiter.want)?;
        self.hand_off(&waiter.want.scope, &waiter.want.folders)
    }

    /// Takes up what was granted at one's turn; `None`: it is not granted, or
    /// was not taken up in time and is gone.
    fn take_turn(&mut self, id: WaiterId) -> Result<Option<Answer>, Error> {
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
    pub(super) fn take_up(&mut self, waiter: &Waiter) -> Result<Option<Vec<LockInfo>>, Error> {
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
    fn give_up(&mut self, id: WaiterId, called_off: bool) -> Result<Option<Answer>, Error> {
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

/// How long nothing can change by itself.
fn quiet_for(waiter: &Waiter, state: &State, now: Moment) -> Duration {
    let ends = queue::locks_in_the_way(&waiter.want, &state.locks).map(|lock| lock.expires);
    let soonest = ends
        .chain(waiter.until)
        .map(|moment| moment.since(now))
        .min();
    let is_next = queue::place(&waiter.want, &state.waiters) == 1;
    let longest = if is_next { SLOW_LOOK } else { SLOWER_LOOK };
    soonest
        .unwrap_or(longest)
        .clamp(Duration::from_millis(1), longest)
}
