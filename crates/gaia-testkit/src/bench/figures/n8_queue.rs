//! N8: a hundred tasks of `true` in one folder, one at a time, from the first
//! that is queued to the last that is done.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::race::{Missing, Race, Subject};
use super::super::tsp::{TSP, Tsp};
use super::super::{Figure, Goal, Options, Trouble, clock, program};
use super::folder_in;

const GAIA: &str = "GAIA, one process session";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let many = if options.quick { 3 } else { 100 };
    let mut race = Race::default();
    race.enter_if_there(gaia(options, dir.path(), many));
    race.enter_if_there(
        Tsp::start(dir.path())
            .map(|tsp| Subject::by_round(TSP, move |_| timed(|| tsp.tasks(many)))),
    );
    // A round is long enough to need few of them.
    let few = Options {
        quick: true,
        ..options.clone()
    };
    let mut figure = Figure::new("N8", &format!("{many} tasks of `true`, one at a time"))
        .of_race(race.run(&few)?);
    figure.beside(GAIA, TSP, Some(Goal::AtMost(1.0)));
    Ok(figure)
}

fn timed(work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let start = clock::now();
    work()?;
    Ok((clock::now() - start) as f64)
}

fn gaia(options: &Options, dir: &Path, many: usize) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(GAIA, why);
    let gaia = options
        .gaia
        .clone()
        .ok_or_else(|| missing("the program gaia was not found beside this one".into()))?;
    let fleet = Fleet {
        gaia,
        home: folder_in(dir, "home").map_err(missing)?,
        folder: folder_in(dir, "work").map_err(missing)?,
    };
    fleet
        .gaia(&["session", "add", "one", "--process", "sh"])
        .map_err(missing)?;
    fleet.tasks(1).map_err(missing)?;
    Ok(Subject::by_round(GAIA, move |_| {
        timed(|| fleet.tasks(many))
    }))
}

/// One process session in a home of its own.
struct Fleet {
    gaia: PathBuf,
    home: PathBuf,
    folder: PathBuf,
}

impl Fleet {
    fn tasks(&self, many: usize) -> Result<(), Trouble> {
        let folder = self.folder.display().to_string();
        for _ in 0..many {
            self.gaia(&["send", "true", "--dir", &folder])?;
        }
        self.gaia(&["assigner", "--until-idle"])
    }

    fn gaia(&self, words: &[&str]) -> Result<(), Trouble> {
        let mut command = Command::new(&self.gaia);
        program::run(command.args(words).env("GAIA_HOME", &self.home))
    }
}
