//! Subjects that take turns.

use std::time::Duration;

use serde::Serialize;

use super::{Options, Trouble, clock};

/// One way of doing the work that a figure is about.
pub(super) struct Subject<'a> {
    name: String,
    round: Box<dyn FnMut(Duration) -> Result<f64, Trouble> + 'a>,
}

/// A baseline that could not be had, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Missing {
    /// Which.
    pub subject: String,
    /// Why, and how it could be had.
    pub why: String,
}

/// What somebody's rounds gave: one value for each.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    pub(super) name: String,
    pub(super) values: Vec<f64>,
}

impl<'a> Subject<'a> {
    /// Something that is done again and again: a round lasts about as long as
    /// it is told and gives nanoseconds for one time.
    pub(super) fn repeated(
        name: &str,
        mut once: impl FnMut() -> Result<(), Trouble> + 'a,
    ) -> Subject<'a> {
        Self::by_round(name, move |budget| {
            let (start, budget) = (clock::now(), clock::nanos(budget));
            let mut times = 0;
            loop {
                once()?;
                times += 1;
                let passed = clock::now() - start;
                if passed >= budget {
                    return Ok(passed as f64 / f64::from(times));
                }
            }
        })
    }

    /// Something that measures its rounds itself.
    pub(super) fn by_round(
        name: &str,
        round: impl FnMut(Duration) -> Result<f64, Trouble> + 'a,
    ) -> Subject<'a> {
        Subject {
            name: name.to_owned(),
            round: Box::new(round),
        }
    }
}

impl Missing {
    /// Names what is missing.
    pub(super) fn new(subject: &str, why: impl ToString) -> Self {
        Self {
            subject: subject.to_owned(),
            why: why.to_string(),
        }
    }
}

/// Everybody who takes turns in one figure.
#[derive(Default)]
pub(super) struct Race<'a> {
    subjects: Vec<Subject<'a>>,
    missing: Vec<Missing>,
}

impl<'a> Race<'a> {
    /// Lets a subject take part.
    pub(super) fn enter(&mut self, subject: Subject<'a>) {
        self.subjects.push(subject);
    }

    /// Lets a baseline take part, or names it as missing.
    pub(super) fn enter_if_there(&mut self, baseline: Result<Subject<'a>, Missing>) {
        match baseline {
            Ok(subject) => self.subjects.push(subject),
            Err(missing) => self.missing.push(missing),
        }
    }

    /// One round that does not count, then the rounds, in turn.
    pub(super) fn run(mut self, options: &Options) -> Result<(Vec<Rounds>, Vec<Missing>), Trouble> {
        let mut rounds: Vec<Rounds> = self
            .subjects
            .iter()
            .map(|subject| Rounds {
                name: subject.name.clone(),
                values: Vec::new(),
            })
            .collect();
        for number in 0..=options.rounds() {
            for (subject, rounds) in self.subjects.iter_mut().zip(&mut rounds) {
                let value = (subject.round)(options.budget())
                    .map_err(|trouble| format!("{}: {trouble}", subject.name))?;
                if number > 0 {
                    rounds.values.push(value);
                }
            }
        }
        Ok((rounds, self.missing))
    }
}
