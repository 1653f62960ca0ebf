//! `gaia bench`.

use std::path::PathBuf;

use gaia_testkit::bench::{FIGURES, Options, run as take};

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::tell;

/// Measure this machine, beside other locks and queues that are installed
///
/// Each figure is a ratio of medians: GAIA and what it is set beside take
/// turns in one run, since machines differ and one machine differs from minute
/// to minute. A baseline that is not installed is named as missing. Works in a
/// temporary folder only; takes some minutes.
#[derive(clap::Args, Debug)]
pub struct BenchArgs {
    /// Take a few seconds in all: to see that it runs, not to judge by
    #[arg(long)]
    pub quick: bool,
    /// Only these figures [N1,N3]
    #[arg(long, value_name = "FIGURES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// A Python that has the Python baselines [GAIA_BENCH_PYTHON]
    #[arg(long, value_name = "PROGRAM")]
    pub python: Option<PathBuf>,
}

/// Takes the figures.
pub fn run(context: &Context, args: BenchArgs) -> Ended {
    refuse_unknown(&args.only)?;
    let options = Options {
        quick: args.quick,
        only: args.only,
        gaia: std::env::current_exe().ok(),
        python: args.python,
        ..Options::default()
    };
    let report = take(&options.find_programs(), &mut |id| {
        tell::note(&format!("taking {id}"))
    })
    .map_err(|trouble| Failure::new("failed", Status::Failed, trouble.to_string()))?;
    context.out.answer(&report, |_| report.table())?;
    Ok(Status::Done.into())
}

fn refuse_unknown(only: &[String]) -> Result<(), Failure> {
    let known = |id: &str| {
        FIGURES
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(id))
    };
    match only.iter().find(|id| !known(id)) {
        None => Ok(()),
        Some(id) => {
            let names: Vec<&str> = FIGURES.iter().map(|(id, _)| *id).collect();
            let names = names.join(", ");
            Err(Failure::usage(format!(
                "there is no figure {id:?}; there are {names}"
            )))
        }
    }
}
