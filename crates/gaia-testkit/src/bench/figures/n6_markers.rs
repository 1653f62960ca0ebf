//! N6: the cycle of N1 with marker files.

use std::path::Path;
use std::sync::Arc;

use gaia_locks::Scope;
use gaia_locks::clock::SystemClock;
use gaia_locks::markers::Markers;
use gaia_locks::service::Config;
use gaia_locks::settings;

use super::super::gaia::{self, Caller};
use super::super::race::{Race, Subject};
use super::super::{Figure, Goal, Options, Trouble};
use super::folder_in;

const OFF: &str = "a cycle, markers off";
const LOCKS: &str = "a cycle, markers in the locks directory";
const ON: &str = "a cycle, markers on";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let off = worker(dir.path(), "off", settings::Markers::Off)?;
    let locks = worker(dir.path(), "locks", settings::Markers::Locks)?;
    let on = worker(dir.path(), "on", settings::Markers::On)?;
    let mut race = Race::default();
    race.enter(Subject::repeated(OFF, || off.cycle()));
    race.enter(Subject::repeated(LOCKS, || locks.cycle()));
    race.enter(Subject::repeated(ON, || on.cycle()));
    let mut figure =
        Figure::new("N6", "acquire and release with marker files").of_race(race.run(options)?);
    figure.beside(ON, OFF, Some(Goal::AtMost(2.0)));
    figure.beside(LOCKS, OFF, None);
    Ok(figure)
}

fn worker(dir: &Path, name: &str, choice: settings::Markers) -> Result<Caller, Trouble> {
    let home = folder_in(dir, name)?;
    let database = home.join("assigner.db");
    let markers = Markers::new(
        choice,
        &home,
        database.display().to_string(),
        Scope::local(),
        Arc::new(SystemClock),
    );
    let config = Config {
        markers,
        ..Config::default()
    };
    let service = gaia::open(&database, config)?;
    Caller::new(service, "bench", &folder_in(&home, "work")?)
}
