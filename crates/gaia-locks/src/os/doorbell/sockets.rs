//! Everywhere: a Unix socket per listener, in one directory.
//!
//! The name of a socket begins with its slot, so ringing is reading the directory and sending one
//! byte to each that fits. A socket whose process has died refuses, and is swept away then.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;
use sha2::{Digest, Sha256};

use super::{Doorbell, Handle, Listener, Wake, beside};

// A socket's path may have 104 bytes on macOS with the NUL at its end. Three numbers of up to ten
// digits and what joins them take the rest.
const LONGEST_DIRECTORY: usize = 104 - 1 - 1 - 32;

/// The doorbell of sockets.
#[derive(Debug, Clone)]
pub struct SocketDoorbell {
    directory: PathBuf,
}

impl SocketDoorbell {
    /// Opens or makes the directory `<path_base>.bells`; if that name is too long for sockets, one
    /// under /tmp that only this user can write to.
    pub fn open(path_base: &Path) -> io::Result<Self> {
        let beside = beside(path_base, ".bells");
        let directory = if beside.as_os_str().len() <= LONGEST_DIRECTORY && beside.is_absolute() {
            beside
        } else {
            short_directory(&std::path::absolute(&beside)?)
        };
        make_own(&directory)?;
        Ok(Self { directory })
    }

    /// Where the sockets are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

// The same for every process of this user, whatever its TMPDIR is.
fn short_directory(wanted: &Path) -> PathBuf {
    let hash = Sha256::digest(wanted.as_os_str().as_bytes());
    let short: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let user = rustix::process::geteuid().as_raw();
    PathBuf::from(format!("/tmp/gaia-{user}-{short}"))
}

// In /tmp anybody could have made it first, to listen to our bells or to ring them.
fn make_own(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(directory)?;
    let own = found.uid() == rustix::process::geteuid().as_raw();
    if found.is_dir() && own && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    let text = format!(
        "{} is not a directory of this user alone (mode 0700)",
        directory.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

impl Doorbell for SocketDoorbell {
    fn listen(&self, slot: u32) -> io::Result<Box<dyn Listener>> {
        static LISTENERS: AtomicU32 = AtomicU32::new(0);
        let count = LISTENERS.fetch_add(1, Ordering::Relaxed);
        let owner = format!("{}-{count}", std::process::id());
        let (unready, path) = (
            self.directory.join(format!("new-{owner}")),
            self.directory.join(format!("{slot}-{owner}")),
        );
        // An earlier process of this number may have died here.
        let _ = fs::remove_file(&unready);
        // Between making the file and listening on it a socket refuses like a dead one, and would
        // be swept away; so it gets the name that ringers look for when it is ready.
        let socket = UnixDatagram::bind(&unready)?;
        socket.set_nonblocking(true)?;
        fs::rename(&unready, &path)?;
        Ok(Box::new(SocketListener { socket, path }))
    }

    fn ring(&self, slot: u32) {
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return; // Nobody can listen there either.
        };
        let beginning = format!("{slot}-");
        for entry in entries.flatten() {
            if entry
                .file_name()
                .as_bytes()
                .starts_with(beginning.as_bytes())
            {
                send_one_byte(&entry.path());
            }
        }
    }
}

fn send_one_byte(path: &Path) {
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(&[1], path)
    });
    // A socket that is full has been rung often enough, and other errors are not ours to mend.
    if sent.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let _ = fs::remove_file(path);
    }
}

struct SocketListener {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Listener for SocketListener {
    fn wait(&self, timeout: Duration) -> Wake {
        let end = crate::os::moment().plus(timeout);
        loop {
            let left = crate::os::moment().until(end);
            match self.readable_within(left) {
                Err(Errno::INTR) => {}
                Ok(true) => {
                    self.drain();
                    return Wake::Rung;
                }
                _ => return Wake::TimedOut,
            }
        }
    }

    fn handle(&self) -> Handle {
        let path = self.path.clone();
        Arc::new(move || send_one_byte(&path))
    }
}

impl SocketListener {
    fn readable_within(&self, left: Duration) -> Result<bool, Errno> {
        let mut polled = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)];
        let left = Timespec::try_from(left).ok();
        Ok(poll(&mut polled, left.as_ref())? > 0)
    }

    fn drain(&self) {
        let mut byte = [0];
        while self.socket.recv(&mut byte).is_ok() {}
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
