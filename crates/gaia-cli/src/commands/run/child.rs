//! The command's process, held before it becomes the command.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use gaia_locks::liveness::ProcessIdentity;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::tell;

/// Ends the message that lets the process go: without it the message is not
/// whole, because gaia died in the middle.
const GO: u8 = b'\n';

/// A process that exists and has run nothing yet.
pub struct HeldProcess {
    pid: Pid,
    gate: io::PipeWriter,
}

/// The command's process.
pub struct Running {
    pid: Pid,
}

impl HeldProcess {
    /// Makes the process. It waits, runs nothing, and ends by itself when this
    /// one ends or drops it.
    ///
    /// # Errors
    /// When the system grants no process or no pipe.
    pub fn make(
        command: &[OsString],
        environment: Vec<(&'static str, OsString)>,
    ) -> io::Result<Self> {
        // Neither end survives becoming the command.
        let (wait_here, gate) = io::pipe()?;
        // SAFETY: this process has one thread so far (threads are started only
        // once something waits or lasts), so the child may do what it likes.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(gate);
                become_the_command(command, environment, wait_here);
            }
            child => Ok(Self {
                pid: Pid::from_raw(child).ok_or(io::ErrorKind::NotFound)?,
                gate,
            }),
        }
    }

    /// Who it is, for the lock.
    ///
    /// # Errors
    /// When it was killed already, or the system does not show it.
    pub fn identity(&self) -> io::Result<ProcessIdentity> {
        let found = ProcessIdentity::of(self.pid.as_raw_nonzero().get().unsigned_abs())?;
        found.ok_or_else(|| io::Error::other("the command's process was killed before it began"))
    }

    /// Lets it become the command.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn let_go(mut self, tokens: &str) -> io::Result<Running> {
        let mut message = tokens.as_bytes().to_vec();
        message.push(GO);
        match self.gate.write_all(&message) {
            Ok(()) => Ok(Running { pid: self.pid }),
            // Its end is its answer, and is found where all ends are.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Running { pid: self.pid })
            }
            Err(error) => Err(error),
        }
    }
}

impl Running {
    /// Its number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Passes a signal on. It has not been waited for, so its number is its own.
    pub fn signal(&self, signal: Signal) {
        // One that has just ended needs no signal any more.
        let _ = kill_process(self.pid, signal);
    }

    /// The exit status that a shell would give, once it has ended.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn ended(&self) -> io::Result<Option<u8>> {
        let Some((_, status)) = waitpid(Some(self.pid), WaitOptions::NOHANG)? else {
            return Ok(None);
        };
        let of_signal = status.terminating_signal().map(|signal| 128 + signal);
        let status = status.exit_status().or(of_signal);
        Ok(status.map(|status| u8::try_from(status).unwrap_or(u8::MAX)))
    }
}

/// The child's whole life until it is the command.
fn become_the_command(
    command: &[OsString],
    environment: Vec<(&'static str, OsString)>,
    mut wait_here: io::PipeReader,
) -> ! {
    let mut message = Vec::new();
    let read = wait_here.read_to_end(&mut message);
    let tokens = match (read, message.split_last()) {
        (Ok(_), Some((&GO, tokens))) => String::from_utf8_lossy(tokens).into_owned(),
        _ => end(0),
    };
    let Some((program, words)) = command.split_first() else {
        end(127);
    };
    let mut next = Command::new(program);
    next.args(words).env("GAIA_LOCK_TOKEN", tokens);
    for (name, value) in environment {
        match value.is_empty() {
            true => next.env_remove(name),
            false => next.env(name, value),
        };
    }
    let error = next.exec();
    tell::note(&format!(
        "cannot run {}: {error}",
        program.to_string_lossy()
    ));
    end(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

/// Ends the child without running what its parent has registered for its own
/// end.
fn end(status: i32) -> ! {
    // SAFETY: `_exit` returns to nobody and touches nothing of this process.
    unsafe { libc::_exit(status) }
}
