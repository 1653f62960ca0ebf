//! One at a time: whoever compares a marker and then replaces or removes it
//! holds a `flock` on the locks directory meanwhile, so that a late writer
//! never undoes what a quicker one did.
//!
//! A process that is stopped inside its turn must not hold up everybody else's
//! locks: after a while the others go on without their markers, and the next
//! cleanup writes them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open};
use rustix::io::Errno;

use crate::os::PerProcess;

/// How often one looks at once, and how often with [`PAUSE`] between, before
/// one goes on without a turn: half a second in all. A turn lasts some
/// microseconds, so only a stopped process keeps anybody waiting so long.
const GLANCES: u32 = 20;
const LOOKS: u32 = 5000;
const PAUSE: Duration = Duration::from_micros(100);

/// The locks directory, opened once by each process: a lock taken on a
/// descriptor that came through a fork would be the parent's too.
pub(super) struct Turns {
    directory: PerProcess<Option<OwnedFd>>,
}

impl Turns {
    pub(super) const fn new() -> Self {
        let directory = PerProcess::new();
        Self { directory }
    }

    /// Acts on the locks directory while nobody else does.
    pub(super) fn take<R>(
        &self,
        locks_dir: &Path,
        act: impl FnOnce(&OwnedFd) -> io::Result<R>,
    ) -> io::Result<R> {
        self.directory.with(|slot| {
            if slot.as_ref().is_some_and(is_removed) {
                *slot = None;
            }
            let directory = match slot {
                Some(directory) => &*directory,
                None => slot.insert(open_directory(locks_dir)?),
            };
            let _turn = Turn::wait_for(directory)?;
            act(directory)
        })
    }
}

fn is_removed(directory: &OwnedFd) -> bool {
    fstat(directory).map_or(true, |found| found.st_nlink == 0)
}

fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    crate::os::make_private_folder(path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?)
}

struct Turn<'a>(&'a OwnedFd);

impl<'a> Turn<'a> {
    fn wait_for(directory: &'a OwnedFd) -> io::Result<Self> {
        for glance in 0..GLANCES + LOOKS {
            match flock(directory, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(directory)),
                Err(Errno::WOULDBLOCK) if glance < GLANCES => std::thread::yield_now(),
                // `flock` itself knows no limit.
                Err(Errno::WOULDBLOCK) => std::thread::park_timeout(PAUSE),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::Error::from(io::ErrorKind::TimedOut))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Cannot fail on a descriptor that is open.
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}
