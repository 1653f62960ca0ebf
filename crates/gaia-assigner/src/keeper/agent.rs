//! Starting an agent: its command, its folder, its environment, its output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};

use gaia_locks::os::memory::file_in_memory;
use gaia_locks::os::offspring;
use rustix::process::Pid;

use super::{Exit, Spec};

/// A running agent: a process that leads a group of its own.
pub(super) struct Agent {
    child: Child,
    group: Pid,
}

/// The ends of a worker's pipes.
pub(super) struct Pipes {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

impl Agent {
    pub(super) fn start(spec: &Spec) -> io::Result<Self> {
        let log = log_file(&spec.log)?;
        let mut command = Self::command(spec)?;
        command
            .stdin(input(spec)?)
            .stderr(log.try_clone()?)
            .stdout(log);
        Self::led_by(command.spawn()?)
    }

    /// One that is talked with.
    pub(super) fn start_piped(spec: &Spec) -> io::Result<(Self, Pipes)> {
        let mut command = Self::command(spec)?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a child without pipes"));
        };
        let pipes = Pipes {
            stdin,
            stdout,
            stderr,
        };
        Ok((Self::led_by(child)?, pipes))
    }

    fn command(spec: &Spec) -> io::Result<Command> {
        let (program, arguments) = spec
            .argv
            .split_first()
            .ok_or_else(|| io::Error::other("the session's command is empty"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&spec.folder)
            .process_group(0);
        for (name, value) in &spec.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // The lock ends with this process: an agent that outlived it would work
        // without one until an assigner finds it.
        let keeper = std::process::id();
        // SAFETY: between fork and exec two system calls are made, and nothing
        // is allocated or locked.
        unsafe { command.pre_exec(move || offspring::die_with(keeper)) };
        Ok(command)
    }

    fn led_by(child: Child) -> io::Result<Self> {
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("a child without a number"))?;
        Ok(Self { child, group })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// Takes note of its end: from then on its number may become another's.
    pub(super) fn reap(mut self) -> io::Result<Exit> {
        let status = self.child.wait()?;
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        })
    }
}

/// Opens a task's log, making it when it is not there.
pub(crate) fn log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// The text comes from a file without a name: it may be of any length, and
/// nobody has to stand by and write it.
fn input(spec: &Spec) -> io::Result<Stdio> {
    let Some(text) = &spec.input else {
        return Ok(Stdio::null());
    };
    let mut file = match file_in_memory("text")? {
        Some(file) => file,
        None => unnamed_file(&spec.log.with_extension("text"))?,
    };
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

fn unnamed_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    fs::remove_file(path)?;
    Ok(file)
}
