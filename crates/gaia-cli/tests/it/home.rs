//! A private home, and `gaia` in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A private home; gone with all that is in it when dropped.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("gaia-cli")
            .tempdir()
            .unwrap();
        let home = Self { dir };
        std::fs::create_dir(home.path("work")).unwrap();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    /// `gaia` with nothing around it but this home; it starts in `work`.
    pub fn gaia(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gaia"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.path(""))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("GIT_CEILING_DIRECTORIES", self.path(""))
            .current_dir(self.path("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if words.iter().any(|word| matches!(*word, "up" | "serve")) {
            // Tests run beside each other: each server takes a port that is free.
            command.env("GAIA_LISTEN", "127.0.0.1:0");
        }
        command
    }

    pub fn output(&self, words: &[&str]) -> Output {
        self.gaia(words).output().unwrap()
    }

    pub fn status(&self, words: &[&str]) -> i32 {
        self.output(words).status.code().unwrap()
    }

    pub fn spawn(&self, words: &[&str]) -> Guard {
        Guard(self.gaia(words).spawn().unwrap())
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let words = [&["--json"], words].concat();
        let output = self.output(&words);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}"))
    }

    pub fn locks(&self) -> Vec<Value> {
        self.json(&["status"])["locks"].as_array().unwrap().clone()
    }

    pub fn waiters(&self) -> usize {
        self.json(&["status"])["waiters"].as_array().unwrap().len()
    }
}

/// A child that does not outlive its test.
pub struct Guard(pub Child);

impl Guard {
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits until it has said something on stderr, which [`Guard::end`] then
    /// gives the rest of.
    pub fn says(&mut self, text: &str) {
        use std::io::Read;
        let (mut said, mut byte) = (Vec::new(), [0]);
        let stderr = self.0.stderr.as_mut().unwrap();
        while !String::from_utf8_lossy(&said).contains(text) {
            let read = stderr.read(&mut byte).unwrap();
            assert_eq!(
                read,
                1,
                "it never said {text:?}: {}",
                String::from_utf8_lossy(&said)
            );
            said.extend(byte);
        }
    }

    pub fn end(mut self) -> (i32, String, String) {
        use std::io::Read;
        let status = self.0.wait().unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        if let Some(mut stdout) = self.0.stdout.take() {
            stdout.read_to_string(&mut out).unwrap();
        }
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_string(&mut err).unwrap();
        }
        (status.code().unwrap_or(-1), out, err)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends a signal by its name.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success(), "kill -{name} {pid}");
}

/// Waits until something is so, and fails when that takes too long.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "never came true: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A file's text, once it is there and ends with a line's end.
pub fn line_of(file: &Path) -> String {
    let mut text = String::new();
    until(&format!("{} is written", file.display()), || {
        text = std::fs::read_to_string(file).unwrap_or_default();
        text.ends_with('\n')
    });
    text.trim_end().to_owned()
}

/// What could not be tested here.
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
pub fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}
