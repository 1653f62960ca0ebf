//! What marker files add to taking and releasing a lock (N6 of the numbers: at most as much again).
//! Run it with: cargo run --release -p gaia-locks --example marker_speed [DIRECTORY]

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example for a terminal"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::markers::Markers;
use gaia_locks::service::{Acquire, Config, LockService, Locks, Release};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{Scope, SessionId, TaskId, settings};

const ROUNDS: usize = 3_000;

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os().nth(1).map(PathBuf::from);
    let place = match parent {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let choices = [
        settings::Markers::Off,
        settings::Markers::Locks,
        settings::Markers::On,
    ];
    for _ in 0..3 {
        let mut off = None;
        for choice in choices {
            let time = cycle(place.path(), choice)?;
            let off = *off.get_or_insert(time);
            let ratio = time as f64 / off as f64;
            println!("markers {:5} {time} ns ({ratio:.2}x)", choice.as_str());
        }
    }
    Ok(())
}

/// The median of one acquire and one release.
fn cycle(place: &Path, choice: settings::Markers) -> Result<u128, Box<dyn Error>> {
    let service = open(place, choice)?;
    let work = place.join("some/repository/within");
    std::fs::create_dir_all(&work)?;
    let folder = Folder::resolve(&work, Path::new("/"))?;
    let session = SessionId::new("speed")?;
    let acquire = Acquire::new(folder.clone(), session.clone(), TaskId::NONE);
    let release = Release {
        folder: Some(folder),
        session,
        task: None,
        token: None,
    };
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let before = SystemClock.now().moment;
        service.acquire(&acquire)?;
        service.release(&release)?;
        times.push(SystemClock.now().moment.since(before).as_nanos());
    }
    times.sort_unstable();
    Ok(times.get(ROUNDS / 2).copied().unwrap_or_default())
}

fn open(place: &Path, choice: settings::Markers) -> Result<LockService, Box<dyn Error>> {
    let locks_dir = place.join("locks");
    let store = SqliteStore::open(&locks_dir.join("assigner.db"), SqliteOptions::default())?;
    let database = store.path().display().to_string();
    let clock = Arc::new(SystemClock);
    let markers = Markers::new(choice, &locks_dir, database, Scope::local(), clock);
    let config = Config {
        markers,
        ..Config::default()
    };
    Ok(LockService::new(Arc::new(store), config))
}
