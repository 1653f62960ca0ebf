//! tmux as a program: one command and its answer, or a connection in control
//! mode.
//!
//! A server that does not answer (it may be stopped) must not stop us: one
//! command is given a few seconds, a connection is never written to when it
//! would block.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use rustix::event::{PollFd, PollFlags};

use super::super::fds::{do_not_block, wait_for};
use super::dead;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long whoever closes a connection waits for its end.
const A_MOMENT: Duration = Duration::from_millis(200);

/// tmux on a server's socket. `-u`: what it prints is UTF-8, whatever the
/// locale. Where this process itself runs in a pane is no matter.
fn tmux(server: &str) -> Command {
    let mut command = Command::new("tmux");
    command.args(["-u", "-S", server]);
    command.env_remove("TMUX").env_remove("TMUX_PANE");
    command
}

/// Runs one command (or several, with ";" between them) and gives what it
/// printed.
///
/// # Errors
/// What tmux said, or that it did not answer.
pub(super) fn run(server: &str, arguments: &[&str], input: &[u8]) -> io::Result<String> {
    let mut child = tmux(server)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let answer = talk(&mut child, input);
    if answer.is_err() {
        // It may have ended meanwhile.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let (out, said) = answer?;
    match status.success() {
        true => Ok(out),
        false => Err(io::Error::other(said.trim().to_owned())),
    }
}

/// Writes and reads until it has said all it has to say.
fn talk(child: &mut Child, input: &[u8]) -> io::Result<(String, String)> {
    let (Some(stdin), Some(out), Some(err)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("tmux was started without pipes"));
    };
    for fd in [stdin.as_fd(), out.as_fd(), err.as_fd()] {
        do_not_block(fd)?;
    }
    let mut talk = Talk {
        stdin: Some(stdin),
        input,
        out,
        err,
        said: [Vec::new(), Vec::new()],
        open: [true, true],
    };
    let until = SystemClock.now().moment.plus(PATIENCE);
    while talk.open[0] || talk.open[1] {
        let left = SystemClock.now().moment.until(until);
        if left.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "tmux does not answer",
            ));
        }
        talk.go_on(left)?;
    }
    let [out, err] = talk
        .said
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((out, err))
}

struct Talk<'a> {
    /// None when all is written.
    stdin: Option<ChildStdin>,
    input: &'a [u8],
    out: ChildStdout,
    err: ChildStderr,
    said: [Vec<u8>; 2],
    open: [bool; 2],
}

impl Talk<'_> {
    fn go_on(&mut self, patience: Duration) -> io::Result<()> {
        let mut fds = Vec::new();
        if self.open[0] {
            fds.push(PollFd::new(&self.out, PollFlags::IN));
        }
        if self.open[1] {
            fds.push(PollFd::new(&self.err, PollFlags::IN));
        }
        if let Some(stdin) = &self.stdin {
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        wait_for(&mut fds, patience)?;
        drop(fds);
        self.write()?;
        if self.open[0] {
            self.open[0] = read_all(&mut self.out, &mut self.said[0])?;
        }
        if self.open[1] {
            self.open[1] = read_all(&mut self.err, &mut self.said[1])?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Ok(());
        };
        if !self.input.is_empty() {
            match stdin.write(self.input) {
                Ok(written) => self.input = &self.input[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It says on stderr why it reads no more.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.input = &[],
                Err(error) => return Err(error),
            }
        }
        if self.input.is_empty() {
            self.stdin = None;
        }
        Ok(())
    }
}

/// Reads what is there; whether more may come.
fn read_all(from: &mut impl io::Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => into.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads to the end, and gives whether it came in time.
fn hear_out(stdout: &mut ChildStdout, patience: Duration) -> bool {
    let until = SystemClock.now().moment.plus(patience);
    let mut said = Vec::new();
    loop {
        if !read_all(stdout, &mut said).unwrap_or(false) {
            return true;
        }
        said.clear();
        let left = SystemClock.now().moment.until(until);
        let mut fds = [PollFd::new(stdout, PollFlags::IN)];
        if left.is_zero() || wait_for(&mut fds, left).is_err() {
            return false;
        }
    }
}

/// A connection in control mode.
pub(super) struct Connection {
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// The panes that it was told the output of.
    writers: BTreeSet<String>,
}

impl Connection {
    /// To the server alone: it is told when sessions, windows and panes come
    /// and go, attaches to none of them, and can be asked nothing.
    pub fn scout(server: &str) -> io::Result<Self> {
        let never = format!("gaia-{}-never", std::process::id());
        Self::open(tmux(server).args(["-C", "wait-for", &never]))
    }

    /// To one session: it hears what its panes write, and can be asked. Its
    /// windows keep their size, its environment its variables (`-E`).
    pub fn attach(server: &str, session_id: &str) -> io::Result<Self> {
        let session = format!("{session_id}:");
        let arguments = [
            "-C",
            "attach-session",
            "-E",
            "-f",
            "ignore-size",
            "-t",
            &session,
        ];
        Self::open(tmux(server).args(arguments))
    }

    fn open(command: &mut Command) -> io::Result<Self> {
        let (name, value) = dead::mark()?;
        let mut child = command
            .env(name, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C is for the assigner, which then waits for what runs.
            .process_group(0)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("tmux was started without pipes"));
        };
        do_not_block(stdin.as_fd())?;
        do_not_block(stdout.as_fd())?;
        Ok(Self {
            child: Some(child),
            stdin: Some(stdin),
            stdout,
            writers: BTreeSet::new(),
        })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }

    /// Reads what is there; whether more may come.
    pub fn read(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        read_all(&mut self.stdout, into)
    }

    /// Notes that a pane writes: its output is told here.
    pub fn is_told_of(&mut self, pane: &str) {
        if !self.writers.contains(pane) {
            self.writers.insert(pane.to_owned());
        }
    }

    /// Asks to be sent away, and gives whether that happened in time.
    ///
    /// A client whose input ends while output for it waits takes the server with
    /// it, where the pane goes on writing at this moment (tmux 3.3a: "not enough
    /// data"). A pane that is paused has no output waiting, and one line is carried
    /// out as one. A tmux that knows no pause (before 3.2) refuses it, and is left by
    /// the end of its input.
    fn leave(&mut self) -> bool {
        if self.writers.is_empty() {
            return false;
        }
        let mut line = String::from("refresh-client");
        for pane in &self.writers {
            line.push_str(" -A '");
            line.push_str(pane);
            line.push_str(":pause'");
        }
        line.push_str(" ; detach-client");
        self.ask(&line).is_ok() && hear_out(&mut self.stdout, A_MOMENT)
    }

    /// Asks something: one line.
    pub fn ask(&mut self, line: &str) -> io::Result<()> {
        let closed = || io::Error::other("the connection is closed");
        let stdin = self.stdin.as_mut().ok_or_else(closed)?;
        stdin.write_all(format!("{line}\n").as_bytes())
    }
}

impl Drop for Connection {
    /// The end of its input ends it. It is not killed: a client that goes
    /// before it has introduced itself takes the server with it
    /// (tmux/tmux#5004). What it still has to say is read: a server keeps a
    /// client that cannot say it, and then never ends when it is told to.
    fn drop(&mut self) {
        let has_left = self.leave();
        self.stdin = None;
        let Some(mut child) = self.child.take() else {
            return;
        };
        if has_left || hear_out(&mut self.stdout, A_MOMENT) {
            return drop(child.wait());
        }
        let Ok(stdout) = self.stdout.as_fd().try_clone_to_owned() else {
            return;
        };
        let reap = move || {
            hear_out(&mut ChildStdout::from(stdout), PATIENCE);
            child.wait()
        };
        // Without a thread it stays a zombie until this process ends.
        let _ = thread::Builder::new()
            .name("tmux end".to_owned())
            .spawn(reap);
    }
}

/// Runs one command in a thread of its own, so that nobody waits for it here.
pub(super) fn run_aside(
    server: String,
    arguments: Vec<String>,
    input: Vec<u8>,
    then: impl FnOnce(io::Result<String>) + Send + 'static,
) -> io::Result<()> {
    let work = move || {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        then(run(&server, &words, &input));
    };
    thread::Builder::new()
        .name("tmux command".to_owned())
        .spawn(work)
        .map(drop)
}
