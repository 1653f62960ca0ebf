//! Asking for locks [R1, R2, R8, R9, R10, R16].

use std::time::Duration;

use super::{Config, LONGEST_TTL, LockTx, SHORTEST_TTL};
use crate::clock::Moment;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::{LockId, RequestId, SessionId, TaskId};
use crate::liveness::ProcessIdentity;
use crate::model::{
    Binding, Holder, Lock, Mode, Releaser, Turn, Waiter, WaiterLife, WaiterState, Want,
};
use crate::rules::acquire::{self as rule, Decision, Grant, State};
use crate::rules::{expire, queue};
use crate::store::NewLock;
use crate::wire::{Answer, Granted, LockInfo};

/// A request for locks.
#[derive(Clone, Debug)]
pub struct Acquire {
    /// The folders, at least one; all are granted together or none [R9].
    pub folders: Vec<Folder>,
    /// For whom.
    pub holder: Holder,
    /// Exclusive or shared.
    pub mode: Mode,
    /// The lease's length, or the default.
    pub ttl: Option<Duration>,
    /// The process that the locks live and die with [R11].
    pub process: Option<ProcessIdentity>,
    /// Locks of their own, never shared with another request [R2].
    pub own: bool,
    /// Who may end them.
    pub releaser: Releaser,
    /// The word by which the request is known when it comes again [R16].
    pub request_id: Option<RequestId>,
    /// Whether to stand in line when not granted.
    pub line: Line,
}

/// Whether and how a request stands in line.
#[derive(Clone, Debug, Default)]
pub enum Line {
    /// Not at all.
    #[default]
    Never,
    /// Until somebody waits no longer.
    Stand {
        /// How the waiter shows that it lives.
        life: WaiterLife,
        /// How long it stands there.
        limit: Option<Duration>,
        /// What happens at its turn.
        turn: Turn,
    },
}

impl Acquire {
    /// A request for one folder, exclusive, with the default lease.
    pub fn new(folder: Folder, session: SessionId, task: TaskId) -> Self {
        Self::all(vec![folder], session, task)
    }

    /// The same for several folders, all or none of them.
    pub fn all(folders: Vec<Folder>, session: SessionId, task: TaskId) -> Self {
        Self {
            folders,
            holder: Holder::new(session, task),
            mode: Mode::Exclusive,
            ttl: None,
            process: None,
            own: false,
            releaser: Releaser::Holder,
            request_id: None,
            line: Line::Never,
        }
    }

    /// The same request, standing in line when not granted, in the name of
    /// this process (or of the caller's own `line`, if it set one).
    pub fn queued(mut self, limit: Option<Duration>) -> Self {
        if matches!(self.line, Line::Never) {
            let life =
                ProcessIdentity::current().map_or(WaiterLife::Heartbeat, WaiterLife::Process);
            self.line = Line::Stand {
                life,
                limit,
                turn: Turn::Granted,
            };
        }
        self
    }

    /// Checks the request and gives what it wants.
    pub(super) fn want(&self, config: &Config) -> Result<Want, Error> {
        let ttl = self.ttl.unwrap_or(config.ttl);
        check_ttl(ttl)?;
        if self.folders.is_empty() {
            return Err(Error::InvalidRequest(
                "no folder was named; name at least one".to_owned(),
            ));
        }
        let mut folders: Vec<Folder> = Vec::with_capacity(self.folders.len());
        for folder in &self.folders {
            if !folders.iter().any(|known| known.same(folder)) {
                folders.push(folder.clone());
            }
        }
        Ok(Want {
            scope: config.scope.clone(),
            folders,
            holder: self.holder.clone(),
            mode: self.mode,
            ttl,
            process: self.process.clone(),
            own: self.own || self.process.is_some(),
            releaser: self.releaser,
        })
    }
}

/// Checks a lease's length [R3].
///
/// # Errors
/// [`Error::InvalidRequest`] naming the value and the range.
pub(super) fn check_ttl(ttl: Duration) -> Result<(), Error> {
    if (SHORTEST_TTL..=LONGEST_TTL).contains(&ttl) {
        return Ok(());
    }
    Err(Error::InvalidRequest(format!(
        "a lease of {} is not allowed; it can last from 1 s to 30 days",
        crate::duration::human(ttl)
    )))
}

/// A checked request on its way through a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What is wanted.
    pub want: &'a Want,
    /// The request as it came.
    pub request: &'a Acquire,
}

impl LockTx<'_> {
    /// Decides a request and does what follows from it.
    ///
    /// # Errors
    /// When the store fails, or the request id was used for something else.
    pub fn acquire(&mut self, attempt: &Attempt<'_>) -> Result<Answer, Error> {
        if let Some(answer) = self.answered_before(attempt)? {
            return Ok(answer);
        }
        let want = attempt.want;
        let waits = !matches!(attempt.request.line, Line::Never);
        let state = self.settled_state(want, waits)?;
        let now = self.now();
        match rule::decide(&state, want, now) {
            Decision::Grant(grants) => self.grant(attempt, &state, &grants),
            Decision::Blocked(blocked) => self.stand_in_line(attempt, &state, &blocked),
        }
    }

    /// What overlaps the request, once time and death have had their say and
    /// those who came earlier have had their turn. Whoever waits has a moment for
    /// a release that is on its way.
    pub(super) fn settled_state(&mut self, want: &Want, waits: bool) -> Result<State, Error> {
        let mut state = self.state(want)?;
        let freed = self.settle(want, waits, &mut state)?;
        if !freed.is_empty() && self.tx.has_waiters()? {
            self.hand_off(&want.scope, &freed)?;
            state = self.state(want)?;
        }
        Ok(state)
    }

    /// What overlaps a request, and where somebody waits whom it could not be
    /// granted beside, what overlaps him: he may wait for this very holder,
    /// and does not hold him back then.
    pub(super) fn state(&mut self, want: &Want) -> Result<State, Error> {
        let mut state = State {
            locks: self.tx.locks_overlapping(&want.scope, &want.folders)?,
            pauses: self.tx.pauses()?,
            ..State::default()
        };
        if self.tx.has_waiters()? {
            self.see_line(want, &mut state)?;
        }
        Ok(state)
    }

    /// The line, and the locks that those in it wait for: whether one of them
    /// waits for the asking holder shows only there.
    fn see_line(&mut self, want: &Want, state: &mut State) -> Result<(), Error> {
        for waiter in self.tx.waiters_overlapping(&want.scope, &want.folders)? {
            match waiter.state {
                WaiterState::Waiting => state.waiters.push(waiter),
                WaiterState::Granted(locks) => state.claimed.extend(locks),
            }
        }
        let seen = |folder: &Folder| want.folders.iter().any(|wanted| wanted.covers(folder));
        let theirs = state.waiters.iter().flat_map(|waiter| &waiter.want.folders);
        let mut folders: Vec<Folder> = theirs.filter(|folder| !seen(folder)).cloned().collect();
        if !folders.is_empty() {
            folders.extend(want.folders.iter().cloned());
            state.locks = self.tx.locks_overlapping(&want.scope, &folders)?;
        }
        Ok(())
    }

    /// Clears away what is over and would be in the way; gives the folders
    /// that were freed by it.
    fn settle(
        &mut self,
        want: &Want,
        waits: bool,
        state: &mut State,
    ) -> Result<Vec<Folder>, Error> {
        let now = self.now();
        // One's own locks count when there is a line: who holds may pass it.
        let line = !state.waiters.is_empty();
        let matters = |lock: &Lock| line || now.moment >= lock.expires || want.conflicts_with(lock);
        let mut freed = match waits {
            true => self.settle_locks_patiently(&mut state.locks, matters)?,
            false => self.settle_locks(&mut state.locks, matters)?,
        };
        let blocked = queue::locks_in_the_way(want, &state.locks).next().is_some();
        if !blocked {
            freed.extend(self.drop_dead_waiters(want, &mut state.waiters)?);
        }
        Ok(freed)
    }

    /// Waiters ahead are looked at only when they are all that is in the way:
    /// looking at a process costs more than all the rest.
    fn drop_dead_waiters(
        &mut self,
        want: &Want,
        waiters: &mut Vec<Waiter>,
    ) -> Result<Vec<Folder>, Error> {
        let now = self.now();
        let witness = self.config.witness.clone();
        let is_dead = |waiter: &Waiter| {
            want.excludes(&waiter.want) && !expire::is_waiting(waiter, now, &*witness)
        };
        let mut freed = Vec::new();
        for waiter in waiters.extract_if(.., |waiter| is_dead(waiter)) {
            self.tx.remove_waiter(waiter.id)?;
            freed.extend(waiter.want.folders);
        }
        Ok(freed)
    }

    pub(super) fn grant(
        &mut self,
        attempt: &Attempt<'_>,
        state: &State,
        grants: &[Grant],
    ) -> Result<Answer, Error> {
        let want = attempt.want;
        let binding = want
            .process
            .clone()
            .map_or(Binding::Lease, Binding::Process);
        let mut locks = Vec::with_capacity(grants.len());
        for (folder, grant) in want.folders.iter().zip(grants) {
            locks.push(match grant {
                Grant::Extend(id, until) => self.extend(state, *id, *until, want.ttl)?,
                Grant::New(until) => self.insert(want, folder, *until, binding.clone())?,
            });
        }
        let held: Vec<LockId> = grants.iter().filter_map(Grant::held).collect();
        let held_before = held.len() == grants.len();
        if !held_before && self.tx.has_waiters()? {
            let wanted = self.wanted_by(&want.scope, &want.holder.session)?;
            self.hand_off(&want.scope, &wanted)?;
        }
        self.remember(attempt, locks.iter().map(|lock| lock.id).collect(), None)?;
        Ok(Answer::Granted(Granted {
            locks,
            held_before,
            held,
        }))
    }

    fn extend(
        &mut self,
        state: &State,
        id: LockId,
        until: Moment,
        ttl: Duration,
    ) -> Result<LockInfo, Error> {
        let held = state.locks.iter().find(|lock| lock.id == id);
        let held = held.ok_or_else(|| Error::NotHeld(format!("lock {id} is not held any more")))?;
        let lock = Lock {
            expires: until,
            ttl: ttl.max(held.ttl),
            ..held.clone()
        };
        self.tx.update_lock(&lock)?;
        let info = LockInfo::active(&lock, self.now());
        self.effects.locks.extended.push(lock);
        Ok(info)
    }

    /// Grants one new lock.
    pub(super) fn insert(
        &mut self,
        want: &Want,
        folder: &Folder,
        expires: Moment,
        binding: Binding,
    ) -> Result<LockInfo, Error> {
        let new = NewLock::of(want, folder, expires, binding);
        let id = self.tx.insert_lock(&new)?;
        let lock = new.granted(id, self.now());
        let info = LockInfo::active(&lock, self.now());
        self.effects.changed = true;
        self.effects.locks.granted.push(lock);
        Ok(info)
    }
}
