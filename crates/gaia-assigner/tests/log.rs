//! What the assigner's log tells: a line for each thing that happens to a task,
//! with ids as fields, and now and then a line that says how it is.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gaia_assigner::daemon::{LastError, Shutdown};
use gaia_assigner::{Assigner, Config};
use gaia_locks::Locks as _;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::Acquire;
use tracing::field::{Field, Visit};
use tracing::span;

mod fleet;
use fleet::{Fleet, until};

/// Keeps every line of one thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Lines {
    /// The line that holds all of this, once it was written.
    fn with(&self, words: &[&str]) -> String {
        let mut line = None;
        until(&format!("there is a line with {words:?}"), || {
            let lines = self.0.lock().unwrap();
            let found = |line: &&String| words.iter().all(|word| line.contains(word));
            line = lines.iter().find(found).cloned();
            line.is_some()
        });
        line.unwrap()
    }

    fn count(&self, word: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.contains(word)).count()
    }
}

/// An assigner whose log is kept; dropped, it is asked to end and awaited.
struct Logged {
    lines: Lines,
    shutdown: Shutdown,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.shutdown.ask();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn work(fleet: &Fleet, config: Config) -> Logged {
    let mut assigner = Assigner::new(fleet.tasks.locks().clone(), config).unwrap();
    let (lines, shutdown) = (Lines::default(), assigner.shutdown());
    let log = lines.clone();
    let thread = std::thread::spawn(move || {
        tracing::subscriber::with_default(log, || assigner.run());
    });
    Logged {
        lines,
        shutdown,
        thread: Some(thread),
    }
}

#[test]
fn each_thing_that_happens_to_a_task_is_one_line_with_its_ids() {
    let fleet = Fleet::new();
    fleet.shell("ivy");
    let (free, taken) = (fleet.folder("free"), fleet.folder("taken"));
    let lock = Acquire::new(taken.clone(), SessionId::new("ana").unwrap(), TaskId::NONE);
    fleet.tasks.locks().acquire(&lock).unwrap();
    let log = work(&fleet, fleet.config());

    let done = fleet.send("exit 0", Some(&free));
    fleet.end_of(done);
    let folder = format!("folder=\"{}\"", free.path());
    let ids = format!("task={done} session=\"ivy\" lock=2 {folder}");
    log.lines.with(&["INFO message=task assigned", &ids]);
    log.lines.with(&["INFO message=task completed", &ids]);

    let again = fleet.send_with("exit 3", Some(&free), |task| {
        task.retry = true;
        task.max_tries = 2;
    });
    fleet.end_of(again);
    log.lines.with(&[
        "WARN message=task will be tried again",
        &format!("task={again}"),
        "session=\"ivy\" lock=3",
        &folder,
    ]);
    let failed = format!("task={again} session=\"ivy\" lock=4 {folder}");
    log.lines.with(&["WARN message=task failed", &failed]);

    let refused = fleet.send("exit 0", Some(&taken));
    log.lines.with(&[
        "message=task passed over",
        &format!("task={refused}"),
        &format!("folder=\"{}\" lock=1 by=\"ana\"", taken.path()),
    ]);
}

#[test]
fn now_and_then_a_line_says_how_it_is() {
    let fleet = Fleet::new();
    fleet.shell("ivy");
    fleet.shell("uma");
    let folder = fleet.folder("work");
    let last_error = LastError::default();
    last_error.note("the queue could not be looked at".to_owned());
    let log = work(
        &fleet,
        Config {
            pulse: Duration::from_millis(20),
            last_error,
            ..fleet.config()
        },
    );
    log.lines.with(&[
        "message=assigner at work",
        "running=0 pending=0 idle=2 busy=0 unknown=0 locks=0",
    ]);
    let runs = fleet.send("exec sleep 600", Some(&folder));
    let waits = fleet.send("exit 0", Some(&folder));
    let line = log
        .lines
        .with(&["running=1 pending=1 idle=1 busy=1 unknown=0 locks=1"]);
    assert!(
        line.contains("ago: the queue could not be looked at"),
        "{line}"
    );
    assert!(line.contains("since=\"2"), "{line}");
    for task in [runs, waits] {
        fleet.tasks.cancel(task, "test").unwrap();
    }
    fleet.end_of(runs);
}

/// The database goes away under it: every turn fails, is said to fail, and the
/// loop goes on.
#[test]
fn an_error_in_each_turn_stops_nothing() {
    let fleet = Fleet::new();
    let log = work(
        &fleet,
        Config {
            pulse: Duration::from_millis(20),
            ..fleet.config()
        },
    );
    log.lines.with(&["message=assigner at work"]);
    std::fs::rename(fleet.path("assigner.db"), fleet.path("elsewhere.db")).unwrap();
    log.lines.with(&[
        "ERROR message=how the assigner is cannot be told",
        "deleted or replaced",
    ]);
    std::fs::rename(fleet.path("elsewhere.db"), fleet.path("assigner.db")).unwrap();
    let before = log.lines.count("message=assigner at work");
    until("it goes on", || {
        log.lines.count("message=assigner at work") > before
    });
}
