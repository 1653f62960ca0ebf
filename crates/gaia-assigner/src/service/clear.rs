//! Forgetting what has ended.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gaia_locks::ids::TaskId;
use serde::{Deserialize, Serialize};

use super::TaskService;
use crate::error::TaskError;
use crate::store::again;

/// What was forgotten.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cleared {
    /// How many.
    pub count: usize,
    /// Which.
    pub tasks: Vec<TaskId>,
}

impl TaskService {
    /// Forgets tasks that ended longer than this ago, with their output. The
    /// history of their locks stays, and so does what a task still needs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn clear(&self, age: Duration) -> Result<Cleared, TaskError> {
        let gone = self.transact(|tx| {
            let before = tx.now().wall.minus(age);
            again::clear(tx, before).map(Ok)
        })?;
        for (id, log) in &gone {
            remove_log(*id, log.as_deref());
        }
        let mut tasks: Vec<TaskId> = gone.into_iter().map(|(id, _)| id).collect();
        tasks.sort_unstable();
        let count = tasks.len();
        Ok(Cleared { count, tasks })
    }
}

/// Other programs write the table too: what does not bear the name of a task's
/// log is nobody's to remove.
fn remove_log(id: TaskId, log: Option<&str>) {
    let name = format!("task-{id}.log");
    let ours = |log: &&str| {
        let path = Path::new(log);
        path.file_name().is_some_and(|found| *found == *name)
    };
    if let Some(log) = log.filter(ours) {
        // It may be gone already: that is what was wanted.
        let _ = fs::remove_file(log);
    }
}
