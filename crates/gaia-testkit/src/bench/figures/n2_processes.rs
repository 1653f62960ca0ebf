//! N2: eight processes, each in a folder of its own: what they get done
//! together beside what one of them gets done alone.

use super::super::report::ns;
use super::super::worker::{Crew, Done, Job};
use super::super::{Figure, Goal, Options, Trouble};
use super::folder_in;

const PROCESSES: usize = 8;
const ONE: &str = "one process, a cycle";
const EIGHT: &str = "eight processes, a cycle of any of them";
const SERVED: &str = "most served : least served";
const RATE: &str = "rate of eight : rate of one";

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let mut jobs = Vec::with_capacity(PROCESSES);
    for number in 0..PROCESSES {
        jobs.push(Job::Cycles {
            database: dir.path().join("assigner.db"),
            folder: folder_in(dir.path(), &format!("folder-{number}"))?,
            session: format!("worker-{number}"),
        });
    }
    let mut crew = Crew::hire(options, &jobs)?;
    crew.work(PROCESSES, options.window())?;
    let (mut one, mut eight, mut rate, mut served) = (vec![], vec![], vec![], vec![]);
    for _ in 0..options.windows() {
        one.push(ns(options.window()) / total(&crew.work(1, options.window())?));
        let done = crew.work(PROCESSES, options.window())?;
        eight.push(ns(options.window()) / total(&done));
        served.push(most_to_least(&done));
    }
    rate.extend(one.iter().zip(&eight).map(|(one, eight)| one / eight));
    let mut figure = Figure::new("N2", "eight processes, eight folders");
    figure.sample(ONE, "ns", one);
    figure.sample(EIGHT, "ns", eight);
    figure.sample(RATE, "x", rate);
    figure.sample(SERVED, "x", served);
    figure.judge(RATE, Goal::AtLeast(0.7));
    figure.judge(SERVED, Goal::AtMost(2.0));
    Ok(figure)
}

fn total(done: &[Done]) -> f64 {
    done.iter().map(|done| done.count).sum::<u64>() as f64
}

/// How much more the luckiest got done than the least lucky.
pub(super) fn most_to_least(done: &[Done]) -> f64 {
    let counts = done.iter().map(|done| done.count);
    let most = counts.clone().max().unwrap_or(0);
    most as f64 / counts.min().unwrap_or(0) as f64
}
