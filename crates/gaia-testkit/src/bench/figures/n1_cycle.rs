//! N1: acquire and release in one process.

use gaia_locks::service::Config;

use super::super::gaia::{self, Caller};
use super::super::race::{Race, Subject};
use super::super::{Figure, Goal, Options, Trouble, bare, flock, python, redis};
use super::folder_in;

/// What all others are set beside.
pub(super) const GAIA: &str = "GAIA, acquire + release";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let service = gaia::open(&dir.path().join("assigner.db"), Config::default())?;
    let worker = Caller::new(service, "bench", &folder_in(dir.path(), "a")?)?;
    let mut race = Race::default();
    race.enter(Subject::repeated(GAIA, || worker.cycle()));
    race.enter(bare::one_row(dir.path())?);
    race.enter(bare::same_rows(dir.path())?);
    race.enter_if_there(python::filelock(options, dir.path()));
    race.enter_if_there(redis::subject(dir.path()));
    race.enter_if_there(python::agent_lease(options, dir.path()));
    race.enter(flock::call(dir.path()));
    let mut figure =
        Figure::new("N1", "acquire and release, one process").of_race(race.run(options)?);
    figure.beside(GAIA, bare::ONE_ROW, Some(Goal::AtMost(1.15)));
    figure.beside(GAIA, bare::SAME_ROWS, None);
    figure.beside(GAIA, python::FILELOCK, Some(Goal::AtMost(0.5)));
    figure.beside(GAIA, redis::REDIS, Some(Goal::AtMost(0.35)));
    figure.beside(GAIA, python::AGENT_LEASE, None);
    figure.beside(GAIA, flock::CALL, None);
    Ok(figure)
}
