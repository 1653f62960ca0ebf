//! In a real terminal: a private tmux server.

use std::process::Command;

use crate::home::{Home, loudly, until};

pub struct Terminal<'a> {
    home: &'a Home,
}

impl<'a> Terminal<'a> {
    /// None where there is no tmux.
    pub fn open(home: &'a Home, columns: &str) -> Option<Self> {
        Self::of_size(home, columns, "24")
    }

    pub fn of_size(home: &'a Home, columns: &str, rows: &str) -> Option<Self> {
        let terminal = Self { home };
        let opened = terminal.tmux(&["new-session", "-d", "-x", columns, "-y", rows, "sh"]);
        opened.then_some(terminal)
    }

    fn command(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.env_clear()
            .env("HOME", self.home.path(""))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TERM", "xterm-256color")
            .env("PS1", "$ ")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.home.path("work"))
            .args(["-f", "/dev/null", "-S"])
            .arg(self.home.path("tmux"));
        tmux
    }

    fn tmux(&self, words: &[&str]) -> bool {
        self.command()
            .args(words)
            .status()
            .is_ok_and(|status| status.success())
    }

    pub fn keys(&self, keys: &[&str]) {
        assert!(self.tmux(&[&["send-keys"], keys].concat()));
    }

    pub fn type_line(&self, line: &str) {
        let line = line.replace("gaia ", &format!("{} ", env!("CARGO_BIN_EXE_gaia")));
        self.keys(&["-l", &line]);
        self.keys(&["Enter"]);
    }

    /// What tmux knows of the pane, such as `#{alternate_on}`.
    pub fn told(&self, what: &str) -> String {
        let mut tmux = self.command();
        let output = tmux.args(["display-message", "-p", what]).output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The process that the shell in it runs now.
    pub fn job(&self) -> u32 {
        let shell = self.told("#{pane_pid}");
        let children = format!("/proc/{shell}/task/{shell}/children");
        let children = std::fs::read_to_string(children).unwrap();
        children.trim().parse().unwrap()
    }

    pub fn screen(&self) -> String {
        let output = self
            .command()
            .args(["capture-pane", "-p", "-J"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn until_shown(&self, text: &str) {
        let started = std::time::Instant::now();
        while !self.screen().contains(text) {
            let waited = started.elapsed().as_secs();
            assert!(waited < 20, "never showed {text:?}:\n{}", self.screen());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn run_gives_the_terminal_to_the_command() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "80") else {
        return;
    };
    // Reads the terminal itself, without echo, as an interactive program does.
    terminal.type_line("gaia run a --session me -- sh -c 'stty -echo; read word </dev/tty; stty echo; echo \"[$word]\"'");
    until("it holds the lock", || home.locks().len() == 1);
    terminal.type_line("secret");
    terminal.until_shown("[secret]");
    until("it is free", || home.locks().is_empty());
    // Ctrl-C reaches the command once, and gaia ends with its status.
    terminal.type_line("gaia run a -- sh -c 'trap \"echo caug\\ht; exit 9\" INT; echo re\\ady; while :; do sleep 0.1; done'; echo status=$?");
    terminal.until_shown("ready");
    terminal.keys(&["C-c"]);
    terminal.until_shown("status=9");
    // The line that was typed spells it otherwise.
    assert_eq!(terminal.screen().matches("caught").count(), 1);
}

#[test]
fn run_is_one_job_with_its_command() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "80") else {
        return;
    };
    terminal.type_line("gaia run a --session me -- sh -c 'echo re\\ady; read word; echo \"<$word>\"'; echo status=$?");
    terminal.until_shown("ready");
    terminal.keys(&["C-z"]);
    terminal.until_shown("Stopped");
    assert_eq!(home.locks().len(), 1, "a stopped command holds its lock");
    terminal.type_line("fg");
    terminal.type_line("again");
    terminal.until_shown("<again>");
    until("it is free", || home.locks().is_empty());
}

/// The terminal tells only the first process of its session that it is gone.
#[test]
fn run_ends_its_command_when_its_own_terminal_is_gone() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "80") else {
        return;
    };
    let run = format!(
        "exec {} run a --session me -- sleep 100",
        env!("CARGO_BIN_EXE_gaia")
    );
    assert!(terminal.tmux(&["new-window", "-n", "held", &run]));
    until("it holds the lock", || home.locks().len() == 1);
    assert!(terminal.tmux(&["kill-window", "-t", "held"]));
    until("it is free", || home.locks().is_empty());
}

#[test]
fn the_waiting_line_lives_and_ctrl_c_leaves_it() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let Some(terminal) = Terminal::open(&home, "40") else {
        return;
    };
    terminal.type_line("gaia acquire a --session me --wait; echo status=$?");
    terminal.until_shown("place 1");
    terminal.until_shown("2s");
    terminal.keys(&["C-c"]);
    terminal.until_shown("status=130");
    assert!(
        !terminal.screen().contains("place"),
        "{}",
        terminal.screen()
    );
    assert_eq!(home.waiters(), 0);
}

#[test]
fn init_asks_before_it_writes() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "120") else {
        return;
    };
    let file = home.path(".config/systemd/user/gaia.service");
    terminal.type_line("gaia init --service=systemd; echo status=$?");
    terminal.until_shown("Write this file? [y/N]");
    terminal.type_line("n");
    terminal.until_shown("status=0");
    assert!(!file.exists());
    terminal.type_line("clear; gaia init --service=systemd; echo second=$?");
    terminal.until_shown("Write this file? [y/N]");
    terminal.type_line("y");
    terminal.until_shown("second=0");
    assert!(file.exists(), "{}", terminal.screen());
}

#[test]
fn init_shows_a_difference_and_asks() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "120") else {
        return;
    };
    terminal.type_line("gaia init; echo status=$?");
    terminal.until_shown("Do this? [y/N]");
    assert!(terminal.screen().contains("assigner.db"));
    terminal.type_line("");
    terminal.until_shown("status=0");
    assert!(!home.path(".gaia").is_dir());
    terminal.type_line("clear; gaia init; echo second=$?");
    terminal.until_shown("Do this? [y/N]");
    terminal.type_line("y");
    terminal.until_shown("second=0");
    assert!(home.path(".gaia/locks/assigner.db").is_file());
}

/// As under `docker exec`, or in a sandbox with process ids of its own.
#[test]
fn a_login_that_began_outside_this_pid_namespace_is_nobody() {
    let home = Home::new();
    let Some(terminal) = Terminal::open(&home, "120") else {
        return;
    };
    let within = "unshare --user --map-root-user --pid --fork --mount-proc";
    let made = Command::new("sh")
        .args(["-c", &format!("{within} true")])
        .stderr(std::process::Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return loudly("no pid namespace may be made here");
    }
    terminal.type_line(&format!("{within} gaia acquire . ; echo ended with $?"));
    terminal.until_shown("ended with 2");
    assert!(terminal.screen().contains("no session was named"));
}
