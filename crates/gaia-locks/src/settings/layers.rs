//! The sources laid over each other: finds GAIA_HOME, reads the files, and gives for each setting
//! the value that wins.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::error::SettingError;
use super::sources::{Origin, Sources};
use super::table::{self, Setting};
use super::{dot_env, toml_file, value};

/// A value as given, not yet understood.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: OsString,
    pub(super) origin: Origin,
}

/// The values of one file.
pub(super) type FileValues = BTreeMap<&'static str, Given>;

/// All sources in order of precedence, the files read.
pub(super) struct Layers<'a> {
    sources: &'a Sources<'a>,
    /// Nearest first.
    files: Vec<FileValues>,
    pub(super) home: PathBuf,
    home_origin: Origin,
}

impl<'a> Layers<'a> {
    /// Finds GAIA_HOME first, since the other files lie in it.
    pub(super) fn open(sources: &'a Sources<'a>) -> Result<Self, SettingError> {
        check_flags(sources)?;
        let mut layers = Self {
            sources,
            files: Vec::new(),
            home: PathBuf::new(),
            home_origin: Origin::Default,
        };
        if sources.dot_env_here {
            layers.add_dot_env(&sources.base)?;
        }
        layers.home_origin = layers.origin("GAIA_HOME");
        layers.home = match layers.path("GAIA_HOME")? {
            Some(home) => home,
            None => default_home(sources)?,
        };
        layers.add_home_files()?;
        Ok(layers)
    }

    fn add_home_files(&mut self) -> Result<(), SettingError> {
        let home = self.home.clone();
        let first = self.files.len();
        self.add_dot_env(&home)?;
        let file = home.join("gaia.toml");
        if let Some(text) = read(&file)? {
            self.files.push(toml_file::parse(&text, &file)?);
        }
        let moved = |given: &&Given| self.resolve(given).ok().as_deref() != Some(&*home);
        let named = self.files[first..]
            .iter()
            .filter_map(|f| f.get("GAIA_HOME"));
        match named.filter(moved).map(|given| given.origin.clone()).next() {
            Some(origin) => Err(SettingError::MovedHome { home, origin }),
            None => Ok(()),
        }
    }

    fn add_dot_env(&mut self, folder: &Path) -> Result<(), SettingError> {
        let file = folder.join(".env");
        // Python projects have a folder of that name: it holds no settings.
        if file.is_dir() {
            return Ok(());
        }
        if let Some(text) = read(&file)? {
            let values = dot_env::parse(&text, &file, self.sources.environment)?;
            self.files.push(values);
        }
        Ok(())
    }

    fn given(&self, name: &str) -> Option<Given> {
        let flag = self.sources.flags.iter().rev().find(|f| f.setting == name);
        if let Some(flag) = flag {
            let origin = Origin::Flag(flag.word.clone());
            let text = flag.value.clone();
            return Some(Given { text, origin });
        }
        let text = (self.sources.environment)(name).filter(|text| !text.is_empty());
        if let Some(text) = text {
            let origin = Origin::Environment;
            return Some(Given { text, origin });
        }
        self.files.iter().find_map(|file| file.get(name)).cloned()
    }

    /// Where the value of a setting comes from.
    pub(super) fn origin(&self, name: &str) -> Origin {
        // The home's own files may repeat GAIA_HOME, but they never decided it.
        if name == "GAIA_HOME" && !self.home.as_os_str().is_empty() {
            return self.home_origin.clone();
        }
        self.given(name)
            .map_or(Origin::Default, |given| given.origin)
    }

    /// A path, absolute; `None` if nobody set it.
    pub(super) fn path(&self, name: &'static str) -> Result<Option<PathBuf>, SettingError> {
        let resolve = |given: Given| {
            let path = self.resolve(&given);
            path.map_err(|reason| refused(setting(name), &given.text, given.origin, reason))
        };
        self.given(name).map(resolve).transpose()
    }

    fn resolve(&self, given: &Given) -> Result<PathBuf, String> {
        let folder = match &given.origin {
            Origin::Toml { file, .. } | Origin::DotEnv { file, .. } => file.parent(),
            _ => None,
        };
        let folder = folder.unwrap_or(&self.sources.base);
        value::path(&given.text, folder, self.sources.absolute_user_home())
    }

    /// A value that `parse` understands; `None` if nobody set it.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        let Some(Given { text, origin }) = self.given(name) else {
            return Ok(None);
        };
        let known = text.to_str().ok_or_else(|| "it is not UTF-8".to_owned());
        let parsed = known.and_then(|text| parse(text.trim()));
        let refuse = |reason| refused(setting(name), &text, origin, reason);
        parsed.map(Some).map_err(refuse)
    }

    /// A value that `parse` understands, or the table's default.
    pub(super) fn value<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        let setting = setting(name);
        match self.optional(name, &parse)? {
            Some(value) => Ok(value),
            None => parse(setting.default).map_err(|reason| {
                refused(setting, setting.default.as_ref(), Origin::Default, reason)
            }),
        }
    }
}

/// Flags come from programs: a wrong name is their mistake, and still no silence.
fn check_flags(sources: &Sources<'_>) -> Result<(), SettingError> {
    for flag in &sources.flags {
        let origin = Origin::Flag(flag.word.clone());
        let Some(setting) = table::find(flag.setting) else {
            return Err(SettingError::UnknownName {
                name: flag.setting.to_owned(),
                origin,
                nearest: table::nearest(flag.setting).name.to_owned(),
            });
        };
        if flag.value.is_empty() {
            let reason = "it is empty".to_owned();
            return Err(refused(setting, &flag.value, origin, reason));
        }
    }
    Ok(())
}

fn default_home(sources: &Sources<'_>) -> Result<PathBuf, SettingError> {
    let home = sources.absolute_user_home().ok_or(SettingError::NoHome)?;
    Ok(home.join(".gaia"))
}

/// The row of a name that the loader itself wrote.
fn setting(name: &'static str) -> &'static Setting {
    table::find(name).unwrap_or_else(|| table::nearest(name))
}

/// The error for a value, with whatever is secret left out of it.
fn refused(setting: &Setting, text: &OsStr, origin: Origin, reason: String) -> SettingError {
    SettingError::Refused {
        name: setting.name,
        value: value::shown(setting.name, text),
        origin,
        reason: value::plain(&reason),
        allowed: setting.allowed,
    }
}

/// The text of a file of settings; `None` if there is no such file.
fn read(file: &Path) -> Result<Option<String>, SettingError> {
    let unreadable = |source| SettingError::FileUnreadable {
        file: file.to_owned(),
        source,
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        SettingError::FileMalformed {
            file: file.to_owned(),
            line: 1 + good.iter().filter(|byte| **byte == b'\n').count(),
            reason: "this is not UTF-8".to_owned(),
        }
    })
}
