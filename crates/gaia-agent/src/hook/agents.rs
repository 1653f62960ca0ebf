//! The clients, and what each calls what happens in it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::event::{Action, Call, Event, Heard};
use super::tools;
use super::wire::{CursorSent, GenericSent, Sent};

/// A client that calls hooks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Client {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode, through GAIA's plugin.
    Opencode,
    /// Cursor, the editor and its agent.
    Cursor,
    /// Any other that sends GAIA's own form.
    Generic,
}

impl Client {
    /// All of them.
    pub const ALL: [Client; 6] = [
        Client::Claude,
        Client::Codex,
        Client::Gemini,
        Client::Opencode,
        Client::Cursor,
        Client::Generic,
    ];

    /// The word for it on the command line and in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Client::Claude => "claude",
            Client::Codex => "codex",
            Client::Gemini => "gemini",
            Client::Opencode => "opencode",
            Client::Cursor => "cursor",
            Client::Generic => "generic",
        }
    }

    /// The client of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.word() == word)
    }

    /// Reads one call.
    pub(super) fn read(self, input: &[u8], here: &Path) -> Result<Heard, Unread> {
        match self {
            Client::Claude | Client::Codex | Client::Gemini => family(read(input)?, here),
            Client::Cursor => cursor(read(input)?, here),
            Client::Opencode | Client::Generic => generic(read(input)?, here),
        }
    }
}

/// Why a call cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    /// It is no JSON, or not of the client's form.
    #[error("the call cannot be read: {0}")]
    Form(String),
    /// A tool that writes does not say what.
    #[error("the tool {tool} does not say which file it writes")]
    NoTarget {
        /// Which.
        tool: String,
    },
    /// A word that is no event.
    #[error(
        "{0:?} is no event; there are begin, prompt, before_tool, after_tool, waiting, stop, failed, end, alive"
    )]
    Event(String),
}

fn read<'a, T: serde::Deserialize<'a>>(input: &'a [u8]) -> Result<T, Unread> {
    serde_json::from_slice(input).map_err(|error| Unread::Form(error.to_string()))
}

fn folder(named: Option<&str>, here: &Path) -> PathBuf {
    named.map_or_else(|| here.to_owned(), |named| here.join(named))
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn family(sent: Sent, here: &Path) -> Result<Heard, Unread> {
    let (mut action, mut fills) = (Action::Free, None);
    let event = match sent.hook_event_name.as_str() {
        "SessionStart" => Event::Began(sent.source.unwrap_or_default()),
        "UserPromptSubmit" | "BeforeAgent" => Event::Prompted(text(sent.prompt)),
        "PreToolUse" | "BeforeTool" => {
            let tool = sent.tool_name.unwrap_or_default();
            action = acts(&tool, sent.tool_input.as_ref())?;
            fills = filled(&tool, sent.tool_input.as_ref());
            wants(tool, sent.tool_use_id, &action)
        }
        "PostToolUse" | "PostToolUseFailure" | "AfterTool" | "PermissionDenied" => {
            Event::Did(sent.tool_use_id)
        }
        "PermissionRequest" => Event::WaitsForInput("permission".to_owned()),
        "Notification" => notified(sent.notification_type.as_deref()),
        "Stop" | "AfterAgent" => Event::Stopped {
            background: !sent.background_tasks.is_empty()
                || sent.session_crons.iter().any(|alarm| !alarm.recurring),
            answer: sent.last_assistant_message.map(|words| text(Some(words))),
        },
        "Interrupt" => Event::BrokenOff,
        "StopFailure" => Event::Failed(text(sent.error)),
        "SubagentStop" => Event::SubagentEnded,
        "SessionEnd" => Event::Ended(sent.reason.unwrap_or_default()),
        _ => Event::Alive,
    };
    Ok(Heard {
        action,
        fills,
        session: sent.session_id,
        agent: sent.agent_id,
        folder: folder(sent.cwd.as_deref(), here),
        pid: None,
        name: sent.hook_event_name,
        event,
    })
}

fn notified(kind: Option<&str>) -> Event {
    match kind {
        Some("idle_prompt") => Event::Rested,
        None => Event::Alive,
        Some(kind) if kind.contains("permission") || kind.contains("elicitation") => {
            Event::WaitsForInput(kind.to_owned())
        }
        Some("ToolPermission") => Event::WaitsForInput("permission".to_owned()),
        Some(_) => Event::Alive,
    }
}

fn acts(tool: &str, input: Option<&Value>) -> Result<Action, Unread> {
    let nothing = Value::Null;
    tools::action(tool, input.unwrap_or(&nothing)).ok_or_else(|| Unread::NoTarget {
        tool: tool.to_owned(),
    })
}

/// The input of a tool of GAIA's own that acts for a session, and what of it
/// says as whom.
fn filled(tool: &str, input: Option<&Value>) -> Option<(Value, &'static [&'static str])> {
    let names = tools::says_as_whom(tool)?;
    Some((input.cloned().unwrap_or(Value::Null), names))
}

fn wants(tool: String, id: Option<String>, action: &Action) -> Event {
    let writes = *action != Action::Free;
    Event::Wants(Call { id, tool, writes })
}

fn cursor(sent: CursorSent, here: &Path) -> Result<Heard, Unread> {
    let (mut action, mut fills) = (Action::Free, None);
    let event = match sent.hook_event_name.as_str() {
        "sessionStart" => Event::Began(String::new()),
        "beforeSubmitPrompt" => Event::Prompted(sent.prompt.unwrap_or_default()),
        "preToolUse" => {
            let tool = sent.tool_name.unwrap_or_default();
            action = acts(&tool, sent.tool_input.as_ref())?;
            fills = filled(&tool, sent.tool_input.as_ref());
            wants(tool, sent.tool_use_id, &action)
        }
        "beforeShellExecution" => {
            let tool = "Shell".to_owned();
            let command = sent
                .command
                .ok_or_else(|| Unread::NoTarget { tool: tool.clone() })?;
            action = Action::Runs {
                command,
                folder: None,
            };
            wants(tool, sent.tool_use_id, &action)
        }
        "postToolUse" | "postToolUseFailure" | "afterFileEdit" | "afterShellExecution" => {
            Event::Did(sent.tool_use_id)
        }
        "stop" if sent.status.as_deref() == Some("error") => Event::Failed("error".to_owned()),
        "stop" => Event::Stopped {
            background: false,
            answer: None,
        },
        "sessionEnd" => Event::Ended(sent.reason.unwrap_or_default()),
        _ => Event::Alive,
    };
    let root = sent.cwd.as_deref().filter(|cwd| !cwd.is_empty());
    let root = root.or_else(|| sent.workspace_roots.first().map(String::as_str));
    Ok(Heard {
        action,
        fills,
        folder: folder(root, here),
        session: sent.conversation_id,
        agent: None,
        pid: None,
        name: sent.hook_event_name,
        event,
    })
}

fn generic(sent: GenericSent, here: &Path) -> Result<Heard, Unread> {
    let words = sent.text.clone().unwrap_or_default();
    let (mut action, mut fills) = (Action::Free, None);
    let event = match sent.event.as_str() {
        "begin" => Event::Began(words),
        "prompt" => Event::Prompted(words),
        "before_tool" => {
            let tool = sent.tool.clone().unwrap_or_else(|| "a tool".to_owned());
            action = said(&sent, &tool)?;
            fills = filled(&tool, sent.input.as_ref());
            wants(tool, sent.call, &action)
        }
        "after_tool" => Event::Did(sent.call),
        "waiting" => Event::WaitsForInput(words),
        "stop" => Event::Stopped {
            background: sent.background,
            answer: sent.text,
        },
        "failed" => Event::Failed(words),
        "end" => Event::Ended(words),
        "alive" => Event::Alive,
        _ => return Err(Unread::Event(sent.event)),
    };
    Ok(Heard {
        action,
        fills,
        folder: folder(sent.cwd.as_deref(), here),
        session: sent.session,
        agent: sent.agent,
        pid: sent.pid,
        name: sent.event,
        event,
    })
}

/// What the caller says itself comes before what its tool's input says.
fn said(sent: &GenericSent, tool: &str) -> Result<Action, Unread> {
    Ok(match (&sent.writes, &sent.command, &sent.input) {
        (Some(paths), None, _) if paths.is_empty() => Action::Free,
        (Some(paths), None, _) => Action::Writes(paths.clone()),
        (None, Some(command), _) => Action::Runs {
            command: command.clone(),
            folder: None,
        },
        (Some(_), Some(_), _) => {
            return Err(Unread::Form(
                "it has both `writes` and `command`".to_owned(),
            ));
        }
        (None, None, input) => acts(tool, input.as_ref())?,
    })
}
