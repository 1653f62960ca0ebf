//! Other programs: whole runs of them, and helpers that are ended with what
//! they served.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Trouble;
use super::race::Missing;

/// Runs a command to its end.
pub(super) fn run(command: &mut Command) -> Result<(), Trouble> {
    to_its_end(command.stdin(Stdio::null()))
}

/// The same with a file as what it reads.
pub(super) fn run_with(command: &mut Command, input: &Path) -> Result<(), Trouble> {
    to_its_end(command.stdin(std::fs::File::open(input)?))
}

fn to_its_end(command: &mut Command) -> Result<(), Trouble> {
    let program = command.get_program().to_owned();
    let output = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}: {}", program.display(), output.status, said.trim()).into())
}

/// `gaia` in a home of its own: what the user has set for their own fleet must
/// not lead the measurement into their database.
#[expect(
    clippy::disallowed_methods,
    reason = "the names only, to take them out of a child's environment"
)]
pub(super) fn gaia(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GAIA_") {
            command.env_remove(name);
        }
    }
    command.env("GAIA_HOME", home);
    command
}

/// Tries a command once, before it takes part.
pub(super) fn try_out(subject: &str, package: &str, command: &mut Command) -> Result<(), Missing> {
    run(command).map_err(|why| Missing::new(subject, format!("{why} (Debian: {package})")))
}

/// A process that serves the measurement and ends with it.
pub(super) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(command: &mut Command) -> Result<Self, Trouble> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or("no pipe from a child")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn tell(&mut self, line: &str) -> Result<(), Trouble> {
        use std::io::Write;
        let input = self.input.as_mut().ok_or("no pipe to a child")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// The next line that begins with `mark`, without it.
    pub(super) fn hear(&mut self, mark: &str) -> Result<String, Trouble> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err("it ended before it answered".into());
            }
            if let Some(answer) = line.trim_end().strip_prefix(mark) {
                return Ok(answer.to_owned());
            }
        }
    }

    /// The next line that has `words` in it.
    pub(super) fn hear_of(&mut self, words: &str) -> Result<(), Trouble> {
        while !self.hear("")?.contains(words) {}
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // It may have ended already; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
