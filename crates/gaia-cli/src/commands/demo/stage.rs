//! The stage: a temporary home with a database of its own, and a small
//! repository to work in. Nothing outside of it is touched.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use gaia_assigner::TaskService;
use gaia_locks::folder::Folder;
use gaia_locks::service::{Config, LockService};
use gaia_locks::settings::SETTINGS;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

use super::repository;
use crate::context::variable;
use crate::exit::Failure;

/// What everything that the demo starts finds in its environment.
pub const MARK: &str = "GAIA_DEMO";

/// A temporary home.
pub struct Stage {
    /// Where all of it lies, links resolved.
    pub root: PathBuf,
    /// Deletes it in the end, unless it is kept.
    folder: Option<tempfile::TempDir>,
}

impl Stage {
    /// Makes one.
    ///
    /// # Errors
    /// When there is no place for it.
    pub fn build(keep: bool) -> Result<Self, Failure> {
        let base = temporary();
        let folder = tempfile::Builder::new()
            .prefix("gaia-demo-")
            .tempdir_in(&base)?;
        let root = PathBuf::from(Folder::resolve(folder.path(), &base)?.path());
        let folder = match keep {
            false => Some(folder),
            true => {
                // From here on it stays, whatever happens.
                drop(folder.keep());
                None
            }
        };
        let stage = Self { root, folder };
        for place in [stage.locks_dir(), stage.reports(), stage.tries()] {
            fs::create_dir_all(place)?;
        }
        repository::fill(&stage.repository())?;
        Ok(stage)
    }

    /// One that was kept.
    ///
    /// # Errors
    /// When it is none.
    pub fn kept(root: &Path) -> Result<Self, Failure> {
        if !Self::play_file(root).is_file() {
            let what = format!("{} is not the home of a demo", root.display());
            return Err(Failure::usage(what).hint("gaia demo --keep leaves one"));
        }
        Ok(Self {
            root: root.to_owned(),
            folder: None,
        })
    }

    /// GAIA_HOME.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// GAIA_LOCKS_DIR.
    pub fn locks_dir(&self) -> PathBuf {
        self.home().join("locks")
    }

    /// The repository.
    pub fn repository(&self) -> PathBuf {
        Self::repository_of(&self.root)
    }

    /// The repository of a stage.
    pub fn repository_of(root: &Path) -> PathBuf {
        root.join(repository::TOP)
    }

    /// What the stand-ins say.
    pub fn reports(&self) -> PathBuf {
        self.root.join("reports")
    }

    /// Which tasks have been tried.
    pub fn tries(&self) -> PathBuf {
        self.root.join("tries")
    }

    /// The play, as the stand-ins read it.
    pub fn play_file(root: &Path) -> PathBuf {
        root.join("play.json")
    }

    fn database(&self) -> PathBuf {
        self.locks_dir().join("assigner.db")
    }

    /// The doors to the stage's own database, whatever the user's settings say.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn doors(&self) -> Result<TaskService, Failure> {
        let store = SqliteStore::open(&self.database(), SqliteOptions::default())?;
        let locks = LockService::new(Arc::new(store), Config::default());
        Ok(TaskService::new(locks))
    }

    /// This program once more, on the stage: it knows this home and no other,
    /// stands apart from the terminal's Ctrl-C, and bears the mark.
    pub fn program(&self, log: &str) -> io::Result<Command> {
        use std::os::unix::process::CommandExt as _;
        let log = fs::File::create(self.home().join(log))?;
        let mut command = Command::new(std::env::current_exe()?);
        for setting in SETTINGS {
            command.env_remove(setting.name);
        }
        for name in ["GAIA_SESSION", "GAIA_TASK", "GAIA_LOCK_TOKEN"] {
            command.env_remove(name);
        }
        command
            .env(MARK, &self.root)
            .env("GAIA_MARKERS", "off")
            .env("GAIA_HOME", self.home())
            .env("GAIA_LOCKS_DIR", self.locks_dir())
            .env("GAIA_DATABASE_URL", self.database_url())
            .current_dir(&self.root)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// GAIA_DATABASE_URL.
    pub fn database_url(&self) -> OsString {
        let mut url = OsString::from("sqlite://");
        url.push(self.database());
        url
    }

    /// Whether it is kept.
    pub fn is_kept(&self) -> bool {
        self.folder.is_none()
    }

    /// Takes it away.
    ///
    /// # Errors
    /// When something of it stays.
    pub fn clear(mut self) -> io::Result<()> {
        match self.folder.take() {
            Some(folder) => folder.close(),
            None => Ok(()),
        }
    }
}

/// Where temporary files lie.
fn temporary() -> PathBuf {
    let set = variable("TMPDIR").map(PathBuf::from);
    let usable = set.filter(|path| path.is_absolute());
    usable.unwrap_or_else(|| PathBuf::from("/tmp"))
}
