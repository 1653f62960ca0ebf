//! The suite that every store runs (gaia-locks/tests/conformance.rs), at the
//! far end of a connection: client, HTTP, server, SQLite.
//!
//! What this door cannot do is left out of its stage: sharing a transaction.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gaia_locks::clock::ManualClock;
use gaia_locks::settings::Durability;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{LockService, Locks, Scope};
use gaia_testkit::conformance::{self, Stage, StageWitness, service_on};
use gaia_testkit::every_case;

use crate::server::Server;

fn service(path: &Path, clock: &ManualClock, witness: &StageWitness) -> LockService {
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        durability: Durability::Normal,
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(path, options).unwrap();
    service_on(Arc::new(store), Scope::local(), witness)
}

/// What is on disk when every process that uses the database is killed.
fn crash_image(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap().join("after-the-crash");
    std::fs::create_dir(&folder).unwrap();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", path.display());
        std::fs::copy(from, folder.join(format!("assigner.db{suffix}"))).unwrap();
    }
    folder.join("assigner.db")
}

fn through_a_server() -> Stage {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let witness = StageWitness::new(clock.clone());
    let server = Server::on(service(&path, &clock, &witness));
    let locks: Arc<dyn Locks> = Arc::new(server.client(None));
    let elsewhere: Arc<dyn Locks> = Arc::new(server.client(Some("another-machine")));
    let mut stage = Stage::at(locks, clock.clone(), witness.clone());
    stage.elsewhere = Some(elsewhere);
    let servers = Arc::new(Mutex::new(vec![server]));
    let kept = servers.clone();
    let reopen = move || -> Arc<dyn Locks> {
        let server = Server::on(service(&crash_image(&path), &clock, &witness));
        let client = Arc::new(server.client(Some("local")));
        servers.lock().unwrap().push(server);
        client
    };
    stage.reopened_by(reopen).keeping(kept).keeping(home)
}

macro_rules! tests {
    ($stage:path; $($room:ident :: $name:ident)*) => {
        $(#[test]
        fn $name() {
            conformance::play(stringify!($name), &$stage());
        })*
    };
}

every_case!(tests through_a_server;);
