//! GAIA's own side: the door on a database of its own, and one cycle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_locks::folder::Folder;
use gaia_locks::service::{Acquire, Config, Patience, Release};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockId, LockService, Locks, SessionId, TaskId};

use super::Trouble;

/// Somebody who takes one folder and gives it back.
pub(super) struct Caller {
    service: LockService,
    session: SessionId,
    folder: PathBuf,
}

/// The door on a database file, markers off unless the configuration says so.
pub(super) fn open(database: &Path, config: Config) -> Result<LockService, Trouble> {
    let store = SqliteStore::open(database, SqliteOptions::default())?;
    Ok(LockService::new(Arc::new(store), config))
}

impl Caller {
    pub(super) fn new(service: LockService, session: &str, folder: &Path) -> Result<Self, Trouble> {
        Ok(Self {
            service,
            session: SessionId::new(session)?,
            folder: folder.to_owned(),
        })
    }

    /// Acquire and release, all that a user's call does: the folder is found
    /// out anew each time.
    pub(super) fn cycle(&self) -> Result<(), Trouble> {
        let token = self.granted(self.service.acquire(&self.request()?)?)?;
        self.release(token)
    }

    /// Waits for its turn; gives the token.
    pub(super) fn wait_for_turn(&self) -> Result<LockId, Trouble> {
        let mut patience = Patience::default();
        let answer = self
            .service
            .acquire_waiting(&self.request()?, &mut patience)?;
        self.granted(answer)
    }

    pub(super) fn release(&self, token: LockId) -> Result<(), Trouble> {
        self.service.release(&Release {
            folder: None,
            session: self.session.clone(),
            task: None,
            token: Some(token),
        })?;
        Ok(())
    }

    fn request(&self) -> Result<Acquire, Trouble> {
        let folder = Folder::resolve(&self.folder, Path::new("/"))?;
        Ok(Acquire::new(folder, self.session.clone(), TaskId::NONE))
    }

    fn granted(&self, answer: Answer) -> Result<LockId, Trouble> {
        match answer {
            Answer::Granted(granted) => granted
                .locks
                .first()
                .map(|lock| lock.id)
                .ok_or_else(|| "a grant without a lock".into()),
            other => Err(format!("not granted: {other:?}").into()),
        }
    }
}
