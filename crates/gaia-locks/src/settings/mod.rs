//! All settings in one place: their names and defaults ([`SETTINGS`]), their values
//! ([`Settings`]), and where each value came from ([`Origin`]).
//!
//! Why one place: a setting that is read where it is used gets its own default, its own idea of
//! "true" and its own silence when it is misspelled. Here each is read once, by one rule:
//!
//! - A flag wins over the environment, that over `.env`, that over `$GAIA_HOME/gaia.toml`, that
//!   over the default. Which files count, and why, is said in `sources.rs`.
//! - An empty value counts as not set, as most tools hold it; only an empty flag is an error.
//! - A value that cannot be read is an error with the name, the value, its origin and what is
//!   allowed. So is an unknown name in a file that we read.
//! - `~/` at the start of a path is the user's home. Relative paths start at the current folder,
//!   those in a file at the file's folder.
//!
//! This module never touches the environment of the process: see [`Sources`].

mod choices;
mod database;
mod dot_env;
mod error;
mod example;
mod hooks;
mod layers;
mod sources;
mod table;
mod toml_file;
mod value;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use choices::{Durability, LogFormat, Markers, Secret, Uncommitted};
pub use database::Database;
pub use error::SettingError;
pub use example::dot_env_example;
pub use hooks::{HookFailure, HookLocks, HookShell, HookSubagents, Hooks};
pub use sources::{Flag, Origin, Sources};
pub use table::{SETTINGS, Setting, find, help, markdown, nearest};
pub use value::LEASE_RANGE;

use layers::Layers;

/// All settings, read and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// GAIA_HOME: state, logs, configuration.
    pub home: PathBuf,
    /// GAIA_LOCKS_DIR: the locks directory.
    pub locks_dir: PathBuf,
    /// GAIA_LOCK_TIMEOUT_HOURS: how long a lease is.
    pub lease: Duration,
    /// GAIA_AUTO_CLEANUP_LOCKS: whether expired locks are swept.
    pub auto_cleanup: bool,
    /// GAIA_LOCK_CLEANUP_INTERVAL: the time between sweeps.
    pub cleanup_interval: Duration,
    /// GAIA_DATABASE_URL, else `assigner.db` in the locks directory.
    pub database: Database,
    /// GAIA_DURABILITY: what an acknowledged grant survives.
    pub durability: Durability,
    /// GAIA_SCOPE: the scope of this machine's paths; `None` leaves it to the kind of database.
    pub scope: Option<String>,
    /// GAIA_MARKERS: where marker files are kept.
    pub markers: Markers,
    /// GAIA_HISTORY_RETENTION: the age at which history is pruned, if ever.
    pub history_retention: Option<Duration>,
    /// GAIA_UNCOMMITTED: what a task does with work that another left uncommitted.
    pub uncommitted: Uncommitted,
    /// GAIA_HOOK_…: what agents' hooks go by.
    pub hooks: Hooks,
    /// GAIA_LISTEN: where the server listens.
    pub listen: SocketAddr,
    /// GAIA_SERVER: the server to work through instead of a database, without a slash at its end.
    pub server: Option<String>,
    /// GAIA_TOKEN: the token for that server.
    pub token: Option<Secret>,
    /// GAIA_SERVER_CA: the certificates that vouch for that server instead of the public ones.
    pub server_ca: Option<PathBuf>,
    /// GAIA_LOG: the log filter.
    pub log: String,
    /// GAIA_LOG_FORMAT: the form of the log.
    pub log_format: LogFormat,
    origins: BTreeMap<&'static str, Origin>,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// [`SettingError`]: the first value, name or file that cannot be read.
    pub fn load(sources: &Sources<'_>) -> Result<Self, SettingError> {
        let layers = Layers::open(sources)?;
        let locks_dir = layers.path("GAIA_LOCKS_DIR")?;
        let locks_dir = locks_dir.unwrap_or_else(|| layers.home.join("locks"));
        let database = layers.optional("GAIA_DATABASE_URL", Database::parse)?;
        let database = database.unwrap_or_else(|| Database::Sqlite(locks_dir.join("assigner.db")));
        let listen = layers.value("GAIA_LISTEN", value::listen)?;
        let durability = layers.optional("GAIA_DURABILITY", Durability::parse)?;
        let durability = durability.unwrap_or_else(|| Durability::usual(&database, listen));
        let origins = SETTINGS.iter().map(|s| (s.name, layers.origin(s.name)));
        Ok(Self {
            lease: layers.value("GAIA_LOCK_TIMEOUT_HOURS", value::lease_hours)?,
            auto_cleanup: layers.value("GAIA_AUTO_CLEANUP_LOCKS", value::boolean)?,
            cleanup_interval: layers.value("GAIA_LOCK_CLEANUP_INTERVAL", value::interval)?,
            scope: layers.optional("GAIA_SCOPE", value::scope)?,
            markers: layers.value("GAIA_MARKERS", Markers::parse)?,
            history_retention: layers.value("GAIA_HISTORY_RETENTION", value::retention)?,
            uncommitted: layers.value("GAIA_UNCOMMITTED", Uncommitted::parse)?,
            hooks: Hooks::load(&layers)?,
            server: server(&layers)?,
            token: layers.optional("GAIA_TOKEN", value::token)?,
            server_ca: layers.path("GAIA_SERVER_CA")?,
            log: layers.value("GAIA_LOG", value::log)?,
            log_format: layers.value("GAIA_LOG_FORMAT", LogFormat::parse)?,
            origins: origins.collect(),
            home: layers.home,
            locks_dir,
            database,
            durability,
            listen,
        })
    }

    /// Where a setting's value came from.
    #[must_use]
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.get(name).unwrap_or(&Origin::Default)
    }

    /// Every setting with its value and where that came from, in the table's order, for
    /// `gaia doctor`. Holds no secret.
    #[must_use]
    pub fn report(&self) -> Vec<Reported> {
        let report = |setting: &Setting| Reported {
            name: setting.name,
            value: (setting.show)(self),
            origin: self.origin(setting.name).clone(),
            meaning: setting.meaning,
        };
        SETTINGS.iter().map(report).collect()
    }

    /// The table of all settings as text for `--help`.
    #[must_use]
    pub fn help() -> String {
        help()
    }
}

/// One line of [`Settings::report`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reported {
    /// The setting.
    pub name: &'static str,
    /// Its value as people read it.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What the setting decides.
    pub meaning: &'static str,
}

/// Whoever names a database in the call means it, and no server that the surroundings name.
fn server(layers: &Layers) -> Result<Option<String>, SettingError> {
    let named = layers.optional("GAIA_SERVER", value::server)?;
    let in_the_call = |name| matches!(layers.origin(name), Origin::Flag(_));
    Ok(named.filter(|_| in_the_call("GAIA_SERVER") || !in_the_call("GAIA_DATABASE_URL")))
}
