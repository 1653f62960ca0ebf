//! The answer in each client's own form.

use gaia_assigner::hearing::{Leave, Told};
use gaia_locks::ids::TaskId;
use serde_json::{Map, Value, json};

use super::agents::{Client, Unread};
use super::event::{Event, Heard};
use super::words;

/// What a hook prints, and the status it ends with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reply {
    /// For the client.
    pub stdout: Option<String>,
    /// For people, and where the status is 2 for the agent.
    pub stderr: Option<String>,
    /// 0; 2 refuses whatever the client makes of the rest.
    pub status: u8,
}

/// What the client is asked to do about a tool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Deny,
    Ask,
}

/// A call that was heard.
pub(super) fn told(client: Client, heard: &Heard, told: &Told) -> Reply {
    let waits = words::waits(told);
    let json = match (&told.leave, words::reason(told)) {
        (Leave::Refused(_), Some(reason)) => {
            Some(decision(client, &heard.name, Word::Deny, &reason))
        }
        (Leave::Asked { .. }, Some(reason)) => {
            Some(decision(client, &heard.name, Word::Ask, &reason))
        }
        _ => given(client, heard, waits, filled(client, heard, told)),
    };
    Reply {
        stdout: json.map(|json| json.to_string()),
        ..Reply::default()
    }
}

/// Leave is given: most clients are told nothing, so that their own rules go
/// on to decide; and what there is to say is said where it is read.
fn given(
    client: Client,
    heard: &Heard,
    says: Option<String>,
    filled: Option<Value>,
) -> Option<Value> {
    let hears = match client {
        Client::Claude => true,
        Client::Codex | Client::Gemini => matches!(heard.event, Event::Prompted(_)),
        Client::Cursor => false,
        Client::Opencode | Client::Generic => {
            let mut answer = json!({ "decision": "allow" });
            if let Some(says) = says {
                answer["context"] = says.into();
            }
            if let Some(input) = filled {
                answer["input"] = input;
            }
            return Some(answer);
        }
    };
    let says = says.filter(|_| hears);
    if says.is_none() && filled.is_none() {
        return None;
    }
    let mut output = json!({ "hookEventName": heard.name });
    if let Some(says) = says {
        output["additionalContext"] = says.into();
    }
    if let Some(input) = filled {
        match client {
            Client::Gemini => output["tool_input"] = input,
            // It takes another input together with leave, and not without.
            Client::Codex => {
                output["permissionDecision"] = "allow".into();
                output["updatedInput"] = input;
            }
            _ => output["updatedInput"] = input,
        }
    }
    Some(json!({ "hookSpecificOutput": output }))
}

/// The whole input of a call to GAIA's own MCP server, with what it leaves out
/// of who asks: the server cannot see which session of a client calls it.
fn filled(client: Client, heard: &Heard, told: &Told) -> Option<Value> {
    let (input, names) = heard.fills.as_ref()?;
    let mut fields = match (client, input) {
        // Nobody has seen Cursor take another input.
        (Client::Cursor, _) => return None,
        (_, Value::Object(fields)) => fields.clone(),
        _ => return None,
    };
    let is_left_out =
        |fields: &Map<String, Value>, name: &str| fields.get(name).is_none_or(Value::is_null);
    let own = Value::from(told.session.clone());
    // A session that was named is meant, and the task belongs to another.
    if !is_left_out(&fields, "session") && fields.get("session") != Some(&own) {
        return None;
    }
    let before = fields.clone();
    fields.insert("session".to_owned(), own);
    let takes_task = names.contains(&"task") && told.task != TaskId::NONE;
    if takes_task && is_left_out(&fields, "task") {
        fields.insert("task".to_owned(), told.task.0.into());
    }
    (fields != before).then_some(Value::Object(fields))
}

fn decision(client: Client, event: &str, word: Word, reason: &str) -> Value {
    // Only Claude Code and Cursor can ask their user for a hook.
    let asks = word == Word::Ask;
    match client {
        Client::Claude => json!({ "hookSpecificOutput": {
            "hookEventName": event,
            "permissionDecision": if asks { "ask" } else { "deny" },
            "permissionDecisionReason": reason,
        }}),
        Client::Codex => json!({ "hookSpecificOutput": {
            "hookEventName": event,
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        }}),
        Client::Gemini => json!({ "decision": "deny", "reason": reason }),
        Client::Cursor => json!({
            "permission": if asks { "ask" } else { "deny" },
            "user_message": reason,
            "agent_message": reason,
        }),
        Client::Opencode | Client::Generic => json!({
            "decision": if asks { "ask" } else { "deny" },
            "reason": reason,
        }),
    }
}

/// A call that could not be understood: it may have been about a write.
pub(super) fn unread(client: Client, unread: &Unread, fails_open: bool) -> Reply {
    let event = if client == Client::Gemini {
        "BeforeTool"
    } else {
        "PreToolUse"
    };
    refusal(client, event, &unread.to_string(), fails_open)
}

/// A call that something inside failed at, and that asks for no leave to write:
/// it is only lost.
pub(super) fn not_heard(heard: &Heard, why: &str) -> Reply {
    Reply {
        stderr: Some(format!("gaia: {} was not heard: {why}", heard.name)),
        ..Reply::default()
    }
}

/// A call that something inside failed at, or that could not be understood.
pub(super) fn refusal(client: Client, event: &str, why: &str, fails_open: bool) -> Reply {
    if fails_open {
        return Reply {
            stderr: Some(format!(
                "gaia: let pass although {why} (GAIA_HOOK_FAILURE is allow)"
            )),
            ..Reply::default()
        };
    }
    let reason = words::failed(why);
    Reply {
        stdout: Some(decision(client, event, Word::Deny, &reason).to_string()),
        stderr: Some(reason),
        status: 2,
    }
}
