//! The assigner's side of a running task: whatever a session is, a run is
//! started, stopped, and tells when it is over.

mod fds;
mod process;
pub mod tmux;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use gaia_locks::liveness::ProcessIdentity;
pub(crate) use gaia_locks::liveness::mark;

use crate::agents::Word;
use crate::task::{Outcome, Told};
use crate::worktree::WorkTree;

pub use process::{KeeperProgram, ProcessRun, Spare, end_orphan};
pub(crate) use process::{forget_word, kill_leftovers, left_behind};

/// A run, by the number that its assigner gave it.
pub type RunId = u64;

/// A run in an assigner's hands, whatever kind of session it is on. It says by
/// [`Event::Over`] when it is over, also after it was stopped or killed.
pub trait Run: std::marker::Send {
    /// Asks for the end.
    fn stop(&mut self);

    /// How long after that it is killed. `grace` is what a process is given
    /// between TERM and KILL.
    fn patience(&self, grace: Duration) -> Duration;

    /// Ends it without asking any more.
    fn kill(&mut self);

    /// Somebody who knows says that the agent took its text.
    fn taken(&mut self) {}

    /// What its client's hooks say of it.
    fn says(&mut self, word: Word) {
        let _ = word;
    }

    /// Somebody who knows says how it ended. Gives the word back where it
    /// decides nothing: what is a process ends by itself.
    fn told(&mut self, told: Told) -> Option<Told> {
        Some(told)
    }

    /// Whether what runs shows that it lives, so that its lock is renewed.
    fn shows_life(&self) -> bool {
        true
    }

    /// The end was taken note of. Gives back the keeper, if it had one that
    /// can serve another task.
    fn acknowledge(self: Box<Self>) -> Option<Spare>;
}

/// What a run tells.
#[derive(Debug)]
pub enum Event {
    /// Its agent runs, or took its text.
    Started {
        /// Which run.
        run: RunId,
        /// The agent's process.
        pid: u32,
    },
    /// Something about a pane.
    Pane(tmux::News),
    /// How its folder was left [T13].
    Left {
        /// Which run.
        run: RunId,
        /// What git says.
        tree: WorkTree,
    },
    /// It is over, and nothing of it is left, if anybody could see to that.
    Over {
        /// Which run.
        run: RunId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How runs tell: a word, and a ring so that it is heard at once.
#[derive(Clone)]
pub struct Tell {
    /// Where the words go.
    pub words: Sender<Event>,
    /// Rings.
    pub ring: Arc<dyn Fn() + std::marker::Send + Sync>,
}

impl Tell {
    fn tell(&self, event: Event) {
        // Without a receiver the assigner is at its end already.
        let _ = self.words.send(event);
        (self.ring)();
    }
}

/// Where a keeper leaves its word, beside the log; each its own, so that none
/// is taken for another's.
pub(crate) fn word_file(log: &Path, keeper: &ProcessIdentity) -> std::path::PathBuf {
    log.with_extension(format!("{}.word", mark(keeper).1))
}
