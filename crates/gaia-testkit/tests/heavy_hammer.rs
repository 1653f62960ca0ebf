//! Many real processes on one SQLite file, disturbed on purpose and judged.
//!
//! `GAIA_HAMMER_SECONDS=600 cargo test -p gaia-testkit --test heavy_hammer
//! heavy_r01_hammer` hammers longer (nextest would end it after five minutes);
//! `GAIA_HAMMER_SEED=7` draws other things.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a person asks for a longer run by the environment"
)]

use std::time::Duration;

use gaia_testkit::checker::{Verdict, Violation};
use gaia_testkit::faults::Fault;
use gaia_testkit::hammer::{self, Plan, Work};

const WORKER: [&str; 3] = ["hammer_worker", "--exact", "--nocapture"];

/// Role of a child: a worker. Without orders on its standard input it does
/// nothing.
#[test]
fn hammer_worker() {
    hammer::worker_main().unwrap();
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

struct Place {
    there: tempfile::TempDir,
    plan: Plan,
}

fn place(seconds: u64) -> Place {
    let there = tempfile::tempdir().unwrap();
    let mut plan = Plan::new(
        &there.path().join("locks.db"),
        &there.path().join("shop"),
        &WORKER,
    );
    plan.duration = Duration::from_secs(seconds);
    plan.seed = number("GAIA_HAMMER_SEED", 1);
    Place { there, plan }
}

fn hammered(place: &Place) -> Verdict {
    let verdict = hammer::run(&place.plan).unwrap();
    println!("{verdict}");
    verdict
}

/// What led to a violation is kept, to be looked at.
fn assert_clean(place: Place, verdict: &Verdict) {
    if !verdict.is_clean() {
        let kept = place.there.keep();
        panic!(
            "{verdict}\nthe database and the journals are in {}",
            kept.display()
        );
    }
}

/// R1, R3, R4, R6, R8, R11, R13, R14, R15 at once.
#[test]
fn heavy_r01_hammer_with_kill_stop_and_clock_steps() {
    let seconds = number("GAIA_HAMMER_SECONDS", 60);
    let place = place(seconds);
    let verdict = hammered(&place);
    assert_clean(place, &verdict);
    let counts = verdict.counts;
    // A verdict over nothing would be clean too.
    assert!(counts.grants as u64 > 20 * seconds, "{counts:?}");
    assert!(counts.killed as u64 >= seconds / 2, "{counts:?}");
    for some in [counts.turns, counts.refused, counts.lapsed, counts.died] {
        assert!(some > 0, "{counts:?}");
    }
}

#[test]
fn heavy_r08_hammer_undisturbed() {
    let mut place = place(5);
    (place.plan.kill, place.plan.stop, place.plan.processes) = (false, false, 12);
    let verdict = hammered(&place);
    assert_clean(place, &verdict);
}

fn with_fault(fault: Fault) -> Verdict {
    let mut place = place(5);
    place.plan.fault = Some(fault);
    place.plan.stop = false;
    // Under a wrong clock a wait may last a day.
    place.plan.patience = Duration::from_secs(5);
    hammered(&place)
}

fn found(verdict: &Verdict, kind: impl Fn(&Violation) -> bool) -> usize {
    verdict.violations.iter().filter(|one| kind(one)).count()
}

#[test]
fn heavy_judge_finds_check_then_insert() {
    let verdict = with_fault(Fault::CheckThenInsert);
    let conflicts = found(&verdict, |one| matches!(one, Violation::Conflict { .. }));
    let not_alone = found(&verdict, |one| matches!(one, Violation::NotAlone { .. }));
    assert!(conflicts > 0 && not_alone > 0, "{verdict}");
}

#[test]
fn heavy_judge_finds_a_decision_on_a_read_snapshot() {
    let verdict = with_fault(Fault::Snapshot);
    assert!(
        found(&verdict, |one| matches!(one, Violation::Conflict { .. })) > 0,
        "{verdict}"
    );
}

#[test]
fn heavy_judge_finds_expiry_by_wall_clock() {
    let verdict = with_fault(Fault::WallExpiry);
    let of_time = |one: &Violation| {
        matches!(
            one,
            Violation::Lease { .. } | Violation::NotAlone { .. } | Violation::TokenOrder { .. }
        )
    };
    assert!(found(&verdict, of_time) > 0, "{verdict}");
}

#[test]
fn heavy_judge_finds_a_line_served_from_its_end() {
    let verdict = with_fault(Fault::LastComeFirst);
    assert!(
        found(&verdict, |one| matches!(one, Violation::OutOfTurn { .. })) > 0,
        "{verdict}"
    );
}

/// P5: many processes in one line, none served out of turn. `GAIA_HAMMER_HAND_OFFS`
/// asks for more of them.
#[test]
fn heavy_r08_hand_offs_of_64_processes_in_turn() {
    let many = number("GAIA_HAMMER_HAND_OFFS", 1_000);
    // However busy the machine is: so many were the fewest seen in a second.
    let mut place = place(u64::max(150, many / 10));
    let last = i64::try_from(many).unwrap();
    place.plan.processes = 64;
    place.plan.work = Work::Line { last };
    (place.plan.kill, place.plan.stop, place.plan.step_wall) = (false, false, false);
    let begin = std::time::Instant::now();
    let verdict = hammered(&place);
    let took = begin.elapsed();
    println!(
        "{} hand-offs in {took:?}: {:.0} per second",
        verdict.counts.turns,
        verdict.counts.turns as f64 / took.as_secs_f64()
    );
    assert_clean(place, &verdict);
    assert!(verdict.counts.grants as i64 >= last, "{verdict}");
}
