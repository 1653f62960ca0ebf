//! The store that forgets: for tests, and for whoever needs locks within one
//! process only. It is the rules' first user and the embedded store's measure:
//! one suite judges both.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{BootId, Clock, Moment, Now, SystemClock, Wall};
use crate::error::{Error, StoreError};
use crate::folder::Folder;
use crate::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use crate::model::{End, Lock, Pause, Waiter, WaiterLife, WaiterState};
use crate::os::{Doorbell, LocalDoorbell};
use crate::store::{HistoryFilter, NewLock, Record, Remembered, Store, Tx, Work};
use crate::wire::wall_at;

/// Everything, in memory.
pub struct MemoryStore {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    doorbell: Arc<dyn Doorbell>,
}

/// What the store keeps. A transaction works on a copy and is committed by
/// putting it in place.
#[derive(Clone, Default)]
struct State {
    boot: Option<BootId>,
    last_token: i64,
    last_waiter: i64,
    locks: BTreeMap<LockId, Lock>,
    history: BTreeMap<LockId, Record>,
    waiters: BTreeMap<WaiterId, Waiter>,
    requests: BTreeMap<(SessionId, RequestId), Remembered>,
    pauses: Vec<Pause>,
}

/// A transaction on the memory store.
pub struct MemoryTx {
    state: State,
    now: Now,
    writes: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl MemoryStore {
    /// An empty store on a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            state: Mutex::default(),
            clock,
            doorbell: Arc::new(LocalDoorbell::new()),
        }
    }

    fn run(&self, writes: bool, work: &mut Work<'_>) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        state.after_reboot(self.clock.boot(), now.moment);
        let mut tx = MemoryTx {
            state: state.clone(),
            now,
            writes,
        };
        work(&mut tx)?;
        *state = tx.state;
        Ok(())
    }
}

impl Store for MemoryStore {
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.run(true, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.run(false, work)
    }

    fn doorbell(&self) -> Arc<dyn Doorbell> {
        self.doorbell.clone()
    }

    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        let detail = "a store in memory has no backup".to_owned();
        Err(StoreError::Unusable {
            path: to.to_owned(),
            detail,
        })
    }
}

fn overlap(folders: &[Folder], others: &[Folder]) -> bool {
    folders
        .iter()
        .any(|folder| others.iter().any(|other| folder.overlaps(other)))
}

impl State {
    /// Leases start anew once, at first sight, also when that was a look
    /// [R13]; a grant is still to be taken up in time [R8].
    fn after_reboot(&mut self, boot: BootId, now: Moment) {
        let before = self.boot.replace(boot.clone());
        if before.is_none_or(|before| !before.differs_from(&boot)) {
            return;
        }
        for lock in self.locks.values_mut() {
            lock.expires = now.plus(lock.ttl);
        }
        self.waiters
            .retain(|_, waiter| waiter.life == WaiterLife::Heartbeat);
        for waiter in self.waiters.values_mut() {
            waiter.until = waiter
                .until
                .map(|until| now.plus(until.since(waiter.heard)));
            waiter.heard = now;
            if let WaiterState::Granted(ids) = &waiter.state {
                for id in ids {
                    if let Some(lock) = self.locks.get_mut(id) {
                        lock.expires = now.plus(lock.ttl.min(Waiter::SILENCE));
                    }
                }
            }
        }
    }
}

impl MemoryTx {
    fn check_writes(&self) -> Result<(), Error> {
        if self.writes {
            return Ok(());
        }
        Err(Error::Store(StoreError::Failed(
            "a transaction that only reads was asked to write".to_owned(),
        )))
    }
}

impl Tx for MemoryTx {
    fn now(&self) -> Now {
        self.now
    }

    fn locks_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Result<Vec<Lock>, Error> {
        let meant = |lock: &&Lock| {
            lock.scope == *scope && overlap(std::slice::from_ref(&lock.folder), folders)
        };
        Ok(self.state.locks.values().filter(meant).cloned().collect())
    }

    fn lock(&mut self, id: LockId) -> Result<Option<Lock>, Error> {
        Ok(self.state.locks.get(&id).cloned())
    }

    fn locks(&mut self) -> Result<Vec<Lock>, Error> {
        Ok(self.state.locks.values().cloned().collect())
    }

    fn locks_of_task(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error> {
        let theirs = |lock: &&Lock| lock.holder.session == *session && lock.holder.task == task;
        Ok(self.state.locks.values().filter(theirs).cloned().collect())
    }

    fn locks_due(&mut self, moment: Moment) -> Result<Vec<Lock>, Error> {
        let due =
            |lock: &&Lock| lock.expires <= moment || lock.binding != crate::model::Binding::Lease;
        Ok(self.state.locks.values().filter(due).cloned().collect())
    }

    fn insert_lock(&mut self, lock: &NewLock<'_>) -> Result<LockId, Error> {
        self.check_writes()?;
        self.state.last_token += 1;
        let id = LockId(self.state.last_token);
        self.state.history.insert(id, record(id, lock, self.now));
        self.state.locks.insert(id, lock.granted(id, self.now));
        Ok(id)
    }

    fn update_lock(&mut self, lock: &Lock) -> Result<(), Error> {
        self.check_writes()?;
        if let Some(known) = self.state.locks.get_mut(&lock.id) {
            *known = lock.clone();
        }
        Ok(())
    }

    fn end_lock(&mut self, lock: &Lock, end: &End) -> Result<(), Error> {
        self.check_writes()?;
        let was_active = self.state.locks.remove(&lock.id).is_some();
        if let (true, Some(record)) = (was_active, self.state.history.get_mut(&lock.id)) {
            record.end = Some(end.clone());
            record.expires_at = Some(wall_at(lock.expires, self.now));
        }
        Ok(())
    }

    fn record(&mut self, id: LockId) -> Result<Option<Record>, Error> {
        Ok(self.state.history.get(&id).cloned())
    }

    fn history(&mut self, filter: &HistoryFilter) -> Result<Vec<Record>, Error> {
        let most = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let newest_first = self.state.history.values().rev();
        Ok(newest_first
            .filter(|record| is_wanted(record, filter))
            .take(most)
            .cloned()
            .collect())
    }

    fn annotate(&mut self, id: LockId, details: &serde_json::Value) -> Result<(), Error> {
        self.check_writes()?;
        if let Some(record) = self.state.history.get_mut(&id) {
            record.details = Some(details.clone());
        }
        Ok(())
    }

    fn prune(&mut self, before: Wall) -> Result<u64, Error> {
        self.check_writes()?;
        let rows = self.state.history.len();
        let highest = LockId(self.state.last_token);
        let stays = |id: &LockId, record: &Record| {
            *id == highest || record.end.as_ref().is_none_or(|end| end.wall >= before)
        };
        self.state.history.retain(|id, record| stays(id, record));
        Ok((rows - self.state.history.len()) as u64)
    }

    fn has_waiters(&mut self) -> Result<bool, Error> {
        Ok(!self.state.waiters.is_empty())
    }

    fn waiters_overlapping(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Vec<Waiter>, Error> {
        let meant = |waiter: &&Waiter| {
            waiter.want.scope == *scope && overlap(&waiter.want.folders, folders)
        };
        Ok(self.state.waiters.values().filter(meant).cloned().collect())
    }

    fn waiters_of(&mut self, session: &SessionId) -> Result<Vec<Waiter>, Error> {
        let theirs = |waiter: &&Waiter| waiter.want.holder.session == *session;
        Ok(self
            .state
            .waiters
            .values()
            .filter(theirs)
            .cloned()
            .collect())
    }

    fn waiters(&mut self) -> Result<Vec<Waiter>, Error> {
        Ok(self.state.waiters.values().cloned().collect())
    }

    fn waiter(&mut self, id: WaiterId) -> Result<Option<Waiter>, Error> {
        Ok(self.state.waiters.get(&id).cloned())
    }

    fn insert_waiter(&mut self, waiter: &Waiter) -> Result<WaiterId, Error> {
        self.check_writes()?;
        self.state.last_waiter += 1;
        let id = WaiterId(self.state.last_waiter);
        self.state.waiters.insert(
            id,
            Waiter {
                id,
                ..waiter.clone()
            },
        );
        Ok(id)
    }

    fn update_waiter(
        &mut self,
        id: WaiterId,
        state: &WaiterState,
        heard: Moment,
    ) -> Result<(), Error> {
        self.check_writes()?;
        if let Some(waiter) = self.state.waiters.get_mut(&id) {
            waiter.state = state.clone();
            waiter.heard = heard;
        }
        Ok(())
    }

    fn remove_waiter(&mut self, id: WaiterId) -> Result<(), Error> {
        self.check_writes()?;
        self.state.waiters.remove(&id);
        Ok(())
    }

    fn remembered(
        &mut self,
        session: &SessionId,
        id: &RequestId,
    ) -> Result<Option<Remembered>, Error> {
        Ok(self
            .state
            .requests
            .get(&(session.clone(), id.clone()))
            .cloned())
    }

    fn remember(
        &mut self,
        session: &SessionId,
        id: &RequestId,
        what: &Remembered,
    ) -> Result<(), Error> {
        self.check_writes()?;
        self.state
            .requests
            .insert((session.clone(), id.clone()), what.clone());
        Ok(())
    }

    fn forget(&mut self, session: &SessionId, id: &RequestId) -> Result<(), Error> {
        self.check_writes()?;
        self.state.requests.remove(&(session.clone(), id.clone()));
        Ok(())
    }

    fn forget_before(&mut self, before: Wall) -> Result<(), Error> {
        self.check_writes()?;
        self.state.requests.retain(|_, what| what.at >= before);
        Ok(())
    }

    fn pauses(&mut self) -> Result<Vec<Pause>, Error> {
        Ok(self.state.pauses.clone())
    }

    fn insert_pause(&mut self, pause: &Pause) -> Result<(), Error> {
        self.remove_pause(&pause.scope, &pause.folder)?;
        self.state.pauses.push(pause.clone());
        Ok(())
    }

    fn remove_pause(&mut self, scope: &Scope, folder: &Folder) -> Result<bool, Error> {
        self.check_writes()?;
        let before = self.state.pauses.len();
        let same =
            |pause: &Pause| pause.scope == *scope && pause.folder.path_key() == folder.path_key();
        self.state.pauses.retain(|pause| !same(pause));
        Ok(self.state.pauses.len() < before)
    }

    fn join(&mut self) -> &mut dyn Any {
        self
    }
}

fn record(id: LockId, lock: &NewLock<'_>, now: Now) -> Record {
    Record {
        id,
        scope: lock.scope.clone(),
        folder: lock.folder.clone(),
        holder: lock.holder.clone(),
        mode: lock.mode,
        granted_at: now.wall,
        granted: now.moment,
        expires_at: None,
        end: None,
        details: None,
    }
}

fn is_wanted(record: &Record, filter: &HistoryFilter) -> bool {
    filter
        .folder
        .as_ref()
        .is_none_or(|folder| record.folder.overlaps(folder))
        && filter
            .scope
            .as_ref()
            .is_none_or(|scope| record.scope == *scope)
        && filter
            .session
            .as_ref()
            .is_none_or(|session| record.holder.session == *session)
        && filter.task.is_none_or(|task| record.holder.task == task)
        && filter.since.is_none_or(|since| record.granted_at >= since)
        && filter.held.is_none_or(|(from, to)| {
            let ended = record.end.as_ref().map(|end| end.wall);
            record.granted_at < to && ended.is_none_or(|ended| ended >= from)
        })
        && filter.before.is_none_or(|before| record.id < before)
}
