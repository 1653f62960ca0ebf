//! The kernel's own file lock, as a call and as the command flock(1).

use std::fs::File;
use std::path::Path;
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::program;
use super::race::{Missing, Subject};
use super::{Trouble, clock};

/// Open, lock, unlock, close.
pub(super) const CALL: &str = "flock(2) on a file opened for it";
/// The command, with `true` under it.
pub(super) const COMMAND: &str = "flock FILE true";

/// The call: no history, no hierarchy, no lease, no names.
pub(super) fn call(folder: &Path) -> Subject<'static> {
    let path = folder.join("flock");
    Subject::repeated(CALL, move || {
        let file = File::create(&path)?;
        lock(&file)?;
        unlock(&file)
    })
}

/// The command, as a whole process.
pub(super) fn command(folder: &Path) -> Result<Subject<'static>, Missing> {
    let path = folder.join("flock-command");
    program::try_out(
        COMMAND,
        "util-linux",
        Command::new("flock").arg(&path).arg("true"),
    )?;
    Ok(Subject::repeated(COMMAND, move || {
        program::run(Command::new("flock").arg(&path).arg("true"))
    }))
}

/// Waits for the lock; gives when it was there.
pub(super) fn lock(file: &File) -> Result<i64, Trouble> {
    loop {
        match flock(file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(clock::now()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn unlock(file: &File) -> Result<(), Trouble> {
    Ok(flock(file, FlockOperation::Unlock)?)
}
