//! The field's own tmux server: panes in which a shell waits for work.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, test_kill_process};

use super::{processes, within};

/// A server that may be gone at any moment, and what should run on it.
pub struct Terminal {
    home: PathBuf,
    panes: Vec<String>,
}

impl Terminal {
    /// None where there is no tmux, said loudly.
    pub fn new(home: &Path, panes: &[&str]) -> Option<Self> {
        let version = Command::new("tmux").arg("-V").output();
        if !version.is_ok_and(|output| output.status.success()) {
            println!("!!! NOT TESTED: tmux is not installed, all sessions are processes");
            return None;
        }
        let panes = panes.iter().map(|name| (*name).to_owned()).collect();
        let terminal = Self {
            home: home.to_owned(),
            panes,
        };
        terminal.mend();
        Some(terminal)
    }

    pub fn panes(&self) -> &[String] {
        &self.panes
    }

    pub fn socket(&self) -> PathBuf {
        self.home.join("tmux")
    }

    /// Makes what is not there: the server, a pane.
    pub fn mend(&self) {
        let listed = self.ask(&["list-sessions", "-F", "#{session_name}"]);
        let listed = listed.unwrap_or_default();
        let is_missing = |name: &&String| listed.lines().all(|known| known != **name);
        for name in self.panes.iter().filter(is_missing) {
            let shell = "exec bash --norc --noprofile -i";
            let size = ["-x", "240", "-y", "50"];
            let words = [&["new-session", "-d", "-s", name][..], &size, &[shell]];
            // A server that was killed a moment ago may still be in the way.
            self.ask(&words.concat());
        }
    }

    /// Whether there was one to be killed.
    pub fn kill_server(&self) -> bool {
        self.kill(&["display-message", "-p", "#{pid}"])
    }

    /// Kills a pane's shell, and with it what works in the pane.
    pub fn kill_pane(&self, at: usize) -> bool {
        let name = format!("={}:", self.panes[at % self.panes.len()]);
        self.kill(&["display-message", "-p", "-t", &name, "#{pane_pid}"])
    }

    fn kill(&self, words: &[&str]) -> bool {
        let pid = self.ask(words).and_then(|pid| pid.trim().parse().ok());
        pid.is_some_and(|pid| processes::signal(pid, Signal::KILL))
    }

    /// What tmux answers, if it is there.
    fn ask(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("tmux");
        command
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(self.socket())
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.home)
            .env("GAIA_HOME", &self.home)
            .env("PS1", "$ ")
            .current_dir(&self.home)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(said)
    }
}

impl Drop for Terminal {
    /// tmux itself waits for ever for a client of an assigner that was killed
    /// last: nobody came after it who sends such a client away. With the server
    /// its clients go, GAIA's too.
    fn drop(&mut self) {
        let server = self.ask(&["display-message", "-p", "#{pid}"]);
        self.ask(&["kill-server"]);
        let pid = server.and_then(|pid| pid.trim().parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            return;
        };
        let is_gone = || test_kill_process(pid).is_err();
        if !within(Duration::from_secs(5), is_gone) {
            println!("!!! tmux waits for a client of a killed assigner: it is killed too");
            processes::signal(pid.as_raw_nonzero().get(), Signal::KILL);
        }
    }
}
