//! Stores with a planted fault, to show that the judge sees it.
//!
//! Each is the real store with one thing done wrong on the way to it. None of
//! this is reachable from the product.

use std::any::Any;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use gaia_locks::clock::{Moment, Now, Wall};
use gaia_locks::error::{Error, StoreError};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use gaia_locks::model::{End, Lock, Pause, Waiter, WaiterState};
use gaia_locks::os::Doorbell;
use gaia_locks::store::{HistoryFilter, NewLock, Record, Remembered, Store, Tx, Work};

use crate::hammer::rest;

/// What is done wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// What is in the way is looked at in one transaction, the lock inserted
    /// in the next.
    CheckThenInsert,
    /// It is decided on a read snapshot, as a deferred transaction without a
    /// gate would, and written over whatever came since.
    Snapshot,
    /// The line is served from its end.
    LastComeFirst,
    /// Leases are measured on the wall clock (planted in the worker's clock).
    WallExpiry,
}

/// A store with a fault.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
}

impl FaultyStore {
    /// Plants a fault in a store.
    pub fn new(inner: Arc<dyn Store>, fault: Fault) -> Self {
        Self { inner, fault }
    }

    /// Decides on what a first transaction reads, and writes in a second one.
    fn write_in_two(&self, work: &mut Work<'_>) -> Result<(), Error> {
        let mut tape = VecDeque::new();
        let mut first = |tx: &mut dyn Tx| {
            tape.clear();
            let swallow = self.fault == Fault::Snapshot;
            work(&mut FaultyTx {
                tx,
                bend: Bend::Record {
                    tape: &mut tape,
                    swallow,
                },
            })?;
            Err(Error::Store(StoreError::Failed("looked only".to_owned())))
        };
        let looked = match self.fault {
            Fault::Snapshot => self.inner.read(&mut first),
            _ => self.inner.write(&mut first),
        };
        drop(looked); // It was rolled back on purpose.
        rest(Duration::from_micros(300));
        self.inner.write(&mut |tx| {
            let mut tape = tape.clone();
            work(&mut FaultyTx {
                tx,
                bend: Bend::Replay(&mut tape),
            })
        })
    }
}

impl Store for FaultyStore {
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error> {
        match self.fault {
            Fault::CheckThenInsert | Fault::Snapshot => self.write_in_two(work),
            Fault::LastComeFirst => self.inner.write(&mut |tx| {
                work(&mut FaultyTx {
                    tx,
                    bend: Bend::Reverse,
                })
            }),
            Fault::WallExpiry => self.inner.write(work),
        }
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.inner.read(work)
    }

    fn doorbell(&self) -> Arc<dyn Doorbell> {
        self.inner.doorbell()
    }

    fn name(&self) -> String {
        self.inner.name()
    }

    fn backup(&self, to: &Path) -> Result<(), StoreError> {
        self.inner.backup(to)
    }
}

/// What a look at the overlapping gave.
#[derive(Clone)]
enum Looked {
    Locks(Vec<Lock>),
    Waiters(Vec<Waiter>),
}

enum Bend<'a> {
    /// Keeps what was read; may throw away what is written.
    Record {
        tape: &'a mut VecDeque<Looked>,
        swallow: bool,
    },
    /// Answers from what was kept.
    Replay(&'a mut VecDeque<Looked>),
    /// Shows the line backwards.
    Reverse,
}

/// A place as seen from the end of the line.
fn mirrored(id: WaiterId) -> WaiterId {
    WaiterId(i64::MAX / 2 - id.0)
}

/// The place itself, whichever way it was shown.
fn real(id: WaiterId) -> WaiterId {
    if id.0 > i64::MAX / 4 {
        mirrored(id)
    } else {
        id
    }
}

struct FaultyTx<'a> {
    tx: &'a mut dyn Tx,
    bend: Bend<'a>,
}

impl FaultyTx<'_> {
    fn writes(&self) -> bool {
        !matches!(self.bend, Bend::Record { swallow: true, .. })
    }

    fn if_writing<T: Default>(
        &mut self,
        write: impl FnOnce(&mut dyn Tx) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.writes() {
            write(self.tx)
        } else {
            Ok(T::default())
        }
    }
}

impl Tx for FaultyTx<'_> {
    fn now(&self) -> Now {
        self.tx.now()
    }
    fn locks_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Result<Vec<Lock>, Error> {
        if let Bend::Replay(tape) = &mut self.bend
            && let Some(Looked::Locks(_)) = tape.front()
            && let Some(Looked::Locks(locks)) = tape.pop_front()
        {
            return Ok(locks);
        }
        let locks = self.tx.locks_overlapping(scope, folders)?;
        if let Bend::Record { tape, .. } = &mut self.bend {
            tape.push_back(Looked::Locks(locks.clone()));
        }
        Ok(locks)
    }
    fn waiters_overlapping(
        &mut self,
        scope: &Scope,
        folders: &[Folder],
    ) -> Result<Vec<Waiter>, Error> {
        if let Bend::Replay(tape) = &mut self.bend
            && let Some(Looked::Waiters(_)) = tape.front()
            && let Some(Looked::Waiters(waiters)) = tape.pop_front()
        {
            return Ok(waiters);
        }
        let mut waiters = self.tx.waiters_overlapping(scope, folders)?;
        match &mut self.bend {
            Bend::Record { tape, .. } => tape.push_back(Looked::Waiters(waiters.clone())),
            Bend::Reverse => {
                for waiter in &mut waiters {
                    waiter.id = mirrored(waiter.id);
                }
                waiters.reverse();
            }
            Bend::Replay(_) => {}
        }
        Ok(waiters)
    }
    fn insert_lock(&mut self, lock: &NewLock<'_>) -> Result<LockId, Error> {
        if self.writes() {
            self.tx.insert_lock(lock)
        } else {
            Ok(LockId(0))
        }
    }
    fn insert_waiter(&mut self, waiter: &Waiter) -> Result<WaiterId, Error> {
        if self.writes() {
            self.tx.insert_waiter(waiter)
        } else {
            Ok(WaiterId(0))
        }
    }
    fn update_lock(&mut self, lock: &Lock) -> Result<(), Error> {
        self.if_writing(|tx| tx.update_lock(lock))
    }
    fn end_lock(&mut self, lock: &Lock, end: &End) -> Result<(), Error> {
        self.if_writing(|tx| tx.end_lock(lock, end))
    }
    fn annotate(&mut self, id: LockId, details: &serde_json::Value) -> Result<(), Error> {
        self.if_writing(|tx| tx.annotate(id, details))
    }
    fn prune(&mut self, before: Wall) -> Result<u64, Error> {
        self.if_writing(|tx| tx.prune(before))
    }
    fn update_waiter(
        &mut self,
        id: WaiterId,
        state: &WaiterState,
        heard: Moment,
    ) -> Result<(), Error> {
        self.if_writing(|tx| tx.update_waiter(real(id), state, heard))
    }
    fn remove_waiter(&mut self, id: WaiterId) -> Result<(), Error> {
        self.if_writing(|tx| tx.remove_waiter(real(id)))
    }
    fn remember(
        &mut self,
        session: &SessionId,
        id: &RequestId,
        what: &Remembered,
    ) -> Result<(), Error> {
        self.if_writing(|tx| tx.remember(session, id, what))
    }
    fn forget(&mut self, session: &SessionId, id: &RequestId) -> Result<(), Error> {
        self.if_writing(|tx| tx.forget(session, id))
    }
    fn forget_before(&mut self, before: Wall) -> Result<(), Error> {
        self.if_writing(|tx| tx.forget_before(before))
    }
    fn insert_pause(&mut self, pause: &Pause) -> Result<(), Error> {
        self.if_writing(|tx| tx.insert_pause(pause))
    }
    fn remove_pause(&mut self, scope: &Scope, folder: &Folder) -> Result<bool, Error> {
        self.if_writing(|tx| tx.remove_pause(scope, folder))
    }
    fn lock(&mut self, id: LockId) -> Result<Option<Lock>, Error> {
        self.tx.lock(id)
    }
    fn locks(&mut self) -> Result<Vec<Lock>, Error> {
        self.tx.locks()
    }
    fn locks_of_task(&mut self, session: &SessionId, task: TaskId) -> Result<Vec<Lock>, Error> {
        self.tx.locks_of_task(session, task)
    }
    fn locks_due(&mut self, moment: Moment) -> Result<Vec<Lock>, Error> {
        self.tx.locks_due(moment)
    }
    fn record(&mut self, id: LockId) -> Result<Option<Record>, Error> {
        self.tx.record(id)
    }
    fn history(&mut self, filter: &HistoryFilter) -> Result<Vec<Record>, Error> {
        self.tx.history(filter)
    }
    fn has_waiters(&mut self) -> Result<bool, Error> {
        self.tx.has_waiters()
    }
    fn waiters_of(&mut self, session: &SessionId) -> Result<Vec<Waiter>, Error> {
        self.tx.waiters_of(session)
    }
    fn waiters(&mut self) -> Result<Vec<Waiter>, Error> {
        self.tx.waiters()
    }
    fn waiter(&mut self, id: WaiterId) -> Result<Option<Waiter>, Error> {
        self.tx.waiter(real(id))
    }
    fn remembered(
        &mut self,
        session: &SessionId,
        id: &RequestId,
    ) -> Result<Option<Remembered>, Error> {
        self.tx.remembered(session, id)
    }
    fn pauses(&mut self) -> Result<Vec<Pause>, Error> {
        self.tx.pauses()
    }
    fn join(&mut self) -> &mut dyn Any {
        self.tx.join()
    }
}
