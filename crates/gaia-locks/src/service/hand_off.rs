//! Granting to the line inside the transaction that frees the folder [R8].
//!
//! Nobody races for a wake-up: when a waiter wakes, its locks are there.

use super::{LockTx, request};
use crate::clock::Now;
use crate::error::Error;
use crate::folder::{Folder, is_within};
use crate::ids::{Scope, SessionId, WaiterId};
use crate::liveness::Witness;
use crate::model::{
    Binding, End, EndReason, Lock, Mode, Pause, Turn, Waiter, WaiterLife, WaiterState,
};
use crate::rules::acquire::paused;
use crate::rules::expire::{self, Verdict};
use crate::rules::queue::{self, Step};
use crate::store::NewLock;

/// The part of the line that a freed folder can move.
struct Scene {
    waiters: Vec<Waiter>,
    locks: Vec<Lock>,
    pauses: Vec<Pause>,
}

/// What one hand-off has come across, so that it comes to an end whatever the
/// store answers.
#[derive(Default)]
struct Seen {
    /// Waiters that were granted or dropped.
    served: Vec<WaiterId>,
    /// Folders of locks that were found to be over.
    ended: Vec<Folder>,
}

/// How one lock is judged.
type Judge = fn(&Lock, Now, &dyn Witness) -> Verdict;

/// Each folder once.
fn folders_of(waiters: &[Waiter]) -> Vec<Folder> {
    let mut folders: Vec<Folder> = Vec::new();
    for folder in waiters.iter().flat_map(|waiter| &waiter.want.folders) {
        if !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    folders
}

impl LockTx<'_> {
    /// Grants to everybody whose turn came because `freed` became free.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hand_off(&mut self, scope: &Scope, freed: &[Folder]) -> Result<(), Error> {
        if !self.tx.has_waiters()? {
            return Ok(());
        }
        let mut seen = Seen::default();
        let mut freed = freed.to_vec();
        // Each round ends a lock or takes a waiter out of the line.
        while !freed.is_empty() {
            freed = self.hand_off_round(scope, &freed, &mut seen)?;
        }
        Ok(())
    }

    /// Grants around some folders; gives those where more may have become
    /// free by it.
    fn hand_off_round(
        &mut self,
        scope: &Scope,
        freed: &[Folder],
        seen: &mut Seen,
    ) -> Result<Vec<Folder>, Error> {
        if let Some(beside) = self.hand_to_first(scope, freed, seen)? {
            return Ok(beside);
        }
        let (mut scene, mut beside) = self.scene(scope, freed)?;
        scene
            .waiters
            .retain(|waiter| !seen.served.contains(&waiter.id));
        beside.retain(|folder| !seen.ended.contains(folder));
        seen.ended.extend_from_slice(&beside);
        let (now, witness) = (self.now(), self.config.witness.clone());
        let lives = |waiter: &Waiter| expire::is_waiting(waiter, now, &*witness);
        while let Some(step) = queue::next_step(&scene.waiters, &scene.locks, &scene.pauses, &lives)
        {
            let (Step::Drop(position) | Step::Grant(position)) = step;
            seen.served.push(scene.waiters[position].id);
            match step {
                Step::Drop(_) => {
                    beside.extend_from_slice(&scene.waiters[position].want.folders);
                    self.drop_waiter(&mut scene, position)?;
                }
                Step::Grant(_) => {
                    let session = scene.waiters[position].want.holder.session.clone();
                    self.grant_turn(&mut scene, position)?;
                    beside.extend(self.wanted_by(scope, &session)?);
                }
            }
        }
        Ok(beside)
    }

    /// The usual hand-off, which does not read the line beyond its head: who
    /// came first wants the freed folder, it alone and for itself alone, and
    /// nothing is in its way. Whoever else waits for what overlaps the folder
    /// has that very lock in his way from then on. `None`: another case.
    fn hand_to_first(
        &mut self,
        scope: &Scope,
        freed: &[Folder],
        seen: &mut Seen,
    ) -> Result<Option<Vec<Folder>>, Error> {
        if freed.len() != 1 {
            return Ok(None);
        }
        let Some(first) = self.tx.first_waiting(scope, freed)? else {
            return Ok(Some(Vec::new()));
        };
        if !self.takes_all_of(&first, freed)? || seen.served.contains(&first.id) {
            return Ok(None);
        }
        let session = first.want.holder.session.clone();
        seen.served.push(first.id);
        let mut scene = Scene {
            waiters: vec![first],
            locks: Vec::new(),
            pauses: Vec::new(),
        };
        self.grant_turn(&mut scene, 0)?;
        self.wanted_by(scope, &session).map(Some)
    }

    /// Whether the first in line can be granted the freed folder, and leaves
    /// nothing of it to others.
    fn takes_all_of(&mut self, first: &Waiter, freed: &[Folder]) -> Result<bool, Error> {
        let want = &first.want;
        let wants_all =
            want.mode == Mode::Exclusive && first.turn == Turn::Granted && want.folders == freed;
        Ok(wants_all
            && self.tx.locks_overlapping(&want.scope, freed)?.is_empty()
            && paused(&self.tx.pauses()?, want).is_empty()
            && expire::is_waiting(first, self.now(), &*self.config.witness))
    }

    /// What a session still waits for. A new lock of its own can let it pass:
    /// whoever is ahead of it may wait for that lock now [R8].
    pub(super) fn wanted_by(
        &mut self,
        scope: &Scope,
        session: &SessionId,
    ) -> Result<Vec<Folder>, Error> {
        let mut waiters = self.tx.waiters_of(session)?;
        waiters
            .retain(|waiter| waiter.state == WaiterState::Waiting && waiter.want.scope == *scope);
        Ok(folders_of(&waiters))
    }

    /// The waiters that a freed folder may let through, everybody they might
    /// be behind, those in turn, and the locks around them: whoever is looked
    /// at without all that came before him would be granted out of turn. And
    /// what was found to be over on the way.
    fn scene(&mut self, scope: &Scope, freed: &[Folder]) -> Result<(Scene, Vec<Folder>), Error> {
        let mut seen = freed.to_vec();
        let (waiters, folders) = loop {
            let waiters = self.waiting(scope, &seen)?;
            let folders = folders_of(&waiters);
            let inside = |folder: &Folder| lies_within(folder, &seen);
            // One that is seen only in part could overtake whom it is behind
            // with its other folders.
            if folders.iter().all(inside) {
                break (waiters, folders);
            }
            seen = folders;
        };
        let mut locks = if folders.is_empty() {
            Vec::new()
        } else {
            self.tx.locks_overlapping(scope, &folders)?
        };
        let in_the_way = |lock: &Lock| {
            waiters
                .iter()
                .any(|waiter| waiter.want.conflicts_with(lock))
        };
        let over = self.settle_locks_patiently(&mut locks, in_the_way)?;
        let pauses = self.tx.pauses()?;
        Ok((
            Scene {
                waiters,
                locks,
                pauses,
            },
            over,
        ))
    }

    fn waiting(&mut self, scope: &Scope, folders: &[Folder]) -> Result<Vec<Waiter>, Error> {
        let mut waiters = self.tx.waiters_overlapping(scope, folders)?;
        waiters.retain(|waiter| waiter.state == WaiterState::Waiting);
        Ok(waiters)
    }

    fn drop_waiter(&mut self, scene: &mut Scene, position: usize) -> Result<(), Error> {
        let waiter = scene.waiters.remove(position);
        self.effects.rings.push(waiter.id);
        self.tx.remove_waiter(waiter.id)
    }

    fn grant_turn(&mut self, scene: &mut Scene, position: usize) -> Result<(), Error> {
        let waiter = scene.waiters.remove(position);
        let now = self.now();
        // A waiter elsewhere cannot be looked at: until it takes the grant up
        // its lease is short, and lapses by itself [R8].
        let (expires, binding) = match &waiter.life {
            WaiterLife::Process(process) => (
                now.moment.plus(waiter.want.ttl),
                Binding::Claim(process.clone()),
            ),
            WaiterLife::Heartbeat => (
                now.moment.plus(Waiter::SILENCE.min(waiter.want.ttl)),
                Binding::Lease,
            ),
        };
        let mut granted = Vec::with_capacity(waiter.want.folders.len());
        for folder in &waiter.want.folders {
            let info = self.insert(&waiter.want, folder, expires, binding.clone())?;
            granted.push(info.id);
            let new = NewLock::of(&waiter.want, folder, expires, binding.clone());
            scene.locks.push(new.granted(info.id, now));
        }
        self.effects.rings.push(waiter.id);
        self.effects.locks.handed_on = true;
        self.tx
            .update_waiter(waiter.id, &WaiterState::Granted(granted), waiter.heard)
    }

    /// Ends or extends what time and death have decided about, among the locks
    /// that `matter`; what is over leaves the list. Gives the freed folders.
    pub(super) fn settle_locks(
        &mut self,
        locks: &mut Vec<Lock>,
        matter: impl Fn(&Lock) -> bool,
    ) -> Result<Vec<Folder>, Error> {
        self.settle_locks_by(expire::judge, locks, matter)
    }

    /// The same for somebody who waits in line, or by whom others do.
    pub(super) fn settle_locks_patiently(
        &mut self,
        locks: &mut Vec<Lock>,
        matter: impl Fn(&Lock) -> bool,
    ) -> Result<Vec<Folder>, Error> {
        self.settle_locks_by(expire::judge_patiently, locks, matter)
    }

    fn settle_locks_by(
        &mut self,
        judge: Judge,
        locks: &mut Vec<Lock>,
        matter: impl Fn(&Lock) -> bool,
    ) -> Result<Vec<Folder>, Error> {
        let (now, witness) = (self.now(), self.config.witness.clone());
        let mut freed = Vec::new();
        let mut over = Vec::new();
        for lock in locks.iter_mut().filter(|lock| matter(lock)) {
            match judge(lock, now, &*witness) {
                Verdict::Stands => {}
                Verdict::GoesOn(until) => {
                    lock.expires = until;
                    self.tx.update_lock(lock)?;
                }
                Verdict::Over(end) => {
                    self.end(lock, &end)?;
                    over.push(lock.id);
                    freed.push(lock.folder.clone());
                }
            }
        }
        locks.retain(|lock| !over.contains(&lock.id));
        Ok(freed)
    }

    /// Ends one lock.
    pub(super) fn end(&mut self, lock: &Lock, end: &End) -> Result<(), Error> {
        self.tx.end_lock(lock, end)?;
        self.effects.changed = true;
        self.effects.locks.ended.push(lock.clone());
        Ok(())
    }

    /// An end that somebody brings about now.
    pub(super) fn end_now(&self, reason: EndReason, by: &str, note: Option<&str>) -> End {
        let now = self.now();
        End {
            reason,
            by: by.to_owned(),
            note: note.map(str::to_owned),
            moment: now.moment,
            wall: now.wall,
        }
    }

    /// Everything that time and death have decided and nobody has acted on:
    /// locks, waiters, request ids. Gives how many locks ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sweep(&mut self) -> Result<u64, Error> {
        let now = self.now();
        let mut due = self.tx.locks_due(now.moment)?;
        let before = due.len();
        let scopes: Vec<(Scope, Folder)> = due
            .iter()
            .map(|lock| (lock.scope.clone(), lock.folder.clone()))
            .collect();
        // Whoever started a command and lives is about to release its lock itself.
        self.settle_locks_patiently(&mut due, |_| true)?;
        let ended = before - due.len();
        let left = self.sweep_waiters()?;
        for (scope, folder) in scopes.into_iter().chain(left) {
            self.hand_off(&scope, &[folder])?;
        }
        self.tx.forget_before(now.wall.minus(request::REMEMBERED))?;
        Ok(ended as u64)
    }

    fn sweep_waiters(&mut self) -> Result<Vec<(Scope, Folder)>, Error> {
        let (now, witness) = (self.now(), self.config.witness.clone());
        let mut left = Vec::new();
        for waiter in self.tx.waiters()? {
            let stays = match &waiter.state {
                WaiterState::Waiting => expire::is_waiting(&waiter, now, &*witness),
                WaiterState::Granted(locks) => self.any_active(locks)?,
            };
            if !stays {
                self.tx.remove_waiter(waiter.id)?;
                self.effects.rings.push(waiter.id);
                left.extend(
                    waiter
                        .want
                        .folders
                        .into_iter()
                        .map(|folder| (waiter.want.scope.clone(), folder)),
                );
            }
        }
        Ok(left)
    }

    fn any_active(&mut self, locks: &[crate::ids::LockId]) -> Result<bool, Error> {
        for id in locks {
            if self.tx.lock(*id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether each of a folder's names lies in one of these: under another name
/// others may wait.
pub(super) fn lies_within(folder: &Folder, known: &[Folder]) -> bool {
    let known_key = |key: &str| {
        let mut outer = known.iter().flat_map(Folder::keys);
        outer.any(|outer| is_within(key, outer))
    };
    folder.keys().all(known_key)
}
