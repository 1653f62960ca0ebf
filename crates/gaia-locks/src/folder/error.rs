//! A path that cannot be locked, said so that the reader knows what would be right.

use std::fmt;

/// A path that names no folder which could be locked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot lock {}: {reason}", shown(path))]
pub struct InvalidFolder {
    /// The path as it was given. [`fmt::Display`] shortens and escapes it.
    pub path: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing was given.
    #[error("the path is empty; give a folder, such as . or /home/me/project")]
    Empty,
    /// There is a NUL in it.
    #[error("it holds a NUL character, which no path can")]
    Nul,
    /// It is not UTF-8.
    #[error("it is not valid UTF-8; rename the folder, or lock the one above it")]
    NotText,
    /// It is longer than the system can open.
    #[error("the path is {length} bytes long, and {most} is the most; lock a folder above it")]
    TooLong {
        /// Its length in bytes, links resolved.
        length: usize,
        /// The most there may be.
        most: usize,
    },
    /// One name in it is longer than a file system can keep.
    #[error(
        "the name {} in it is {length} bytes long, and {most} is the most",
        shown(name)
    )]
    NameTooLong {
        /// That name.
        name: String,
        /// Its length in bytes.
        length: usize,
        /// The most there may be.
        most: usize,
    },
    /// It is relative, and nobody knows to what.
    #[error(
        "it is relative, and counts from nothing here; give an absolute path, which begins with /"
    )]
    Relative,
    /// The folder that it counts from is not absolute itself.
    #[error("it is relative, and the folder it counts from is not known; give an absolute path")]
    NoBase,
    /// It leads through something that is no directory.
    #[error(
        "{} is a file and has nothing in it; lock the file itself, or correct the path",
        shown(file)
    )]
    ThroughFile {
        /// What is no directory.
        file: String,
    },
    /// Links in it lead to each other, or through too many.
    #[error(
        "the symbolic links in it go round in circles; mend the link at {}",
        shown(link)
    )]
    LinkLoop {
        /// One of them.
        link: String,
    },
    /// The system refused in some other way.
    #[error("{} cannot be looked at: {message}", shown(place))]
    Unreadable {
        /// Where it refused.
        place: String,
        /// What it said.
        message: String,
    },
}

impl InvalidFolder {
    pub(super) fn new(path: impl Into<String>, reason: Reason) -> Self {
        let path = path.into();
        Self { path, reason }
    }
}

/// A path in an error, in quotes: control characters escaped, the middle of a long one left out.
fn shown(path: &str) -> impl fmt::Display + '_ {
    const ENDS: usize = 60;
    let characters = path.chars().count();
    fmt::from_fn(move |f| {
        if characters <= 2 * ENDS + 3 {
            return write!(f, "\"{}\"", escaped(path.chars()));
        }
        let begin = escaped(path.chars().take(ENDS));
        let end = escaped(path.chars().skip(characters - ENDS));
        write!(f, "\"{begin}...{end}\"")
    })
}

// What could move the cursor, colour the screen or turn the direction of writing is shown as its
// code. Letters of every script stay as they are.
fn escaped(characters: impl Iterator<Item = char>) -> String {
    const TURNS: [char; 2] = ['\u{202a}', '\u{2066}'];
    characters.fold(String::new(), |mut text, character| {
        let turns = TURNS
            .iter()
            .any(|first| (*first as u32..*first as u32 + 5).contains(&(character as u32)));
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            _ if character.is_control() || turns => text.extend(character.escape_default()),
            _ => text.push(character),
        }
        text
    })
}
