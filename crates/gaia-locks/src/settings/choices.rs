//! Values of few words, and the one that is never shown.

use std::fmt;
use std::net::SocketAddr;

use super::Database;

/// What an acknowledged grant survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// kill -9 of any process; tokens survive power cuts too.
    Normal,
    /// Power cuts as well: every grant is on disk before it is answered.
    Full,
}

impl Durability {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        choice(text, &[("normal", Self::Normal), ("full", Self::Full)])
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Full => "full",
        }
    }

    /// The default. A holder on another machine goes on working through this one's power cut,
    /// so its grant must not be forgotten.
    pub(super) fn usual(database: &Database, listen: SocketAddr) -> Self {
        match database {
            Database::Sqlite(_) if listen.ip().is_loopback() => Self::Normal,
            Database::Sqlite(_) | Database::Postgres(_) => Self::Full,
        }
    }
}

/// Where marker files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markers {
    /// In the locks directory and in the locked folders.
    On,
    /// In the locks directory only.
    Locks,
    /// Nowhere.
    Off,
}

impl Markers {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let choices = [("on", Self::On), ("locks", Self::Locks), ("off", Self::Off)];
        choice(text, &choices)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Locks => "locks",
            Self::Off => "off",
        }
    }
}

/// What a task does with work that another left uncommitted in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncommitted {
    /// Goes on, with a warning before its text.
    Warn,
    /// Waits for a person's word, or until the work is committed.
    Wait,
    /// Has it stashed first.
    Stash,
}

impl Uncommitted {
    /// Reads the word for it.
    ///
    /// # Errors
    /// When there is no such choice.
    pub fn parse(text: &str) -> Result<Self, String> {
        let choices = [
            ("warn", Self::Warn),
            ("wait", Self::Wait),
            ("stash", Self::Stash),
        ];
        choice(text, &choices)
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Wait => "wait",
            Self::Stash => "stash",
        }
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        choice(text, &[("text", Self::Text), ("json", Self::Json)])
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// A text that is never shown: it has no `Display`, and `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// One word of a few, whatever its case.
pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let found = choices
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text));
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| "there is no such choice".to_owned())
}
