//! A store that fails where it is told to.
//!
//! "Every step fails in turn" is shown by counting: the first run counts the
//! steps of a piece of work, then each is made to fail once. A step is one verb
//! of a transaction, its begin, or its commit.

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gaia_locks::clock::{Moment, Now, Wall};
use gaia_locks::folder::Folder;
use gaia_locks::model::{End, Lock, Pause, Waiter, WaiterState};
use gaia_locks::os::Doorbell;
use gaia_locks::store::{HistoryFilter, NewLock, Record, Remembered, Store, Tx, Work};
use gaia_locks::{Error, LockId, RequestId, Scope, SessionId, StoreError, TaskId, WaiterId};

/// Where the store fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nowhere.
    None,
    /// At the step of this number, counted from 0 since it was set; the steps
    /// after it work again.
    At(i64),
    /// After the commit: it is done, but the answer is lost.
    AfterCommit,
}

/// A store that fails where it is told to.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Plan,
}

/// The steps until the fault.
struct Plan {
    taken: AtomicI64,
    fault: Mutex<Fault>,
    last: Mutex<String>,
}

impl Plan {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, name: &str) -> Result<(), Error> {
        let number = self.taken.fetch_add(1, Ordering::SeqCst);
        if self.fault() != Fault::At(number) {
            return Ok(());
        }
        name.clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
        Err(failure(name))
    }
}

fn failure(step: &str) -> Error {
    Error::Store(StoreError::Failed(format!("made to fail at: {step}")))
}

impl FaultyStore {
    /// A store that works, until it is told to fail.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        let plan = Plan {
            taken: AtomicI64::new(0),
            fault: Mutex::new(Fault::None),
            last: Mutex::default(),
        };
        Self { inner, plan }
    }

    /// From now on it fails there; counts anew. Gives the steps taken since
    /// this was last called.
    pub fn fail(&self, fault: Fault) -> i64 {
        *self
            .plan
            .fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fault;
        self.plan.taken.swap(0, Ordering::SeqCst)
    }

    /// The step that failed last.
    pub fn failed_at(&self) -> String {
        self.plan
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn run(&self, work: &mut Work<'_>, writes: bool) -> Result<(), Error> {
        self.plan.step("begin")?;
        let mut whole = |tx: &mut dyn Tx| {
            work(&mut FaultyTx {
                tx,
                plan: &self.plan,
            })?;
            self.plan.step("commit")
        };
        if writes {
            self.inner.write(&mut whole)?;
        } else {
            self.inner.read(&mut whole)?;
        }
        if writes && self.plan.fault() == Fault::AfterCommit {
            return Err(failure("the answer"));
        }
        Ok(())
    }
}

impl Store for FaultyStore {
    fn write(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.run(work, true)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), Error> {
        self.run(work, false)
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

struct FaultyTx<'a> {
    tx: &'a mut dyn Tx,
    plan: &'a Plan,
}

/// Each verb is a step, then the store's own.
macro_rules! steps {
    ($(fn $name:ident(&mut self $(, $arg:ident: $type:ty)*) -> $answer:ty;)*) => {
        $(fn $name(&mut self $(, $arg: $type)*) -> Result<$answer, Error> {
            self.plan.step(stringify!($name))?;
            self.tx.$name($($arg),*)
        })*
    };
}

impl Tx for FaultyTx<'_> {
    fn now(&self) -> Now {
        self.tx.now()
    }

    steps! {
        fn locks_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Vec<Lock>;
        fn lock(&mut self, id: LockId) -> Option<Lock>;
        fn locks(&mut self) -> Vec<Lock>;
        fn locks_of_task(&mut self, session: &SessionId, task: TaskId) -> Vec<Lock>;
        fn locks_due(&mut self, moment: Moment) -> Vec<Lock>;
        fn insert_lock(&mut self, lock: &NewLock<'_>) -> LockId;
        fn update_lock(&mut self, lock: &Lock) -> ();
        fn end_lock(&mut self, lock: &Lock, end: &End) -> ();
        fn record(&mut self, id: LockId) -> Option<Record>;
        fn history(&mut self, filter: &HistoryFilter) -> Vec<Record>;
        fn annotate(&mut self, id: LockId, details: &serde_json::Value) -> ();
        fn prune(&mut self, before: Wall) -> u64;
        fn has_waiters(&mut self) -> bool;
        fn waiters_overlapping(&mut self, scope: &Scope, folders: &[Folder]) -> Vec<Waiter>;
        fn waiters_of(&mut self, session: &SessionId) -> Vec<Waiter>;
        fn waiters(&mut self) -> Vec<Waiter>;
        fn waiter(&mut self, id: WaiterId) -> Option<Waiter>;
        fn insert_waiter(&mut self, waiter: &Waiter) -> WaiterId;
        fn update_waiter(&mut self, id: WaiterId, state: &WaiterState, heard: Moment) -> ();
        fn remove_waiter(&mut self, id: WaiterId) -> ();
        fn remembered(&mut self, session: &SessionId, id: &RequestId) -> Option<Remembered>;
        fn remember(&mut self, session: &SessionId, id: &RequestId, what: &Remembered) -> ();
        fn forget(&mut self, session: &SessionId, id: &RequestId) -> ();
        fn forget_before(&mut self, before: Wall) -> ();
        fn pauses(&mut self) -> Vec<Pause>;
        fn insert_pause(&mut self, pause: &Pause) -> ();
        fn remove_pause(&mut self, scope: &Scope, folder: &Folder) -> bool;
    }

    fn join(&mut self) -> &mut dyn Any {
        self.tx.join()
    }
}
