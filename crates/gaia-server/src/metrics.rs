//! Figures for Prometheus.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gaia_assigner::task::Status;
use gaia_locks::model::EndReason;
use gaia_locks::wire::{Answer, LockInfo};

/// A count that only rises.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Times, by how long they were.
#[derive(Default)]
pub struct Histogram {
    inner: Mutex<([u64; BOUNDS.len()], u64, f64)>,
}

/// Upper bounds in seconds.
const BOUNDS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0, 30.0, 300.0, 3600.0,
];

impl Histogram {
    /// One more time.
    pub fn add(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for (count, bound) in inner.0.iter_mut().zip(BOUNDS) {
            *count += u64::from(seconds <= bound);
        }
        inner.1 += 1;
        inner.2 += seconds;
    }

    fn write(&self, text: &mut String, name: &str, help: &str) {
        let (counts, all, sum) = *self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        head(text, name, "histogram", help);
        for (count, bound) in counts.iter().zip(BOUNDS) {
            line(text, &format!("{name}_bucket{{le=\"{bound}\"}}"), count);
        }
        line(text, &format!("{name}_bucket{{le=\"+Inf\"}}"), all);
        line(text, &format!("{name}_sum"), sum);
        line(text, &format!("{name}_count"), all);
    }
}

/// All figures that are counted; what stands in the database is asked for.
#[derive(Default)]
pub struct Metrics {
    grants: Counter,
    ends: [Counter; ENDS.len()],
    refusals: Counter,
    /// How long those waited who were granted what they waited for, and those
    /// who gave up here.
    pub waits: Histogram,
    /// How long tasks stood in the queue before a session got them.
    pub assigns: Histogram,
    /// How long calls of the core took.
    pub store: Histogram,
    /// Answers by their first digit.
    pub answers: [Counter; 6],
}

const ENDS: [EndReason; 5] = [
    EndReason::Released,
    EndReason::Forced,
    EndReason::TaskEnded,
    EndReason::Died,
    EndReason::Lapsed,
];

/// Each has a figure, of no task too: a watch on one is there before its first.
const STATES: [Status; 6] = [
    Status::Pending,
    Status::Assigned,
    Status::InProgress,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
];

/// What is asked for when somebody looks.
pub struct Standing {
    /// Active locks.
    pub locks: usize,
    /// Waiters.
    pub waiters: usize,
    /// Tasks by state, for those that there are.
    pub tasks: Vec<(Status, i64)>,
}

impl Metrics {
    /// Counts what somebody was answered who asked for locks here.
    pub fn answered(&self, came: &Answer) {
        if let Answer::Refused(_) = came {
            self.refused();
        }
    }

    /// Counts a refusal.
    pub fn refused(&self) {
        self.refusals.add();
    }

    /// Counts what changed.
    pub fn changed(&self, granted: &[LockInfo], ended: &[LockInfo]) {
        granted.iter().for_each(|_| self.grants.add());
        for lock in ended {
            let at = ENDS.iter().position(|end| lock.end_reason == Some(*end));
            if let Some(counter) = at.and_then(|at| self.ends.get(at)) {
                counter.add();
            }
        }
    }

    /// As Prometheus reads it.
    pub fn text(&self, standing: &Standing) -> String {
        let mut text = String::new();
        let out = &mut text;
        head(
            out,
            "gaia_grants_total",
            "counter",
            "Locks granted, by anybody, since the server started",
        );
        line(out, "gaia_grants_total", self.grants.get());
        head(
            out,
            "gaia_ends_total",
            "counter",
            "Locks ended, by how they ended",
        );
        for (end, counter) in ENDS.iter().zip(&self.ends) {
            line(
                out,
                &format!("gaia_ends_total{{reason=\"{}\"}}", end.word()),
                counter.get(),
            );
        }
        head(
            out,
            "gaia_refusals_total",
            "counter",
            "Requests refused through this server",
        );
        line(out, "gaia_refusals_total", self.refusals.get());
        self.waits
            .write(out, "gaia_wait_seconds", "How long waits for a folder took");
        self.assigns.write(
            out,
            "gaia_assign_seconds",
            "How long tasks stood in the queue before they were assigned",
        );
        self.store.write(
            out,
            "gaia_core_seconds",
            "How long calls of the database took",
        );
        head(
            out,
            "gaia_http_answers_total",
            "counter",
            "Answers by class of status",
        );
        for (digit, counter) in self.answers.iter().enumerate().skip(1) {
            line(
                out,
                &format!("gaia_http_answers_total{{class=\"{digit}xx\"}}"),
                counter.get(),
            );
        }
        head(out, "gaia_locks", "gauge", "Active locks");
        line(out, "gaia_locks", standing.locks);
        head(out, "gaia_waiters", "gauge", "Who waits in line");
        line(out, "gaia_waiters", standing.waiters);
        head(out, "gaia_tasks", "gauge", "Tasks by state");
        for status in STATES {
            let counted = standing.tasks.iter().find(|(known, _)| *known == status);
            let count = counted.map_or(0, |(_, count)| *count);
            line(
                out,
                &format!("gaia_tasks{{status=\"{}\"}}", status.word()),
                count,
            );
        }
        text
    }
}

// Writing into a string cannot fail.
fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "{name} {value}");
}
