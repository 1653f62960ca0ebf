//! A tool that nobody told us of: another version's, or one of an MCP server.
//!
//! It is judged by its name and its input. One that says that it only looks,
//! and nothing else, is free. One that runs a command is judged as the command
//! is; one that names paths counts as writing there. What names a file without
//! a folder may mean one that is elsewhere (a repository on a server): whether
//! it is written here cannot be told, unless its name says that it writes.

use serde_json::Value;

use super::event::Action;
use super::inputs::{parts, paths, runs, unsure};

const LOOKS: &[&str] = &[
    "read", "get", "list", "search", "find", "view", "show", "fetch", "query", "glob", "grep",
    "status", "describe", "stat", "log", "diff", "count", "check", "inspect", "lookup", "explain",
];

const WRITES: &[&str] = &[
    "write",
    "edit",
    "create",
    "delete",
    "remove",
    "rename",
    "move",
    "replace",
    "insert",
    "append",
    "update",
    "patch",
    "save",
    "set",
    "put",
    "apply",
    "copy",
    "mkdir",
    "format",
    "refactor",
    "add",
    "commit",
    "checkout",
    "reset",
    "stash",
    "merge",
    "rebase",
    "modify",
    "overwrite",
    "truncate",
    "touch",
    "unlink",
    "download",
    "extract",
    "generate",
    "init",
    "clone",
    "pull",
    "switch",
    "fix",
    "undo",
    "redo",
    "rm",
    "mv",
    "cp",
    "store",
    "fill",
    "change",
    "restore",
    "revert",
    "clean",
];

/// Those run something.
const RUNS: &[&str] = &[
    "run", "exec", "execute", "shell", "bash", "terminal", "script", "python", "node", "repl",
    "command", "sh", "build", "install", "task",
];

/// What it would do.
pub(super) fn action(tool: &str, input: &Value) -> Action {
    let name = parts(tool.rsplit("__").next().unwrap_or(tool));
    let has = |words: &[&str]| name.iter().any(|part| words.contains(&part.as_str()));
    if has(LOOKS) && !has(WRITES) && !has(RUNS) {
        return Action::Free;
    }
    if let Some(runs) = runs(input) {
        return runs;
    }
    if has(RUNS) || input.is_string() {
        return unsure(tool, input);
    }
    let paths = paths(input);
    let is_whole = |path: &String| path.contains('/');
    match paths.is_empty() {
        true => Action::Free,
        false if has(WRITES) || paths.iter().all(is_whole) => Action::Writes(paths),
        false => unsure(tool, input),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn writes(paths: &[&str]) -> Action {
        Action::Writes(paths.iter().map(|path| (*path).to_owned()).collect())
    }

    #[test]
    fn what_only_looks_is_free() {
        for tool in [
            "mcp__db__query",
            "read_file",
            "readFile",
            "mcp__fs__get_file_info",
            "list-directory",
            "git_status",
            "GetDiagnostics",
        ] {
            assert_eq!(
                action(tool, &json!({"path": "/x/y"})),
                Action::Free,
                "{tool}"
            );
        }
        // It names nothing here.
        assert_eq!(
            action(
                "mcp__tracker__create_issue",
                &json!({"title": "x", "body": "a/b"})
            ),
            Action::Free
        );
    }

    #[test]
    fn what_writes_is_found_under_whatever_name() {
        let table = [
            (
                "find_and_replace",
                json!({"path": "/h/x", "text": "y"}),
                vec!["/h/x"],
            ),
            (
                "findAndReplace",
                json!({"relative_path": "x.rs"}),
                vec!["x.rs"],
            ),
            (
                "replace_text_in_file",
                json!({"pathInProject": "src/x"}),
                vec!["src/x"],
            ),
            (
                "mcp__git__git_commit",
                json!({"repo_path": "/h", "message": "m"}),
                vec!["/h"],
            ),
            (
                "create_new_file",
                json!({"filename": "x", "file_text": "a/b"}),
                vec!["x"],
            ),
            (
                "mcp__fs__move_file",
                json!({"source": "a", "destination": "/h/b"}),
                vec!["/h/b"],
            ),
            (
                "batch_edit",
                json!({"edits": [{"file": "/h/a"}, {"file": "b"}]}),
                vec!["/h/a", "b"],
            ),
            ("edit", json!({"uri": "file:///h/x"}), vec!["/h/x"]),
            (
                "write_files",
                json!({"files": {"/h/a": "text"}}),
                vec!["/h/a"],
            ),
            ("frobnicate", json!({"target_file": "/h/x"}), vec!["/h/x"]),
        ];
        for (tool, input, expected) in table {
            let mut found = match action(tool, &input) {
                Action::Writes(paths) => paths,
                other => panic!("{tool}: {other:?}"),
            };
            found.retain(|path| path != "text" && path != "a");
            assert_eq!(found, expected, "{tool}");
        }
        assert_eq!(
            action("delete_lines", &json!({"path": "x", "lines": [1, 2]})),
            writes(&["x"])
        );
    }

    #[test]
    fn commands_are_judged_as_commands_however_they_are_spelled() {
        let table = [
            (
                json!({"command": ["bash", "-lc", "rm x"]}),
                "'bash' '-lc' 'rm x'",
            ),
            (json!({"command": "rm x"}), "rm x"),
            (json!({"cmd": "rm", "args": ["x y"]}), "rm 'x y'"),
        ];
        for (input, expected) in table {
            let found = action("mcp__term__launch", &input);
            assert!(
                matches!(&found, Action::Runs { command, .. } if command == expected),
                "{input}: {found:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_told_is_unsure_and_names_what_stands_in_it() {
        let named = |action: Action| match action {
            Action::Unsure { names, .. } => names,
            other => panic!("{other:?}"),
        };
        let code = json!({"code": "open('/h/x', 'w')"});
        assert!(named(action("run_python", &code)).contains(&"/h/x".to_owned()));
        assert_eq!(
            named(action("mcp__x__frobnicate", &json!({"file": "x"}))),
            ["x"]
        );
        assert!(named(action("anything", &json!("rm /h/x"))).contains(&"/h/x".to_owned()));
    }
}
