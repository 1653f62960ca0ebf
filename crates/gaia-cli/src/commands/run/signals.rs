//! Signals that gaia gets while a command runs.
//!
//! Command and gaia are one process group, so what the terminal sends reaches
//! both, and only what somebody sent to gaia alone is passed on. Nobody can
//! tell a signal sent to the group from one sent to gaia: the command may see
//! such a one twice, which is better than never.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use libc::{c_int, siginfo_t};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use signal_hook::consts::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
};

/// What is listened for.
const HEARD: [c_int; 10] = [
    SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH, SIGUSR1, SIGUSR2,
];

/// Signals as they come, and whatever else rings.
pub struct Inbox {
    read: File,
    write: Arc<OwnedFd>,
}

/// Rings the inbox from another thread.
#[derive(Clone)]
pub struct Bell(Arc<OwnedFd>);

/// A signal that came.
#[derive(Clone, Copy, Debug)]
pub struct Came {
    /// Which.
    pub signal: c_int,
    /// The process that sent it; none when it was the system or the terminal.
    pub sender: Option<i32>,
}

/// As it goes through the pipe: written whole, since it is small.
const SIZE: usize = 8;

impl Came {
    fn of(signal: c_int, info: &siginfo_t) -> Self {
        Self {
            signal,
            sender: sender(info),
        }
    }

    fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..4].copy_from_slice(&self.signal.to_ne_bytes());
        bytes[4..].copy_from_slice(&self.sender.unwrap_or(0).to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (signal, sender) = bytes.split_at_checked(4)?;
        let signal = c_int::from_ne_bytes(signal.try_into().ok()?);
        let sender = i32::from_ne_bytes(sender.try_into().ok()?);
        let sender = Some(sender).filter(|sender| *sender != 0);
        (signal != 0).then_some(Self { signal, sender })
    }
}

/// The process that sent a signal. Linux marks what a process sent with a code
/// up to 0; macOS leaves the sender 0 where the terminal sent it.
fn sender(info: &siginfo_t) -> Option<i32> {
    if cfg!(target_os = "linux") && info.si_code > 0 {
        return None;
    }
    // SAFETY: signals sent by processes carry the sender's pid, and on macOS
    // the field is there always.
    let pid = unsafe { info.si_pid() };
    Some(pid).filter(|pid| *pid != 0)
}

impl Inbox {
    /// Listens from now on, for the rest of the process's life.
    ///
    /// # Errors
    /// When the system grants no pipe.
    pub fn open() -> io::Result<Self> {
        let (read, write) = io::pipe()?;
        ioctl_fionbio(&read, true)?;
        ioctl_fionbio(&write, true)?;
        let inbox = Self {
            read: std::os::fd::OwnedFd::from(read).into(),
            write: Arc::new(write.into()),
        };
        for signal in HEARD {
            let write = inbox.write.clone();
            let hear = move |info: &siginfo_t| post(&write, Came::of(signal, info).to_bytes());
            // SAFETY: the handler only builds an array and writes it to a pipe
            // that does not block, which is allowed in a signal handler.
            unsafe { signal_hook_registry::register_sigaction(signal, hear)? };
        }
        Ok(inbox)
    }

    /// What rings it.
    pub fn bell(&self) -> Bell {
        Bell(self.write.clone())
    }

    /// Waits for something to come, at most so long, and gives the signals.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn wait(&self, at_most: Option<Duration>) -> io::Result<Vec<Came>> {
        let timeout = at_most.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let mut ready = [PollFd::from_borrowed_fd(self.read.as_fd(), PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 64 * SIZE];
        match (&self.read).read(&mut bytes) {
            Ok(length) => Ok(bytes[..length]
                .chunks(SIZE)
                .filter_map(Came::from_bytes)
                .collect()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        post(&self.0, [0; SIZE]);
    }
}

/// A full pipe has enough in it to wake its reader.
fn post(pipe: &OwnedFd, bytes: [u8; SIZE]) {
    // SAFETY: the buffer is as long as is said; the descriptor is open as long
    // as the reference lives.
    unsafe { libc::write(pipe.as_raw_fd(), bytes.as_ptr().cast(), SIZE) };
}

/// Stops this process as the terminal's Ctrl-Z would, and returns when it goes
/// on. Stopped by the signal itself, not by SIGSTOP: in an orphaned process
/// group, where nobody could continue it, the system then ignores it.
pub fn stop_here() {
    let default = libc::SIG_DFL;
    // SAFETY: plain system calls on values of this frame; the handler that was
    // there is put back as it was.
    unsafe {
        let mut before = std::mem::zeroed::<libc::sigaction>();
        let mut plain = std::mem::zeroed::<libc::sigaction>();
        plain.sa_sigaction = default;
        if libc::sigaction(SIGTSTP, &plain, &mut before) == 0 {
            libc::raise(SIGTSTP);
            libc::sigaction(SIGTSTP, &before, std::ptr::null_mut());
        }
    }
}
