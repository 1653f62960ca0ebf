//! Whether a hook that stands in a client's settings answers, and in time.
//!
//! It is called as the client would, with a call that names no event: any GAIA
//! refuses that at once, without a look into the database, so that nothing is
//! noted of a session that there is not.

use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gaia_agent::hook::Client;
use rustix::process::{Pid, Signal};

use crate::system::tree;

/// Clients wait for 20 s and more; whoever sits before one does not.
const PATIENCE: Duration = Duration::from_secs(5);
/// How a call that cannot be read ends; with 0 where the user lets hooks fail
/// open.
const REFUSED: [i32; 2] = [2, 0];

/// Calls it. The error says what it does instead of answering.
pub fn in_time(client: Client, words: &[String]) -> Result<(), String> {
    let mut hook = command(client, words)?;
    let mut child = hook
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be run: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not listen is judged by its status.
        drop(input.write_all(b"{}"));
    }
    judge(ended(child)?)
}

/// Claude Code runs a program, GAIA's plugin for opencode too; the others hand
/// a line to a shell.
fn command(client: Client, words: &[String]) -> Result<Command, String> {
    match (client, words) {
        (Client::Claude | Client::Opencode, [program, words @ ..]) if !words.is_empty() => {
            let mut command = Command::new(program);
            command.args(words);
            Ok(command)
        }
        (_, [line]) => {
            let mut command = Command::new("sh");
            command.args(["-c", line]);
            Ok(command)
        }
        _ => Err("is no command".to_owned()),
    }
}

fn judge(status: ExitStatus) -> Result<(), String> {
    match status.code() {
        Some(code) if REFUSED.contains(&code) => Ok(()),
        Some(127) => Err("is not there".to_owned()),
        _ => Err(format!("breaks off ({status})")),
    }
}

/// Waits for it; one that takes too long is ended with all that it started.
fn ended(mut child: Child) -> Result<ExitStatus, String> {
    let pid = child.id();
    let (tell, told) = mpsc::channel();
    let waits = std::thread::spawn(move || drop(tell.send(child.wait())));
    let status = match told.recv_timeout(PATIENCE) {
        Ok(status) => status.map_err(|error| format!("cannot be waited for: {error}")),
        Err(_) => {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            if let Some(pid) = pid {
                tree::of(pid).signal(Signal::KILL);
            }
            Err(format!("does not answer within {} s", PATIENCE.as_secs()))
        }
    };
    drop(waits.join());
    status
}
