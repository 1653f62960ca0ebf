//! What clients send, as they send it. Only what GAIA reads is named; all else
//! may be there and is passed over.

use serde::Deserialize;
use serde_json::Value;

/// Claude Code (2.1.330), Codex (0.169) and Gemini CLI (0.61): one family, and
/// the names of fields are the same where GAIA reads them.
#[derive(Deserialize, Debug)]
pub(super) struct Sent {
    pub hook_event_name: String,
    pub session_id: String,
    pub cwd: Option<String>,
    /// Of a subagent.
    pub agent_id: Option<String>,
    pub tool_name: Option<String>,
    pub tool_input: Option<Value>,
    pub tool_use_id: Option<String>,
    pub prompt: Option<Value>,
    pub source: Option<String>,
    pub reason: Option<String>,
    pub error: Option<Value>,
    pub notification_type: Option<String>,
    /// With Stop; Gemini's AfterAgent calls it `prompt_response`.
    #[serde(alias = "prompt_response")]
    pub last_assistant_message: Option<Value>,
    #[serde(default)]
    pub background_tasks: Vec<Value>,
    #[serde(default)]
    pub session_crons: Vec<Alarm>,
}

/// What will wake a session of Claude Code. One that rings once is how a turn
/// goes on later; one that rings again and again stays until somebody takes it
/// away, so no turn can be said to last as long.
#[derive(Deserialize, Debug)]
pub(super) struct Alarm {
    #[serde(default)]
    pub recurring: bool,
}

/// Cursor, as its documentation has it.
#[derive(Deserialize, Debug)]
pub(super) struct CursorSent {
    pub hook_event_name: String,
    pub conversation_id: String,
    #[serde(default)]
    pub workspace_roots: Vec<String>,
    pub cwd: Option<String>,
    pub tool_name: Option<String>,
    pub tool_input: Option<Value>,
    pub tool_use_id: Option<String>,
    pub command: Option<String>,
    pub prompt: Option<String>,
    pub status: Option<String>,
    pub reason: Option<String>,
}

/// GAIA's own form, for clients without hooks of their own: see docs/agents.md.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GenericSent {
    /// begin, prompt, before_tool, after_tool, waiting, stop, failed, end, alive
    pub event: String,
    pub session: String,
    pub cwd: Option<String>,
    pub agent: Option<String>,
    pub pid: Option<u32>,
    pub call: Option<String>,
    pub tool: Option<String>,
    /// The tool's input, by which what it writes is told.
    pub input: Option<Value>,
    /// What it writes, where the caller knows.
    pub writes: Option<Vec<String>>,
    /// The shell command that it runs.
    pub command: Option<String>,
    pub text: Option<String>,
    #[serde(default)]
    pub background: bool,
}
