//! What a tool would do, by its name and its input.
//!
//! The clients' tools have different names, and none means two things, so one
//! table serves all. A tool that is not in it (another version's, or one of an
//! MCP server) is judged by its words: one that names a path and does not say
//! that it only looks counts as writing there.

use serde_json::Value;

use super::event::Action;
use crate::shell::paths_of_patch;

const WRITES: &[&str] = &[
    "Write",
    "Edit",
    "MultiEdit",
    "NotebookEdit",
    "Delete",
    "StrReplace",
    "write",
    "edit",
    "multiedit",
    "write_file",
    "replace",
    "edit_file",
    "create_file",
    "delete_file",
    "search_replace",
    "str_replace",
    "EditNotebook",
];

const PATCHES: &[&str] = &["apply_patch", "patch", "ApplyPatch"];

const SHELLS: &[&str] = &[
    "Bash",
    "bash",
    "Shell",
    "shell",
    "run_shell_command",
    "exec_command",
    "local_shell",
    "unified_exec",
    "run_terminal_cmd",
    "Monitor",
];

const READS: &[&str] = &[
    "Read",
    "read",
    "Glob",
    "glob",
    "Grep",
    "grep",
    "LS",
    "ls",
    "list",
    "read_file",
    "read_many_files",
    "list_directory",
    "search_file_content",
    "grep_search",
    "codebase_search",
    "WebFetch",
    "webfetch",
    "web_fetch",
    "WebSearch",
    "websearch",
    "google_web_search",
    "TodoWrite",
    "todowrite",
    "todoread",
    "write_todos",
    "Task",
    "task",
    "Agent",
    "ToolSearch",
    "AskUserQuestion",
    "ExitPlanMode",
    "EnterPlanMode",
    "Skill",
    "skill",
    "BashOutput",
    "KillShell",
    "TaskOutput",
    "TaskStop",
    "TaskCreate",
    "TaskUpdate",
    "TaskList",
    "TaskGet",
    "update_plan",
    "view_image",
    "save_memory",
    "SendMessage",
    "EndConversation",
    "lsp",
    "LSP",
    "NotebookRead",
    "question",
    "ListMcpResourcesTool",
    "ReadMcpResourceTool",
    "EnterWorktree",
    "ExitWorktree",
];

const PATHS: &[&str] = &[
    "file_path",
    "filePath",
    "notebook_path",
    "target_file",
    "target_notebook",
    "absolute_path",
    "path",
    "file",
    "filename",
    "paths",
    "files",
    "destination",
    "dest",
    "target",
];

/// What a tool would do. `None`: it writes, and does not say what.
pub(super) fn action(tool: &str, input: &Value) -> Option<Action> {
    if READS.contains(&tool) || is_our_own(tool) {
        Some(Action::Free)
    } else if WRITES.contains(&tool) {
        some(paths(input))
    } else if PATCHES.contains(&tool) {
        some(patch(input)?)
    } else if SHELLS.contains(&tool) {
        runs(input)
    } else if tool == "PowerShell" {
        Some(Action::Unsure(tool.to_owned()))
    } else {
        Some(by_its_words(tool, input))
    }
}

/// A tool of GAIA's own MCP server: asking for a lock writes nothing.
fn is_our_own(tool: &str) -> bool {
    our_own(tool).is_some()
}

/// The name of a tool of GAIA's own MCP server, without what clients put before
/// it.
fn our_own(tool: &str) -> Option<&str> {
    const SERVERS: [&str; 4] = [
        "mcp__gaia__",
        "mcp__plugin_gaia_gaia__",
        "mcp_gaia_",
        "gaia_",
    ];
    SERVERS.iter().find_map(|server| tool.strip_prefix(server))
}

/// What of the input of one of them says as whom it acts.
pub(super) fn says_as_whom(tool: &str) -> Option<&'static [&'static str]> {
    let names = crate::mcp::acts(our_own(tool)?);
    (!names.is_empty()).then_some(names)
}

fn some(paths: Vec<String>) -> Option<Action> {
    (!paths.is_empty()).then_some(Action::Writes(paths))
}

fn paths(input: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for value in PATHS.iter().filter_map(|name| input.get(name)) {
        match value {
            Value::String(path) => found.push(path.clone()),
            Value::Array(many) => {
                found.extend(many.iter().filter_map(Value::as_str).map(str::to_owned))
            }
            _ => {}
        }
    }
    found.retain(|path| !path.is_empty());
    found
}

fn patch(input: &Value) -> Option<Vec<String>> {
    const TEXTS: [&str; 5] = ["command", "patchText", "patch", "input", "patch_text"];
    let text = TEXTS
        .iter()
        .find_map(|name| input.get(name)?.as_str())
        .or_else(|| input.as_str())?;
    Some(paths_of_patch(text))
}

fn runs(input: &Value) -> Option<Action> {
    const FOLDERS: [&str; 4] = ["workdir", "dir_path", "directory", "cwd"];
    let command = input.get("command").or_else(|| input.get("cmd"));
    let command = match command? {
        Value::String(command) => command.clone(),
        Value::Array(words) => words_as_command(words)?,
        _ => return None,
    };
    let folder = FOLDERS.iter().find_map(|name| input.get(name)?.as_str());
    Some(Action::Runs {
        command,
        folder: folder
            .filter(|folder| !folder.is_empty())
            .map(str::to_owned),
    })
}

/// Words of a program as a shell would read them.
fn words_as_command(words: &[Value]) -> Option<String> {
    let quoted = |word: &Value| Some(format!("'{}'", word.as_str()?.replace('\'', "'\\''")));
    let words: Option<Vec<String>> = words.iter().map(quoted).collect();
    words.map(|words| words.join(" "))
}

fn by_its_words(tool: &str, input: &Value) -> Action {
    const LOOKS: [&str; 14] = [
        "read", "get", "list", "search", "find", "view", "show", "fetch", "query", "glob", "grep",
        "status", "describe", "stat",
    ];
    let verb = tool
        .rsplit("__")
        .next()
        .unwrap_or(tool)
        .to_ascii_lowercase();
    let mut parts = verb.split(['_', '-', '.']);
    if parts.any(|part| LOOKS.contains(&part)) {
        return Action::Free;
    }
    if let Some(command) = input.get("command").and_then(Value::as_str) {
        return Action::Runs {
            command: command.to_owned(),
            folder: None,
        };
    }
    match paths(input) {
        paths if paths.is_empty() => Action::Free,
        // A path of a server elsewhere may be no path here: only those that
        // look like one.
        paths => some(
            paths
                .into_iter()
                .filter(|path| path.contains('/'))
                .collect(),
        )
        .unwrap_or(Action::Free),
    }
}
