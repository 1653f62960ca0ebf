//! The two files of one locked folder: `.gaia_….lock` in the locks directory
//! and `.gaia` in the folder, one inode under two names where both lie on one
//! file system.
//!
//! A file appears under its name whole, by rename or link from a temporary
//! one; no link is followed, neither for the file nor on the way to the folder;
//! what is not a marker is left as it is.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::content::Content;
use crate::os::{self, Inode};

/// A folder's own marker.
pub(super) const MARKER: &str = ".gaia";
/// Only who has the turn makes one, so one that is found was left by the dead.
const NEW: &str = ".gaia_new";
const SECOND: &str = ".gaia_new2";
/// No marker is longer.
const LONGEST: u64 = 256 * 1024;

/// The name of a folder's file in the locks directory.
pub(super) fn file_name(folder_path: &str) -> String {
    let digest = Sha256::digest(folder_path.as_bytes());
    let mut number = [0; 8];
    number
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    format!(".gaia_{:016x}.lock", u64::from_be_bytes(number))
}

/// What stands under a marker's name.
pub(super) enum Found {
    Nothing,
    /// A marker; of whichever database.
    Marker(Box<Content<'static>>, Inode),
    /// Something else: never touched.
    Odd,
}

/// The file under a name; a link is not followed, a pipe is not waited for.
pub(super) fn look(directory: BorrowedFd<'_>, name: &str) -> Found {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags, Mode::empty()) {
        Ok(file) => read(file).unwrap_or(Found::Odd),
        Err(Errno::NOENT | Errno::NOTDIR) => Found::Nothing,
        Err(_) => Found::Odd,
    }
}

fn read(file: OwnedFd) -> Option<Found> {
    let mut short = [0; 1024];
    let length = rustix::io::read(&file, &mut short).ok()?;
    let file = File::from(file);
    let content = if length < short.len() {
        Content::read(short.get(..length)?)?
    } else {
        let mut long = short.to_vec();
        (&file).take(LONGEST).read_to_end(&mut long).ok()?;
        Content::read(&long)?
    };
    let inode = Inode::of(&rustix::fs::fstat(&file).ok()?);
    Some(Found::Marker(Box::new(content), inode))
}

/// Where the files of one folder are.
pub(super) struct Files<'a> {
    locks_dir: &'a OwnedFd,
    pub(super) name: String,
    /// None where it is no directory that can be entered, or holds no marker
    /// by choice.
    folder: Option<OwnedFd>,
}

impl<'a> Files<'a> {
    pub(super) fn of(locks_dir: &'a OwnedFd, folder_path: &str, in_folder: bool) -> Self {
        Self {
            locks_dir,
            name: file_name(folder_path),
            folder: if in_folder {
                os::open_folder(folder_path).ok()
            } else {
                None
            },
        }
    }

    pub(super) fn in_locks_dir(&self) -> Found {
        look(self.locks_dir.as_fd(), &self.name)
    }

    pub(super) fn in_folder(&self) -> Found {
        let folder = self.folder.as_ref();
        folder.map_or(Found::Nothing, |folder| look(folder.as_fd(), MARKER))
    }

    /// Whether the folder's marker is this very file.
    pub(super) fn is_one_inode(&self, inode: Inode) -> bool {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let found = self
            .folder
            .as_ref()
            .and_then(|folder| rustix::fs::statat(folder, MARKER, flags).ok());
        found.is_some_and(|found| Inode::of(&found) == inode)
    }

    /// Writes both where neither is there. False: one was, and nobody knows
    /// yet whose. Cleanup finds folders by the locks directory, so that one
    /// comes first and goes last.
    pub(super) fn create(&self, bytes: &[u8]) -> io::Result<bool> {
        self.temporary(bytes)?;
        let flags = RenameFlags::NOREPLACE;
        let renamed = match rustix::fs::renameat_with(
            self.locks_dir,
            NEW,
            self.locks_dir,
            &*self.name,
            flags,
        ) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link_in_locks_dir(),
            renamed => renamed,
        };
        match renamed {
            Ok(()) => Ok(self.link_into_folder(bytes)),
            Err(error) => {
                self.drop_temporary();
                if error == Errno::EXIST {
                    Ok(false)
                } else {
                    Err(error.into())
                }
            }
        }
    }

    // A file system that cannot rename without replacing.
    fn link_in_locks_dir(&self) -> rustix::io::Result<()> {
        let name = &*self.name;
        rustix::fs::linkat(self.locks_dir, NEW, self.locks_dir, name, AtFlags::empty())?;
        self.drop_temporary();
        Ok(())
    }

    /// False where a marker is there already; a folder that takes none is none
    /// of our business.
    fn link_into_folder(&self, bytes: &[u8]) -> bool {
        let Some(folder) = &self.folder else {
            return true;
        };
        match rustix::fs::linkat(
            self.locks_dir,
            &*self.name,
            folder,
            MARKER,
            AtFlags::empty(),
        ) {
            Err(Errno::EXIST) => false,
            Err(error) if needs_its_own(error) => copy(folder, bytes, RenameFlags::NOREPLACE),
            _ => true,
        }
    }

    /// Writes both over what the caller has judged.
    pub(super) fn replace(&self, bytes: &[u8], locks_dir: bool, folder: bool) -> io::Result<()> {
        self.temporary(bytes)?;
        if let (true, Some(folder)) = (folder, &self.folder) {
            self.replace_in(folder, bytes);
        }
        if !locks_dir {
            self.drop_temporary();
            return Ok(());
        }
        rustix::fs::renameat(self.locks_dir, NEW, self.locks_dir, &*self.name).map_err(|error| {
            self.drop_temporary();
            io::Error::from(error)
        })
    }

    fn replace_in(&self, folder: &OwnedFd, bytes: &[u8]) {
        let dir = self.locks_dir;
        let _ = rustix::fs::unlinkat(dir, SECOND, AtFlags::empty());
        let moved = rustix::fs::linkat(dir, NEW, dir, SECOND, AtFlags::empty())
            .and_then(|()| rustix::fs::renameat(dir, SECOND, folder, MARKER));
        if let Err(error) = moved {
            let _ = rustix::fs::unlinkat(dir, SECOND, AtFlags::empty());
            if needs_its_own(error) {
                copy(folder, bytes, RenameFlags::empty());
            }
        }
    }

    pub(super) fn remove_from_locks_dir(&self) -> io::Result<()> {
        gone(rustix::fs::unlinkat(
            self.locks_dir,
            &*self.name,
            AtFlags::empty(),
        ))
    }

    /// A folder that lets nobody remove anything keeps its marker: it ends
    /// with its `expires_at`.
    pub(super) fn remove_from_folder(&self) {
        if let Some(folder) = &self.folder {
            let _ = rustix::fs::unlinkat(folder, MARKER, AtFlags::empty());
        }
    }

    fn temporary(&self, bytes: &[u8]) -> io::Result<()> {
        let made = match write_new(self.locks_dir, NEW, bytes) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.drop_temporary();
                write_new(self.locks_dir, NEW, bytes)
            }
            made => made,
        };
        made.inspect_err(|_| self.drop_temporary())
    }

    fn drop_temporary(&self) {
        sweep(self.locks_dir);
    }
}

/// Removes what somebody who was killed in his turn has left.
pub(super) fn sweep(locks_dir: &OwnedFd) {
    for name in [NEW, SECOND] {
        let _ = rustix::fs::unlinkat(locks_dir, name, AtFlags::empty());
    }
}

fn gone(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Err(Errno::NOENT) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

// Another file system, or one without hard links.
fn needs_its_own(error: Errno) -> bool {
    [
        Errno::XDEV,
        Errno::PERM,
        Errno::NOTSUP,
        Errno::OPNOTSUPP,
        Errno::MLINK,
    ]
    .contains(&error)
}

fn write_new(directory: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o644))?;
    File::from(file).write_all(bytes)
}

/// Writes a file of its own into the folder; false where one is there that
/// must not be replaced.
fn copy(folder: &OwnedFd, bytes: &[u8], how: RenameFlags) -> bool {
    // Turns are of one locks directory; another database has others.
    let name = format!("{MARKER}_{}_{}", std::process::id(), os::moment().0);
    let moved = match write_new(folder, &name, bytes) {
        Ok(()) => rename(folder, &name, how),
        Err(_) => return true,
    };
    if moved.is_err() {
        let _ = rustix::fs::unlinkat(folder, &*name, AtFlags::empty());
    }
    moved != Err(Errno::EXIST)
}

fn rename(folder: &OwnedFd, name: &str, how: RenameFlags) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(folder, name, folder, MARKER, how) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
            if matches!(look(folder.as_fd(), MARKER), Found::Nothing) =>
        {
            rustix::fs::renameat(folder, name, folder, MARKER)
        }
        renamed => renamed,
    }
}
