//! What a tool answers: the one JSON shape, as structured content and as text.
//! What went wrong is an answer too, which the model reads [R17].

use std::borrow::Cow;

use gaia_locks::wire::{Granted, Refusal};
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

/// All of them.
pub(super) fn granted(given: &Granted) -> Done {
    let mut done = Done::of(&Locked {
        granted: true,
        given,
    });
    done.facts.remove("held");
    done
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
