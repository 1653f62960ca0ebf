//! Commands on the server, its accounts, and what draws on a terminal.

use super::{Elsewhere, Reads, Row, Until, Words, as_it_is, check};

#[test]
fn on_the_server_and_its_accounts() {
    check(ROWS, as_it_is);
}

const ANN: &[&str] = &["user", "add", "ann", "--role", "admin"];
const TOKEN: &[&str] = &["token", "create", "ci", "--role", "agent"];

pub const ROWS: &[Row] = &[
    Row {
        command: "serve",
        before: &[],
        good: Until(&[], "server started"),
        bad: Words(&["--listen", "0.0.0.0:0"]),
    },
    Row {
        command: "top",
        before: &[],
        good: Elsewhere {
            why: "it draws the whole screen of a terminal",
            test: "it_shows_what_happens_filters_shows_a_log_and_ends_a_lock_after_a_question",
        },
        bad: Words(&[]),
    },
    Row {
        command: "user",
        before: &[],
        good: Words(&["--help"]),
        bad: Words(&[]),
    },
    Row {
        command: "user add",
        before: &[],
        good: Reads(&["ann", "--role", "admin"], "correct horse battery\n"),
        bad: Reads(&["bob"], "short\n"),
    },
    Row {
        command: "user list",
        before: &[],
        good: Words(&[]),
        bad: Words(&["all"]),
    },
    Row {
        command: "user password",
        before: &[ANN],
        good: Reads(&["ann"], "another horse battery\n"),
        bad: Reads(&["nobody"], "correct horse battery\n"),
    },
    Row {
        command: "user remove",
        before: &[ANN],
        good: Words(&["ann"]),
        bad: Words(&["nobody"]),
    },
    Row {
        command: "token",
        before: &[],
        good: Words(&["--help"]),
        bad: Words(&[]),
    },
    Row {
        command: "token create",
        before: &[],
        good: Words(&["ci", "--role", "agent", "--expires", "30d"]),
        bad: Words(&["ci", "--role", "queen"]),
    },
    Row {
        command: "token list",
        before: &[TOKEN],
        good: Words(&[]),
        bad: Words(&["all"]),
    },
    Row {
        command: "token revoke",
        before: &[TOKEN],
        good: Words(&["ci"]),
        bad: Words(&["ci"]),
    },
    Row {
        command: "audit",
        before: &[TOKEN],
        good: Words(&[]),
        bad: Words(&["--limit", "all"]),
    },
];
