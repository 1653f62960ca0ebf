//! Commands that set up, and those that agents' clients and git call.

use super::{Elsewhere, Reads, Row, Words, check};

#[test]
fn on_the_set_up() {
    check(ROWS, crate::snapshots_fleet::has_repository);
}

const WRITE: &str = r#"{"session_id":"s","cwd":"[TMP]/work","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":"[TMP]/work/a/f","content":""}}"#;
const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
"#;

pub const ROWS: &[Row] = &[
    Row {
        command: "init",
        before: &[],
        good: Words(&["--yes"]),
        bad: Words(&["nowhere", "--yes"]),
    },
    Row {
        command: "migrate",
        before: &[&["status"]],
        good: Words(&[]),
        bad: Words(&["--database", "sqlite:///nowhere/x.db"]),
    },
    Row {
        command: "hook",
        before: &[&["acquire", "a", "--session", "ben"]],
        good: Reads(&["claude"], WRITE),
        bad: Reads(&["claude"], "no json"),
    },
    Row {
        command: "mcp",
        before: &[],
        good: Reads(&[], HELLO),
        bad: Words(&["--session", ""]),
    },
    Row {
        command: "guard",
        before: &[],
        good: Words(&["--help"]),
        bad: Words(&[]),
    },
    Row {
        command: "guard install",
        before: &[],
        good: Words(&["repo"]),
        bad: Words(&["nowhere"]),
    },
    Row {
        command: "guard remove",
        before: &[&["guard", "install", "repo"]],
        good: Words(&["repo"]),
        bad: Words(&["nowhere"]),
    },
    Row {
        command: "guard check",
        before: &[&["guard", "install", "repo"]],
        good: Words(&["repo"]),
        bad: Words(&["nowhere"]),
    },
    Row {
        command: "doctor",
        before: &[],
        good: Words(&[]),
        bad: Words(&["--database", "mysql://x"]),
    },
    Row {
        command: "completions",
        before: &[],
        good: Elsewhere {
            why: "a script of some thousand lines, in which each flag of each command stands",
            test: "pages_and_completions",
        },
        bad: Words(&["csh"]),
    },
    Row {
        command: "man",
        before: &[],
        good: Words(&["pages"]),
        bad: Words(&["/proc/pages"]),
    },
];
