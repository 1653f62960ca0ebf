//! Everything that can be wrong, each with its remedy: what `gaia doctor` and
//! the dashboard show.
//!
//! Looks without changing anything: what is not there yet is not made, only
//! judged by whether it could be; a database of an earlier assigner is not taken
//! over. Only [`fix`] mends, and only what is GAIA's own.
//!
//! A check that was never seen to fail says nothing: each has a test in which it
//! fails, and its remedy is tried there.

mod ask;
mod earlier;
mod gate;
mod git;
mod markers;
mod places;
mod store;
mod tmux;

pub use ask::said;

use std::path::Path;

use gaia_locks::open;
use gaia_locks::service::Locks as _;
use gaia_locks::settings::Settings;
use serde::Serialize;

/// How a check came out.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Works, but should be looked at.
    Warning,
    /// Does not work.
    Problem,
}

/// One thing that was checked.
#[derive(Serialize, Clone, Debug)]
pub struct Check {
    /// What was looked at: a promise, as programs look for it.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found, in a sentence.
    pub finding: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            finding: finding.into(),
            remedy: None,
        }
    }

    /// Works, but should be looked at.
    pub fn warning(
        name: &'static str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(name, finding)
        }
    }

    /// Does not work.
    pub fn problem(
        name: &'static str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Problem,
            ..Self::warning(name, finding, remedy)
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The folder whose repository is asked about; a server has none.
    pub here: Option<&'a Path>,
}

/// All checks, one after the other. It takes up to two seconds where somebody
/// keeps the database for himself, and reads the whole file.
pub fn checks(ground: Ground<'_>) -> Vec<Check> {
    let settings = ground.settings;
    if settings.server.is_some() {
        // Its own doctor looks at its database; whether it answers is asked by
        // whoever works through it.
        return vec![
            places::home(&settings.home),
            places::private(&settings.home),
        ];
    }
    let mut checks = vec![
        places::home(&settings.home),
        places::private(&settings.home),
        places::locks_dir(&settings.locks_dir),
    ];
    match open::database_file(settings) {
        Ok(file) => {
            checks.push(places::room("room", file));
            checks.extend(store::checks(settings, file));
        }
        Err(error) => checks.push(Check::problem(
            "database",
            error.to_string(),
            "name a file: GAIA_DATABASE_URL=sqlite:///absolute/path",
        )),
    }
    checks.push(places::clock());
    checks.push(places::processes());
    if let Some(here) = ground.here {
        checks.push(git::ignored(here, settings.markers));
    }
    checks
}

/// A place that is another one in each folder.
pub fn relative_place(name: &str, here: &Path) -> Check {
    places::relative(name, here)
}

/// Whether the database can be looked into without changing or waiting for
/// anything: it is there, it is GAIA's own, and nobody keeps it for himself.
pub fn is_ready(settings: &Settings) -> bool {
    let file = open::database_file(settings);
    file.is_ok_and(|file| store::is_ready(settings, file) && gate::holder(file).is_none())
}

/// Mends what is safe to mend: makes the locks directory, takes the right to
/// write in the home from others, has git ignore the marker files, sweeps locks
/// and markers. What cannot be mended keeps nothing else from it.
///
/// # Errors
/// What cannot be mended, in words.
pub fn fix(ground: Ground<'_>) -> Result<(), String> {
    let steps: [fn(Ground<'_>) -> Result<(), String>; 4] =
        [make_locks_dir, close_home, ignore_markers, sweep];
    let failed: Vec<String> = steps.iter().filter_map(|step| step(ground).err()).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("; ")),
    }
}

fn make_locks_dir(ground: Ground<'_>) -> Result<(), String> {
    let folder = &ground.settings.locks_dir;
    gaia_locks::os::make_private_folder(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))
}

fn close_home(ground: Ground<'_>) -> Result<(), String> {
    let home = &ground.settings.home;
    match home.is_dir() {
        true => places::make_private(home).map_err(|error| error.to_string()),
        false => Ok(()),
    }
}

fn ignore_markers(ground: Ground<'_>) -> Result<(), String> {
    let ignored = ground
        .here
        .map(|here| git::ignore(here, ground.settings.markers));
    ignored.unwrap_or(Ok(())).map_err(|error| error.to_string())
}

fn sweep(ground: Ground<'_>) -> Result<(), String> {
    let settings = ground.settings;
    let file = open::database_file(settings).map_err(|error| error.to_string())?;
    if store::is_ready(settings, file) && gate::holder(file).is_none() {
        let service = open::open(settings).map_err(|error| error.to_string())?;
        service.cleanup().map_err(|error| error.to_string())?;
    }
    Ok(())
}
