//! What an earlier assigner left in the database, or still does there.

use std::path::Path;

use gaia_locks::store::sqlite::{SqliteStore, Takeover};

use super::Check;
use crate::service::TaskService;

const NAME: &str = "earlier assigner";

/// Its file, before GAIA has changed anything.
pub fn not_taken_over(file: &Path, takeover: &Takeover) -> Check {
    let rows = takeover.rows.iter();
    let rows: Vec<String> = rows
        .map(|rows| format!("{} {}", rows.rows, rows.table))
        .collect();
    let left = match takeover.left.len() {
        0 => String::new(),
        left => format!("; {left} things in it cannot be understood and are left alone"),
    };
    Check::warning(
        NAME,
        format!(
            "{} was made by an earlier assigner ({}); at first use it is copied and extended{left}",
            file.display(),
            rows.join(", "),
        ),
        "`gaia migrate --dry-run` shows what would be done, `gaia migrate` does it",
    )
}

/// Rows of the history that cannot be understood.
pub fn unreadable(store: &SqliteStore) -> Option<Check> {
    const NAME: &str = "history";
    match store.unreadable_history() {
        Ok((0, _)) => None,
        Ok((count, first)) => Some(Check::warning(
            NAME,
            format!(
                "{count} rows of lock_history cannot be understood and are left alone, the first has id {}",
                first.unwrap_or(0)
            ),
            "correct their folder_path, session_id and times with sqlite3, or delete them",
        )),
        Err(error) => Some(Check::problem(NAME, error.to_string(), "see the message")),
    }
}

/// Whether it is at work, and what it left.
pub fn at_work(tasks: &TaskService) -> Vec<Check> {
    let traces = match tasks.traces() {
        Ok(traces) => traces,
        Err(error) => return vec![Check::problem(NAME, error.to_string(), "see the message")],
    };
    let (claimed, sessions) = (traces.claimed, traces.sessions);
    let mut checks = Vec::new();
    if traces.at_work {
        checks.push(Check::warning(
            NAME,
            format!("at work on this database ({claimed} tasks run, {sessions} sessions); GAIA assigns nothing meanwhile"),
            "stop it; after a minute without a change GAIA assigns",
        ));
    } else if claimed > 0 {
        checks.push(Check::warning(
            NAME,
            format!(
                "{claimed} tasks run in the hands of an earlier assigner, which is not at work; GAIA assigns nothing while they may still run"
            ),
            "`gaia task cancel ID` ends one; `gaia up` does when its time is up, and on Linux once program and session are seen to be gone",
        ));
    } else if sessions > 0 {
        checks.push(Check::ok(
            NAME,
            format!("not at work; {sessions} sessions of it are not known to GAIA: `gaia session add NAME` takes one over"),
        ));
    }
    if traces.unknown_states > 0 {
        checks.push(Check::warning(
            "states",
            format!(
                "{} tasks are in a state that GAIA does not know, the first is {}; they are left alone",
                traces.unknown_states,
                traces.first_unknown.unwrap_or(0)
            ),
            "`gaia task show ID` shows it; set its status to pending, completed, failed or cancelled",
        ));
    }
    checks
}
