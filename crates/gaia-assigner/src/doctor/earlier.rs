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
pub fn at_work(_tasks: &TaskService) -> Vec<Check> {
    Vec::new()
}
