//! Linux: clocks, paths and file systems.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::{Inode, Names, PerProcess, in_nanoseconds, mounts};
use crate::clock::Moment;

pub(crate) fn moment() -> Moment {
    Moment(in_nanoseconds(clock_gettime(ClockId::Boottime)))
}

pub(crate) fn boot_id() -> String {
    // A sandbox may hide it: then it is unknown, and proves nothing.
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

pub(crate) fn full_sync_file(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fdatasync(file)?)
}

/// Settles a clean path in one system call: if the kernel gets to its end without meeting a link,
/// the path is its own canonical form, bind mounts aside. None: it has to be walked.
pub(crate) fn settled(path: &str) -> Option<(String, Option<Inode>)> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let opened = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    let inode = rustix::fs::fstat(opened.ok()?);
    let spelled = one_spelling(path).unwrap_or_else(|| path.to_owned());
    Some((spelled, inode.ok().map(|found| Inode::of(&found))))
}

/// Opens a directory for what happens in it; fails where a link lies on the way.
pub(crate) fn open_folder(path: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // A sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            rustix::fs::open(path, flags | OFlags::NOFOLLOW, Mode::empty())
        }
        opened => opened,
    }
}

/// Where a folder can be reached under several paths through bind mounts: the one that stands for
/// all. None: the path itself.
pub(crate) fn one_spelling(path: &str) -> Option<String> {
    mounts::with_table(|table| table.one_spelling(path)).flatten()
}

/// The type and the options of the mount that a resolved path lies in.
pub(crate) fn mount_of(path: &str) -> Option<String> {
    mounts::with_table(|table| table.file_system_type(path)).flatten()
}

/// True where no directory at all folds names, so that nobody needs to look at each.
pub(crate) fn nothing_folds() -> bool {
    mounts::nothing_folds()
}

/// How names in this directory are compared; None if it cannot be looked at.
///
/// Asked for every directory of a path, and the answer hardly ever changes (the kernel allows it
/// only while a directory is empty), so it is kept for a second.
pub(crate) fn names_in(directory: &str) -> Option<Names> {
    static SEEN: PerProcess<Seen> = PerProcess::new();
    SEEN.with(|seen| {
        seen.forget_if_old(moment());
        if let Some(names) = seen.names.get(directory) {
            return Some(*names);
        }
        let names = look_at_names_in(directory)?;
        seen.names.insert(directory.to_owned(), names);
        Some(names)
    })
}

#[derive(Default)]
struct Seen {
    since: Moment,
    names: HashMap<String, Names>,
}

impl Seen {
    fn forget_if_old(&mut self, now: Moment) {
        if now.since(self.since) > Duration::from_secs(1) {
            self.names.clear();
            self.since = now;
        }
    }
}

fn look_at_names_in(directory: &str) -> Option<Names> {
    let magic = rustix::fs::statfs(directory).ok()?.f_type;
    if FOLD_ALWAYS.contains(&(magic as u32)) {
        return Some(Names::Folded);
    }
    if FOLD_BY_DIRECTORY.contains(&(magic as u32)) && kernel_can_fold() {
        return Some(names_by_flag(Path::new(directory)));
    }
    Some(Names::Exact)
}

// vfat and msdos, exfat, ntfs, ntfs3, hfs, hfsplus, cifs, smb2, smb, fuse (whose case is that of the
// host's file system, which cannot be seen), 9p (drvfs of WSL). Where one of them in fact tells
// cases apart, folding blocks two folders that differ in case alone together: safe, and rare.
const FOLD_ALWAYS: &[u32] = &[
    0x4d44,
    0x2011_bab0,
    0x5346_544e,
    0x7366_746e,
    0x4244,
    0x482b,
    0xff53_4d42,
    0xfe53_4d42,
    0x517b,
    0x6573_5546,
    0x0102_1997,
];

/// The same by name, as the mount table has them.
pub(super) fn folds_always(file_system: &str) -> bool {
    const NAMES: &[&str] = &[
        "vfat", "msdos", "exfat", "ntfs", "ntfs3", "hfs", "hfsplus", "cifs", "smb3", "smbfs", "9p",
        "virtiofs", "fuseblk", "fuse",
    ];
    NAMES.contains(&file_system) || file_system.starts_with("fuse.")
}

// ext2/3/4, f2fs, tmpfs.
const FOLD_BY_DIRECTORY: &[u32] = &[0xef53, 0xf2f5_2010, 0x0102_1994];

pub(super) fn folds_by_directory(file_system: &str) -> bool {
    matches!(file_system, "ext4" | "f2fs" | "tmpfs") && kernel_can_fold()
}

fn kernel_can_fold() -> bool {
    static CAN: PerProcess<Option<bool>> = PerProcess::new();
    CAN.with(|can| {
        let built_in = |name| {
            Path::new(&format!("/sys/fs/{name}/features/casefold"))
                .try_exists()
                .unwrap_or(true)
        };
        *can.get_or_insert_with(|| ["ext4", "f2fs", "tmpfs"].into_iter().any(built_in))
    })
}

fn names_by_flag(directory: &Path) -> Names {
    const CASEFOLD: u32 = 0x4000_0000; // FS_CASEFOLD_FL
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let bits = rustix::fs::open(directory, flags, Mode::empty())
        .and_then(rustix::fs::ioctl_getflags)
        .map_or(0, |flags| flags.bits());
    if bits & CASEFOLD != 0 {
        Names::Folded
    } else {
        Names::Exact
    }
}
