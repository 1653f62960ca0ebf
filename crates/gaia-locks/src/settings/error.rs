//! What can be wrong with a setting. Each message names the setting, its value, where it came
//! from and what is allowed; a wrong value never becomes a silent default.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::sources::Origin;

/// Why the settings could not be read.
#[derive(Debug, Error)]
pub enum SettingError {
    /// A value that cannot be read.
    #[error("{name} cannot be `{value}` (from {origin}): {reason}. Allowed: {allowed}")]
    Refused {
        /// The setting.
        name: &'static str,
        /// The value as far as it may be shown: secrets are left out.
        value: String,
        /// Where the value came from.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// A name that is no setting.
    #[error("`{name}` is not a setting (from {origin}); the nearest one is `{nearest}`")]
    UnknownName {
        /// The name as written.
        name: String,
        /// Where it stands.
        origin: Origin,
        /// The known name that is most like it, in the same form.
        nearest: String,
    },
    /// A name that says who acts, and so belongs to one process, never to a file.
    #[error("{name} is read from the environment of a process only, it cannot be set in {origin}")]
    EnvironmentOnly {
        /// The name.
        name: String,
        /// Where it stands.
        origin: Origin,
    },
    /// A file inside GAIA_HOME says that GAIA_HOME is elsewhere.
    #[error(
        "GAIA_HOME cannot be moved by a file inside it ({origin}); it is {}; \
         set it in the environment or with --home",
        home.display()
    )]
    MovedHome {
        /// The home that was in use when the file was read.
        home: PathBuf,
        /// Where the other home is named.
        origin: Origin,
    },
    /// There is no place for GAIA_HOME.
    #[error("GAIA_HOME is not set and the user has no home folder; set GAIA_HOME to a folder")]
    NoHome,
    /// A file of settings is there but cannot be read.
    #[error("the settings in {} cannot be read", file.display())]
    FileUnreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of settings is not written as it should be.
    #[error("{} line {line}: {reason}", file.display())]
    FileMalformed {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
}
