//! N8: a hundred tasks of `true` in one folder, one at a time, from the first
//! that is queued to the last that is done. Who carries them out is at work
//! before the first is queued, with both.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::program::Server;
use super::super::pueue::{PUEUE, Pueue};
use super::super::race::{Missing, Race, Subject};
use super::super::tsp::{TSP, Tsp};
use super::super::{Figure, Goal, Options, Trouble, clock, program};
use super::folder_in;

const MEANWHILE: &str = "GAIA, one process session";
const AFTERWARDS: &str = "GAIA, all queued first, then assigner --until-idle";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let many = if options.quick { 3 } else { 100 };
    let mut race = Race::default();
    let home = |name: &str| dir.path().join(name);
    race.enter_if_there(meanwhile(options, &home("meanwhile"), many));
    race.enter_if_there(afterwards(options, &home("afterwards"), many));
    let tsp = Tsp::start(dir.path());
    race.enter_if_there(tsp.map(|tsp| Subject::by_round(TSP, move |_| timed(|| tsp.tasks(many)))));
    let pueue = Pueue::start(dir.path());
    let pueue = pueue.map(|pueue| Subject::by_round(PUEUE, move |_| timed(|| pueue.tasks(many))));
    race.enter_if_there(pueue);
    // A round is long enough to need few of them.
    let few = Options {
        quick: true,
        ..options.clone()
    };
    let mut figure = Figure::new("N8", &format!("{many} tasks of `true`, one at a time"))
        .of_race(race.run(&few)?);
    figure.beside(MEANWHILE, TSP, Some(Goal::AtMost(1.0)));
    figure.beside(AFTERWARDS, TSP, None);
    figure.beside(MEANWHILE, PUEUE, Some(Goal::AtMost(0.03)));
    Ok(figure)
}

fn timed(work: impl FnOnce() -> Result<(), Trouble>) -> Result<f64, Trouble> {
    let start = clock::now();
    work()?;
    Ok((clock::now() - start) as f64)
}

/// An assigner is at work while tasks are queued.
fn meanwhile(options: &Options, home: &Path, many: usize) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(MEANWHILE, why);
    let fleet = Fleet::new(options, home).map_err(missing)?;
    let assigner = Server::start(fleet.command().arg("assigner")).map_err(missing)?;
    fleet.queue_and_wait(1).map_err(missing)?;
    Ok(Subject::by_round(MEANWHILE, move |_| {
        // Ended when the figure is taken.
        let _at_work = &assigner;
        timed(|| fleet.queue_and_wait(many))
    }))
}

/// First all are queued, then an assigner comes and goes.
fn afterwards(options: &Options, home: &Path, many: usize) -> Result<Subject<'static>, Missing> {
    let missing = |why: Trouble| Missing::new(AFTERWARDS, why);
    let fleet = Fleet::new(options, home).map_err(missing)?;
    let work = move |many| {
        fleet.queue(many)?;
        program::run(fleet.command().args(["assigner", "--until-idle"]))
    };
    work(1).map_err(missing)?;
    Ok(Subject::by_round(AFTERWARDS, move |_| timed(|| work(many))))
}

/// One process session in a home of its own.
struct Fleet {
    gaia: PathBuf,
    home: PathBuf,
    folder: PathBuf,
}

impl Fleet {
    fn new(options: &Options, home: &Path) -> Result<Self, Trouble> {
        let gaia = options.gaia.clone();
        let fleet = Self {
            gaia: gaia.ok_or("the program gaia was not found beside this one")?,
            home: folder_in(home, "home")?,
            folder: folder_in(home, "work")?,
        };
        program::run(
            fleet
                .command()
                .args(["session", "add", "one", "--process", "sh"]),
        )?;
        Ok(fleet)
    }

    fn command(&self) -> Command {
        let mut command = program::gaia(&self.gaia, &self.home);
        command.current_dir(&self.folder);
        command
    }

    fn send(&self) -> Command {
        let mut command = self.command();
        command.args(["send", "true", "--dir"]).arg(&self.folder);
        command
    }

    fn queue(&self, many: usize) -> Result<(), Trouble> {
        (0..many).try_for_each(|_| program::run(&mut self.send()))
    }

    /// Tasks of one priority are done in order of age: the last that is queued
    /// is the last that is done.
    fn queue_and_wait(&self, many: usize) -> Result<(), Trouble> {
        self.queue(many.saturating_sub(1))?;
        program::run(self.send().arg("--wait"))
    }
}
