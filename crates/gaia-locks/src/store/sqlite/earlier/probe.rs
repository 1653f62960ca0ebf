//! Whether all that GAIA will write can be written: an earlier file may have
//! constraints and triggers that refuse it. Tried and rolled back, so that it is
//! found out before anything is changed, and not in the middle of a task.

use rusqlite::Connection as Sqlite;

use super::Refused;

/// A session and a folder that nobody has.
const TRIES: [(&str, &str); 12] = [
    (
        "a new task",
        "INSERT INTO prompts (content, source, priority, status) VALUES ('gaia tries', 'gaia', 0, 'pending')",
    ),
    (
        "the state assigned of a task",
        "UPDATE prompts SET status = 'assigned', assigned_session = 'gaia tries' WHERE content = 'gaia tries'",
    ),
    (
        "the state in_progress of a task",
        "UPDATE prompts SET status = 'in_progress' WHERE content = 'gaia tries'",
    ),
    (
        "the state completed of a task",
        "UPDATE prompts SET status = 'completed' WHERE content = 'gaia tries'",
    ),
    (
        "the state failed of a task",
        "UPDATE prompts SET status = 'failed' WHERE content = 'gaia tries'",
    ),
    (
        "the state cancelled of a task",
        "UPDATE prompts SET status = 'cancelled' WHERE content = 'gaia tries'",
    ),
    (
        "a new session",
        "INSERT INTO sessions (name, status) VALUES ('gaia tries', 'idle')",
    ),
    (
        "the state busy of a session",
        "UPDATE sessions SET status = 'busy' WHERE name = 'gaia tries'",
    ),
    (
        "the state unknown of a session",
        "UPDATE sessions SET status = 'unknown' WHERE name = 'gaia tries'",
    ),
    (
        "what happened to a task",
        "INSERT INTO assignment_history (prompt_id, session_name, action) VALUES (NULL, 'gaia tries', 'assigned')",
    ),
    (
        "a lock",
        "INSERT INTO lock_history (folder_path, session_id, status) VALUES ('/gaia tries', 'gaia tries', 'active')",
    ),
    (
        "the end of a lock",
        "UPDATE lock_history SET status = 'expired' WHERE folder_path = '/gaia tries'",
    ),
];

/// Tries each; a task that is already called so would be changed and changed
/// back.
pub(super) fn probe(file: &Sqlite) -> Result<(), Refused> {
    file.execute_batch("SAVEPOINT gaia_tries")?;
    let tried = TRIES.iter().find_map(|(what, statement)| {
        let error = file.execute(statement, []).err()?;
        Some(Refused::Obstacle(format!(
            "it does not take {what}: {error}; change what refuses it, or name another file"
        )))
    });
    file.execute_batch("ROLLBACK TO gaia_tries; RELEASE gaia_tries")?;
    tried.map_or(Ok(()), Err)
}
