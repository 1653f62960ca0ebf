//! A connection to a server, and what was asked over it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;

use super::command::Connection;
use super::control::{Note, Parser};
use super::screen::{FACTS, Look};

/// What was heard over it.
pub(super) enum Heard {
    /// It hears from now on: what happened before was missed.
    Hello,
    /// Sessions, windows or panes are others.
    Changed,
    /// A pane wrote something.
    Wrote { pane: String, pasting: Option<bool> },
    /// A pane looks like this.
    Looked { pane: String, look: Look },
}

/// A connection.
pub(super) struct Link {
    connection: Connection,
    parser: Parser,
    asked: VecDeque<Asked>,
    /// The facts of the look whose lines come next.
    facts: Option<String>,
    has_spoken: bool,
}

/// What an answer is to.
enum Asked {
    Facts,
    Lines { pane: String },
    Nothing,
}

impl Link {
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            parser: Parser::default(),
            asked: VecDeque::new(),
            facts: None,
            has_spoken: false,
        }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.connection.fd()
    }

    /// Whether anything was heard over it yet.
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Tells something, whose answer does not matter.
    pub fn tell(&mut self, line: &str) -> io::Result<()> {
        self.ask(line, Asked::Nothing)
    }

    /// Asks what a pane looks like.
    pub fn look(&mut self, pane: &str) -> io::Result<()> {
        let facts = format!("display-message -p -t {pane} '{FACTS}'");
        self.ask(&facts, Asked::Facts)?;
        let pane = pane.to_owned();
        self.ask(&format!("capture-pane -p -t {pane}"), Asked::Lines { pane })
    }

    fn ask(&mut self, line: &str, asked: Asked) -> io::Result<()> {
        self.connection.ask(line)?;
        self.asked.push_back(asked);
        Ok(())
    }

    /// What was said since, and whether it is still there.
    pub fn hear(&mut self) -> (Vec<Heard>, bool) {
        let mut bytes = Vec::new();
        let mut is_open = self.connection.read(&mut bytes).unwrap_or(false);
        let mut heard = Vec::new();
        if !bytes.is_empty() && !self.has_spoken {
            self.has_spoken = true;
            heard.push(Heard::Hello);
        }
        for note in self.parser.feed(&bytes) {
            match note {
                Note::Exit => is_open = false,
                Note::Changed => heard.push(Heard::Changed),
                Note::Output { pane, pasting } => {
                    self.connection.is_told_of(&pane);
                    heard.push(Heard::Wrote { pane, pasting });
                }
                Note::Reply(answer) => heard.extend(self.answered(answer)),
            }
        }
        (heard, is_open)
    }

    fn answered(&mut self, answer: Result<Vec<String>, String>) -> Option<Heard> {
        let asked = self.asked.pop_front();
        let lines = match answer {
            Ok(lines) => lines,
            Err(why) => {
                self.facts = None;
                tracing::debug!(why, "tmux refused");
                return None;
            }
        };
        match asked? {
            Asked::Facts => {
                self.facts = lines.into_iter().next();
                None
            }
            Asked::Lines { pane } => {
                let look = Look::read(&self.facts.take()?, lines)?;
                Some(Heard::Looked { pane, look })
            }
            Asked::Nothing => None,
        }
    }
}
