//! What a command works with, made when it is first needed: settings, the
//! door to the locks, folders as they were typed.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gaia_assigner::{TaskService, Tasks};
use gaia_client::Client;
use gaia_locks::folder::Folder;
use gaia_locks::settings::{Origin, Settings, Sources};
use gaia_locks::{LockService, Locks, open};
use gaia_server::accounts::Accounts;

use crate::accounts;
use crate::args::Global;
use crate::exit::{Failure, Status};
use crate::output::Output;
use crate::output::human::clean;
use crate::tell;

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
    client: OnceCell<Client>,
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
            client: OnceCell::new(),
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
        for (name, place) in relative_places(&settings) {
            tell::note(&format!(
                "{name} is a relative path: here it means {}, elsewhere another place",
                clean(&place.to_string_lossy())
            ));
        }
        if let Some(server) = server_of_a_file(&settings) {
            tell::note(&format!(
                "GAIA_DATABASE_URL is passed over: a file's GAIA_SERVER says to work through {}",
                clean(server)
            ));
        }
        Ok(self.settings.get_or_init(|| settings))
    }

    /// Places that the environment names by a path that counts from the current
    /// folder.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub fn relative_places(
        &self,
    ) -> Result<impl Iterator<Item = (&'static str, &PathBuf)>, Failure> {
        self.settings().map(relative_places)
    }

    /// The socket of the tmux server that is meant.
    ///
    /// # Errors
    /// When the current folder cannot be told, or the path is no text.
    pub fn tmux_server(&self, named: Option<&str>) -> Result<String, Failure> {
        let uid = rustix::process::getuid().as_raw();
        let socket = crate::tmux_server::socket(named, variable, uid, &here()?);
        socket.into_os_string().into_string().map_err(|socket| {
            Failure::usage(format!(
                "the tmux server's socket {socket:?} is no readable path"
            ))
        })
    }

    /// Where the sockets of this user's tmux servers lie.
    ///
    /// # Errors
    /// When the current folder cannot be told.
    pub fn tmux_sockets(&self) -> Result<PathBuf, Failure> {
        let uid = rustix::process::getuid().as_raw();
        Ok(crate::tmux_server::sockets(variable, uid, &here()?))
    }

    /// The settings that whoever is started in another folder would not find
    /// as they are here, as variables: those given as flags, and relative
    /// places.
    ///
    /// # Errors
    /// As [`Context::settings`].
    pub fn settings_to_hand_on(&self) -> Result<Vec<(&'static str, OsString)>, Failure> {
        let mut variables: Vec<_> = relative_places(self.settings()?)
            .map(|(name, place)| (name, place.clone().into_os_string()))
            .collect();
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

    /// The one door to the locks: through the server that the settings name,
    /// else on the database. Commands that only need the verbs use this.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn locks(&self) -> Result<Arc<dyn Locks>, Failure> {
        Ok(match self.client()? {
            Some(client) => Arc::new(client),
            None => self.service()?,
        })
    }

    /// The door to tasks and sessions, likewise.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn tasks(&self) -> Result<Arc<dyn Tasks>, Failure> {
        Ok(match self.client()? {
            Some(client) => Arc::new(client),
            None => Arc::new(self.task_service()?),
        })
    }

    /// The server's accounts, likewise.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn accounts(&self) -> Result<accounts::Door, Failure> {
        Ok(match self.client()? {
            Some(client) => accounts::Door::There(client),
            None => accounts::Door::Here(Accounts::new((*self.service()?).clone())),
        })
    }

    /// Both doors through a server, where the settings name one.
    ///
    /// # Errors
    /// When what vouches for the server cannot be read.
    pub fn client(&self) -> Result<Option<Client>, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(Some(client.clone()));
        }
        let Some(config) = gaia_client::Config::of(self.settings()?)? else {
            return Ok(None);
        };
        let client = Client::new(config)?;
        Ok(Some(self.client.get_or_init(|| client).clone()))
    }

    /// The same on the database itself.
    ///
    /// # Errors
    /// As [`Context::service`].
    pub fn task_service(&self) -> Result<TaskService, Failure> {
        let service = (*self.service()?).clone();
        Ok(TaskService::new(service).with_uncommitted(self.settings()?.uncommitted))
    }

    /// Leaves the database, if it was opened, as the next command wants it.
    pub fn settle(&self) {
        if let Some(service) = self.service.get() {
            service.store().settle();
        }
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
        on_the_database(settings)?;
        let service = Arc::new(open::open(settings)?);
        Ok(self.service.get_or_init(|| service).clone())
    }

    /// The file of the embedded database.
    ///
    /// # Errors
    /// When the settings name a server: locking somewhere else instead would
    /// let two holders into one folder.
    pub fn database_file(&self) -> Result<&Path, Failure> {
        let settings = self.settings()?;
        on_the_database(settings)?;
        Ok(open::database_file(settings)?)
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

    /// Several of them, each once however often and however it was spelled: as
    /// they are granted.
    ///
    /// # Errors
    /// As [`Context::folder`], for the first that cannot be one.
    pub fn each_folder_once(&self, typed: &[PathBuf]) -> Result<Vec<Folder>, Failure> {
        let mut folders: Vec<Folder> = Vec::with_capacity(typed.len());
        for folder in self.folders(typed)? {
            if !folders.iter().any(|known| known.same(&folder)) {
                folders.push(folder);
            }
        }
        Ok(folders)
    }

    /// Several of them.
    ///
    /// # Errors
    /// As [`Context::folder`], for the first that cannot be one.
    pub fn folders(&self, typed: &[PathBuf]) -> Result<Vec<Folder>, Failure> {
        typed.iter().map(|path| self.folder(path)).collect()
    }
}

/// For what works on the database itself and not through a server.
fn on_the_database(settings: &Settings) -> Result<(), Failure> {
    let Some(server) = &settings.server else {
        return Ok(());
    };
    let what =
        format!("this works on the database itself, and GAIA_SERVER says to work through {server}");
    Err(Failure::new("database_only", Status::Usage, what)
        .hint("run it on the machine where the database is, without GAIA_SERVER"))
}

/// The server of a file, beside a database that the environment names: whoever
/// set that here may not know of the file.
fn server_of_a_file(settings: &Settings) -> Option<&String> {
    let database = settings.origin("GAIA_DATABASE_URL");
    let server = settings.origin("GAIA_SERVER");
    let of_a_file = matches!(server, Origin::Toml { .. } | Origin::DotEnv { .. });
    let named = settings.server.as_ref();
    named.filter(|_| of_a_file && *database == Origin::Environment)
}

/// Places that the environment names by a path that counts from the current
/// folder: two commands in two folders would have two databases.
fn relative_places(settings: &Settings) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    let places = [
        ("GAIA_HOME", &settings.home),
        ("GAIA_LOCKS_DIR", &settings.locks_dir),
    ];
    places.into_iter().filter(|(name, _)| {
        *settings.origin(name) == Origin::Environment
            && variable(name).is_some_and(|value| is_relative(&value))
    })
}

fn is_relative(value: &OsStr) -> bool {
    let path = Path::new(value);
    path.is_relative() && !path.starts_with("~")
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
