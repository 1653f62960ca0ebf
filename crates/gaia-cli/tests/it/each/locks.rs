//! Commands on locks.

use super::{Row, Words, as_it_is, check};

#[test]
fn on_locks() {
    check(ROWS, as_it_is);
}

const HELD: &[&[&str]] = &[&["acquire", "a", "--session", "s1"]];

pub const ROWS: &[Row] = &[
    Row {
        command: "run",
        before: HELD,
        good: Words(&["b", "--session", "s2", "--", "echo", "done"]),
        bad: Words(&["a/b", "--session", "s2", "--", "echo", "never"]),
    },
    Row {
        command: "acquire",
        before: HELD,
        good: Words(&["b", "c", "--session", "s2", "--ttl", "30m"]),
        bad: Words(&["a/b", "--session", "s2"]),
    },
    Row {
        command: "release",
        before: HELD,
        good: Words(&["a", "--session", "s1"]),
        bad: Words(&["a", "--session", "s1"]),
    },
    Row {
        command: "renew",
        before: HELD,
        good: Words(&["a", "--token", "1", "--session", "s1", "--ttl", "2h"]),
        bad: Words(&["a", "--token", "1", "--session", "s2"]),
    },
    Row {
        command: "verify",
        before: HELD,
        good: Words(&["--token", "1"]),
        bad: Words(&["--token", "7"]),
    },
    Row {
        command: "status",
        before: HELD,
        good: Words(&[]),
        bad: Words(&["--session", ""]),
    },
    Row {
        command: "why",
        before: HELD,
        good: Words(&["a/b"]),
        bad: Words(&[""]),
    },
    Row {
        command: "history",
        before: HELD,
        good: Words(&["--folder", "a"]),
        bad: Words(&["--since", "yesterday"]),
    },
    Row {
        command: "pause",
        before: &[],
        good: Words(&["a", "--reason", "release day"]),
        bad: Words(&["", "--reason", "release day"]),
    },
    Row {
        command: "resume",
        before: &[&["pause", "a", "--reason", "release day"]],
        good: Words(&["a"]),
        bad: Words(&["a"]),
    },
    Row {
        command: "force-release",
        before: HELD,
        good: Words(&["1", "--reason", "it hangs"]),
        bad: Words(&["7", "--reason", "it hangs"]),
    },
    Row {
        command: "cleanup",
        before: HELD,
        good: Words(&[]),
        bad: Words(&["everything"]),
    },
    Row {
        command: "prune",
        before: HELD,
        good: Words(&["--older-than", "90d"]),
        bad: Words(&["--older-than", "soon"]),
    },
    Row {
        command: "backup",
        before: HELD,
        good: Words(&["[TMP]/copy.db"]),
        bad: Words(&["[TMP]/copy.db"]),
    },
    Row {
        command: "restore",
        before: &[HELD[0], &["backup", "copy.db"]],
        good: Words(&["copy.db"]),
        bad: Words(&["nowhere.db"]),
    },
];
