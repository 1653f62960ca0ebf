//! Where a case plays: a door to locks that nobody has used yet, a clock and a
//! witness that are turned by hand, and what only some doors can do.

use std::any::Any;
use std::sync::Arc;

use gaia_locks::clock::{Clock, ManualClock};
use gaia_locks::liveness::{Liveness, ManualWitness, ProcessIdentity, Witness};
use gaia_locks::service::Config;
use gaia_locks::store::Store;
use gaia_locks::{LockService, Locks, Scope};

/// Opens the store again as a process would that starts after this one was
/// killed.
pub type Reopen = Box<dyn Fn() -> Arc<dyn Locks> + Send + Sync>;

/// Everything that a case needs.
pub struct Stage {
    /// The door.
    pub locks: Arc<dyn Locks>,
    /// The clock of the store behind it.
    pub clock: ManualClock,
    /// What the store believes of processes.
    pub witness: StageWitness,
    /// A second door to the same store, in another scope.
    pub elsewhere: Option<Arc<dyn Locks>>,
    /// The service itself, where transactions can be joined and shared.
    pub service: Option<LockService>,
    /// A door to the same store after a restart.
    pub reopen: Option<Reopen>,
    keep: Vec<Box<dyn Any>>,
}

impl Stage {
    /// A stage on a store, with all that the service offers.
    pub fn on(store: Arc<dyn Store>, clock: ManualClock) -> Self {
        let witness = StageWitness::new(clock.clone());
        let service = service_on(store.clone(), Scope::local(), &witness);
        let other = Scope::new("another-machine").unwrap();
        let elsewhere: Arc<dyn Locks> = Arc::new(service_on(store, other, &witness));
        Self {
            service: Some(service.clone()),
            elsewhere: Some(elsewhere),
            ..Self::at(Arc::new(service), clock, witness)
        }
    }

    /// A stage at any door, without what not every door can do.
    pub fn at(locks: Arc<dyn Locks>, clock: ManualClock, witness: StageWitness) -> Self {
        Self {
            locks,
            clock,
            witness,
            elsewhere: None,
            service: None,
            reopen: None,
            keep: Vec::new(),
        }
    }

    /// The same stage, whose store can be opened again.
    #[must_use]
    pub fn reopened_by(
        mut self,
        reopen: impl Fn() -> Arc<dyn Locks> + Send + Sync + 'static,
    ) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// The same stage, keeping something until it is over (a temporary folder).
    #[must_use]
    pub fn keeping(mut self, what: impl Any) -> Self {
        self.keep.push(Box::new(what));
        self
    }

    /// A process that lives, on this machine and in this boot.
    pub fn process(&self, pid: u32) -> ProcessIdentity {
        let process = ProcessIdentity {
            boot: self.clock.boot(),
            pid_namespace: 1,
            time_namespace: 1,
            pid,
            start_time: 1000 + u64::from(pid),
            released_by: None,
        };
        self.witness.set(&process, Liveness::Alive);
        process
    }

    /// From now on it is gone.
    pub fn kill(&self, process: &ProcessIdentity) {
        self.witness.set(process, Liveness::Gone);
    }
}

/// A service that believes the stage's witness.
pub fn service_on(store: Arc<dyn Store>, scope: Scope, witness: &StageWitness) -> LockService {
    let config = Config {
        scope,
        witness: Arc::new(witness.clone()),
        ..Config::default()
    };
    LockService::new(store, config)
}

/// Says of processes what a case told it; none outlives the boot it was in.
#[derive(Clone)]
pub struct StageWitness {
    told: ManualWitness,
    clock: ManualClock,
}

impl StageWitness {
    /// A witness that knows of nobody yet.
    pub fn new(clock: ManualClock) -> Self {
        Self {
            told: ManualWitness::default(),
            clock,
        }
    }

    /// From now on this is said of that process.
    pub fn set(&self, process: &ProcessIdentity, liveness: Liveness) {
        self.told.set(process, liveness);
    }

    /// From now on something that this process started is there, or is not.
    pub fn set_leftovers(&self, process: &ProcessIdentity, left: bool) {
        self.told.set_leftovers(process, left);
    }
}

impl Witness for StageWitness {
    fn liveness(&self, process: &ProcessIdentity) -> Liveness {
        if process.boot == self.clock.boot() {
            self.told.liveness(process)
        } else {
            Liveness::Gone
        }
    }

    fn has_leftovers(&self, process: &ProcessIdentity) -> bool {
        self.told.has_leftovers(process)
    }
}
