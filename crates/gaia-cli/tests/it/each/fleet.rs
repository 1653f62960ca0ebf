//! Commands on tasks and sessions.

use super::{Reads, Row, Until, Words, as_it_is, check};

#[test]
fn on_tasks_and_sessions() {
    check(ROWS, as_it_is);
}

const ANA: &[&str] = &["session", "add", "ana", "--process", "sh -c {prompt}"];
const FAR: &[&str] = &["session", "add", "far", "--remote"];
const SENT: &[&str] = &["send", "echo hello", "--dir", "."];
const FAILING: &[&str] = &["send", "exit 3", "--dir", "."];
const WORK: &[&str] = &["assigner", "--until-idle"];
const TAKEN: &[&[&str]] = &[FAR, SENT, &["task", "take", "--session", "far"]];

pub const ROWS: &[Row] = &[
    Row {
        command: "send",
        before: &[],
        good: Reads(&["-", "--dir", ".", "--priority", "5"], "tidy up"),
        bad: Words(&["x", "--after", "77"]),
    },
    Row {
        command: "tasks",
        before: &[SENT],
        good: Words(&[]),
        bad: Words(&["--status", "lost"]),
    },
    Row {
        command: "tasks retry-failed",
        before: &[ANA, FAILING, WORK],
        good: Words(&[]),
        bad: Words(&["7"]),
    },
    Row {
        command: "tasks clear",
        before: &[ANA, SENT, WORK],
        good: Words(&["--days", "0"]),
        bad: Words(&["--days", "-1"]),
    },
    Row {
        command: "task",
        before: &[],
        good: Words(&["--help"]),
        bad: Words(&[]),
    },
    Row {
        command: "task show",
        before: &[ANA, SENT, WORK],
        good: Words(&["1"]),
        bad: Words(&["9"]),
    },
    Row {
        command: "task cancel",
        before: &[SENT],
        good: Words(&["1"]),
        bad: Words(&["1"]),
    },
    Row {
        command: "task retry",
        before: &[ANA, FAILING, WORK],
        good: Words(&["1"]),
        bad: Words(&["9"]),
    },
    Row {
        command: "task reassign",
        before: &[ANA, SENT],
        good: Words(&["1", "--to", "ana"]),
        bad: Words(&["9", "--anybody"]),
    },
    Row {
        command: "task take",
        before: &[FAR, SENT],
        good: Words(&["--session", "far"]),
        bad: Words(&["--session", "nobody"]),
    },
    Row {
        command: "task done",
        before: TAKEN,
        good: Reads(&["1", "--session", "far"], "well done"),
        bad: Words(&["1", "--session", "far"]),
    },
    Row {
        command: "task fail",
        before: TAKEN,
        good: Words(&["1", "--session", "far", "--reason", "too hard"]),
        bad: Words(&["9", "--session", "far", "--reason", "too hard"]),
    },
    Row {
        command: "task log",
        before: &[ANA, SENT, WORK],
        good: Words(&["1"]),
        bad: Words(&["9"]),
    },
    Row {
        command: "task wait",
        before: &[ANA, SENT, FAILING, WORK],
        good: Words(&["1"]),
        bad: Words(&["2"]),
    },
    Row {
        command: "sessions",
        before: &[ANA, FAR],
        good: Words(&[]),
        bad: Words(&["all"]),
    },
    Row {
        command: "session",
        before: &[],
        good: Words(&["--help"]),
        bad: Words(&[]),
    },
    Row {
        command: "session add",
        before: &[],
        good: Words(&["ana", "--process", "sh -c {prompt}", "--dir", "."]),
        bad: Words(&["ben", "--process", "sh", "--dir", "nowhere"]),
    },
    Row {
        command: "session heartbeat",
        before: TAKEN,
        good: Words(&["far", "--task", "1"]),
        bad: Words(&["nobody"]),
    },
    Row {
        command: "session remove",
        before: &[ANA],
        good: Words(&["ana"]),
        bad: Words(&["ana"]),
    },
    Row {
        command: "assigner",
        before: &[],
        good: Until(&[], "assigner started"),
        bad: Words(&["--patience", "long"]),
    },
    Row {
        command: "up",
        before: &[ANA, SENT, WORK],
        good: Until(&[], "assigner started"),
        bad: Words(&["--listen", "0.0.0.0:0"]),
    },
];
