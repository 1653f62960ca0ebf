//! What a tool would do, by its name and its input.
//!
//! The clients' tools have different names, and none means two things, so one
//! table serves all. A tool that is not in it (another version's, or one of an
//! MCP server) is judged by its name and its input, see [`unknown_tools`].

use serde_json::Value;

use super::event::Action;
use super::{inputs, unknown_tools};
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

/// What a tool would do. `None`: it writes, and does not say what.
pub(super) fn action(tool: &str, input: &Value) -> Option<Action> {
    if READS.contains(&tool) || is_our_own(tool) {
        Some(Action::Free)
    } else if WRITES.contains(&tool) {
        some(inputs::paths(input))
    } else if PATCHES.contains(&tool) {
        some(patch(input)?)
    } else if SHELLS.contains(&tool) {
        inputs::runs(input)
    } else if tool == "PowerShell" {
        Some(inputs::unsure(tool, input))
    } else {
        Some(unknown_tools::action(tool, input))
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
    let mut bare = SERVERS
        .iter()
        .filter_map(|server| tool.strip_prefix(server));
    // Another server's name may begin with ours, or be the same.
    bare.find(|name| crate::mcp::is_tool(name))
}

/// What of the input of one of them says as whom it acts.
pub(super) fn says_as_whom(tool: &str) -> Option<&'static [&'static str]> {
    let names = crate::mcp::acts(our_own(tool)?);
    (!names.is_empty()).then_some(names)
}

fn some(paths: Vec<String>) -> Option<Action> {
    (!paths.is_empty()).then_some(Action::Writes(paths))
}

fn patch(input: &Value) -> Option<Vec<String>> {
    const TEXTS: [&str; 5] = ["command", "patchText", "patch", "input", "patch_text"];
    let text = TEXTS
        .iter()
        .find_map(|name| input.get(name)?.as_str())
        .or_else(|| input.as_str())?;
    Some(paths_of_patch(text))
}
