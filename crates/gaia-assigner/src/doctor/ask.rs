//! Asking another program something: one that does not answer is a finding, not
//! a reason to wait for it.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// Programs that are asked for their version, or for what they know.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a program says on stdout, if it ends well and within a few seconds; one
/// that does not is ended, with what it started in its group.
pub fn said(command: &mut Command) -> Option<String> {
    said_within(command, PATIENCE)
}

fn said_within(command: &mut Command, patience: Duration) -> Option<String> {
    let command = command.stdin(Stdio::null()).stderr(Stdio::null());
    let child = command
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .ok()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (tell, told) = mpsc::channel();
    // Nobody waits for it where something else keeps its stdout open.
    std::thread::spawn(move || drop(tell.send(child.wait_with_output())));
    match told.recv_timeout(patience) {
        Ok(output) => {
            let output = output.ok().filter(|output| output.status.success())?;
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Err(_) => {
            // It may have ended just now.
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut sh = Command::new("sh");
        sh.args(["-c", script]);
        sh
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody rings when a process that is no child of ours has ended"
    )]
    fn one_that_does_not_answer_is_ended_with_what_it_started() {
        assert_eq!(said(&mut sh("echo 1.2")), Some("1.2".to_owned()));
        assert_eq!(said(&mut sh("echo 1.2; exit 1")), None);
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", file.display());
        // Long enough for a shell to start on a machine that has much to do.
        let patience = Duration::from_secs(1);
        assert_eq!(said_within(&mut sh(&script), patience), None);
        let pid: u32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let mut looks = 0;
        while gaia_locks::liveness::ProcessIdentity::of(pid)
            .unwrap()
            .is_some()
        {
            looks += 1;
            assert!(looks < 1_000, "{pid} lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
