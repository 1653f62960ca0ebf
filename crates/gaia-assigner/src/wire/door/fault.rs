//! Errors about tasks and sessions on their way from a server.

use gaia_locks::ids::TaskId;
use gaia_locks::wire::door as locks;
use serde_json::{Map, Value, json};

use crate::error::TaskError;
use crate::task::Status;

/// What stands beside the word and the sentence.
pub fn facts_of(error: &TaskError) -> Value {
    match error {
        TaskError::UnknownTask(id) | TaskError::DecidedByStatus(id) => json!({"task_id": id}),
        TaskError::UnknownSession(name) | TaskError::SessionExists(name) => {
            json!({"session": name})
        }
        TaskError::SessionBusy { session, task } => json!({"session": session, "task_id": task}),
        TaskError::TaskIsOver { id, status } | TaskError::NoOutput { id, status } => {
            json!({"task_id": id, "task_status": status})
        }
        TaskError::NotRemote { session, kind } => json!({"session": session, "kind": kind}),
        TaskError::Locks(error) => locks::facts_of(error),
        _ => Value::Object(Map::new()),
    }
}

/// The same error again, where callers tell it apart by more than its word.
pub fn error_of(code: &str, message: &str, hint: Option<&str>, facts: &Value) -> TaskError {
    let known = known(code, message, facts);
    known.unwrap_or_else(|| locks::error_of(code, message, hint, facts).into())
}

fn known(code: &str, message: &str, facts: &Value) -> Option<TaskError> {
    let text = |name: &str| Some(facts[name].as_str()?.to_owned());
    let task = || facts["task_id"].as_i64().map(TaskId);
    let status = || Some(Status::from_word(facts["task_status"].as_str()?)?.word());
    Some(match code {
        "unknown_task" => TaskError::UnknownTask(task()?),
        "decided_by_status" => TaskError::DecidedByStatus(task()?),
        "unknown_session" => TaskError::UnknownSession(text("session")?),
        "session_exists" => TaskError::SessionExists(text("session")?),
        "session_busy" => TaskError::SessionBusy {
            session: text("session")?,
            task: task()?,
        },
        "task_is_over" => TaskError::TaskIsOver {
            id: task()?,
            status: status()?,
        },
        "no_output" => TaskError::NoOutput {
            id: task()?,
            status: status()?,
        },
        "not_remote" => TaskError::NotRemote {
            session: text("session")?,
            kind: text("kind")?,
        },
        "invalid_request" => TaskError::InvalidRequest(message.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_as_it_was() {
        let sent = [
            ("unknown_task", TaskError::UnknownTask(TaskId(7))),
            ("unknown_session", TaskError::UnknownSession("ann".into())),
            (
                "session_busy",
                TaskError::SessionBusy {
                    session: "ann".into(),
                    task: TaskId(3),
                },
            ),
            (
                "no_output",
                TaskError::NoOutput {
                    id: TaskId(3),
                    status: "pending",
                },
            ),
        ];
        for (code, error) in sent {
            let arrived = error_of(code, &error.to_string(), None, &facts_of(&error));
            assert_eq!(format!("{arrived:?}"), format!("{error:?}"));
        }
        // What is told apart by its word alone keeps word and sentence.
        let other = error_of("lapsed", "look again", None, &Value::Null);
        assert_eq!(other.to_string(), "look again");
    }
}
