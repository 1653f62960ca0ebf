//! pueue: a queue with a daemon, one task at a time unless it is told otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::{self, Server};
use super::race::Missing;
use super::{Trouble, clock};

/// The goal's other baseline.
pub(super) const PUEUE: &str = "pueue, one task at a time";

/// How long its daemon may take until it answers.
const START: Duration = Duration::from_secs(10);

/// A daemon of one's own: whoever measures may have a queue of their own.
pub(super) struct Pueue {
    config: PathBuf,
    _daemon: Server,
}

impl Pueue {
    /// Starts it, if it is installed.
    pub(super) fn start(folder: &Path) -> Result<Self, Missing> {
        Self::begin(folder).map_err(|why| {
            let how = "cargo install pueue, or a package of that name";
            Missing::new(PUEUE, format!("pueued: {why} ({how})"))
        })
    }

    fn begin(folder: &Path) -> Result<Self, Trouble> {
        let home = folder.join("pueue");
        std::fs::create_dir(&home)?;
        let config = home.join("pueue.yml");
        std::fs::write(&config, settings(&home))?;
        let mut daemon = Command::new("pueued");
        let pueue = Self {
            _daemon: Server::start(daemon.arg("--config").arg(&config))?,
            config,
        };
        pueue.answers()?;
        Ok(pueue)
    }

    /// It makes its socket when it is ready, and says so nowhere.
    fn answers(&self) -> Result<(), Trouble> {
        let until = clock::now() + clock::nanos(START);
        loop {
            match program::run(&mut self.command(&["status"])) {
                Err(_) if clock::now() < until => clock::sleep_until(clock::now() + 10_000_000),
                answer => return answer,
            }
        }
    }

    /// Queues so many tasks of `true` and waits until all are done.
    pub(super) fn tasks(&self, many: usize) -> Result<(), Trouble> {
        for _ in 0..many {
            program::run(&mut self.command(&["add", "true"]))?;
        }
        program::run(&mut self.command(&["wait", "--quiet"]))?;
        program::run(&mut self.command(&["clean"]))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("pueue");
        command.arg("--config").arg(&self.config).args(words);
        command
    }
}

/// All that it keeps lies in one folder. JSON is YAML too.
fn settings(home: &Path) -> String {
    let file = |name: &str| home.join(name);
    let shared = serde_json::json!({
        "pueue_directory": home,
        "runtime_directory": home,
        "alias_file": file("aliases.yml"),
        "use_unix_socket": true,
        "unix_socket_path": file("socket"),
        "pid_path": file("pid"),
    });
    serde_json::json!({ "client": {}, "daemon": {}, "shared": shared }).to_string()
}
