//! Commands that try this machine.

use super::{Elsewhere, Figures, Row, Words, as_it_is, check};

#[test]
fn heavy_on_this_machine() {
    check(ROWS, as_it_is);
}

pub const ROWS: &[Row] = &[
    Row {
        command: "demo",
        before: &[],
        good: Elsewhere {
            why: "it plays as the machine has time for it, so no two plays say the same",
            test: "heavy_without_a_terminal_it_tells_line_by_line_and_adds_up",
        },
        bad: Words(&["--judge", "nowhere"]),
    },
    Row {
        command: "bench",
        before: &[],
        good: Figures(&["--quick", "--only", "N6"]),
        bad: Words(&["--only", "N99"]),
    },
    Row {
        command: "check",
        before: &[],
        good: Figures(&["--processes", "2", "--seconds", "1"]),
        bad: Words(&["--judge", "nowhere"]),
    },
];
