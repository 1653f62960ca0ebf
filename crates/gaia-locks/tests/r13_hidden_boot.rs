//! A sandbox may hide from a process which boot it runs in. It must not take
//! that for a restart of the machine: leases would start anew at each of its
//! calls, and again at the next call from outside [R13].

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{BootId, Clock, ManualClock, Now};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Scope};
use gaia_testkit::conformance::{StageWitness, ask, service_on};

/// The same time, and no word of the boot.
#[derive(Clone)]
struct InASandbox(ManualClock);

impl Clock for InASandbox {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn boot(&self) -> BootId {
        BootId(String::new())
    }
}

fn open(path: &Path, clock: Arc<dyn Clock>, witness: &StageWitness) -> LockService {
    let options = SqliteOptions {
        clock,
        ..SqliteOptions::default()
    };
    let store = Arc::new(SqliteStore::open(path, options).unwrap());
    service_on(store, Scope::local(), witness)
}

#[test]
fn r13_a_process_that_is_not_shown_its_boot_restarts_no_lease() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let witness = StageWitness::new(clock.clone());
    let outside = open(&path, Arc::new(clock.clone()), &witness);
    let inside = open(&path, Arc::new(InASandbox(clock.clone())), &witness);
    let hour = Duration::from_secs(3600);
    let Answer::Granted(granted) = ask("A", "/r").ttl(3600).at(&outside).unwrap() else {
        unreachable!("nobody else is there");
    };
    let first = granted.locks[0].id;
    clock.advance(hour / 2);
    for who in [&inside, &outside, &inside] {
        let answer = ask("B", "/r").at(who).unwrap();
        assert!(!matches!(answer, Answer::Granted(_)), "{answer:?}");
    }
    clock.advance(hour / 2);
    let Answer::Granted(granted) = ask("B", "/r").at(&inside).unwrap() else {
        unreachable!("the lease is over");
    };
    assert_eq!(
        granted.locks[0].id.0,
        first.0 + 1,
        "no block of tokens was lost"
    );
}
