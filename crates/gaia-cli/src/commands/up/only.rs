//! One `gaia up` for each database.
//!
//! Several assigners may work on one database [T9], but whoever types `gaia up`
//! twice means the first one. It holds a lock of the system on a file beside the
//! database, which ends with the process however that ends; in the file stands
//! who it is, for whoever comes second.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use gaia_locks::clock::Wall;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, Status};
use crate::output::human::{ago, at, now};

/// Held as long as it lives. What it starts does not inherit it.
pub struct Only {
    _file: File,
}

/// Who it is.
#[derive(Serialize, Deserialize)]
struct Who {
    pid: u32,
    since: Wall,
}

impl Only {
    /// Refused when one runs already, said with its process and since when.
    pub fn one(database: &Path) -> Result<Self, Failure> {
        let place = beside(database);
        let unusable = |error: io::Error| {
            let why = format!("{} cannot be used: {error}", place.display());
            Failure::new("failed", Status::Failed, why)
        };
        let mut file = open(&place).map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(runs_already(&mut file, database)),
            Err(error) => return Err(unusable(error.into())),
        }
        write(&mut file).map_err(unusable)?;
        Ok(Self { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-up");
    PathBuf::from(name)
}

fn open(place: &Path) -> io::Result<File> {
    if let Some(folder) = place.parent() {
        gaia_locks::os::make_private_folder(folder)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(place)
}

fn write(file: &mut File) -> io::Result<()> {
    let who = Who {
        pid: std::process::id(),
        since: now(),
    };
    let mut text = serde_json::to_string(&who)?;
    text.push('\n');
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn runs_already(file: &mut File, database: &Path) -> Failure {
    let mut text = String::new();
    let read = file.read_to_string(&mut text).ok();
    let who: Option<Who> = read.and_then(|_| serde_json::from_str(&text).ok());
    let (who, end) = match who {
        Some(Who { pid, since }) => (
            format!(" as process {pid}, since {} ({})", at(since), ago(since)),
            format!("`kill {pid}` ends it"),
        ),
        // It has just begun.
        None => (String::new(), "try again in a moment".to_owned()),
    };
    let message = format!("gaia up runs already{who}, on {}", database.display());
    Failure::new("up_already", Status::Failed, message).hint(format!(
        "`gaia tasks` and `gaia status` show what it does; {end}; `gaia assigner` runs one more beside it"
    ))
}
