//! What a tool's input says: paths, commands, code.

use serde_json::Value;

use super::event::Action;
use crate::shell::paths_in_text;

/// So deep are paths looked for in an input, and so many are kept.
const DEEPEST: usize = 5;
const MOST: usize = 200;

/// Parts of a field's name by which its value is a path.
const PATHS: &[&str] = &[
    "path",
    "paths",
    "file",
    "files",
    "filename",
    "filenames",
    "filepath",
    "folder",
    "folders",
    "directory",
    "dir",
    "dirname",
    "destination",
    "dest",
    "target",
    "notebook",
    "uri",
    "uris",
    "root",
];

/// Parts by which it is something else all the same: `file_text`, `path_type`.
const NO_PATHS: &[&str] = &[
    "text",
    "content",
    "contents",
    "type",
    "encoding",
    "mode",
    "pattern",
    "id",
    "description",
    "count",
    "size",
    "format",
    "hash",
    "language",
];

/// The parts of a name: `pathInProject`, `repo_path` and `repo-path` have two
/// or three.
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        let begins = letter.is_uppercase() && was_small;
        was_small = letter.is_lowercase() || letter.is_ascii_digit();
        if begins || !letter.is_alphanumeric() {
            parts.push(String::new());
        }
        if let (Some(part), true) = (parts.last_mut(), letter.is_alphanumeric()) {
            part.extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_path(name: &str) -> bool {
    let parts = parts(name);
    let has = |known: &[&str]| parts.iter().any(|part| known.contains(&part.as_str()));
    has(PATHS) && !has(NO_PATHS)
}

/// The paths that an input names, wherever in it.
pub(super) fn paths(input: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(input, false, 0, &mut found);
    found
}

fn look(value: &Value, named: bool, depth: usize, found: &mut Vec<String>) {
    match value {
        _ if depth > DEEPEST || found.len() >= MOST => {}
        Value::String(path) if named && !path.is_empty() => {
            let path = path.strip_prefix("file://").unwrap_or(path);
            if !path.contains("://") && !path.contains('\n') {
                found.push(path.to_owned());
            }
        }
        Value::Array(many) => many
            .iter()
            .for_each(|one| look(one, named, depth + 1, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                // Names are paths where fields hold files: {"files": {"a": "…"}}.
                look(value, is_path(name), depth + 1, found);
                if named && name.contains('/') {
                    found.push(name.clone());
                }
            }
        }
        _ => {}
    }
}

/// The command that an input bears, and where it runs.
pub(super) fn runs(input: &Value) -> Option<Action> {
    const COMMANDS: [&str; 5] = ["command", "cmd", "commands", "commandLine", "command_line"];
    const FOLDERS: [&str; 6] = [
        "workdir",
        "dir_path",
        "directory",
        "cwd",
        "working_directory",
        "workingDirectory",
    ];
    let (field, command) = COMMANDS
        .iter()
        .find_map(|name| Some((*name, input.get(name)?)))?;
    let mut command = match command {
        Value::String(command) => command.clone(),
        // Each is one of its own.
        Value::Array(commands) if field == "commands" => lines(commands)?,
        Value::Array(words) => words_as_command(words)?,
        _ => return None,
    };
    // `{"command": "rm", "args": ["x"]}`
    if let Some(words) = input.get("args").and_then(Value::as_array) {
        command = format!("{command} {}", words_as_command(words)?);
    }
    let folder = FOLDERS.iter().find_map(|name| input.get(name)?.as_str());
    Some(Action::Runs {
        command,
        folder: folder
            .filter(|folder| !folder.is_empty())
            .map(str::to_owned),
    })
}

fn lines(commands: &[Value]) -> Option<String> {
    let lines: Option<Vec<&str>> = commands.iter().map(Value::as_str).collect();
    lines.map(|lines| lines.join("\n"))
}

/// What a text editor does by its one word for it (`view`, `str_replace`), and
/// to which files: `{"command": "create", "path": "x"}` is no shell's command.
pub(super) fn edits(input: &Value) -> Option<Action> {
    const FILES: [&str; 4] = ["path", "file_path", "filePath", "file"];
    let verb = input.get("command")?.as_str()?;
    let is_word = |letter: char| letter.is_alphabetic() || letter == '_';
    if verb.is_empty() || !verb.chars().all(is_word) {
        return None;
    }
    let mut files = FILES.iter().filter_map(|name| input.get(*name)?.as_str());
    files.next()?;
    Some(match verb {
        "view" => Action::Free,
        _ => Action::Writes(paths(input)),
    })
}

/// The paths that a tool takes away or puts, whose fields are called by the two
/// ends of the way: `{"from": "a.rs", "to": "b.rs"}`.
pub(super) fn ends_of_way(input: &Value, leaves_source: bool, is_of_files: bool) -> Vec<String> {
    const SOURCES: [&str; 4] = ["source", "src", "from", "old"];
    const PLACES: [&str; 3] = ["to", "dst", "new"];
    let sources: &[&str] = if leaves_source { &[] } else { &SOURCES };
    let values = sources.iter().chain(&PLACES);
    let values = values.filter_map(|name| input.get(name)?.as_str());
    // A tracker moves things from `todo` to `done`.
    let is_path = |text: &&str| {
        !text.is_empty() && !text.contains('\n') && (is_of_files || text.contains(['/', '.']))
    };
    values.filter(is_path).map(str::to_owned).collect()
}

/// Texts of an input that are nothing but a path from the root or the home.
pub(super) fn whole_paths(input: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let is_whole = |text: &str| {
        (text.starts_with('/') || text.starts_with("~/"))
            && !text.starts_with("//")
            && !text.contains('\n')
            && !text.trim_matches('/').is_empty()
    };
    texts(input, 0, &mut |text| {
        if is_whole(text) && found.len() < MOST {
            found.push(text.to_owned());
        }
    });
    found
}

/// Words of a program as a shell would read them.
fn words_as_command(words: &[Value]) -> Option<String> {
    let quoted = |word: &Value| Some(format!("'{}'", word.as_str()?.replace('\'', "'\\''")));
    let words: Option<Vec<String>> = words.iter().map(quoted).collect();
    words.map(|words| words.join(" "))
}

/// A tool of which it is not known what it writes: anything where it works, and
/// what its input names.
pub(super) fn unsure(tool: &str, input: &Value) -> Action {
    let mut names = paths(input);
    texts(input, 0, &mut |text| names.extend(paths_in_text(text)));
    names.truncate(MOST);
    Action::Unsure {
        what: tool.to_owned(),
        names,
    }
}

fn texts(value: &Value, depth: usize, hear: &mut impl FnMut(&str)) {
    match value {
        _ if depth > DEEPEST => {}
        Value::String(text) => hear(text),
        Value::Array(many) => many.iter().for_each(|one| texts(one, depth + 1, hear)),
        Value::Object(fields) => fields
            .values()
            .for_each(|value| texts(value, depth + 1, hear)),
        _ => {}
    }
}
