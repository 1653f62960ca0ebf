//! Reading a screen: pure.

use regex::Regex;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::profiles::{self, Profile, SHELL, Where};

/// How many of the screen's last lines are looked at. What an agent wrote
/// further up may well look like a dialog.
const LAST_LINES: usize = 20;

/// How long a pane is quiet before it counts as idle, if nothing was set.
pub const QUIET: Duration = Duration::from_secs(2);

/// What was set for a session; what was not is its provider's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Patterns {
    /// It waits for work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// It works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<String>,
    /// It asks its user something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// How long it must be quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_ms: Option<u64>,
}

impl Patterns {
    /// Checks what a user wrote.
    ///
    /// # Errors
    /// What is wrong, with the pattern.
    pub fn check(&self) -> Result<(), String> {
        for (name, pattern) in [
            ("idle", &self.idle),
            ("busy", &self.busy),
            ("waiting", &self.waiting),
        ] {
            if let Some(pattern) = pattern {
                Regex::new(pattern).map_err(|error| {
                    format!("the {name} pattern {pattern:?} cannot be used: {error}")
                })?;
            }
        }
        Ok(())
    }
}

/// What a pane looked like.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Look {
    /// Its visible lines, without blanks at their ends.
    pub lines: Vec<String>,
    pub cursor: (usize, usize),
    /// It is in copy mode, or another of tmux's own.
    pub in_mode: bool,
    /// The program in its foreground.
    pub command: String,
    /// Whether bracketed paste is on, where tmux tells.
    pub pasting: Option<bool>,
    /// How many lines are in its history, and how many there can be.
    pub history: u64,
    pub history_limit: u64,
    /// It is a full-screen program's.
    pub alternate: bool,
    /// Where the program is.
    pub folder: Option<String>,
}

/// What is asked of a pane besides its lines, and read by [`Look::read`].
pub(super) const FACTS: &str = "#{cursor_x} #{cursor_y} #{pane_in_mode} b#{bracket_paste_flag} #{history_size} #{history_limit} #{alternate_on} #{pane_current_command}|#{pane_current_path}";

impl Look {
    /// Reads the answers to [`FACTS`] and to `capture-pane`.
    pub fn read(facts: &str, lines: Vec<String>) -> Option<Self> {
        let mut words = facts.splitn(8, ' ');
        let mut word = || words.next();
        let (x, y) = (word()?.parse().ok()?, word()?.parse().ok()?);
        let in_mode = word()? != "0";
        let pasting = match word()? {
            "b1" => Some(true),
            "b0" => Some(false),
            _ => None,
        };
        let (history, history_limit) = (word()?.parse().ok()?, word()?.parse().ok()?);
        let alternate = word()? == "1";
        let (command, folder) = word()?.split_once('|')?;
        let trimmed = lines.iter().map(|line| line.trim_end().to_owned());
        Some(Self {
            lines: trimmed.collect(),
            cursor: (x, y),
            in_mode,
            command: command.to_owned(),
            folder: Some(folder.to_owned()).filter(|folder| folder.starts_with('/')),
            pasting,
            history,
            history_limit,
            alternate,
        })
    }

    /// The line of the cursor up to it, if nothing stands behind it: blanks at
    /// the end of a prompt were cut off.
    pub fn at_cursor(&self) -> Option<String> {
        let (x, y) = self.cursor;
        let line = self.lines.get(y).map_or("", String::as_str);
        let length = line.chars().count();
        let blanks = " ".repeat(x.saturating_sub(length));
        (length <= x).then(|| format!("{line}{blanks}"))
    }

    /// The last lines that are not blank.
    fn last_lines(&self) -> String {
        let end = self.lines.iter().rposition(|line| !line.is_empty());
        let end = end.map_or(0, |at| at + 1);
        self.lines[end.saturating_sub(LAST_LINES)..end].join("\n")
    }
}

/// What a screen says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    /// It waits for work, and nobody has typed anything.
    Idle,
    /// It works.
    Busy,
    /// It asks its user something.
    Waiting,
    /// None of these.
    Other,
}

/// How one session's screen is read.
#[derive(Debug)]
pub(super) struct Reader {
    /// What the provider's word says; `None`: the program in the foreground
    /// says.
    profile: Option<&'static Profile>,
    idle: Option<Regex>,
    busy: Option<Regex>,
    waiting: Option<Regex>,
    pub quiet: Duration,
    /// The patterns of the profile used last.
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    profile: &'static Profile,
    idle: Option<Regex>,
    busy: Option<Regex>,
    waiting: Option<Regex>,
}

impl Reader {
    /// For a session's provider and what was set for it. A pattern that
    /// cannot be read counts as not set: it was checked when it was set.
    pub fn new(provider: Option<&str>, set: &Patterns) -> Self {
        let own =
            |pattern: &Option<String>| pattern.as_ref().and_then(|text| Regex::new(text).ok());
        Self {
            profile: provider.and_then(profiles::of_provider),
            idle: own(&set.idle),
            busy: own(&set.busy),
            waiting: own(&set.waiting),
            quiet: set.quiet_ms.map_or(QUIET, Duration::from_millis),
            known: None,
        }
    }

    /// The profile that counts while this program is in the foreground.
    pub fn profile(&self, command: &str) -> &'static Profile {
        self.profile
            .unwrap_or_else(|| profiles::of_command(command))
    }

    /// Whether it shows by a pattern of its own that it works.
    pub fn shows_work(&self, command: &str) -> bool {
        self.busy.is_some() || self.profile(command).busy.is_some()
    }

    /// Reads a screen.
    pub fn read(&mut self, look: &Look) -> Reading {
        let profile = self.profile(&look.command);
        if self
            .known
            .as_ref()
            .is_none_or(|known| known.profile != profile)
        {
            self.known = Some(Known::new(profile));
        }
        let text = look.last_lines();
        let known = self.known.as_ref();
        let shows = |own: &Option<Regex>, usual: Option<&Regex>| {
            own.as_ref()
                .or(usual)
                .is_some_and(|pattern| pattern.is_match(&text))
        };
        if shows(
            &self.waiting,
            known.and_then(|known| known.waiting.as_ref()),
        ) {
            return Reading::Waiting;
        }
        if shows(&self.busy, known.and_then(|known| known.busy.as_ref())) {
            return Reading::Busy;
        }
        // Patterns of the user's own count whatever runs.
        if self.idle.is_none() {
            match (*profile == SHELL, profiles::is_shell(&look.command)) {
                (true, false) => return Reading::Busy,
                // The agent has ended and its shell is back: what is typed
                // now would be run as a command.
                (false, true) => return Reading::Other,
                _ => {}
            }
        }
        self.idle(look, profile, &text)
    }

    fn idle(&self, look: &Look, profile: &Profile, text: &str) -> Reading {
        let usual = self.known.as_ref().and_then(|known| known.idle.as_ref());
        let Some(pattern) = self.idle.as_ref().or(usual) else {
            return Reading::Other;
        };
        let line = look.at_cursor();
        let at_cursor =
            line.is_some_and(|line| pattern.is_match(&line) || pattern.is_match(line.trim_end()));
        let is_idle = match profile.idle_in {
            Where::Screen => pattern.is_match(text),
            Where::Cursor => at_cursor,
        };
        match is_idle {
            true => Reading::Idle,
            false => Reading::Other,
        }
    }
}

impl Known {
    fn new(profile: &'static Profile) -> Self {
        let read = |pattern: &str| Regex::new(pattern).ok();
        Self {
            profile,
            idle: read(profile.idle),
            busy: profile.busy.and_then(read),
            waiting: profile.waiting.and_then(read),
        }
    }
}
