//! What stands in each client's own settings so that it calls GAIA's hooks.
//!
//! Pure: a client and the text of its settings as they are, to the text as it
//! should be. Whoever calls shows it, writes it and can undo it. What is the
//! user's stays as it is written, comments, order and indentation included; what
//! is GAIA's from an earlier time is put in anew, so that doing it twice changes
//! nothing. Two parts may stand in one file: the hooks, and the MCP server.

mod json;
mod merge;
mod server;
mod trust;

pub use merge::{called, calls_hooks};
pub use server::names_server;
pub use trust::{Runs, codex_runs_hooks, runs_hooks};

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::hook::Client;

/// How a client is to call GAIA.
#[derive(Clone, Debug)]
pub struct Call {
    /// The program.
    pub gaia: PathBuf,
    /// Settings that it would not find where the client runs it, such as the
    /// database that is meant: names and values.
    pub environment: Vec<(String, String)>,
}

/// A file of a client's settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Where, below the client's own folder.
    pub path: PathBuf,
    /// The text as it should be.
    pub text: String,
}

/// Settings that cannot be added to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unmerged {
    /// The text is no JSON, or has comments.
    #[error("the settings cannot be read as JSON: {0}")]
    Json(String),
    /// The text is no TOML.
    #[error("the settings cannot be read as TOML: {0}")]
    Toml(String),
    /// Another MCP server has the name already.
    #[error("another MCP server is called gaia there, and is left alone")]
    Taken,
    /// Another file has the place of one that is wholly GAIA's.
    #[error("another file stands there, which is not of gaia init, and is left alone")]
    Others,
    /// Something else stands where hooks belong.
    #[error("{0} in the settings is no {1}")]
    Shape(&'static str, &'static str),
    /// A client that has no settings for hooks.
    #[error("{0} has no settings of its own for hooks; call `gaia hook {0}` from your own")]
    None(&'static str),
}

/// The tools of Claude Code that write: for these a hook that fails blocks.
const CLAUDE_WRITES: &str = "^(Write|Edit|MultiEdit|NotebookEdit|Bash|PowerShell|Monitor|mcp__.*)$";

/// Where a client keeps its hooks, below its own folder (`~/.claude`,
/// `~/.codex`, `~/.gemini`, `~/.config/opencode`, `~/.cursor`, or the same in a
/// project).
///
/// # Errors
/// [`Unmerged::None`] for a client without such a file.
pub fn place(client: Client) -> Result<&'static Path, Unmerged> {
    Ok(Path::new(match client {
        Client::Claude | Client::Gemini => "settings.json",
        Client::Codex | Client::Cursor => "hooks.json",
        Client::Opencode => "plugins/gaia.js",
        Client::Generic => return Err(Unmerged::None("generic")),
    }))
}

/// A client's settings with GAIA's hooks in them.
///
/// # Errors
/// Settings that cannot be read or have another shape: they are left alone.
pub fn merged(client: Client, existing: Option<&str>, call: &Call) -> Result<File, Unmerged> {
    let path = place(client)?.to_owned();
    let text = match client {
        Client::Opencode if existing.is_some_and(|text| !is_plugin(text)) => {
            return Err(Unmerged::Others);
        }
        Client::Opencode => plugin(call),
        _ => merge::hooks(existing, &wanted(client, call), client)?,
    };
    Ok(File { path, text })
}

/// What of GAIA stands in a client's settings.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The hooks that the client calls.
    Hooks,
    /// The MCP server that it starts.
    Server,
}

/// A client's settings with GAIA's MCP server in them.
///
/// # Errors
/// As [`merged`]; [`Unmerged::Taken`] where another server has its name.
pub fn with_server(
    client: Client,
    existing: Option<&str>,
    call: &Call,
) -> Result<String, Unmerged> {
    server::with_server(client, existing, call)
}

/// Settings without a part of GAIA's, for those that somebody has changed since
/// it was put there. `before`: as they were then. `None`: nothing is left, and
/// there was nothing before.
///
/// # Errors
/// As [`merged`]; [`Unmerged::None`] where the whole file is GAIA's own.
pub fn without(
    client: Client,
    part: Part,
    now: &str,
    before: Option<&str>,
) -> Result<Option<String>, Unmerged> {
    match (part, client) {
        (Part::Hooks, Client::Opencode | Client::Generic) => Err(Unmerged::None(client.word())),
        (Part::Hooks, _) => merge::without_hooks(now, before, client),
        (Part::Server, _) => server::without_server(client, now, before),
    }
}

/// Claude Code's plugin folder: its manifest, its hooks, the MCP server, and a
/// marketplace of this one plugin, from which it can be installed.
#[must_use]
pub fn claude_plugin(call: &Call) -> Vec<File> {
    let manifest = json!({
        "name": "gaia",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "No two agents ever write in one folder at once: asks GAIA before each write",
    });
    let hooks = json!({ "hooks": entries(&wanted(Client::Claude, call)) });
    let market = json!({
        "name": "gaia",
        "owner": { "name": "GAIA" },
        "plugins": [{ "name": "gaia", "source": "./" }],
    });
    let file = |path: &str, text: String| File {
        path: PathBuf::from(path),
        text,
    };
    let pretty = |json: &Value| format!("{json:#}\n");
    let server = with_server(Client::Claude, None, call).unwrap_or_default();
    vec![
        file(".claude-plugin/plugin.json", pretty(&manifest)),
        file(".claude-plugin/marketplace.json", pretty(&market)),
        file("hooks/hooks.json", pretty(&hooks)),
        file(".mcp.json", server),
    ]
}

/// Events and what is called at each.
type Wanted = Vec<(&'static str, Vec<Value>)>;

fn entries(wanted: &Wanted) -> Value {
    let pairs = wanted
        .iter()
        .map(|(event, entries)| ((*event).to_owned(), Value::from(entries.clone())));
    Value::Object(pairs.collect())
}

fn wanted(client: Client, call: &Call) -> Wanted {
    match client {
        Client::Claude => claude(call),
        Client::Codex => codex(call),
        Client::Gemini => gemini(call),
        Client::Cursor => cursor(call),
        Client::Opencode | Client::Generic => Vec::new(),
    }
}

/// Before a tool that writes the client waits, and a hook that fails blocks;
/// after any tool it does not wait.
fn claude(call: &Call) -> Wanted {
    let hook = |more: Value| {
        let (command, args) = claude_words(call);
        let mut hook = json!({"type": "command", "command": command, "args": args, "timeout": 30});
        for (name, value) in more.as_object().into_iter().flatten() {
            hook[name] = value.clone();
        }
        hook
    };
    let always = || vec![json!({ "hooks": [hook(json!({}))] })];
    let after = || vec![json!({ "matcher": "*", "hooks": [hook(json!({"async": true}))] })];
    let before =
        json!({ "matcher": CLAUDE_WRITES, "hooks": [hook(json!({"onFailure": "block"}))] });
    vec![
        ("SessionStart", always()),
        ("UserPromptSubmit", always()),
        ("PreToolUse", vec![before]),
        ("PostToolUse", after()),
        ("PostToolUseFailure", after()),
        ("PermissionRequest", always()),
        ("Notification", always()),
        ("SubagentStop", always()),
        ("Stop", always()),
        ("StopFailure", always()),
        ("SessionEnd", always()),
    ]
}

/// The program and its words; settings are handed on by `env`.
fn claude_words(call: &Call) -> (String, Vec<String>) {
    let gaia = call.gaia.to_string_lossy().into_owned();
    let hook = ["hook".to_owned(), "claude".to_owned()];
    if call.environment.is_empty() {
        return (gaia, hook.to_vec());
    }
    let settings = call
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    (
        "env".to_owned(),
        settings.chain([gaia]).chain(hook).collect(),
    )
}

/// The same as one line for a shell.
fn line(client: Client, call: &Call) -> String {
    let settings = call
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={} ", quoted(value)));
    let gaia = quoted(&call.gaia.to_string_lossy());
    format!(
        "{}{gaia} hook {}",
        settings.collect::<String>(),
        client.word()
    )
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,=%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

fn codex(call: &Call) -> Wanted {
    let events = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PostToolUse",
        "PermissionRequest",
        "SubagentStop",
        "Stop",
        "Interrupt",
        "SessionEnd",
    ];
    let entry = json!({ "hooks": [{"type": "command", "command": line(Client::Codex, call), "timeout": 30}] });
    events.map(|event| (event, vec![entry.clone()])).to_vec()
}

/// Its timeouts are in milliseconds.
fn gemini(call: &Call) -> Wanted {
    let hook = json!({"name": "gaia", "type": "command", "command": line(Client::Gemini, call), "timeout": 30_000});
    let entry = json!({ "hooks": [hook] });
    let tools = json!({ "matcher": "*", "hooks": [hook] });
    let mut wanted: Wanted = ["BeforeTool", "AfterTool"]
        .map(|event| (event, vec![tools.clone()]))
        .to_vec();
    let others = [
        "SessionStart",
        "BeforeAgent",
        "AfterAgent",
        "Notification",
        "SessionEnd",
    ];
    wanted.extend(others.map(|event| (event, vec![entry.clone()])));
    wanted
}

fn cursor(call: &Call) -> Wanted {
    let events = [
        "sessionStart",
        "beforeSubmitPrompt",
        "preToolUse",
        "beforeShellExecution",
        "postToolUse",
        "afterFileEdit",
        "stop",
        "sessionEnd",
    ];
    let entry = json!({"command": line(Client::Cursor, call), "failClosed": true});
    events.map(|event| (event, vec![entry.clone()])).to_vec()
}

/// The plugin for opencode, which has no hooks that run programs.
/// Whether a file is the one that is made here, of whatever version.
fn is_plugin(text: &str) -> bool {
    let first = include_str!("opencode.js").lines().next();
    text.trim().is_empty() || text.lines().next() == first
}

fn plugin(call: &Call) -> String {
    let text = |word: &str| Value::from(word).to_string();
    let settings = call
        .environment
        .iter()
        .map(|(name, value)| format!("{}: {}", text(name), text(value)));
    include_str!("opencode.js")
        .replace("\"@GAIA@\"", &text(&call.gaia.to_string_lossy()))
        .replace("/*ENVIRONMENT*/", &settings.collect::<Vec<_>>().join(", "))
}
