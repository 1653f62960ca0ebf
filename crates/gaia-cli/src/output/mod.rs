//! What goes to stdout: JSON for programs, text for people.

pub mod human;
pub mod json;
pub mod refusal;

use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use human::Style;

/// Where and how a command answers.
#[derive(Clone, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// As the user asked.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// JSON.
    pub fn json() -> Self {
        Self { json: true }
    }

    /// Whether programs read it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// How stdout looks; asked of the terminal only when people read it.
    pub fn style(&self) -> Style {
        Style::of(!self.json && io::stdout().is_terminal())
    }

    /// The answer, in the form that was asked for.
    ///
    /// # Errors
    /// When stdout cannot be written; a reader who left is no error.
    pub fn answer(
        &self,
        json: &impl Serialize,
        human: impl FnOnce(&Style) -> String,
    ) -> io::Result<()> {
        if self.json {
            return self.object(json);
        }
        let text = human(&self.style());
        match text.is_empty() {
            true => Ok(()),
            false => self.text(&text),
        }
    }

    /// The same to somebody who has to get it, because it tells what he owns
    /// from now on.
    ///
    /// # Errors
    /// When stdout cannot be written, or its reader has left.
    pub fn deliver(
        &self,
        json: &impl Serialize,
        human: impl FnOnce(&Style) -> String,
    ) -> io::Result<()> {
        match self.json {
            true => write_out(&serde_json::to_string(json)?),
            false => write_out(&human(&self.style())),
        }
    }

    /// One JSON value on one line.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn object(&self, json: &impl Serialize) -> io::Result<()> {
        self.text(&serde_json::to_string(json)?)
    }

    /// Text, with a line's end after it.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn text(&self, text: &str) -> io::Result<()> {
        match write_out(text) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Whether nobody can read any more what would be written: a pipe whose
    /// reader has left says so before anything is written to it.
    pub fn reader_has_left(&self) -> bool {
        let out = io::stdout();
        let mut asked = [PollFd::new(&out, PollFlags::OUT)];
        let at_once = Timespec::default();
        poll(&mut asked, Some(&at_once)).is_ok_and(|_| {
            let left = PollFlags::ERR | PollFlags::HUP;
            asked[0].revents().intersects(left)
        })
    }
}

fn write_out(text: &str) -> io::Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    let written = write!(out, "{text}{end}").and_then(|()| out.flush());
    written
        .map_err(|error| io::Error::new(error.kind(), format!("stdout cannot be written: {error}")))
}
