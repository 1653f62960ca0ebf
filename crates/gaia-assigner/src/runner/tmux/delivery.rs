//! One task in a pane, from the last look before it is typed to the moment
//! when the pane waits for work again: pure.
//!
//! ```text
//! Check ─ idle ─► Paste ─ typed, and the screen stands still ─► Enter ─ taken ─► Working ─ idle ─► over
//!   │ anything else       │ not typed                             │ 10 s
//!   ▼                     ▼                                       ▼
//! not now: no try spent   not started: a try spent            typed, not taken: cleared, a try spent
//! ```
//! Where the client's hooks are heard they say what was taken and when it is
//! over; the screen tells only where to type, and that one who was interrupted
//! waits again. Elsewhere taken is: it shows that it works, or asks something, or waits again and the
//! text is gone from its input. That the screen changed is not enough, because
//! the text itself changes it.

use std::time::Duration;

use gaia_locks::clock::Moment;

use super::eye::Status;
use super::screen::{Look, Reading};
use crate::task::Outcome;

/// How long a pane may take to leave its idle pattern [T14].
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client's hook may take to say that it took the text. One whose
/// screen shows that it works is waited for as long as it does: it must not
/// work on what was given back.
const HOOK_PATIENCE: Duration = Duration::from_secs(30);
/// How long the screen is given to show what was pasted.
const SHOWING: Duration = Duration::from_millis(1500);
/// How long the first sign of it is waited for: some programs show nothing.
const ECHO: Duration = Duration::from_millis(300);
/// Between two looks that are to be the same.
const SETTLED: Duration = Duration::from_millis(40);
/// How often copy mode is left before it counts as a person's will.
const MODES: u32 = 3;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Act {
    /// Leave copy mode, and look again.
    LeaveMode,
    /// Paste the text.
    Paste,
    /// Send it off.
    Enter,
    /// Look again then.
    Look(Moment),
    /// It was taken.
    Started,
    /// What stands in its input line is taken out.
    Clear,
    /// What was typed is taken out again, and then it is over.
    ClearAndEnd(Outcome),
    /// It is over.
    End(Outcome),
}

/// Where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Phase {
    Check {
        modes: u32,
    },
    Pasting {
        before: Screen,
    },
    Pasted {
        at: Moment,
        before: Screen,
        last: Option<Screen>,
    },
    Entered {
        at: Moment,
        typed: Option<Screen>,
    },
    Working,
}

/// What counts of a look when two are compared.
type Screen = (Vec<String>, (usize, usize));

fn screen(look: &Look) -> Screen {
    (look.lines.clone(), look.cursor)
}

/// What a look said.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub look: &'a Look,
    pub reading: Reading,
    /// What the eye makes of it.
    pub status: Status,
    /// Whether this program shows by a pattern that it works.
    pub shows_work: bool,
    /// Whether the line of the cursor ends in the text.
    pub holds_text: bool,
}

/// One task's way through a pane.
#[derive(Debug)]
pub(super) struct Delivery {
    phase: Phase,
    /// Its client's hooks are heard.
    by_hooks: bool,
    /// It was asked to end.
    stopping: bool,
    /// The text that an interrupted client put back was taken out.
    cleared: bool,
}

impl Delivery {
    pub fn new() -> Self {
        Self {
            phase: Phase::Check { modes: 0 },
            by_hooks: false,
            stopping: false,
            cleared: false,
        }
    }

    /// One that another assigner began, who is gone: whether it had noted that
    /// the text was taken.
    pub fn adopted(was_taken: bool, now: Moment) -> Self {
        let phase = match was_taken {
            true => Phase::Working,
            false => Phase::Entered {
                at: now,
                typed: None,
            },
        };
        Self {
            phase,
            by_hooks: false,
            stopping: false,
            cleared: false,
        }
    }

    /// The same, where the client's hooks are heard, or are not.
    pub fn by_hooks(self, by_hooks: bool) -> Self {
        Self { by_hooks, ..self }
    }

    /// Its client's hook says that it took the text: from now on its screen
    /// proves nothing.
    pub fn taken_by_hook(&mut self) -> Option<Act> {
        self.by_hooks = true;
        self.taken()
    }

    /// Whether somebody waits for what the pane shows.
    pub fn is_eager(&self) -> bool {
        !matches!(self.phase, Phase::Working)
    }

    /// Asks for the end: whether the agent is to be interrupted; if not, what
    /// is to be done at once.
    pub fn stop(&mut self) -> Option<Act> {
        self.stopping = true;
        let nothing = || Outcome::NotStarted("it was stopped before it began".to_owned());
        match self.phase {
            Phase::Working | Phase::Entered { .. } => None,
            Phase::Pasted { .. } => Some(Act::ClearAndEnd(nothing())),
            // It ends when the paste is there, which can then be cleared.
            Phase::Pasting { .. } => Some(Act::Look(Moment(0))),
            Phase::Check { .. } => Some(Act::End(nothing())),
        }
    }

    /// The text is in the pane, or could not be put there.
    pub fn pasted(&mut self, now: Moment, result: Result<(), String>) -> Act {
        match result {
            Ok(()) if self.stopping => Act::ClearAndEnd(Outcome::NotStarted(
                "it was stopped before it began".to_owned(),
            )),
            Ok(()) => {
                let before = match &self.phase {
                    Phase::Pasting { before } => before.clone(),
                    _ => Screen::default(),
                };
                self.phase = Phase::Pasted {
                    at: now,
                    before,
                    last: None,
                };
                Act::Look(now.plus(SETTLED))
            }
            Err(why) => Act::End(Outcome::NotStarted(why)),
        }
    }

    /// The agent's own word that it took the text.
    pub fn taken(&mut self) -> Option<Act> {
        matches!(self.phase, Phase::Pasted { .. } | Phase::Entered { .. }).then(|| {
            self.phase = Phase::Working;
            Act::Started
        })
    }

    /// The pane was looked at.
    pub fn look(&mut self, now: Moment, seen: Seen<'_>) -> Option<Act> {
        // Some clients put the text of an interrupted turn back into their
        // input, where it would stand for ever.
        let is_back = seen.holds_text && seen.status == Status::Unknown;
        if self.stopping && self.phase == Phase::Working && is_back && !self.cleared {
            self.cleared = true;
            return Some(Act::Clear);
        }
        match &self.phase {
            Phase::Check { modes } => Some(self.check(*modes, seen)),
            Phase::Pasting { .. } => None,
            Phase::Pasted { .. } => Some(self.settle(now, seen)),
            Phase::Entered { at, .. } if self.by_hooks => Some(Self::wait_for_hook(now, *at, seen)),
            Phase::Entered { at, typed } => {
                let (at, typed) = (*at, typed.clone());
                self.wait(now, at, typed.as_ref(), seen)
            }
            // That it waits for work says nothing of what it did, except that
            // it does nothing more.
            Phase::Working if self.by_hooks && !self.stopping => None,
            Phase::Working => (seen.status == Status::Idle).then_some(Act::End(Outcome::SeenIdle)),
        }
    }

    fn check(&mut self, modes: u32, seen: Seen<'_>) -> Act {
        if seen.look.in_mode && modes < MODES {
            self.phase = Phase::Check { modes: modes + 1 };
            return Act::LeaveMode;
        }
        let why = match seen.reading {
            Reading::Idle if !seen.look.in_mode => {
                self.phase = Phase::Pasting {
                    before: screen(seen.look),
                };
                return Act::Paste;
            }
            Reading::Idle => "its pane is in copy mode",
            Reading::Waiting => "its pane asks something",
            Reading::Busy => "its pane works at something",
            Reading::Other => {
                "its pane does not wait for work: somebody typed, or another program is there"
            }
        };
        Act::End(Outcome::NotNow(why.to_owned()))
    }

    /// Waits until the screen shows the text, if it shows it at all, and
    /// stands still.
    fn settle(&mut self, now: Moment, seen: Seen<'_>) -> Act {
        // Enter would answer it.
        if seen.reading == Reading::Waiting {
            let why = "its pane began to ask something when the text was typed";
            return Act::End(Outcome::NotStarted(why.to_owned()));
        }
        let shown = screen(seen.look);
        let Phase::Pasted { at, before, last } = &mut self.phase else {
            return Act::Look(now);
        };
        let waited = now.since(*at);
        let stands_still = last.as_ref() == Some(&shown);
        let is_there = shown != *before || waited >= ECHO;
        if (stands_still && is_there) || waited >= SHOWING {
            self.phase = Phase::Entered {
                at: now,
                typed: Some(shown),
            };
            return Act::Enter;
        }
        *last = Some(shown);
        Act::Look(now.plus(SETTLED))
    }

    fn wait_for_hook(now: Moment, at: Moment, seen: Seen<'_>) -> Act {
        let until = at.plus(HOOK_PATIENCE);
        if now < until {
            return Act::Look(until);
        }
        match seen.reading {
            Reading::Busy | Reading::Waiting => Act::Look(now.plus(PATIENCE)),
            reading => not_taken(
                "the text was typed into its pane, but its client's hook did not say that it was taken",
                reading,
            ),
        }
    }

    fn wait(
        &mut self,
        now: Moment,
        at: Moment,
        typed: Option<&Screen>,
        seen: Seen<'_>,
    ) -> Option<Act> {
        if is_taken(typed, seen) {
            self.phase = Phase::Working;
            return Some(Act::Started);
        }
        if typed.is_none() && seen.status == Status::Idle {
            let why =
                "its assigner was killed while the text was sent, and its pane waits for work";
            return Some(Act::End(Outcome::NotStarted(why.to_owned())));
        }
        if now.since(at) < PATIENCE {
            return Some(Act::Look(at.plus(PATIENCE)));
        }
        let why = "the text was typed into its pane, but was not taken within 10 s";
        Some(not_taken(why, seen.reading))
    }
}

fn not_taken(why: &str, reading: Reading) -> Act {
    let outcome = Outcome::NotStarted(why.to_owned());
    match reading {
        Reading::Other => Act::ClearAndEnd(outcome),
        _ => Act::End(outcome),
    }
}

fn is_taken(typed: Option<&Screen>, seen: Seen<'_>) -> bool {
    let Some((lines, cursor)) = typed else {
        // Whoever sent it saw what nobody remembers.
        return matches!(seen.reading, Reading::Busy | Reading::Waiting)
            || (seen.reading == Reading::Other && seen.status == Status::Busy && !seen.shows_work);
    };
    let has_changed = *lines != seen.look.lines || *cursor != seen.look.cursor;
    match seen.reading {
        Reading::Busy | Reading::Waiting => true,
        Reading::Idle => has_changed,
        // The text still stands in the input line, or a pattern is to come.
        Reading::Other => {
            let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
            let now = line(&seen.look.lines, seen.look.cursor.1);
            !seen.shows_work && has_changed && now != line(lines, cursor.1)
        }
    }
}

#[cfg(test)]
mod tests;
