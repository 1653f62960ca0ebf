//! P9, T3, T5, T8, T9: many tasks, and whoever has a hand in them killed at
//! random.
//!
//! `GAIA_CAMPAIGN_TASKS=1000 GAIA_CAMPAIGN_SEED=7 cargo test --release -p
//! gaia-cli --test heavy_campaign heavy_p09 -- --nocapture` is the whole of it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests"
)]

mod campaign;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use campaign::disturber::{Disturber, Kills};
use campaign::field::{Field, agent};
use campaign::judge::{Doubt, Evidence, judge};
use campaign::{number, processes, within};
use gaia_testkit::hammer::Draw;

/// Six sessions: these, and two that are panes.
const PROCESSES: usize = 4;
const PANES: [&str; 2] = ["t0", "t1"];

fn field(tasks: usize, seed: u64) -> Field {
    let mut field = Field::new(PROCESSES, &PANES);
    field.queue(tasks, &mut Draw::new(seed));
    field
}

#[expect(clippy::disallowed_methods, reason = "measured for show")]
fn fought(field: &mut Field, seed: u64, limit: Duration) -> (Evidence, Kills) {
    let begin = Instant::now();
    let mut disturber = Disturber::new(field, seed);
    disturber.work(limit);
    let (kills, killed) = disturber.end();
    let evidence = field.evidence(&killed);
    let retries: u32 = evidence.tasks.iter().map(|task| task.retry_count).sum();
    println!(
        "seed {seed}: {} tasks, {} runs ({} in panes), {} locks in {:.1?}; {retries} tries spent; {kills:?}",
        evidence.tasks.len(),
        evidence.runs.len(),
        in_panes(&evidence),
        evidence.locks.len(),
        begin.elapsed(),
    );
    (evidence, kills)
}

fn in_panes(evidence: &Evidence) -> usize {
    let in_pane = |session: &str| PANES.contains(&session);
    let mut runs = evidence.runs.iter();
    runs.by_ref().filter(|run| in_pane(&run.session)).count()
}

fn assert_clean(mut field: Field, doubts: &[Doubt]) {
    for doubt in doubts {
        println!("{doubt}");
    }
    if !doubts.is_empty() {
        panic!(
            "{} doubts; all is kept in {}",
            doubts.len(),
            field.keep().display()
        );
    }
}

#[test]
fn heavy_p09_tasks_are_done_once_or_retried_whoever_is_killed() {
    let (tasks, seed) = (
        number("GAIA_CAMPAIGN_TASKS", 120),
        number("GAIA_CAMPAIGN_SEED", 1),
    );
    let tasks = usize::try_from(tasks).unwrap_or(usize::MAX);
    let mut field = field(tasks, seed);
    let limit = Duration::from_secs(60 + 2 * tasks as u64);
    let has_terminal = field.terminal.is_some();
    let (evidence, kills) = fought(&mut field, seed, limit);
    let doubts = judge(&evidence);
    assert_clean(field, &doubts);
    // A verdict over nothing would be clean too.
    assert!(
        kills.assigners > 0 && kills.keepers > 3 && kills.agents > 3,
        "{kills:?}"
    );
    // Finding a pane takes a calm moment: few tasks leave few of them.
    if has_terminal && tasks >= 500 {
        let runs = in_panes(&evidence);
        assert!(
            kills.servers > 0 && kills.panes > 0 && runs > tasks / 100,
            "{runs} runs, {kills:?}"
        );
    }
}

/// Tasks undisturbed but for a fault that is planted again and again.
fn sabotaged(mut plant: impl FnMut(&Field)) -> Vec<Doubt> {
    let mut field = field(60, 3);
    let mut assigner = field.assigner();
    within(Duration::from_secs(60), || {
        plant(&field);
        field.open() == 0
    });
    processes::signal(assigner.id().cast_signed(), rustix::process::Signal::TERM);
    assigner.wait().unwrap();
    judge(&field.evidence(&[]))
}

/// As another program might that has the database open.
fn sql(field: &Field, words: &str) -> usize {
    let sql = rusqlite::Connection::open(field.database()).unwrap();
    sql.busy_timeout(Duration::from_secs(10)).unwrap();
    sql.execute(words, []).unwrap()
}

#[test]
fn heavy_judge_finds_nothing_where_nobody_is_disturbed() {
    let doubts = sabotaged(|_| {});
    assert!(doubts.is_empty(), "{doubts:#?}");
}

#[test]
fn heavy_judge_finds_a_task_that_is_sent_again_and_not_recorded() {
    let mut planted = 0;
    let doubts = sabotaged(|field| {
        if planted < 5 {
            sql(
                field,
                "UPDATE sessions SET status = 'idle', current_task_id = NULL",
            );
            // Without its deadline nothing shows that it was in GAIA's hands.
            let again =
                "UPDATE prompts SET status = 'pending', held = NULL, deadline_ns = NULL WHERE id =
                (SELECT id FROM prompts WHERE status = 'in_progress' LIMIT 1)";
            planted += sql(field, again);
        }
    });
    let found = |doubt: &Doubt| matches!(doubt, Doubt::Unrecorded(_) | Doubt::SentTwice(_));
    assert!(planted > 0 && doubts.iter().any(found), "{doubts:#?}");
}

#[test]
fn heavy_judge_finds_an_assigner_that_loses_its_locks() {
    let doubts = sabotaged(|field| {
        sql(field, "DELETE FROM active_locks");
    });
    // Whether two met depends on how soon each was told that its lock is gone.
    let found = |doubt: &Doubt| {
        matches!(
            doubt,
            Doubt::Seen(_) | Doubt::Clash(_) | Doubt::OfLocks(_) | Doubt::WrongEnd(_)
        )
    };
    assert!(doubts.iter().any(found), "{doubts:#?}");
}

#[test]
fn heavy_judge_finds_an_agent_that_starts_without_its_lock() {
    let mut strays = Vec::new();
    let doubts = sabotaged(|field| {
        if strays.len() < 5 {
            let mut stray = Command::new(agent());
            stray.args([field.notes(), field.database()]);
            stray.arg(
                r#"{"steps": 9, "fails": 0, "reads": false, "hands": false, "lingers": false}"#,
            );
            let token = 1_000_000 + strays.len();
            stray
                .env("GAIA_SESSION", "stray")
                .env("GAIA_LOCK_TOKEN", token.to_string());
            stray
                .current_dir(field.root().join("r"))
                .stdout(Stdio::null());
            strays.push(stray.spawn().unwrap());
        }
    });
    for mut stray in strays {
        stray.wait().unwrap();
    }
    let seen = |doubt: &Doubt| matches!(doubt, Doubt::Seen(what) if what.contains("unlocked"));
    let clash = |doubt: &Doubt| matches!(doubt, Doubt::Clash(_));
    assert!(doubts.iter().any(clash), "{doubts:#?}");
    let beside = |doubt: &Doubt| matches!(doubt, Doubt::BesideItsLock(_));
    assert!(
        doubts.iter().any(seen) && doubts.iter().any(beside),
        "{doubts:#?}"
    );
}
