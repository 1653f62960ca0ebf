//! Marker files: they follow the database, harm nothing, and keep two databases apart.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests, with children that are told by their environment what to do"
)]

mod databases;
mod follow;
mod here;
mod not_ours;
mod seen;
mod turns;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::ManualClock;
use gaia_locks::folder::Folder;
use gaia_locks::markers::{Changes, Markers};
use gaia_locks::model::Mode;
use gaia_locks::service::{Acquire, Config, LockService, Locks, Release, Released, Renew};
use gaia_locks::settings::Markers as Choice;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::{Answer, FolderNow, LockInfo};
use gaia_locks::{Error, LockId, Scope, SessionId, TaskId};
use serde_json::Value;
use tempfile::TempDir;

struct World {
    _there: TempDir,
    root: PathBuf,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let there = tempfile::tempdir().unwrap();
        let root = there.path().canonicalize().unwrap();
        let clock = ManualClock::new();
        Self {
            _there: there,
            root,
            clock,
        }
    }

    fn dir(&self, inside: &str) -> PathBuf {
        let path = self.root.join(inside);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn database(&self, name: &str) -> Database {
        self.database_with(name, &self.root.join(name), Choice::On)
    }

    fn database_with(&self, name: &str, locks_dir: &Path, choice: Choice) -> Database {
        let file = self.root.join(name).join("assigner.db");
        let options = SqliteOptions {
            clock: Arc::new(self.clock.clone()),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&file, options).unwrap();
        let clock = Arc::new(self.clock.clone());
        let file = file.to_str().unwrap().to_owned();
        let markers = Markers::new(choice, locks_dir, file.clone(), Scope::local(), clock);
        let config = Config {
            markers,
            ..Config::default()
        };
        Database {
            service: LockService::new(Arc::new(store), config),
            locks_dir: locks_dir.to_owned(),
            file,
        }
    }
}

struct Database {
    service: LockService,
    locks_dir: PathBuf,
    file: String,
}

fn folder(path: &Path) -> Folder {
    Folder::resolve(path, Path::new("/")).unwrap()
}

fn request(path: &Path, session: &str) -> Acquire {
    Acquire::new(folder(path), SessionId::new(session).unwrap(), TaskId::NONE)
}

impl Database {
    fn ask(&self, request: &Acquire) -> Result<LockInfo, Error> {
        match self.service.acquire(request)? {
            Answer::Granted(mut granted) => Ok(granted.locks.remove(0)),
            other => panic!("not granted: {other:?}"),
        }
    }

    fn lock(&self, path: &Path, session: &str) -> LockInfo {
        self.ask(&request(path, session)).unwrap()
    }

    fn share(&self, path: &Path, session: &str) -> LockInfo {
        let mode = Mode::Shared;
        let request = Acquire {
            mode,
            ..request(path, session)
        };
        self.ask(&request).unwrap()
    }

    fn release(&self, lock: &LockInfo) {
        let request = Release {
            folder: None,
            session: lock.session_id.clone(),
            task: None,
            token: Some(lock.id),
        };
        let released = self.service.release(&request).unwrap();
        assert!(matches!(released, Released::Ended(_)), "{released:?}");
    }

    /// The files in the locks directory that are no database.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.locks_dir).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = paths
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .as_encoded_bytes()
                    .starts_with(b".gaia")
            })
            .collect();
        found.sort();
        found
    }

    fn file_of(&self, folder_path: &str) -> Option<Value> {
        let read = |path: PathBuf| json(&path);
        let mut all = self.files().into_iter().map(read);
        all.find(|content| content["folder_path"] == folder_path)
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn marker(folder: &Path) -> Value {
    json(&folder.join(".gaia"))
}

fn has_marker(folder: &Path) -> bool {
    folder.join(".gaia").symlink_metadata().is_ok()
}

/// The file of a folder in the locks directory.
fn path_of(db: &Database, folder: &Path) -> PathBuf {
    let is_it = |path: &PathBuf| {
        serde_json::from_slice::<Value>(&fs::read(path).unwrap())
            .is_ok_and(|content| content["folder_path"] == folder.to_str().unwrap())
    };
    db.files().into_iter().find(is_it).unwrap()
}
