//! N4: `gaia run FOLDER -- true`, from the start of the process to its end,
//! while the database is open elsewhere and when it is not.

use std::path::Path;

use gaia_locks::service::Config;

use super::super::gaia::{self, Caller};
use super::super::race::{Missing, Race, Subject};
use super::super::{Figure, Goal, Options, Trouble, flock, program};
use super::folder_in;

const OPEN: &str = "gaia run, database open elsewhere";
const OPEN_BARE: &str = "gaia run, database open elsewhere, markers off";
const ALONE: &str = "gaia run";
const ALONE_BARE: &str = "gaia run, markers off";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let figure = Figure::new("N4", "gaia run FOLDER -- true, the whole process");
    let dir = tempfile::tempdir()?;
    let (open, alone) = (
        folder_in(dir.path(), "open")?,
        folder_in(dir.path(), "alone")?,
    );
    let service = gaia::open(&open.join("locks/assigner.db"), Config::default())?;
    Caller::new(service, "bench", &open)?.cycle()?;
    let mut race = Race::default();
    race.enter_if_there(gaia_run(OPEN, options, &open, "on"));
    race.enter_if_there(gaia_run(OPEN_BARE, options, &open, "off"));
    race.enter_if_there(gaia_run(ALONE, options, &alone, "on"));
    race.enter_if_there(gaia_run(ALONE_BARE, options, &alone, "off"));
    race.enter_if_there(flock::command(dir.path()));
    let mut figure = figure.of_race(race.run(options)?);
    for (subject, most) in [
        (OPEN, 1.15),
        (OPEN_BARE, 1.15),
        (ALONE, 1.35),
        (ALONE_BARE, 1.35),
    ] {
        figure.beside(subject, flock::COMMAND, Some(Goal::AtMost(most)));
    }
    Ok(figure)
}

fn gaia_run(
    name: &str,
    options: &Options,
    home: &Path,
    markers: &'static str,
) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(name, why);
    let gaia = options
        .gaia
        .clone()
        .ok_or_else(|| missing("the program gaia was not found beside this one".into()))?;
    let folder = folder_in(home, "work").map_err(missing)?;
    let home = home.to_owned();
    let run = move || {
        let mut command = program::gaia(&gaia, &home);
        command.arg("run").arg(&folder).args(["--", "true"]);
        program::run(command.env("GAIA_MARKERS", markers))
    };
    run().map_err(missing)?;
    Ok(Subject::repeated(name, run))
}
