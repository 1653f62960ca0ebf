//! Where values come from, and which of them wins: a flag over the environment, the environment
//! over `.env`, that over `$GAIA_HOME/gaia.toml`.
//!
//! The library never asks the process for its environment, its folder or its user: a program at
//! the edge hands them in as [`Sources`], and so does every test.
//!
//! `.env` of the current folder is read only when asked for (`up`, `assigner` and `serve` do):
//! whoever runs a command inside a repository must not get their database chosen by a file in it.
//! `$GAIA_HOME/.env` is read always; where both are, the current folder's wins.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// Everything outside that settings depend on.
pub struct Sources<'a> {
    /// Looks a variable up in the environment. An empty value counts as not set.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// What was given on the command line, or as an argument in Python. Of two values for one
    /// setting the later wins.
    pub flags: Vec<Flag>,
    /// The user's home folder, for `~/` and for the default of GAIA_HOME.
    pub user_home: Option<PathBuf>,
    /// The current folder, absolute: relative paths in flags and the environment start here.
    pub base: PathBuf,
    /// Whether `.env` of the current folder counts.
    pub dot_env_here: bool,
}

impl<'a> Sources<'a> {
    /// Sources without flags, a user's home or a `.env` in the current folder.
    #[must_use]
    pub fn new(environment: &'a dyn Fn(&str) -> Option<OsString>, base: &Path) -> Self {
        Self {
            environment,
            flags: Vec::new(),
            user_home: None,
            base: base.to_owned(),
            dot_env_here: false,
        }
    }

    /// The user's home, unless it is empty or relative: then it would mean the current folder.
    pub(super) fn absolute_user_home(&self) -> Option<&Path> {
        self.user_home.as_deref().filter(|home| home.is_absolute())
    }
}

/// A setting given by a flag.
#[derive(Clone)]
pub struct Flag {
    /// Which setting: its environment name.
    pub setting: &'static str,
    /// The flag as the user wrote it (`--database`, or `database_url=` in Python).
    pub word: String,
    /// Its value. An empty one is an error: who writes a flag means something.
    pub value: OsString,
}

impl Flag {
    /// A flag `word` that sets `setting`.
    #[must_use]
    pub fn new(setting: &'static str, word: &str, value: impl Into<OsString>) -> Self {
        Self {
            setting,
            word: word.to_owned(),
            value: value.into(),
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// `gaia.toml`.
    Toml {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A `.env` file.
    DotEnv {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The environment of the process.
    Environment,
    /// A flag or an argument, as the user wrote it.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Toml { file, line } | Self::DotEnv { file, line } => {
                write!(f, "{} line {line}", file.display())
            }
            Self::Environment => f.write_str("environment"),
            Self::Flag(word) => f.write_str(word),
        }
    }
}

impl serde::Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
