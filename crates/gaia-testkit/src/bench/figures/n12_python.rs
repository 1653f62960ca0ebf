//! N12: acquire and release through the Python module, beside the locks that
//! Python programs use otherwise.

use gaia_locks::service::Config;

use super::super::gaia::{self, Caller};
use super::super::race::{Race, Subject};
use super::super::{Figure, Goal, Options, Trouble, python};
use super::{folder_in, n1_cycle::GAIA};

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let service = gaia::open(&dir.path().join("assigner.db"), Config::default())?;
    let worker = Caller::new(service, "bench", &folder_in(dir.path(), "a")?)?;
    let mut race = Race::default();
    race.enter_if_there(python::gaia(options, dir.path()));
    race.enter(Subject::repeated(GAIA, || worker.cycle()));
    race.enter_if_there(python::filelock(options, dir.path()));
    race.enter_if_there(python::fasteners(options, dir.path()));
    race.enter_if_there(python::portalocker(options, dir.path()));
    let mut figure =
        Figure::new("N12", "acquire and release in Python").of_race(race.run(options)?);
    figure.beside(python::GAIA, GAIA, Some(Goal::AtMost(1.3)));
    figure.beside(python::GAIA, python::FILELOCK, Some(Goal::AtMost(0.6)));
    figure.beside(python::GAIA, python::FASTENERS, None);
    figure.beside(python::GAIA, python::PORTALOCKER, None);
    Ok(figure)
}
