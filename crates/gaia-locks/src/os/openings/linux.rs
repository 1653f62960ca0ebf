//! Linux: inotify tells of openings, `/proc` of open files.

use std::fs::{self, DirEntry};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;

#[derive(Debug)]
pub(super) struct Openings(OwnedFd);

impl Openings {
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let listens = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&listens, path, WatchFlags::OPEN)?;
        Ok(Some(Self(listens)))
    }

    pub(super) fn were_there(&self) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(&self.0, &mut buffer);
        let mut found = false;
        loop {
            match events.next() {
                // Whatever it is: that some were lost, or that the file is gone, too.
                Ok(_) => found = true,
                Err(Errno::AGAIN) => return Ok(found),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A file whatever its path: a container sees another one.
type Id = (u64, u64);

fn id(path: &Path) -> io::Result<Id> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

pub(super) fn is_open_without(file: &Path, companion: &Path) -> io::Result<bool> {
    let (file, companion) = (id(file)?, id(companion)?);
    let me = std::process::id().to_string();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
        if !is_process || name == me.as_str() {
            continue;
        }
        let open = open_files(&entry);
        if open.contains(&file) && !open.contains(&companion) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// None of a process that has ended, or is another user's.
fn open_files(process: &DirEntry) -> Vec<Id> {
    let entries = fs::read_dir(process.path().join("fd"));
    let entries = entries.into_iter().flatten().flatten();
    entries.filter_map(|entry| id(&entry.path()).ok()).collect()
}
