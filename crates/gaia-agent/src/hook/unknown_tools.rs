//! A tool that nobody told us of: another version's, or one of an MCP server.
//!
//! It is judged by its name and its input. One that says that it only looks,
//! and nothing else, is free. One that runs a command is judged as the command
//! is; one that names paths counts as writing there. What names a file without
//! a folder may mean one that is elsewhere (a repository on a server): whether
//! it is written here cannot be told, unless its name says that it writes.

use serde_json::Value;

use super::event::Action;
use super::inputs::{edits, ends_of_way, parts, paths, runs, unsure, whole_paths};

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
    "export",
    "dump",
    "clear",
    "purge",
    "drop",
    "import",
    "convert",
    "render",
    "sync",
    "record",
];

/// A name that begins with one of those means nothing else by what follows:
/// `get_commit`, `list_tasks`.
const BEGINS_AS_LOOK: &[&str] = &["get", "list", "read", "show", "view", "describe", "search"];

/// But with one of those it does more: `search_and_replace`.
const DOES_MORE: &[&str] = &["and", "or", "then", "write", "edit", "replace"];

/// Those run something.
const RUNS: &[&str] = &[
    "run", "exec", "execute", "shell", "bash", "terminal", "script", "python", "node", "repl",
    "command", "sh", "build", "install", "task",
];

/// What it would do.
pub(super) fn action(tool: &str, input: &Value) -> Action {
    let name = parts(tool.rsplit("__").next().unwrap_or(tool));
    let has = |words: &[&str]| name.iter().any(|part| words.contains(&part.as_str()));
    if begins_as_look(&name) || (has(LOOKS) && !has(WRITES) && !has(RUNS)) {
        return Action::Free;
    }
    if let (Some(edits), false) = (edits(input), has(RUNS)) {
        return edits;
    }
    if let Some(runs) = runs(input) {
        return runs;
    }
    if has(RUNS) || input.is_string() {
        return unsure(tool, input);
    }
    let paths = written(&name, input);
    let is_whole = |path: &String| path.contains('/');
    match paths.is_empty() {
        true => Action::Free,
        false if has(WRITES) || paths.iter().all(is_whole) => Action::Writes(paths),
        false => unsure(tool, input),
    }
}

/// Whether a name begins with a word for looking, be it behind the name of
/// what is looked at: `git_show_commit`, `jira_get_issue`.
fn begins_as_look(name: &[String]) -> bool {
    let is = |part: &String, words: &[&str]| words.contains(&part.as_str());
    let does_nothing = |part: &String| ![LOOKS, WRITES, RUNS].iter().any(|words| is(part, words));
    let looks = match name {
        [first, ..] if is(first, BEGINS_AS_LOOK) => true,
        [first, second, ..] => does_nothing(first) && is(second, BEGINS_AS_LOOK),
        _ => false,
    };
    looks && !name.iter().any(|part| is(part, DOES_MORE))
}

/// The paths that an input names, as far as a tool of this name may write them.
fn written(name: &[String], input: &Value) -> Vec<String> {
    let has = |words: &[&str]| name.iter().any(|part| words.contains(&part.as_str()));
    let mut found = paths(input);
    let copies = has(&["copy", "cp"]);
    if copies || has(&["move", "rename", "mv"]) {
        let is_of_files = has(&["file", "files", "folder", "directory", "dir", "path"]);
        for path in ends_of_way(input, copies, is_of_files) {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    if found.is_empty() && has(WRITES) {
        found = whole_paths(input);
    }
    found
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

    #[test]
    fn a_text_editors_word_is_no_shells_command() {
        let edit = |verb: &str| json!({"command": verb, "path": "/h/x", "file_text": "rm /z/y"});
        for tool in [
            "str_replace_based_edit_tool",
            "text_editor",
            "mcp__x__editor",
        ] {
            for verb in ["create", "str_replace", "insert", "undo_edit"] {
                assert_eq!(
                    action(tool, &edit(verb)),
                    writes(&["/h/x"]),
                    "{tool} {verb}"
                );
            }
            assert_eq!(action(tool, &edit("view")), Action::Free, "{tool}");
        }
        // Where a shell is meant it stays one.
        let run = action("run_command", &json!({"command": "make", "path": "/h"}));
        assert!(matches!(run, Action::Runs { .. }), "{run:?}");
        let run = action("launch", &json!({"command": "make"}));
        assert!(matches!(run, Action::Runs { .. }), "{run:?}");
    }

    #[test]
    fn each_of_many_commands_is_one() {
        let found = action("batch", &json!({"commands": ["cd /h", "rm x"]}));
        assert!(
            matches!(&found, Action::Runs { command, .. } if command == "cd /h\nrm x"),
            "{found:?}"
        );
    }

    #[test]
    fn both_ends_of_a_way_are_written_and_a_copys_source_is_not() {
        let table = [
            (
                "mcp__filesystem__move_file",
                json!({"source": "/h/a", "destination": "/g/b"}),
                vec!["/g/b", "/h/a"],
            ),
            (
                "rename_file",
                json!({"from": "a", "to": "/h/b"}),
                vec!["/h/b", "a"],
            ),
            (
                "mv",
                json!({"old": "a.rs", "new": "b.rs"}),
                vec!["a.rs", "b.rs"],
            ),
            (
                "copy_file",
                json!({"src": "/h/a", "dst": "/g/b"}),
                vec!["/g/b"],
            ),
            ("cp", json!({"from": "/h/a", "to": "/g/b"}), vec!["/g/b"]),
            (
                "save_memo",
                json!({"where": "~/x", "note": "a /h/x"}),
                vec!["~/x"],
            ),
            ("put", json!({"where": ["/h/x y"]}), vec!["/h/x y"]),
            ("export_graph", json!({"out": "/h/x.svg"}), vec!["/h/x.svg"]),
        ];
        for (tool, input, expected) in table {
            let Action::Writes(mut found) = action(tool, &input) else {
                panic!("{tool}: {:?}", action(tool, &input));
            };
            found.sort();
            assert_eq!(found, expected, "{tool}");
        }
        let moved = action("move_card", &json!({"from": "todo", "to": "done"}));
        assert_eq!(moved, Action::Free);
    }

    #[test]
    fn a_name_that_begins_with_looking_is_free_whatever_it_looks_at() {
        for tool in [
            "get_commit",
            "mcp__git__git_show_commit",
            "jira_get_issue_changes",
            "list_tasks",
            "read_script",
            "search_commits",
            "view_build",
            "describe_record",
        ] {
            assert_eq!(
                action(tool, &json!({"path": "/h/x"})),
                Action::Free,
                "{tool}"
            );
        }
        for tool in [
            "search_and_replace",
            "search_replace_in_file",
            "get_or_create_file",
            "read_write_file",
            "edit_view",
            "export_records",
            "clear_list",
            "convert_file",
        ] {
            let found = action(tool, &json!({"path": "/h/x"}));
            assert_eq!(found, writes(&["/h/x"]), "{tool}");
        }
    }
}
