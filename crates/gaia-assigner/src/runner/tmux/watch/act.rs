//! Carrying out what a delivery decided: typing, keys, and keeping what was
//! shown.

use std::io;

use super::super::command;
use super::super::delivery::{Act, PATIENCE};
use super::super::screen::Look;
use super::super::seats::Seat;
use super::super::text::needs_paste;
use super::super::{Event, Order, output, profiles};
use super::{SOON, Thread, now};
use crate::task::Outcome;

impl Thread {
    pub(super) fn act(&mut self, pane: &str, act: Act) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        match act {
            Act::Look(at) => seat.eye.look_by(at.max(now().plus(SOON))),
            Act::LeaveMode => {
                seat.eye.look_by(now().plus(SOON));
                self.ask(pane, &format!("copy-mode -q -t {pane}"));
            }
            Act::Paste => self.paste(pane),
            Act::Enter => {
                seat.eye.look_by(now().plus(PATIENCE));
                self.ask(pane, &format!("send-keys -t {pane} Enter"));
            }
            Act::Clear => {
                let key = seat.profile().clear;
                seat.eye.look_by(now().plus(SOON));
                self.ask(pane, &format!("send-keys -t {pane} {key}"));
            }
            Act::Started => {
                if let Some(work) = &seat.work {
                    let (run, pid) = (work.job.run, seat.pane.process.pid);
                    self.tell.tell(Event::Started { run, pid });
                }
            }
            Act::ClearAndEnd(outcome) => {
                let key = seat.profile().clear;
                self.ask(pane, &format!("send-keys -t {pane} {key}"));
                self.end(pane, outcome);
            }
            Act::End(outcome) => self.end(pane, outcome),
        }
    }

    pub(super) fn ask(&mut self, pane: &str, line: &str) {
        let Some(seat) = self.seats.by_pane.get(pane) else {
            return;
        };
        let Some(link) = self.links.get_mut(&seat.session_id) else {
            return;
        };
        if let Err(error) = link.tell(line) {
            tracing::warn!(server = self.server, pane, %error, "tmux could not be told");
        }
    }

    fn paste(&mut self, pane: &str) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let is_refused = seat.takes_no_paste();
        let Some(work) = &seat.work else { return };
        let (run, text) = (work.job.run, work.job.text.clone());
        if is_refused && needs_paste(&text) {
            let why = "its text has several lines (or tabs), and the program in its pane has not switched bracketed paste on: each line would be taken for itself";
            return self.act_on(run, |work| {
                Some(work.delivery.pasted(now(), Err(why.to_owned())))
            });
        }
        seat.eye.expect_work(now());
        let buffer = format!("gaia-{}-{run}", std::process::id());
        let words = [
            "load-buffer",
            "-b",
            &buffer,
            "-",
            ";",
            "paste-buffer",
            "-p",
            "-r",
            "-d",
            "-b",
            &buffer,
            "-t",
            pane,
        ];
        let words = words.map(str::to_owned).to_vec();
        let post = self.post.clone();
        let then = move |result: io::Result<String>| {
            let result = result
                .map(drop)
                .map_err(|error| format!("tmux could not paste its text: {error}"));
            post.send(Order::Pasted(run, result));
        };
        if let Err(error) = command::run_aside(self.server.clone(), words, text.into_bytes(), then)
        {
            self.act_on(run, |work| {
                Some(work.delivery.pasted(now(), Err(error.to_string())))
            });
        }
    }

    /// What the pane showed is kept first.
    fn end(&mut self, pane: &str, outcome: Outcome) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let Some(work) = seat.work.take() else { return };
        let run = work.job.run;
        let last = seat.eye.seen.as_ref().map(|(look, _)| look);
        if outcome == Outcome::Lost {
            // Nobody can be asked any more.
            let lines = last.map(|look| look.lines.join("\n")).unwrap_or_default();
            if let Err(error) = output::append(&work.job.log, &format!("{}\n", lines.trim_end())) {
                tracing::warn!(task_log = %work.job.log.display(), %error, "what a pane showed could not be kept");
            }
            return self.over(run, outcome);
        }
        if matches!(outcome, Outcome::NotStarted(_) | Outcome::NotNow(_)) {
            return self.over(run, outcome);
        }
        let first = output::first_line(work.begins, last);
        let (server, pane, tell) = (self.server.clone(), pane.to_owned(), self.tell.clone());
        let told = outcome.clone();
        let keep = move || {
            if let Err(error) = output::keep(&server, &pane, &first, &work.job.text, &work.job.log)
            {
                tracing::warn!(pane, %error, "what a pane showed could not be kept");
            }
            tell.tell(Event::Over { run, outcome });
        };
        if std::thread::Builder::new()
            .name("tmux output".to_owned())
            .spawn(keep)
            .is_err()
        {
            self.over(run, told);
        }
    }
}

/// Whether the line of the cursor ends in the end of a text, or in what some
/// clients show for a long one.
pub(super) fn ends_in(look: &Look, text: &str) -> bool {
    let last = text.trim_end().rsplit(['\n', '\r', '\t']).next();
    let last: Vec<char> = last.unwrap_or_default().chars().collect();
    let end: String = last[last.len().saturating_sub(20)..].iter().collect();
    let line = look.at_cursor().unwrap_or_default();
    let line = line.trim_end();
    !end.is_empty() && (line.ends_with(end.trim_end()) || line.contains("[Pasted text"))
}

impl Seat {
    pub(super) fn profile(&self) -> &'static profiles::Profile {
        let command = self
            .eye
            .seen
            .as_ref()
            .map_or("", |(look, _)| look.command.as_str());
        self.eye.reader.profile(command)
    }

    /// Whether its program is known to take no pastes. One that was not seen
    /// to switch them on may have done so before anybody looked.
    fn takes_no_paste(&self) -> bool {
        let command = self
            .eye
            .seen
            .as_ref()
            .map_or("", |(look, _)| look.command.as_str());
        self.eye.pasting == Some(false) || profiles::is_line_by_line(command)
    }
}
