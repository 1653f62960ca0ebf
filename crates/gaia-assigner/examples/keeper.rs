//! A keeper as a program of its own: what the hidden command of the binary
//! does. The tests of this crate start it: `keeper DATABASE`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_assigner::keeper::Door;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{Error, LockService, Locks};

#[expect(clippy::disallowed_methods, reason = "a program's own command line")]
fn main() -> std::io::Result<()> {
    let database = std::env::args_os().nth(1).map(PathBuf::from);
    let door: Door = Arc::new(move || open(database.as_deref()));
    gaia_assigner::keeper::run(door)
}

fn open(database: Option<&Path>) -> Result<Arc<dyn Locks>, Error> {
    let none = || Error::InvalidRequest("no database was named".to_owned());
    let path = database.filter(|path| path.is_file()).ok_or_else(none)?;
    let store = SqliteStore::open(path, SqliteOptions::default())?;
    let config = gaia_locks::service::Config::default();
    Ok(Arc::new(LockService::new(Arc::new(store), config)))
}
