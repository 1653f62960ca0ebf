//! task-spooler: a queue with one slot and nothing else.

use std::path::Path;
use std::process::Command;

use super::Trouble;
use super::program;
use super::race::Missing;

/// The goal's baseline.
pub(super) const TSP: &str = "task-spooler, one slot";

/// A spooler of one's own.
pub(super) struct Tsp<'a> {
    folder: &'a Path,
}

impl<'a> Tsp<'a> {
    /// Tries it out.
    pub(super) fn start(folder: &'a Path) -> Result<Self, Missing> {
        let tsp = Self { folder };
        program::try_out(TSP, "task-spooler", &mut tsp.command(&["-S", "1"]))?;
        Ok(tsp)
    }

    /// Queues so many tasks of `true` and waits until the last is done.
    pub(super) fn tasks(&self, many: usize) -> Result<(), Trouble> {
        for _ in 0..many {
            program::run(&mut self.command(&["-n", "true"]))?;
        }
        // Without a number: the task that was queued last.
        program::run(&mut self.command(&["-w"]))?;
        program::run(&mut self.command(&["-C"]))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("tsp");
        command
            .args(words)
            .env("TS_SOCKET", self.folder.join("tsp.socket"))
            .env("TMPDIR", self.folder);
        command
    }
}

impl Drop for Tsp<'_> {
    fn drop(&mut self) {
        // Its server would stay behind otherwise; it may be gone already.
        drop(program::run(&mut self.command(&["-K"])));
    }
}
