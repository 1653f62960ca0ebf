//! What follows for a pane and its task from what its client's hooks tell: pure.
//!
//! ```text
//! prompted, with the task's text ─► taken ─► stopped, nothing in the background ─► done
//!                                     │      failed (its turn ended by an error)  ─► failed
//!                                     │      rested, and never stopped            ─► failed: broken off
//!                                     │      (its user broke it off               ─► the same, at once)
//!                                     └────  ended (its client)                   ─► another try
//! ```
//! What is told of a turn before the task's own is its user's business. That a
//! client ended before the text was taken is the task's business only where the
//! pane's own client was heard when the task was given: elsewhere it is that of
//! some other client, which somebody ran in the pane.

use std::time::Duration;

use gaia_locks::clock::Wall;
use gaia_locks::ids::TaskId;

use super::{AgentEvent, Doing};
use crate::runner::tmux::Status;
use crate::task::{Outcome, Told};

/// What is said of a task by its client's hooks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word {
    /// The text was taken.
    Taken,
    /// It is over.
    Over(Outcome),
}

/// One task's turn in a client, as far as its hooks told of it.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// The last event that was heard.
    pub last: i64,
    task: TaskId,
    text: String,
    /// Whether its client's hooks were heard when the task was given.
    was_heard: bool,
    is_taken: bool,
    /// When its client was given something to do last.
    prompted: Option<Wall>,
    has_stopped: bool,
}

impl Turn {
    /// A task's turn, of which nothing was heard up to an event; `was_heard`:
    /// whether its client's hooks were when the task was given.
    pub fn new(task: TaskId, text: &str, last: i64, was_heard: bool) -> Self {
        Self {
            last,
            task,
            text: text.to_owned(),
            was_heard,
            is_taken: false,
            prompted: None,
            has_stopped: false,
        }
    }

    /// Whether its client's hooks tell of it: they were heard when it was
    /// given, or these events tell that the text was taken.
    pub fn is_told_of(&self, events: &[AgentEvent]) -> bool {
        let mut heard = self.clone();
        let mut words = events.iter().filter_map(|event| heard.hear(event));
        self.was_heard || words.any(|word| word == Word::Taken)
    }

    /// Whether it was told that the text was taken.
    pub fn is_taken(&self) -> bool {
        self.is_taken
    }

    /// Takes in an event, and says what follows.
    pub fn hear(&mut self, event: &AgentEvent) -> Option<Word> {
        self.last = self.last.max(event.id);
        if event.task != self.task {
            return None;
        }
        let said = |name: &str| event.details[name].as_str().unwrap_or_default();
        match (event.kind.as_str(), self.is_taken) {
            ("prompted", false) if is_text(said("prompt"), &self.text) => {
                self.is_taken = true;
                self.prompted = event.at;
                Some(Word::Taken)
            }
            ("ended", false) if self.was_heard => {
                let why = "its client ended before it took the text".to_owned();
                Some(Word::Over(Outcome::NotStarted(why)))
            }
            (kind, true) => self.goes_on(kind, &said, event),
            _ => None,
        }
    }

    fn goes_on<'a>(
        &mut self,
        kind: &str,
        said: &impl Fn(&str) -> &'a str,
        event: &AgentEvent,
    ) -> Option<Word> {
        let failed = |why: String| Some(Word::Over(Outcome::Told(Told::Failed(why))));
        match kind {
            "stopped" if event.details["background"] == true => {
                self.has_stopped = true;
                None
            }
            "stopped" => {
                let answer = Some(said("answer")).filter(|answer| !answer.is_empty());
                let done = Told::Done(answer.map(str::to_owned));
                Some(Word::Over(Outcome::Told(done)))
            }
            "failed" => failed(format!("its turn ended by an error: {}", said("error"))),
            "rested" if event.details["broken_off"] == true => {
                failed("its turn was broken off by its user".to_owned())
            }
            "rested" if !self.has_stopped && !self.is_early(event) => failed(
                "its turn was broken off: its client waits for its user and never said that it had stopped"
                    .to_owned(),
            ),
            "prompted" => {
                self.has_stopped = false;
                self.prompted = event.at;
                None
            }
            "ended" => {
                let why = format!("its client ended while it worked ({})", said("why"));
                Some(Word::Over(Outcome::Left(why)))
            }
            _ => None,
        }
    }

    /// Whether a word that its client rests is about an earlier turn: clients
    /// say so when they have waited for a minute, also where they were given
    /// something just then.
    fn is_early(&self, event: &AgentEvent) -> bool {
        let times = self.prompted.zip(event.at);
        times.is_some_and(|(prompted, rested)| rested < prompted.plus(RESTS_AFTER))
    }
}

/// How long a client has waited at least when it says that it rests.
const RESTS_AFTER: Duration = Duration::from_secs(55);

/// How many bytes of a text are looked for in a prompt, of whose beginning
/// twice as many are kept: a client puts words of its own before it.
const LOOKED_FOR: usize = 4096;

/// Whether a prompt is a task's text: clients wrap long pastes and change
/// blanks. A command (`/review`) is told as what it stands for.
fn is_text(prompt: &str, text: &str) -> bool {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(|character| !character.is_whitespace());
        kept.collect()
    };
    let text = text.trim();
    text.starts_with('/') || plain(prompt).contains(&plain(beginning(text)))
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_FOR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a session's pane does: its hooks know best what its client does, and
/// only its screen shows what its user typed and did not send, or a menu.
pub(crate) fn shown(doing: Option<Doing>, screen: Status) -> Status {
    match doing {
        None | Some(Doing::Ended | Doing::Idle) => screen,
        Some(Doing::Busy) => Status::Busy,
        Some(Doing::WaitingInput) => Status::WaitingInput,
    }
}

#[cfg(test)]
mod tests;
