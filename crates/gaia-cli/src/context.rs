//! What a command works with, made when it is first needed: settings, the
//! door to the locks, folders as they were typed.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_locks::clock::SystemClock;
use gaia_locks::folder::Folder;
use gaia_locks::ids::Scope;
use gaia_locks::markers::Markers;
use gaia_locks::service::Config;
use gaia_locks::settings::{Database, Settings, Sources};
use gaia_locks::store::Store;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{LockService, Locks};

use crate::args::Global;
use crate::exit::{Failure, Status};
use crate::output::Output;

/// A variable of the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment; settings are handed it"
)]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// What a command works with.
pub struct Context {
    /// Where it answers.
    pub out: Output,
    global: Global,
    dot_env_here: bool,
    settings: OnceCell<Settings>,
    service: OnceCell<Arc<LockService>>,
}

/// What makes the same context again, in another thread.
#[derive(Clone)]
pub struct Again {
    global: Global,
    dot_env_here: bool,
}

impl Again {
    /// Makes it.
    pub fn context(&self) -> Context {
        Context::new(self.global.clone(), self.dot_env_here)
    }
}

impl Context {
    /// Nothing is read or opened yet.
    pub fn new(global: Global, dot_env_here: bool) -> Self {
        Self {
            out: Output::new(global.json),
            global,
            dot_env_here,
            settings: OnceCell::new(),
            service: OnceCell::new(),
        }
    }

    /// What makes it again.
    pub fn again(&self) -> Again {
        Again {
            global: self.global.clone(),
            dot_env_here: self.dot_env_here,
        }
    }

    /// All settings.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub fn settings(&self) -> Result<&Settings, Failure> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let sources = Sources {
            flags: self.global.settings(),
            user_home: variable("HOME").map(PathBuf::from),
            dot_env_here: self.dot_env_here,
            ..Sources::new(&variable, &here().unwrap_or_else(|_| PathBuf::from("/")))
        };
        let settings = Settings::load(&sources)?;
        Ok(self.settings.get_or_init(|| settings))
    }

    /// The settings that were given as flags, as variables: for those whom a
    /// command starts.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub fn settings_from_flags(&self) -> Result<Vec<(&'static str, OsString)>, Failure> {
        let mut variables = Vec::new();
        for flag in self.global.settings() {
            let settings = self.settings()?;
            let value = match flag.setting {
                "GAIA_HOME" => settings.home.clone().into(),
                "GAIA_LOCKS_DIR" => settings.locks_dir.clone().into(),
                _ => flag.value,
            };
            variables.push((flag.setting, value));
        }
        Ok(variables)
    }

    /// The one door to the locks. Commands that only need the verbs use this,
    /// so that they also work through a server one day.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn locks(&self) -> Result<Arc<dyn Locks>, Failure> {
        let service: Arc<dyn Locks> = self.service()?;
        Ok(service)
    }

    /// The door to tasks and sessions.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn tasks(&self) -> Result<gaia_assigner::Tasks, Failure> {
        Ok(gaia_assigner::Tasks::new((*self.service()?).clone()))
    }

    /// The door on the database itself, for tables that join its transactions
    /// and for backups.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn service(&self) -> Result<Arc<LockService>, Failure> {
        if let Some(service) = self.service.get() {
            return Ok(service.clone());
        }
        let settings = self.settings()?;
        let options = SqliteOptions {
            durability: settings.durability,
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(self.database_file()?, options)?;
        let config = self.config(settings, store.name())?;
        let service = LockService::new(Arc::new(store), config);
        Ok(self.service.get_or_init(|| Arc::new(service)).clone())
    }

    fn config(&self, settings: &Settings, database: String) -> Result<Config, Failure> {
        let scope = settings.scope.clone().map(Scope::new).transpose()?;
        let scope = scope.unwrap_or_else(Scope::local);
        let clock = Arc::new(SystemClock);
        let locks_dir = &settings.locks_dir;
        Ok(Config {
            markers: Markers::new(settings.markers, locks_dir, database, scope.clone(), clock),
            scope,
            ttl: settings.lease,
            retention: settings.history_retention,
            ..Config::default()
        })
    }

    /// The file of the embedded database.
    ///
    /// # Errors
    /// When the settings name a server: locking somewhere else instead would
    /// let two holders into one folder.
    pub fn database_file(&self) -> Result<&Path, Failure> {
        let settings = self.settings()?;
        if let Some(server) = &settings.server {
            return Err(not_yet(format!("GAIA_SERVER names {server}")));
        }
        match &settings.database {
            Database::Sqlite(path) => Ok(path),
            server => Err(not_yet(format!("the database is {server}"))),
        }
    }

    /// The folder that somebody typed; a relative one counts from the current
    /// folder.
    ///
    /// # Errors
    /// When it cannot be a folder.
    pub fn folder(&self, typed: &Path) -> Result<Folder, Failure> {
        let base = match typed.is_absolute() {
            true => PathBuf::from("/"),
            false => here()?,
        };
        Ok(Folder::resolve(typed, &base)?)
    }

    /// Several of them.
    ///
    /// # Errors
    /// As [`Context::folder`], for the first that cannot be one.
    pub fn folders(&self, typed: &[PathBuf]) -> Result<Vec<Folder>, Failure> {
        typed.iter().map(|path| self.folder(path)).collect()
    }
}

/// The current folder.
///
/// # Errors
/// When it cannot be told.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge, where relative folders get their start"
)]
pub fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir().map_err(|error| {
        Failure::new(
            "invalid_folder",
            Status::Usage,
            format!(
                "the current folder cannot be told ({error}), so a relative folder means nothing"
            ),
        )
        .hint("name the folder with its whole path")
    })
}

fn not_yet(what: String) -> Failure {
    Failure::new(
        "not_supported",
        Status::NoDatabase,
        format!("{what}, which this version cannot work with"),
    )
    .hint("leave it out, or name a file: GAIA_DATABASE_URL=sqlite:///absolute/path")
}
