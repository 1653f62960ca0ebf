//! `.env` files: `NAME=VALUE`, as shells and many tools read them.
//!
//! A `.env` is shared with other programs. Names that do not start with `GAIA_` are theirs: they
//! are kept for `${NAME}` and otherwise let be, and it is no error here if their values use what
//! we do not know. How lines are written is judged for all of them, since after one wrong quote
//! nobody can tell where the next value starts.
//!
//! | form | read as |
//! | --- | --- |
//! | `NAME=value # note` | to the note or the line's end, without spaces around; `${X}` expanded |
//! | `NAME='value'` | as it stands, over several lines if need be |
//! | `NAME="value"` | with `\n \r \t \" \\ \$` and `${X}` |
//! | `export NAME=value` | the same |
//!
//! `${X}` is the environment's value, else that of an earlier line. An empty value is "not set".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::error::SettingError;
use super::layers::{FileValues, Given};
use super::sources::Origin;
use super::{table, value};

/// Names that say who acts. They belong to one process and its children.
const ENVIRONMENT_ONLY: [&str; 3] = ["GAIA_SESSION", "GAIA_TASK", "GAIA_LOCK_TOKEN"];

type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The settings in the text of a `.env` file. Of two lines for one name the later counts.
pub(super) fn parse(
    text: &str,
    file: &Path,
    environment: Environment<'_>,
) -> Result<FileValues, SettingError> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading {
        file,
        line: 1,
        environment,
        earlier: BTreeMap::new(),
        values: FileValues::new(),
    };
    while !rest.is_empty() {
        let (assignment, length) = assignment(rest).map_err(|reason| reading.malformed(reason))?;
        if let Some(assignment) = assignment {
            reading.take(&assignment)?;
        }
        reading.line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    reading.values.retain(|_, given| !given.text.is_empty());
    Ok(reading.values)
}

/// How far a file was read, and what was found.
struct Reading<'t> {
    file: &'t Path,
    line: usize,
    environment: Environment<'t>,
    /// Every name so far; without a value where it uses what we do not know.
    earlier: BTreeMap<&'t str, Option<String>>,
    values: FileValues,
}

impl<'t> Reading<'t> {
    fn take(&mut self, Assignment { name, raw }: &Assignment<'t>) -> Result<(), SettingError> {
        let value = expanded(raw, &|name| self.variable(name));
        if name.starts_with("GAIA_") {
            let origin = Origin::DotEnv {
                file: self.file.to_owned(),
                line: self.line,
            };
            let name = known(name, &origin)?;
            let value = value.clone().map_err(|reason| self.malformed(&reason))?;
            let text = value.into();
            self.values.insert(name, Given { text, origin });
        }
        self.earlier.insert(name, value.ok());
        Ok(())
    }

    /// The environment wins, as it does over the settings themselves.
    fn variable(&self, name: &str) -> Option<String> {
        let outer = (self.environment)(name).and_then(|value| value.into_string().ok());
        outer.or_else(|| self.earlier.get(name).cloned().flatten())
    }

    fn malformed(&self, reason: &str) -> SettingError {
        SettingError::FileMalformed {
            file: self.file.to_owned(),
            line: self.line,
            reason: value::plain(reason),
        }
    }
}

fn known(name: &str, origin: &Origin) -> Result<&'static str, SettingError> {
    if let Some(setting) = table::find(name) {
        return Ok(setting.name);
    }
    let (name, origin) = (name.to_owned(), origin.clone());
    if ENVIRONMENT_ONLY.contains(&name.as_str()) {
        return Err(SettingError::EnvironmentOnly { name, origin });
    }
    let nearest = table::nearest(&name).name.to_owned();
    Err(SettingError::UnknownName {
        name,
        origin,
        nearest,
    })
}

struct Assignment<'t> {
    name: &'t str,
    raw: Raw<'t>,
}

/// A value as written, without its quotes.
enum Raw<'t> {
    Plain(&'t str),
    Single(&'t str),
    Double(&'t str),
}

/// What the text starts with, nothing for an empty line or a note, and how long it is.
fn assignment(text: &str) -> Result<(Option<Assignment<'_>>, usize), &'static str> {
    let line = &text[..line_length(text)];
    let start = line.trim_start();
    if start.is_empty() || start.starts_with('#') {
        return Ok((None, line.len()));
    }
    let pair = match start.strip_prefix("export") {
        Some(pair) if pair.starts_with([' ', '\t']) => pair.trim_start(),
        _ => start,
    };
    let (name, _) = pair.split_once('=').ok_or("this is not NAME=VALUE")?;
    let name = name.trim_end();
    if !is_name(name) {
        return Err("what stands before = is not a name");
    }
    let before = line.len() - pair.len();
    let value = &text[before..];
    let value = &value[value.find('=').map_or(0, |at| at + 1)..];
    let (raw, length) = raw_value(value)?;
    let length = text.len() - value.len() + length;
    Ok((Some(Assignment { name, raw }), length))
}

/// The length of the first line with its end.
fn line_length(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

fn is_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(inside)
}

/// The value that the text starts with, and how long it is with the rest of its last line.
fn raw_value(text: &str) -> Result<(Raw<'_>, usize), &'static str> {
    let quoted = text.trim_start_matches([' ', '\t']);
    let inner = text.len() - quoted.len() + 1;
    let end = match quoted.as_bytes().first() {
        Some(b'\'') => quoted[1..].find('\''),
        Some(b'"') => closing_double(&quoted[1..]),
        _ => {
            let line = line_length(text);
            return Ok((Raw::Plain(plain(&text[..line])), line));
        }
    };
    let end = inner + end.ok_or("a quote is opened here and never closed")?;
    let rest = &text[end + 1..];
    let rest = &rest[..line_length(rest)];
    let note = rest.trim();
    if !note.is_empty() && !note.starts_with('#') {
        return Err("something stands after the closing quote");
    }
    let raw = match quoted.starts_with('\'') {
        true => Raw::Single(&text[inner..end]),
        false => Raw::Double(&text[inner..end]),
    };
    Ok((raw, end + 1 + rest.len()))
}

/// A value without quotes: up to a note, which needs a space before it.
fn plain(line: &str) -> &str {
    let note = line.match_indices('#').find(|(at, _)| {
        let before = &line[..*at];
        before.is_empty() || before.ends_with([' ', '\t'])
    });
    line[..note.map_or(line.len(), |(at, _)| at)].trim()
}

fn closing_double(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

/// The value as meant.
fn expanded(raw: &Raw<'_>, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let (mut rest, escapes) = match raw {
        Raw::Single(text) => return Ok((*text).to_owned()),
        Raw::Double(text) => (*text, true),
        Raw::Plain(text) => (*text, false),
    };
    let mut value = String::with_capacity(rest.len());
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        rest = if let Some(inner) = rest.strip_prefix("${") {
            let (name, after) = inner.split_once('}').ok_or("${ is never closed")?;
            value.push_str(&variable(name).ok_or(format!("${{{name}}} is not set"))?);
            after
        } else if let Some(meant) = escapes.then(|| escape(rest)).flatten() {
            value.push(meant);
            &after[1..]
        } else {
            value.push(first);
            after
        };
    }
    Ok(value)
}

/// The character that an escape at the start of the text means. Unknown escapes stay as written.
fn escape(text: &str) -> Option<char> {
    match text.strip_prefix('\\')?.chars().next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        known @ ('"' | '\\' | '$') => Some(known),
        _ => None,
    }
}
