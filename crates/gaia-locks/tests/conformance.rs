//! One suite, every store, the same run: the cases are gaia-testkit's, see
//! `docs/testing.md`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_locks::clock::ManualClock;
use gaia_locks::settings::Durability;
use gaia_locks::store::memory::MemoryStore;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{Locks, Scope};
use gaia_testkit::conformance::{self, Stage, service_on};
use gaia_testkit::every_case;

fn in_memory() -> Stage {
    let clock = ManualClock::new();
    Stage::on(Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock)
}

fn open(path: &Path, clock: &ManualClock) -> Arc<SqliteStore> {
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        durability: Durability::Normal,
        ..SqliteOptions::default()
    };
    Arc::new(SqliteStore::open(path, options).unwrap())
}

/// What is on disk when every process that uses the database is killed: the
/// file and its log as they are, and no shared memory.
fn crash_image(path: &Path, name: &str) -> PathBuf {
    let folder = path.parent().unwrap().join(name);
    std::fs::create_dir(&folder).unwrap();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", path.display());
        std::fs::copy(from, folder.join(format!("assigner.db{suffix}"))).unwrap();
    }
    folder.join("assigner.db")
}

fn in_sqlite() -> Stage {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let stage = Stage::on(open(&path, &clock), clock.clone());
    let witness = stage.witness.clone();
    let reopen = move || -> Arc<dyn Locks> {
        let image = crash_image(&path, "after-the-crash");
        Arc::new(service_on(open(&image, &clock), Scope::local(), &witness))
    };
    stage.reopened_by(reopen).keeping(home)
}

macro_rules! tests {
    ($stage:path; $($room:ident :: $name:ident)*) => {
        $(#[test]
        fn $name() {
            conformance::play(stringify!($name), &$stage());
        })*
    };
}

mod memory {
    use super::*;
    every_case!(tests super::in_memory;);
}

mod sqlite {
    use super::*;
    every_case!(tests super::in_sqlite;);
}
