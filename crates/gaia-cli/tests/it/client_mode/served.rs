//! A home whose database is served, and commands that know the server alone.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::home::{Guard, Home, until};

/// A home, its server, and who works through it.
pub struct Served {
    pub home: Home,
    pub listen: String,
    token: String,
    server: Option<Guard>,
}

impl Served {
    pub fn start() -> Self {
        let home = Home::new();
        let user = system_user();
        let made = home.json(&["token", "create", &user, "--role", "admin"]);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let mut served = Self {
            token: made["token"].as_str().unwrap().to_owned(),
            listen: free.unwrap().to_string(),
            home,
            server: None,
        };
        served.restart();
        served
    }

    pub fn restart(&mut self) {
        let words = ["serve", "--listen", &self.listen];
        self.server = Some(self.home.spawn(&words));
        until("the server answers", || self.status(&["sessions"]) == 0);
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        let server = self.server.take().unwrap();
        server.signal("KILL");
        server.end();
    }

    /// It hangs from now on, and its connections with it.
    pub fn freeze(&self) {
        self.server.as_ref().unwrap().signal("STOP");
    }

    /// `gaia` through the server: it has another home, and no database there.
    pub fn gaia(&self, words: &[&str]) -> Command {
        let mut command = self.home.gaia(words);
        command
            .env("GAIA_HOME", self.home.path("elsewhere"))
            .env("GAIA_SERVER", format!("http://{}", self.listen))
            .env("GAIA_TOKEN", &self.token);
        command
    }

    pub fn output(&self, words: &[&str]) -> Output {
        self.gaia(words).output().unwrap()
    }

    pub fn status(&self, words: &[&str]) -> i32 {
        self.output(words).status.code().unwrap()
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let output = self.output(&[&["--json"], words].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"))
    }

    pub fn spawn(&self, words: &[&str]) -> Guard {
        Guard(self.gaia(words).spawn().unwrap())
    }

    /// A line for a terminal of another home, that works through the server.
    pub fn line(&self, line: &str) -> String {
        let (listen, token) = (&self.listen, &self.token);
        format!("GAIA_SERVER=http://{listen} GAIA_TOKEN={token} {line}")
    }

    /// `gaia` through the server, with a line on its stdin.
    pub fn told(&self, words: &[&str], line: &str) -> Value {
        let words = [&["--json"], words].concat();
        with_stdin(&mut self.gaia(&words), line)
    }

    /// A shell that finds this `gaia` as `$GAIA`.
    pub fn shell(&self, script: &str) -> Guard {
        let gaia = self.gaia(&[]);
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).env_clear();
        for (name, value) in gaia.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        let shell = shell
            .env("GAIA", env!("CARGO_BIN_EXE_gaia"))
            .current_dir(self.home.path("work"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        Guard(shell.spawn().unwrap())
    }

    /// Somebody who waits for `a`, and stands in line by now.
    pub fn waiting(&self, session: &str, place: usize) -> Guard {
        let waiting = self.spawn(&["acquire", "a", "--session", session, "--wait"]);
        until("it stands in line", || self.places().len() == place);
        waiting
    }

    /// Who waits, in order, with the places' ids.
    pub fn places(&self) -> Vec<(i64, String)> {
        let status = self.json(&["status"]);
        let waiters = status["waiters"].as_array().unwrap();
        let place = |waiter: &Value| {
            let session = waiter["session_id"].as_str().unwrap();
            (waiter["id"].as_i64().unwrap(), session.to_owned())
        };
        waiters.iter().map(place).collect()
    }

    pub fn locks(&self) -> Vec<Value> {
        self.json(&["status"])["locks"].as_array().unwrap().clone()
    }

    /// The session of the one lock there is.
    pub fn holder(&self) -> String {
        let locks = self.locks();
        assert_eq!(locks.len(), 1, "{locks:?}");
        locks[0]["session_id"].as_str().unwrap().to_owned()
    }
}

/// What a command answers to a line on its stdin.
pub fn with_stdin(command: &mut Command, line: &str) -> Value {
    use std::io::Write as _;
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that asks for nothing may have ended by now.
    drop(writeln!(stdin, "{line}"));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Whom the history names for what is done on the database itself.
pub fn system_user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
