//! N3: eight processes want one folder and hold it for 300 µs: how long it
//! lies free between one holder's release and the next one's grant.

use std::time::Duration;

use super::super::report::permille;
use super::super::worker::{Crew, Done, Job, Turn};
use super::super::{Figure, Goal, Options, Trouble};
use super::folder_in;
use super::n2_processes::most_to_least;

const PROCESSES: usize = 8;
const HOLD: Duration = Duration::from_micros(300);
const GAIA: &str = "GAIA, release to next grant, p50";
const FLOCK: &str = "bare flock, release to next grant, p50";

/// What the windows gave, one value for each.
#[derive(Default)]
struct HandOffs {
    p50: Vec<f64>,
    p99: Vec<f64>,
    tail: Vec<f64>,
    served: Vec<f64>,
}

pub(super) fn take(options: &Options) -> Result<Figure, Trouble> {
    let dir = tempfile::tempdir()?;
    let folder = folder_in(dir.path(), "folder")?;
    let job = |number| Job::Turns {
        database: dir.path().join("assigner.db"),
        folder: folder.clone(),
        session: format!("worker-{number}"),
        hold: HOLD,
    };
    let flock_job = |_| Job::FlockTurns {
        file: dir.path().join("flock"),
        hold: HOLD,
    };
    let mut ours = Crew::hire(options, &(0..PROCESSES).map(job).collect::<Vec<_>>())?;
    let mut theirs = Crew::hire(options, &(0..PROCESSES).map(flock_job).collect::<Vec<_>>())?;
    let (mut gaia, mut flock) = (HandOffs::default(), HandOffs::default());
    ours.work(PROCESSES, options.window())?;
    for _ in 0..options.windows() {
        gaia.add(&ours.work(PROCESSES, options.window())?);
        flock.add(&theirs.work(PROCESSES, options.window())?);
    }
    Ok(figure(gaia, flock))
}

fn figure(gaia: HandOffs, flock: HandOffs) -> Figure {
    const TAIL: &str = "GAIA, p99 : p50";
    const SERVED: &str = "GAIA, most served : least served";
    let mut figure = Figure::new("N3", "eight processes, one folder, held 300 µs");
    figure.sample(GAIA, "ns", gaia.p50);
    figure.sample("GAIA, release to next grant, p99", "ns", gaia.p99);
    figure.sample(FLOCK, "ns", flock.p50);
    figure.sample("bare flock, release to next grant, p99", "ns", flock.p99);
    figure.sample(TAIL, "x", gaia.tail);
    figure.sample(SERVED, "x", gaia.served);
    figure.sample("bare flock, most served : least served", "x", flock.served);
    figure.beside(GAIA, FLOCK, Some(Goal::AtMost(12.0)));
    figure.judge(TAIL, Goal::AtMost(4.0));
    figure.judge(SERVED, Goal::AtMost(1.05));
    figure
}

impl HandOffs {
    fn add(&mut self, done: &[Done]) {
        let gaps = gaps(done);
        let (p50, p99) = (permille(&gaps, 500), permille(&gaps, 990));
        self.p50.push(p50);
        self.p99.push(p99);
        self.tail.push(p99 / p50);
        self.served.push(most_to_least(done));
    }
}

/// From a release to the next grant, where the next holder waited already;
/// sorted.
fn gaps(done: &[Done]) -> Vec<f64> {
    let mut turns: Vec<Turn> = done.iter().flat_map(|done| done.turns.clone()).collect();
    turns.sort_by_key(|(_, granted, _)| *granted);
    let mut gaps: Vec<f64> = turns
        .iter()
        .zip(turns.iter().skip(1))
        .filter(|((_, _, released), (asked, _, _))| asked < released)
        .map(|((_, _, released), (_, granted, _))| (granted - released) as f64)
        .collect();
    gaps.sort_by(f64::total_cmp);
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_holder_that_waited_counts() {
        let done = |turns: &[Turn]| Done {
            count: 0,
            turns: turns.to_vec(),
        };
        let one = done(&[(0, 1, 10), (200, 210, 220)]);
        let other = done(&[(5, 13, 100)]);
        assert_eq!(gaps(&[one, other]), [3.0]);
    }
}
