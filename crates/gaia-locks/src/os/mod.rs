//! What only one system has, each behind a small function.
//!
//! Everything else in this crate is written once. Linux and macOS each have a file here with the
//! same functions; where a portable way exists it stands in [`portable`], is what macOS uses, and
//! is compiled and tested on Linux as well, because code for macOS can be type-checked on a Linux
//! machine but not run.

pub mod doorbell;
pub mod file_system;
pub(crate) mod flock;
pub mod machine;
pub mod memory;
pub mod offspring;
pub mod openings;
pub mod portable;
pub mod user;
pub mod watch;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod linux_process;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
mod macos_process;
#[cfg(target_os = "linux")]
mod mounts;
mod per_process;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    boot_id, full_sync_file, moment, mount_of, names_in, nothing_folds, one_spelling, open_folder,
    settled,
};
#[cfg(target_os = "linux")]
pub(crate) use linux_process::{own_start_time, sight, viewpoint};
#[cfg(target_os = "macos")]
pub(crate) use macos::{
    boot_id, full_sync_file, moment, mount_of, names_in, nothing_folds, one_spelling, open_folder,
    settled,
};
#[cfg(target_os = "macos")]
pub(crate) use macos_process::{own_start_time, sight, viewpoint};

use std::fs::File;
use std::io;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::clock::Wall;

pub(crate) use per_process::PerProcess;

pub use doorbell::{Doorbell, Listener, LocalDoorbell, Wake, open_doorbell};
pub use file_system::{FileSystem, Trust, file_system_of};

/// Makes a folder, and those above it that are missing, for this user alone: what agents were told
/// and said lies in them. One that is there stays as it is.
///
/// # Errors
/// When one cannot be made.
pub fn make_private_folder(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(path)
}

/// How the names in a directory are compared by its file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Names {
    /// Byte for byte.
    Exact,
    /// By letters, however their accents are encoded (case-sensitive APFS).
    Normalised,
    /// As [`Names::Normalised`], and upper and lower case are one.
    Folded,
}

/// Which file or directory it is, whatever its name: its device, and its number there (which may be
/// given to another one once this one is deleted).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inode {
    /// The device it lies on.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
}

impl Inode {
    // The fields' types differ between systems.
    #[cfg_attr(
        target_os = "linux",
        expect(clippy::unnecessary_cast, reason = "a device is an i32 on macOS")
    )]
    pub(crate) fn of(found: &rustix::fs::Stat) -> Self {
        Self {
            dev: found.st_dev as u64,
            ino: found.st_ino as u64,
        }
    }
}

/// Makes what was written to the file survive a power cut, as far as the system can.
pub fn full_sync(file: &File) -> io::Result<()> {
    full_sync_file(file)
}

/// The leader of the session that a process belongs to (`None`: this process). `None` also where it
/// cannot be told: the process is gone, or its session was begun outside this pid namespace, as
/// under `docker exec` or a sandbox. Asked by hand, because rustix takes the kernel's 0 for that
/// for a process id and panics.
#[must_use]
pub fn session_leader(pid: Option<u32>) -> Option<u32> {
    let pid = i32::try_from(pid.unwrap_or(0)).ok()?;
    // SAFETY: getsid takes a number and touches no memory of ours.
    let leader = unsafe { libc::getsid(pid) };
    u32::try_from(leader).ok().filter(|leader| *leader != 0)
}

pub(crate) fn wall() -> Wall {
    Wall(in_nanoseconds(clock_gettime(ClockId::Realtime)) / 1000)
}

fn in_nanoseconds(time: Timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}
