//! Errors on their way from a server: the word, the sentence, and the facts
//! that make the same error of them at the other end.

use serde_json::{Map, Value, json};

use crate::error::{Error, ServerError};
use crate::ids::{LockId, RequestId, SessionId};

/// What stands beside the word and the sentence.
pub fn facts_of(error: &Error) -> Value {
    match error {
        Error::UnknownLock(id) => json!({"lock_id": id}),
        Error::AlreadyEnded { id, how } => json!({"lock_id": id, "how": how}),
        Error::RequestIdReused { id, session } => json!({"request_id": id, "session_id": session}),
        Error::NotInLine(why) => json!({"why": why}),
        _ => Value::Object(Map::new()),
    }
}

/// The same error again, where callers tell it apart by more than its word.
pub fn error_of(code: &str, message: &str, hint: Option<&str>, facts: &Value) -> Error {
    known(code, message, facts).unwrap_or_else(|| {
        ServerError::Said {
            code: code.to_owned(),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        }
        .into()
    })
}

fn known(code: &str, message: &str, facts: &Value) -> Option<Error> {
    let text = |name: &str| Some(facts[name].as_str()?.to_owned());
    let lock = || facts["lock_id"].as_i64().map(LockId);
    Some(match code {
        "invalid_request" => Error::InvalidRequest(message.to_owned()),
        "not_held" => Error::NotHeld(message.to_owned()),
        "not_allowed" => Error::NotAllowed(message.to_owned()),
        "unknown_lock" => Error::UnknownLock(lock()?),
        "already_ended" => Error::AlreadyEnded {
            id: lock()?,
            how: text("how")?,
        },
        "request_id_reused" => Error::RequestIdReused {
            id: RequestId::new(text("request_id")?).ok()?,
            session: SessionId::new(text("session_id")?).ok()?,
        },
        "not_in_line" => Error::NotInLine(text("why")?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_as_it_was() {
        let session = SessionId::new("ann").unwrap();
        let sent = [
            ("unknown_lock", Error::UnknownLock(LockId(7))),
            (
                "already_ended",
                Error::AlreadyEnded {
                    id: LockId(7),
                    how: "died".into(),
                },
            ),
            ("not_in_line", Error::NotInLine("left".into())),
            ("not_held", Error::NotHeld("no".into())),
            (
                "request_id_reused",
                Error::RequestIdReused {
                    id: RequestId::new("r").unwrap(),
                    session,
                },
            ),
        ];
        for (code, error) in sent {
            let facts = facts_of(&error);
            let arrived = error_of(code, &error.to_string(), None, &facts);
            assert_eq!(format!("{arrived:?}"), format!("{error:?}"));
        }
        let other = error_of("disk_on_fire", "it burns", None, &Value::Null);
        assert!(matches!(other, Error::Server(ServerError::Said { .. })));
        assert_eq!(other.to_string(), "it burns");
    }
}
