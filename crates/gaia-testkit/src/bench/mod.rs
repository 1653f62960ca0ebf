//! The figures: how fast GAIA is on this machine, beside others that are
//! installed here.
//!
//! # Why ratios
//! Machines differ, and one machine differs from minute to minute. So nothing
//! is said in microseconds alone: the subjects of a figure take turns (A B C
//! A B C …) in one run, and a goal is about the ratio of their medians. The
//! ratio of each round is kept too: its spread says how far to trust it.
//!
//! # Why one library
//! A test, `benches/` and `gaia bench` run the same code, so that what a user
//! measures is what the project measured.
//!
//! # Worker processes
//! Figures about several processes start this very program again, with a
//! variable in its environment: every `main` that calls [`run`] calls
//! [`worker_main`] first.
//!
//! # What is absent
//! A baseline that is not installed is named as missing in the figure that
//! wanted it; no figure stands without it in silence.

mod bare;
mod clock;
mod figures;
mod flock;
mod gaia;
mod machine;
mod options;
mod program;
mod pueue;
mod python;
mod race;
mod redis;
mod report;
mod table;
mod tsp;
mod worker;

pub use figures::FIGURES;
pub use options::Options;
pub use race::Missing;
pub use report::{Figure, Goal, Ratio, Report, Sample, Spread};
pub use worker::worker_main;

/// What keeps a figure from being taken.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Takes the figures that were asked for, one after the other; `tell` hears
/// which one is being taken.
///
/// # Errors
/// When a figure of GAIA itself cannot be taken; baselines are only missing.
pub fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> Result<Report, Trouble> {
    let mut report = Report::begun(options);
    for (id, take) in FIGURES {
        if options.wants(id) {
            tell(id);
            let started = clock::now();
            let mut figure = take(options).map_err(|trouble| format!("{id}: {trouble}"))?;
            figure.seconds = clock::since(started).as_secs_f64();
            report.figures.push(figure);
        }
    }
    report.end();
    Ok(report)
}
