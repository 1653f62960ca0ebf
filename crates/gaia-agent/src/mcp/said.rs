//! What a tool answers: the one JSON shape, as structured content and as text.
//! What went wrong is an answer too, which the model reads [R17].

use std::borrow::Cow;

use gaia_locks::model::{EndReason, LockStatus};
use gaia_locks::wire::{Granted, LockInfo, Refusal};
use rmcp::model::CallToolResult;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::words;

/// Why a call was not done.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Said {
    /// The word that programs know it by (docs/cli-json.md).
    pub code: Cow<'static, str>,
    /// One sentence.
    pub message: String,
    /// What can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Said {
    /// Without a hint.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// What was sent cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_request", message)
    }

    /// The same with what can be done.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What came of a call, before it is put into a result.
pub(super) struct Done {
    facts: Map<String, Value>,
    failed: bool,
}

impl Done {
    /// The fields of a value.
    pub fn of(value: &impl Serialize) -> Self {
        Self {
            facts: fields(value),
            failed: false,
        }
    }

    /// Not done; `facts` stand beside the error.
    pub fn failed(said: &Said, facts: &impl Serialize) -> Self {
        let mut facts = fields(facts);
        facts.insert("error".to_owned(), json!(said));
        Self {
            facts,
            failed: true,
        }
    }

    /// As the client gets it.
    pub fn into_result(self) -> CallToolResult {
        let value = Value::Object(self.facts);
        match self.failed {
            true => CallToolResult::structured_error(value),
            false => CallToolResult::structured(value),
        }
    }
}

fn fields(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

#[derive(Serialize)]
struct Locked<'a> {
    granted: bool,
    #[serde(flatten)]
    given: &'a Granted,
}

#[derive(Serialize)]
struct Refused<'a> {
    granted: bool,
    #[serde(flatten)]
    refusal: &'a Refusal,
    waited: bool,
}

/// All of them. A request id that comes again gives the same locks with their
/// state now [R16]: whoever asks must not take one that has ended for one that
/// it holds.
pub(super) fn granted(given: &Granted) -> Done {
    let facts = Locked {
        granted: true,
        given,
    };
    let ended = given
        .locks
        .iter()
        .find(|lock| lock.status != LockStatus::Active);
    let mut done = match ended {
        None => Done::of(&facts),
        Some(lock) => Done::failed(&over(lock), &facts),
    };
    done.facts.remove("held");
    done
}

fn over(lock: &LockInfo) -> Said {
    let how = lock.end_reason.map_or("ended", EndReason::word);
    let id = lock.id;
    let message = format!("this request was granted before, and its lock {id} is over ({how})");
    Said::new("already_ended", message).hint("ask with a new request_id to lock it again")
}

/// They were granted in the moment in which nobody was there to hear it. Some
/// do hear it: a program that ends its side of the stream and reads on.
pub(super) fn given_back() -> Done {
    let message = "the call was over before it was answered, so what was granted was given back";
    let said = Said::new("called_off", message).hint(
        "keep the stream open until the answer is there; a request_id lets the same request find its locks again",
    );
    Done::failed(&said, &json!({"granted": false}))
}

/// None of them: who is in the way.
pub(super) fn refused(refusal: &Refusal, waited: bool) -> Done {
    let facts = Refused {
        granted: false,
        refusal,
        waited,
    };
    Done::failed(&words::refused(refusal, waited), &facts)
}
