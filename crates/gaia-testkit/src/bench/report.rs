//! What the figures say, as data; JSON is made of this as it stands.

use std::time::Duration;

use serde::Serialize;

use super::machine::Machine;
use super::race::{Missing, Rounds};
use super::{Options, clock, table};

/// All figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it was taken on, and how busy that was.
    pub machine: Machine,
    /// Taken in a few seconds: not to judge by.
    pub quick: bool,
    /// How long it took.
    pub seconds: f64,
    /// The figures, in order.
    pub figures: Vec<Figure>,
    #[serde(skip)]
    started: i64,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// N1, N2, …
    pub id: &'static str,
    /// What is measured.
    pub title: String,
    /// What each subject needed.
    pub samples: Vec<Sample>,
    /// What the goals are about.
    pub ratios: Vec<Ratio>,
    /// Baselines that could not be had.
    pub missing: Vec<Missing>,
    /// How long it took to take it.
    pub seconds: f64,
}

/// What one subject needed.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Who, and for what.
    pub subject: String,
    /// Of what the spread is: `ns`, `MB`, or `x` for a plain number.
    pub unit: &'static str,
    /// Over its rounds.
    pub spread: Spread,
    #[serde(skip)]
    rounds: Vec<f64>,
}

/// One number beside another.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    /// What beside what.
    pub what: String,
    /// The ratio of the medians; what the goal is about.
    pub of_medians: f64,
    /// The ratio of the fastest rounds: what is left of it where others
    /// disturbed most rounds.
    pub of_fastest: f64,
    /// The ratios of single rounds.
    pub spread: Spread,
    /// What it should be.
    pub goal: Option<Goal>,
    /// Whether it is.
    pub reached: Option<bool>,
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

/// From the least to the most.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Report {
    pub(super) fn begun(options: &Options) -> Self {
        Self {
            machine: Machine::at_the_start(),
            quick: options.quick,
            seconds: 0.0,
            figures: Vec::new(),
            started: clock::now(),
        }
    }

    pub(super) fn end(&mut self) {
        self.machine.look_again();
        self.seconds = clock::since(self.started).as_secs_f64();
    }

    /// For people.
    pub fn table(&self) -> String {
        table::of(self)
    }

    /// Of the goals that could be judged: how many were reached, and how many
    /// there were.
    pub fn goals(&self) -> (usize, usize) {
        let judged: Vec<bool> = self
            .figures
            .iter()
            .flat_map(|figure| figure.ratios.iter().filter_map(|ratio| ratio.reached))
            .collect();
        (
            judged.iter().filter(|reached| **reached).count(),
            judged.len(),
        )
    }
}

impl Figure {
    pub(super) fn new(id: &'static str, title: &str) -> Self {
        Self {
            id,
            title: title.to_owned(),
            samples: Vec::new(),
            ratios: Vec::new(),
            missing: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Takes up what a race gave.
    pub(super) fn of_race(mut self, raced: (Vec<Rounds>, Vec<Missing>)) -> Self {
        for rounds in raced.0 {
            self.sample(&rounds.name, "ns", rounds.values);
        }
        self.missing.extend(raced.1);
        self
    }

    pub(super) fn sample(&mut self, subject: &str, unit: &'static str, rounds: Vec<f64>) {
        if let Some(spread) = Spread::of(&rounds) {
            self.samples.push(Sample {
                subject: subject.to_owned(),
                unit,
                spread,
                rounds,
            });
        }
    }

    /// Sets one sample beside another; nothing where either is missing.
    pub(super) fn beside(&mut self, subject: &str, other: &str, goal: Option<Goal>) {
        let find = |name: &str| self.samples.iter().find(|sample| sample.subject == name);
        let (Some(ours), Some(theirs)) = (find(subject), find(other)) else {
            return;
        };
        let of_rounds: Vec<f64> = ours
            .rounds
            .iter()
            .zip(&theirs.rounds)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        let of_medians = ours.spread.median / theirs.spread.median;
        let of_fastest = ours.spread.min / theirs.spread.min;
        let what = format!("{subject} : {other}");
        self.ratio(what, (of_medians, of_fastest), &of_rounds, goal);
    }

    /// Judges a sample that is a ratio already.
    pub(super) fn judge(&mut self, subject: &str, goal: Goal) {
        let find = |sample: &&Sample| sample.subject == subject;
        if let Some(sample) = self.samples.iter().find(find).cloned() {
            let median = sample.spread.median;
            self.ratio(sample.subject, (median, median), &sample.rounds, Some(goal));
        }
    }

    fn ratio(
        &mut self,
        what: String,
        (of_medians, of_fastest): (f64, f64),
        of_rounds: &[f64],
        goal: Option<Goal>,
    ) {
        let Some(spread) = Spread::of(of_rounds) else {
            return;
        };
        self.ratios.push(Ratio {
            what,
            of_medians,
            of_fastest,
            spread,
            goal,
            reached: goal.map(|goal| goal.is_reached(of_medians)),
        });
    }
}

impl Goal {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Goal::AtMost(most) => value <= most,
            Goal::AtLeast(least) => value >= least,
        }
    }
}

impl Spread {
    /// Nothing of nothing.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            min: *sorted.first()?,
            median: *sorted.get(sorted.len() / 2)?,
            max: *sorted.last()?,
        })
    }
}

/// The value below which so many of a thousand lie.
pub(super) fn permille(sorted: &[f64], of_thousand: usize) -> f64 {
    let position = (sorted.len() * of_thousand / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(position).copied().unwrap_or(f64::NAN)
}

/// A duration as a sample has it.
pub(super) fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}
