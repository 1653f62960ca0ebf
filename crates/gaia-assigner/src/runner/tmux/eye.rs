//! What a pane is doing, from what it wrote and what it looked like: pure.
//!
//! ```text
//! it wrote something      → look soon, but not all the time
//! the screen reads busy   → busy                        at once
//!            a question   → waiting_input               at once
//!            idle         → idle                        once it has stood so for the quiet time
//!            none of it   → busy while it changes, then unknown
//! ```
//! Quiet is a screen that does not change; a program that draws the same again
//! and again is quiet.

use std::time::Duration;

use gaia_locks::clock::Moment;

use super::screen::{Look, Reader, Reading};

/// How soon after a word from a pane it is looked at.
const SOON: Duration = Duration::from_millis(25);
/// How often a pane that writes on and on is looked at.
const SELDOM: Duration = Duration::from_millis(300);

/// What a session's pane does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It waits for work.
    Idle,
    /// It works.
    Busy,
    /// It asks its user something.
    WaitingInput,
    /// Nobody knows.
    Unknown,
}

impl Status {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Status::Idle => "idle",
            Status::Busy => "busy",
            Status::WaitingInput => "waiting_input",
            Status::Unknown => "unknown",
        }
    }
}

/// The eye on one pane.
pub(super) struct Eye {
    pub reader: Reader,
    pub status: Status,
    /// The last look, and what it said.
    pub seen: Option<(Look, Reading)>,
    /// Whether its program has bracketed paste on, as far as it was seen.
    pub pasting: Option<bool>,
    /// Whether somebody would say if it worked.
    pub is_heard: bool,
    /// Since when the screen is as it is.
    changed_at: Moment,
    looked_at: Moment,
    look_at: Option<Moment>,
    /// The shortest line in which it waited for work: whatever stands behind
    /// that was typed.
    prompt: Option<String>,
}

impl Eye {
    pub fn new(reader: Reader, now: Moment) -> Self {
        Self {
            reader,
            status: Status::Unknown,
            seen: None,
            pasting: None,
            is_heard: false,
            changed_at: now,
            looked_at: Moment(0),
            look_at: Some(now),
            prompt: None,
        }
    }

    /// The pane wrote something. `eager`: somebody waits for what it shows.
    pub fn wrote(&mut self, now: Moment, pasting: Option<bool>, eager: bool) {
        self.pasting = pasting.or(self.pasting);
        let gap = if eager { SOON } else { SELDOM };
        let at = now.plus(SOON).max(self.looked_at.plus(gap));
        self.look_by(at);
    }

    /// Asks for a look then, if none is due before.
    pub fn look_by(&mut self, at: Moment) {
        self.look_at = Some(self.look_at.map_or(at, |due| due.min(at)));
    }

    /// When it is to be looked at.
    pub fn due(&self) -> Option<Moment> {
        self.look_at
    }

    /// A look is under way.
    pub fn looking(&mut self, now: Moment) {
        self.looked_at = now;
        self.look_at = None;
    }

    /// From now on it is expected to work: that it waited before counts no
    /// more.
    pub fn expect_work(&mut self, now: Moment) {
        self.status = Status::Busy;
        self.changed_at = now;
    }

    /// Takes in a look.
    pub fn look(&mut self, now: Moment, look: Look) -> Reading {
        self.pasting = look.pasting.or(self.pasting);
        let mut reading = self.reader.read(&look);
        if reading == Reading::Idle && self.is_typed(&look) {
            reading = Reading::Other;
        }
        let same = self.seen.as_ref().is_some_and(|(seen, _)| {
            (&seen.lines, seen.cursor, &seen.command) == (&look.lines, look.cursor, &look.command)
        });
        if !same {
            self.changed_at = now;
        }
        self.seen = Some((look, reading));
        self.status = self.judge(now, reading);
        reading
    }

    fn judge(&mut self, now: Moment, reading: Reading) -> Status {
        let quiet_at = self.changed_at.plus(self.reader.quiet);
        let is_quiet = now >= quiet_at;
        if !is_quiet && matches!(reading, Reading::Idle | Reading::Other) {
            self.look_by(quiet_at);
        }
        match reading {
            Reading::Waiting => Status::WaitingInput,
            Reading::Busy => Status::Busy,
            Reading::Idle if is_quiet || self.is_heard => Status::Idle,
            Reading::Idle => self.status,
            Reading::Other if is_quiet => Status::Unknown,
            Reading::Other => Status::Busy,
        }
    }

    /// Whether something was typed at the prompt that only looks like one.
    fn is_typed(&mut self, look: &Look) -> bool {
        let Some(line) = look.at_cursor().filter(|line| !line.trim().is_empty()) else {
            return false;
        };
        match &self.prompt {
            Some(prompt) if *prompt == line => false,
            Some(prompt) if line.starts_with(prompt) => true,
            _ => {
                self.prompt = Some(line);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tmux::screen::Patterns;

    fn eye(provider: Option<&str>) -> Eye {
        Eye::new(Reader::new(provider, &Patterns::default()), Moment(0))
    }

    fn look(command: &str, lines: &[&str]) -> Look {
        let last = lines.last().map_or(0, |line| line.chars().count());
        Look {
            lines: lines
                .iter()
                .map(|line| line.trim_end().to_owned())
                .collect(),
            cursor: (last, lines.len().saturating_sub(1)),
            command: command.to_owned(),
            ..Look::default()
        }
    }

    fn at(millis: u64) -> Moment {
        Moment(1).plus(Duration::from_millis(millis))
    }

    #[test]
    fn t11_idle_only_after_the_quiet_time_and_without_a_change() {
        let mut eye = eye(Some("shell"));
        assert_eq!(eye.look(at(0), look("bash", &["$ "])), Reading::Idle);
        assert_eq!(eye.status, Status::Unknown);
        assert_eq!(eye.due(), Some(Moment(0)), "a first look is due at once");
        eye.looking(at(0));
        eye.look(at(1000), look("bash", &["$ x", "$ "]));
        eye.look(at(2500), look("bash", &["$ x", "$ "]));
        assert_eq!(eye.status, Status::Unknown);
        eye.look(at(3000), look("bash", &["$ x", "$ "]));
        assert_eq!(eye.status, Status::Idle);
    }

    #[test]
    fn t11_idle_at_once_where_the_clients_hooks_are_heard() {
        let mut eye = eye(Some("shell"));
        eye.is_heard = true;
        eye.look(at(0), look("bash", &["$ "]));
        assert_eq!(eye.status, Status::Idle);
        eye.look(at(1), look("bash", &["$ x", "? "]));
        assert_eq!(eye.status, Status::Busy);
    }

    #[test]
    fn who_typed_half_a_line_is_not_waiting_for_work() {
        let mut eye = eye(Some("shell"));
        eye.look(at(0), look("bash", &["me@host:~$ "]));
        eye.look(at(2000), look("bash", &["me@host:~$ "]));
        assert_eq!(eye.status, Status::Idle);
        eye.look(at(2100), look("bash", &["me@host:~$ rm -r"]));
        assert_eq!(eye.status, Status::Busy);
        eye.look(at(4200), look("bash", &["me@host:~$ rm -r"]));
        assert_eq!(eye.status, Status::Unknown);
        // What was typed may look like a prompt itself.
        assert_eq!(
            eye.look(at(4300), look("bash", &["me@host:~$ echo $ "])),
            Reading::Other
        );
        assert_eq!(
            eye.look(at(4400), look("bash", &["me@host:~$ "])),
            Reading::Idle
        );
    }

    #[test]
    fn a_shell_works_while_another_program_is_in_front() {
        let mut eye = eye(None);
        assert_eq!(eye.look(at(0), look("bash", &["$ "])), Reading::Idle);
        assert_eq!(
            eye.look(at(1), look("bash", &["$ sleep 9", ""])),
            Reading::Other
        );
        let mut eye = self::eye(Some("shell"));
        assert_eq!(eye.look(at(2), look("sleep", &["$ "])), Reading::Busy);
    }

    #[test]
    fn t14_an_agent_that_has_ended_leaves_a_shell_that_gets_no_texts() {
        let box_of_claude = ["────", "❯ ", "────", "$ "];
        let mut eye = eye(Some("claude"));
        assert_eq!(
            eye.look(at(0), look("bash", &box_of_claude)),
            Reading::Other
        );
        assert_eq!(
            eye.look(at(1), look("claude", &box_of_claude)),
            Reading::Idle
        );
    }

    #[test]
    fn t14_claude_as_it_looks() {
        let trust = [
            "Accessing workspace:",
            "/w",
            "❯ No, exit",
            "  Yes, I trust this folder",
            "Enter to confirm · Esc to cancel",
        ];
        let idle = [
            "● All done.",
            "✻ Churned for 4s · done 11:55 AM",
            "────",
            "❯\u{a0}",
            "────",
            "  ⏵⏵ auto mode on",
        ];
        let busy = [
            "❯ say hi",
            "· Cultivating…",
            "────",
            "❯ ",
            "────",
            "  auto mode on · esc to interrupt · ← for agents",
        ];
        let narrow = ["❯ say hi", "✻ Cultivating… (4s)", "────", "❯ ", "────"];
        let typed = ["────", "❯ say", "────"];
        let menu = ["Do you want to proceed?", "❯ 1. Yes", "  2. No"];
        for (lines, expected) in [
            (&trust[..], Reading::Waiting),
            (&idle, Reading::Idle),
            (&busy, Reading::Busy),
            (&narrow, Reading::Busy),
            (&typed, Reading::Other),
            (&menu, Reading::Waiting),
        ] {
            assert_eq!(
                eye(Some("claude")).look(at(0), look("claude", lines)),
                expected,
                "{lines:?}"
            );
            assert_eq!(
                eye(None).look(at(0), look("claude.exe", lines)),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn t14_the_other_clients_as_they_look() {
        for (provider, lines, expected) in [
            ("codex", &["› Ask Codex to do anything"][..], Reading::Idle),
            (
                "codex",
                &["• Working (3s • esc to interrupt)", "› "],
                Reading::Busy,
            ),
            (
                "codex",
                &[
                    "Would you like to run the following command?",
                    "› 1. Yes, proceed",
                ],
                Reading::Waiting,
            ),
            (
                "gemini",
                &["│ >   Type your message or @path/to/file │"],
                Reading::Idle,
            ),
            (
                "gemini",
                &[
                    "⠏ Thinking (esc to cancel, 3s)",
                    "> Type your message or @path/to/file",
                ],
                Reading::Busy,
            ),
            (
                "gemini",
                &["Apply this change?", "● 1. Yes, allow once"],
                Reading::Waiting,
            ),
            (
                "opencode",
                &["┃ Ask anything... \"Fix a TODO\""],
                Reading::Idle,
            ),
            (
                "opencode",
                &["esc interrupt", "┃ Ask anything"],
                Reading::Busy,
            ),
            (
                "opencode",
                &["Permission required", "Allow once"],
                Reading::Waiting,
            ),
            ("aider", &["> "], Reading::Idle),
            ("aider", &["architect> "], Reading::Idle),
            (
                "aider",
                &["Add file to the chat? (Y)es/(N)o [Yes]: "],
                Reading::Waiting,
            ),
            ("shell", &["[sudo] password for me: "], Reading::Waiting),
        ] {
            let command = if provider == "shell" {
                "bash"
            } else {
                provider
            };
            let reading = eye(Some(provider)).look(at(0), look(command, lines));
            assert_eq!(reading, expected, "{provider} {lines:?}");
        }
    }

    #[test]
    fn a_users_own_patterns_stand_in_the_place_of_the_usual() {
        let set = Patterns {
            idle: Some("^ready> $".to_owned()),
            busy: Some("crunching".to_owned()),
            waiting: Some("really\\?".to_owned()),
            quiet_ms: Some(0),
        };
        let mut eye = Eye::new(Reader::new(None, &set), Moment(0));
        for (lines, status) in [
            (&["ready> "][..], Status::Idle),
            (&["crunching", "ready> "], Status::Busy),
            (&["really?", "crunching", "ready> "], Status::WaitingInput),
        ] {
            eye.look(at(1), look("sh", lines));
            assert_eq!(eye.status, status, "{lines:?}");
        }
    }
}
