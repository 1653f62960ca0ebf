//! An assigner as a process of its own, for tests that kill it:
//! `assigner DATABASE LOGS [TTL-SECONDS]`. It ends when nothing is left to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::runner::KeeperProgram;
use gaia_assigner::{Assigner, Config};
use gaia_locks::LockService;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

#[expect(clippy::disallowed_methods, reason = "a program's own command line")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let database = words.next().ok_or("no database was named")?;
    let logs = words.next().ok_or("no folder for logs was named")?;
    let keeper = std::env::current_exe()?.with_file_name("keeper");
    let store = SqliteStore::open(Path::new(&database), SqliteOptions::default())?;
    let mut service = gaia_locks::service::Config::default();
    if let Some(ttl) = words.next() {
        service.ttl = Duration::from_secs_f64(ttl.parse()?);
    }
    let locks = LockService::new(Arc::new(store), service);
    let program = KeeperProgram {
        program: keeper,
        arguments: vec![database.into()],
        environment: Vec::new(),
    };
    let config = Config {
        first_pause: Duration::from_millis(20),
        until_idle: true,
        ..Config::new(PathBuf::from(logs), program)
    };
    Assigner::new(locks, config)?.run();
    Ok(())
}
