//! `gaia.toml`: flat, its keys the settings' names in lower case without `GAIA_`
//! (`locks_dir = "…"`, `lock_timeout_hours = 2`); the full names are understood too.
//!
//! The file is ours alone, so every key that is no setting is an error: a mistyped one would
//! otherwise leave its reader with the default and no word about it.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::SettingError;
use super::layers::{FileValues, Given};
use super::sources::Origin;
use super::table::{self, SETTINGS, Setting};
use super::value;

/// The settings in the text of a `gaia.toml`. An empty string is "not set".
pub(super) fn parse(text: &str, file: &Path) -> Result<FileValues, SettingError> {
    let malformed = |at: usize, reason: String| SettingError::FileMalformed {
        file: file.to_owned(),
        line: line_of(text, at),
        reason,
    };
    let parsed = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        malformed(at, error.message().to_owned())
    })?;
    let mut values = FileValues::new();
    for (key, value) in parsed.get_ref() {
        let at = key.span().start;
        let origin = Origin::Toml {
            file: file.to_owned(),
            line: line_of(text, at),
        };
        let setting = known(key.get_ref(), &origin)?;
        let text = scalar(value.get_ref()).ok_or_else(|| {
            let key = key.get_ref();
            malformed(at, format!("{key} is no string, decimal number or boolean"))
        })?;
        let text = text.into();
        if values
            .insert(setting.name, Given { text, origin })
            .is_some()
        {
            return Err(malformed(at, format!("{} is set twice", setting.name)));
        }
    }
    values.retain(|_, given| !given.text.is_empty());
    Ok(values)
}

fn known(key: &str, origin: &Origin) -> Result<&'static Setting, SettingError> {
    let named = |setting: &&Setting| setting.key() == key || setting.name == key;
    SETTINGS.iter().find(named).ok_or_else(|| {
        let nearest = table::nearest(key);
        SettingError::UnknownName {
            name: value::plain(key),
            origin: origin.clone(),
            nearest: nearest.key(),
        }
    })
}

/// A value as the environment would hold it.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count()
}
