//! One worker process: reads its orders, works until its time is over.

use std::io::{self, BufRead};
use std::path::Path;

use serde::{Deserialize, Serialize};

use gaia_locks::clock::Moment;

use super::clock::HammerClock;
use super::deeds::Worker;
use super::draw::Draw;
use super::{Plan, Work, now, rest};
use crate::checker::journal::{Event, Pen};
use crate::faults::Fault;

/// What a worker is told over its standard input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    pub(super) plan: Plan,
    pub(super) name: String,
    pub(super) index: usize,
    pub(super) seed: u64,
    pub(super) until: Moment,
}

/// Works as ordered over the standard input; does nothing when nothing was
/// ordered, so that a test binary may run it like any other test.
///
/// # Errors
/// When the journal or the database cannot be opened; what goes wrong later is
/// in the journal.
pub fn worker_main() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.is_empty() {
        return Ok(());
    }
    let orders: Orders = serde_json::from_str(&line)?;
    let mut pen = Pen::open(&orders.plan.journals(), &orders.name)?;
    pen.write(Event::Started {
        pid: std::process::id(),
    })?;
    let clock = clock_of(&orders);
    let worker = orders.plan.door(clock).and_then(|door| {
        Worker::new(
            door,
            &orders,
            Pen::open(&orders.plan.journals(), &orders.name)?,
        )
    });
    let done = worker.and_then(|worker| work(worker, &orders));
    match done {
        Ok(()) => pen.write(Event::Leaving).map(drop),
        Err(error) => pen
            .write(Event::Failed {
                what: error.to_string(),
            })
            .map(drop),
    }
}

fn clock_of(orders: &Orders) -> HammerClock {
    let wall_expiry = orders.plan.fault == Some(Fault::WallExpiry);
    if wall_expiry || (orders.plan.step_wall && orders.index.is_multiple_of(2)) {
        HammerClock::jumping(orders.seed, wall_expiry)
    } else {
        HammerClock::still()
    }
}

fn work(mut worker: Worker, orders: &Orders) -> io::Result<()> {
    match orders.plan.work {
        Work::Random => {
            while now() < orders.until {
                worker.do_something()?;
            }
            worker.give_some_back()
        }
        Work::Line { last } => {
            while now() < orders.until && worker.stand_in_line()? < last {}
            Ok(())
        }
        Work::Hold | Work::Lease => {
            worker.hold(orders.plan.work == Work::Hold)?;
            while now() < orders.until && Path::new(&orders.plan.workshop).is_dir() {
                rest(std::time::Duration::from_millis(50));
            }
            Ok(())
        }
    }
}

/// The seed of one worker: the same plan gives the same, each another one.
pub(super) fn seed_of(plan: &Plan, started: u64) -> u64 {
    let mut draw = Draw::new(plan.seed);
    let base = draw.number();
    Draw::new(base ^ started.wrapping_mul(0x0100_0000_01b3)).number()
}
