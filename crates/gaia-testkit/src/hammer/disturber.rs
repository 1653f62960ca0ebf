//! Kills and stops workers at random moments until their time is over.

use std::io;
use std::time::Duration;

use super::crew::Crew;
use super::draw::Draw;
use super::{Plan, Work, now, rest};

pub(super) fn disturb(plan: &Plan, crew: &mut Crew) -> io::Result<()> {
    if plan.work != Work::Random || !(plan.kill || plan.stop) {
        return Ok(());
    }
    let mut draw = Draw::new(plan.seed ^ 0x0d15_70b5);
    // The last workers get some time to come to an end.
    let last = crew.until().minus(Duration::from_secs(1));
    while now() < last {
        rest(draw.millis(5, 250));
        let index = draw.index(plan.processes);
        match (plan.kill, plan.stop) {
            (true, true) if draw.chance(50) => stop(crew, index, &mut draw)?,
            (false, true) => stop(crew, index, &mut draw)?,
            _ => {
                crew.kill(index)?;
                crew.replace(index)?;
            }
        }
    }
    Ok(())
}

/// Mostly for a moment; now and then for longer than the shortest lease.
fn stop(crew: &Crew, index: usize, draw: &mut Draw) -> io::Result<()> {
    crew.stop(index)?;
    rest(if draw.chance(15) {
        draw.millis(1_000, 1_800)
    } else {
        draw.millis(1, 120)
    });
    crew.resume(index)
}
