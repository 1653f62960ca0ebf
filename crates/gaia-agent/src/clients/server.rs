//! GAIA's MCP server among those that a client knows: it is called `gaia` in
//! all of them, and run as `gaia mcp`.

use jsonc_parser::cst::CstObject;
use serde_json::{Map, Value, json};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike};

use super::json::{self as place, Settings};
use super::{Call, Unmerged, merge};
use crate::hook::Client;

/// The server's name.
const NAME: &str = "gaia";
/// The settings that say which database is meant: ours to set and to take away.
const OURS: [&str; 3] = ["GAIA_HOME", "GAIA_LOCKS_DIR", "GAIA_DATABASE_URL"];
/// Codex gives a server none of its environment but what is named: as whom it
/// acts, and through which server it works.
const CODEX_PASSES: [&str; 8] = [
    "GAIA_SESSION",
    "GAIA_TASK",
    "GAIA_LOCK_TOKEN",
    "GAIA_SERVER",
    "GAIA_SERVER_CA",
    "GAIA_TOKEN",
    "TMUX",
    "TMUX_PANE",
];
/// Gemini CLI takes out what is called a token, and puts in what it is told to.
const GEMINI_PASSES: [&str; 2] = ["GAIA_TOKEN", "GAIA_LOCK_TOKEN"];
/// So many seconds may a tool take in Codex: a wait in line is one.
const CODEX_PATIENCE: i64 = 3600;
const CODEX: &str = "mcp_servers";

/// The table of servers, and where its entries have their environment.
fn names(client: Client) -> (&'static str, &'static str) {
    match client {
        Client::Opencode => ("mcp", "environment"),
        _ => ("mcpServers", "env"),
    }
}

/// A client's settings with the server in them.
pub(super) fn with_server(
    client: Client,
    existing: Option<&str>,
    call: &Call,
) -> Result<String, Unmerged> {
    if client == Client::Codex {
        return in_toml(existing, call);
    }
    let call = &passing(client, call);
    let (servers, environment) = names(client);
    let settings = Settings::read(existing, "{}\n")?;
    let servers = settings.object(servers)?;
    let Some(there) = servers.get(NAME) else {
        let mut entry = entry(client, call);
        if !call.environment.is_empty() {
            entry.insert(environment.to_owned(), meant(call));
        }
        servers.append(NAME, place::input(&Value::Object(entry)));
        return Ok(settings.text());
    };
    let there = there.object_value().ok_or(Unmerged::Taken)?;
    if !runs_gaia(&there.to_serde_value().unwrap_or_default()) {
        return Err(Unmerged::Taken);
    }
    for (name, value) in entry(client, call) {
        place::set(&there, &name, &value);
    }
    set_environment(&there, environment, call);
    Ok(settings.text())
}

/// The call with what its client would else keep from the server.
fn passing(client: Client, call: &Call) -> Call {
    let mut call = call.clone();
    if client == Client::Gemini {
        let passes = GEMINI_PASSES.map(|name| (name.to_owned(), format!("${name}")));
        call.environment.extend(passes);
    }
    call
}

/// An entry without its environment.
fn entry(client: Client, call: &Call) -> Map<String, Value> {
    let gaia = call.gaia.to_string_lossy();
    let entry = match client {
        Client::Claude => json!({"type": "stdio", "command": gaia, "args": ["mcp"]}),
        Client::Opencode => json!({"type": "local", "command": [gaia, "mcp"], "enabled": true}),
        _ => json!({"command": gaia, "args": ["mcp"]}),
    };
    match entry {
        Value::Object(entry) => entry,
        _ => Map::new(),
    }
}

fn meant(call: &Call) -> Value {
    let pairs = call.environment.iter();
    Value::Object(
        pairs
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
    )
}

/// The settings that are meant now; those of an earlier time go.
fn set_environment(entry: &CstObject, name: &str, call: &Call) {
    let is_meant = |name: &str| call.environment.iter().any(|(meant, _)| meant == name);
    if let Some(there) = entry.get(name).and_then(|found| found.object_value()) {
        for old in OURS.iter().filter(|name| !is_meant(name)) {
            if let Some(old) = there.get(old) {
                old.remove();
            }
        }
    }
    if call.environment.is_empty() {
        return;
    }
    let there = entry.object_value_or_set(name);
    for (name, value) in &call.environment {
        place::set(&there, name, &Value::from(value.as_str()));
    }
}

/// Whether an entry runs `gaia mcp`: one of somebody else's server that has the
/// same name is left alone.
fn runs_gaia(entry: &Value) -> bool {
    let words = |value: &Value| match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    let all = [words(&entry["command"]), words(&entry["args"])].concat();
    is_gaia(&all)
}

fn is_gaia(words: &[String]) -> bool {
    match words {
        [program, word] => word == "mcp" && program.rsplit('/').next() == Some("gaia"),
        _ => false,
    }
}

/// Settings without the server; what is empty then stays only if it was there
/// `before`. `None`: nothing is left.
pub(super) fn without_server(
    client: Client,
    now: &str,
    before: Option<&str>,
) -> Result<Option<String>, Unmerged> {
    if client == Client::Codex {
        return out_of_toml(now, before);
    }
    let (name, _) = names(client);
    let settings = Settings::read(Some(now), "{}\n")?;
    let was = before.map(place::value_of).unwrap_or_default();
    if let Some(servers) = settings.object_there(name) {
        let is_ours = |entry: &CstObject| runs_gaia(&entry.to_serde_value().unwrap_or_default());
        let entry = servers.get(NAME);
        if let Some(entry) =
            entry.filter(|entry| entry.object_value().as_ref().is_some_and(is_ours))
        {
            entry.remove();
        }
        if servers.properties().is_empty()
            && was.get(name).is_none()
            && let Some(servers) = settings.top().get(name)
        {
            servers.remove();
        }
    }
    Ok(merge::what_is_left(&settings, before))
}

fn read_toml(text: &str) -> Result<DocumentMut, Unmerged> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| Unmerged::Toml(error.message().to_owned()))
}

fn in_toml(existing: Option<&str>, call: &Call) -> Result<String, Unmerged> {
    let text = existing.unwrap_or_default();
    let mut settings = read_toml(text)?;
    let mut all = Table::new();
    all.set_implicit(true);
    let servers = settings.entry(CODEX).or_insert(Item::Table(all));
    let servers = servers
        .as_table_like_mut()
        .ok_or(Unmerged::Shape(CODEX, "table"))?;
    let is_new = !servers.contains_key(NAME);
    let entry = servers.entry(NAME).or_insert(Item::Table(Table::new()));
    let entry = entry.as_table_like_mut().ok_or(Unmerged::Taken)?;
    if !is_new && !is_gaia(&words_in(entry)) {
        return Err(Unmerged::Taken);
    }
    let gaia = call.gaia.to_string_lossy().into_owned();
    if words_in(entry) != [gaia.clone(), "mcp".to_owned()] {
        entry.insert("command", toml_edit::value(gaia));
        let args: Array = ["mcp"].into_iter().collect();
        entry.insert("args", toml_edit::value(args));
    }
    if !entry.contains_key("tool_timeout_sec") {
        entry.insert("tool_timeout_sec", toml_edit::value(CODEX_PATIENCE));
    }
    pass_in_toml(entry);
    set_toml_environment(entry, call);
    Ok(settings.to_string())
}

fn words_in(entry: &dyn TableLike) -> Vec<String> {
    let command = entry.get("command").and_then(Item::as_str);
    let args = entry.get("args").and_then(Item::as_array);
    let args = args
        .into_iter()
        .flatten()
        .filter_map(toml_edit::Value::as_str);
    command.into_iter().chain(args).map(str::to_owned).collect()
}

/// What somebody else has passed on stays.
fn pass_in_toml(entry: &mut dyn TableLike) {
    let there = entry
        .entry("env_vars")
        .or_insert(toml_edit::value(Array::new()));
    let Some(there) = there.as_array_mut() else {
        return;
    };
    for name in CODEX_PASSES {
        if !there.iter().any(|known| known.as_str() == Some(name)) {
            there.push(name);
        }
    }
}

fn set_toml_environment(entry: &mut dyn TableLike, call: &Call) {
    if let Some(there) = entry.get_mut("env").and_then(Item::as_table_like_mut) {
        for old in OURS {
            if call.environment.iter().all(|(name, _)| name != old) {
                there.remove(old);
            }
        }
    }
    if call.environment.is_empty() {
        return;
    }
    let there = entry
        .entry("env")
        .or_insert(toml_edit::value(InlineTable::new()));
    let Some(there) = there.as_table_like_mut() else {
        return;
    };
    for (name, value) in &call.environment {
        if there.get(name).and_then(Item::as_str) != Some(value) {
            there.insert(name, toml_edit::value(value.as_str()));
        }
    }
}

fn out_of_toml(now: &str, before: Option<&str>) -> Result<Option<String>, Unmerged> {
    let mut settings = read_toml(now)?;
    if let Some(servers) = settings.get_mut(CODEX).and_then(Item::as_table_like_mut) {
        let entry = servers.get(NAME).and_then(Item::as_table_like);
        if entry.is_some_and(|entry| is_gaia(&words_in(entry))) {
            servers.remove(NAME);
        }
    }
    let left = settings.to_string();
    Ok((before.is_some() || !left.trim().is_empty()).then_some(left))
}

/// Whether settings name the server already, for `gaia doctor`.
#[must_use]
pub fn names_server(existing: &str, client: Client) -> bool {
    if client == Client::Codex {
        let settings = read_toml(existing).unwrap_or_default();
        let entry = settings.get(CODEX).and_then(|servers| servers.get(NAME));
        let entry = entry.and_then(Item::as_table_like);
        return entry.is_some_and(|entry| is_gaia(&words_in(entry)));
    }
    runs_gaia(&place::value_of(existing)[names(client).0][NAME])
}
