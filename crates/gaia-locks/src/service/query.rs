//! Looking: verify [R4], status, history [R15].

use std::collections::HashSet;

use super::LockTx;
use crate::clock::Wall;
use crate::error::Error;
use crate::folder::Folder;
use crate::ids::LockId;
use crate::liveness::Liveness;
use crate::model::{Lock, Waiter, WaiterState, Want};
use crate::rules::expire::{self, Verdict};
use crate::rules::{acquire::paused, queue};
use crate::store::HistoryFilter;
use crate::wire::{FolderNow, HeldLock, LockInfo, PauseInfo, Status, Verified, WaiterInfo, alive};

/// What is known around one active lock [R17].
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// The lock.
    pub held: HeldLock,
    /// When its holder was last known to live.
    pub last_seen: Wall,
    /// Who waits for it, in order.
    pub waiters: Vec<WaiterInfo>,
}

impl LockTx<'_> {
    /// Whether that very lock is active now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn verify(&mut self, token: LockId) -> Result<Verified, Error> {
        let lock = self.lock_info(token)?;
        let active = lock
            .as_ref()
            .is_some_and(|lock| lock.status == crate::model::LockStatus::Active);
        Ok(Verified { active, lock })
    }

    /// One lock as it is now, active or ended; a lapsed row that nobody has
    /// cleared away yet is shown as ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lock_info(&mut self, id: LockId) -> Result<Option<LockInfo>, Error> {
        match self.tx.lock(id)? {
            Some(lock) => Ok(Some(self.as_it_is_now(lock))),
            None => Ok(self.tx.record(id)?.map(|record| LockInfo::ended(&record))),
        }
    }

    /// An active lock with what is known around it; none for one that has ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn standing(&mut self, id: LockId) -> Result<Option<Standing>, Error> {
        let Some(lock) = self.tx.lock(id)? else {
            return Ok(None);
        };
        let (_, last_seen) = self.signs_of_life(&lock, self.now());
        let mut in_line = self.tx.waiters()?;
        in_line.retain(|waiter| self.still_waits(waiter));
        let waits = |(at, waiter): (usize, &Waiter)| {
            let place = queue::place(&waiter.want, &in_line[..at]);
            let waits = waiter.want.conflicts_with(&lock);
            waits.then(|| WaiterInfo::of(waiter, place))
        };
        let waiters = in_line.iter().enumerate().filter_map(waits).collect();
        let held = self.held(lock, &in_line);
        Ok(held.map(|held| Standing {
            held,
            last_seen,
            waiters,
        }))
    }

    fn as_it_is_now(&self, lock: Lock) -> LockInfo {
        let now = self.now();
        match expire::judge(&lock, now, &*self.config.witness) {
            Verdict::Stands => LockInfo::active(&lock, now),
            Verdict::GoesOn(expires) => LockInfo::active(&Lock { expires, ..lock }, now),
            Verdict::Over(end) => LockInfo::just_ended(&lock, &end, now),
        }
    }

    /// Who holds what, who waits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn status(&mut self, folder: Option<&Folder>, database: &str) -> Result<Status, Error> {
        let (locks, mut in_line) = self.around(folder)?;
        in_line.retain(|waiter| self.still_waits(waiter));
        let held: Vec<HeldLock> = locks
            .into_iter()
            .filter_map(|lock| self.held(lock, &in_line))
            .collect();
        let shown = in_line
            .iter()
            .enumerate()
            .map(|(at, waiter)| WaiterInfo::of(waiter, queue::place(&waiter.want, &in_line[..at])))
            .collect();
        let paused = self.tx.pauses()?.iter().map(PauseInfo::from).collect();
        Ok(Status {
            count: held.len(),
            locks: held,
            waiters: shown,
            paused,
            database: database.to_owned(),
        })
    }

    fn around(&mut self, folder: Option<&Folder>) -> Result<(Vec<Lock>, Vec<Waiter>), Error> {
        let scope = self.config.scope.clone();
        match folder.map(std::slice::from_ref) {
            None => Ok((self.tx.locks()?, self.tx.waiters()?)),
            Some(folders) => {
                let mut locks = self.tx.locks_overlapping(&scope, folders)?;
                // A linked work tree that an agent's lock leaves to others is
                // not locked by it.
                locks.retain(|lock| !folders.iter().all(|folder| lock.spares(folder)));
                Ok((locks, self.tx.waiters_overlapping(&scope, folders)?))
            }
        }
    }

    fn held(&self, lock: Lock, waiters: &[Waiter]) -> Option<HeldLock> {
        let waiting = waiters
            .iter()
            .filter(|waiter| waiter.want.conflicts_with(&lock))
            .count();
        let folder_state = self.folder_now(&lock);
        let process = lock.binding.process();
        let life = process.map_or(Liveness::CannotTell, |process| {
            self.config.witness.liveness(process)
        });
        let info = self.as_it_is_now(lock);
        let active = info.expires_in.is_some();
        active.then(|| HeldLock {
            lock: info,
            alive: alive(life),
            waiting,
            folder_state,
        })
    }

    fn folder_now(&self, lock: &Lock) -> FolderNow {
        use crate::folder::FolderState::{Gone, Hidden, Present};
        if lock.scope != self.config.scope {
            return FolderNow::Unknown;
        }
        match lock.folder.identity_now() {
            Present(now) if lock.folder.found().is_some_and(|then| then != now) => {
                FolderNow::Replaced
            }
            Present(_) => FolderNow::Present,
            Gone => FolderNow::Gone,
            Hidden => FolderNow::Unknown,
        }
    }

    /// What stands in the way of a request as it is now, for one who waits.
    pub(super) fn refusal_now(
        &self,
        want: &Want,
        state: &crate::rules::acquire::State,
    ) -> crate::wire::Refusal {
        let blocked = crate::rules::acquire::Blocked {
            locks: queue::locks_in_the_way(want, &state.locks).collect(),
            waiters: queue::waiters_in_the_way(want, &state.locks, &state.waiters),
            pauses: paused(&state.pauses, want),
        };
        self.refusal(want, state, &blocked)
    }

    /// How many wait for an active lock.
    ///
    /// # Errors
    /// When the store fails.
    pub fn waiting_for(&mut self, token: LockId) -> Result<usize, Error> {
        let Some(lock) = self.tx.lock(token)? else {
            return Ok(0);
        };
        let folders = std::slice::from_ref(&lock.folder);
        let waiters = self.tx.waiters_overlapping(&lock.scope, folders)?;
        Ok(waiters
            .iter()
            .filter(|waiter| waiter.want.conflicts_with(&lock) && self.still_waits(waiter))
            .count())
    }

    /// Whether somebody in line was not called off and lives.
    /// Locks that have ended and whose rows still stand, whoever sweeps them.
    /// Patiently: of a command that has just ended the release is on its way.
    ///
    /// # Errors
    /// When the store fails.
    pub fn over(&mut self) -> Result<HashSet<LockId>, Error> {
        let (now, witness) = (self.now(), self.config.witness.clone());
        let due = self.tx.locks_due(now.moment)?.into_iter();
        let over = due.filter(|lock| {
            let verdict = expire::judge_patiently(lock, now, &*witness);
            matches!(verdict, Verdict::Over(_))
        });
        Ok(over.map(|lock| lock.id).collect())
    }

    /// Who stands in line, in order, but for those who are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn in_line(&mut self) -> Result<Vec<Waiter>, Error> {
        let mut waiters = self.tx.waiters()?;
        waiters.retain(|waiter| waiter.state != WaiterState::Waiting || self.still_waits(waiter));
        Ok(waiters)
    }

    fn still_waits(&self, waiter: &Waiter) -> bool {
        expire::is_waiting(waiter, self.now(), &*self.config.witness)
    }

    /// The past and the present, newest first; a folder is one of this scope.
    ///
    /// # Errors
    /// When the store fails.
    pub fn history(&mut self, filter: &HistoryFilter) -> Result<Vec<LockInfo>, Error> {
        let mut filter = filter.clone();
        if filter.folder.is_some() && filter.scope.is_none() {
            filter.scope = Some(self.config.scope.clone());
        }
        let records = self.tx.history(&filter)?;
        let mut shown = Vec::with_capacity(records.len());
        for record in records {
            shown.push(match (&record.end, self.tx.lock(record.id)?) {
                (None, Some(lock)) => LockInfo {
                    details: record.details,
                    ..self.as_it_is_now(lock)
                },
                _ => LockInfo::ended(&record),
            });
        }
        Ok(shown)
    }
}
