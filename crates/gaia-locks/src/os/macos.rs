//! macOS: clocks, paths and file systems.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::time::{ClockId, clock_gettime};

use super::{Inode, Names, in_nanoseconds};
use crate::clock::Moment;

// Counts sleep here, unlike on Linux.
pub(crate) fn moment() -> Moment {
    Moment(in_nanoseconds(clock_gettime(ClockId::Monotonic)))
}

pub(crate) fn boot_id() -> String {
    session_uuid().unwrap_or_default()
}

fn session_uuid() -> Option<String> {
    let mut text = [0_u8; 64];
    let mut length = text.len();
    // SAFETY: the name ends with NUL, the buffer is as long as `length` says, nothing is set.
    let result = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    let text = text.get(..length)?.split(|byte| *byte == 0).next()?;
    (result == 0).then(|| String::from_utf8_lossy(text).into_owned())
}

// fsync leaves the data in the drive's own memory; only this empties that too. Not every file
// system knows it.
pub(crate) fn full_sync_file(file: &File) -> io::Result<()> {
    rustix::fs::fcntl_fullfsync(file).or_else(|_| rustix::fs::fsync(file))?;
    Ok(())
}

/// The path as the file system itself spells it: links and firmlinks resolved, each name in the
/// case it was given. None: it does not exist or cannot be opened, and has to be walked.
pub(crate) fn settled(path: &str) -> Option<(String, Option<Inode>)> {
    let opened = open_for_looking(path)?;
    let inode = rustix::fs::fstat(&opened);
    Some((
        spelling(&opened)?,
        inode.ok().map(|found| Inode::of(&found)),
    ))
}

/// As [`settled`]: for the existing part of a path that was walked.
pub(crate) fn one_spelling(path: &str) -> Option<String> {
    spelling(&open_for_looking(path)?)
}

fn open_for_looking(path: &str) -> Option<OwnedFd> {
    let event_only = OFlags::from_bits_retain(libc::O_EVTONLY as u32);
    let flags = event_only | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::empty()).ok()
}

fn spelling(opened: &OwnedFd) -> Option<String> {
    let spelled = rustix::fs::getpath(opened).ok()?;
    spelled.into_string().ok()
}

/// Opens a directory for what happens in it; fails where a link lies on the way.
pub(crate) fn open_folder(path: &str) -> rustix::io::Result<OwnedFd> {
    let no_links = OFlags::from_bits_retain(libc::O_NOFOLLOW_ANY as u32);
    let flags = no_links | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

pub(crate) fn mount_of(_path: &str) -> Option<String> {
    None // statfs already tells the name.
}

pub(crate) fn nothing_folds() -> bool {
    false // Hardly ever true here, so each volume is asked.
}

/// How names in this directory are compared; None if it cannot be looked at. APFS and HFS+ take
/// every normalisation of a name for the same, also where they tell cases apart.
pub(crate) fn names_in(directory: &str) -> Option<Names> {
    let path = CString::new(directory).ok()?;
    // SAFETY: the path ends with NUL and outlives the call.
    match unsafe { libc::pathconf(path.as_ptr(), libc::_PC_CASE_SENSITIVE) } {
        0 => Some(Names::Folded),
        1 => Some(Names::Normalised),
        _ => None,
    }
}
