//! Hooks into settings that may hold others, and out of them again.

use std::collections::VecDeque;

use jsonc_parser::cst::{CstArray, CstNode, CstObject};
use serde_json::Value;

use super::json::{self, Settings};
use super::{Unmerged, Wanted};
use crate::hook::Client;

/// Where hooks stand in every client's settings.
const HOOKS: &str = "hooks";

/// Settings with these hooks in them; those that GAIA put there before give way
/// to them, and all else stays as it is written.
pub(super) fn hooks(
    existing: Option<&str>,
    wanted: &Wanted,
    client: Client,
) -> Result<String, Unmerged> {
    let new = match client {
        Client::Cursor => "{\n  \"version\": 1\n}\n",
        _ => "{}\n",
    };
    let settings = Settings::read(existing, new)?;
    let hooks = settings.object(HOOKS)?;
    for (event, entries) in wanted {
        put(&hooks, event, entries, client)?;
    }
    let is_wanted = |event: &str| wanted.iter().any(|(name, _)| *name == event);
    take_out(&hooks, client, &|event| !is_wanted(event), &|_| false);
    Ok(settings.text())
}

/// The entries of one event: an earlier one of ours is replaced where it stands.
fn put(hooks: &CstObject, event: &str, new: &[Value], client: Client) -> Result<(), Unmerged> {
    let list = json::list(hooks, event)?;
    leave_entries_of_others(&list, client);
    let there: Vec<Value> = list.elements().iter().map(json::value).collect();
    let mut missing: VecDeque<&Value> = new.iter().filter(|new| !there.contains(new)).collect();
    let mut at = 0;
    for (node, entry) in list.elements().into_iter().zip(&there) {
        if !is_ours(entry, client) || new.contains(entry) {
            at += 1;
            continue;
        }
        if let Some(new) = missing.pop_front() {
            list.insert(at, json::input(new));
            at += 1;
        }
        node.remove();
    }
    for entry in missing {
        list.append(json::input(entry));
    }
    Ok(())
}

/// Settings without GAIA's hooks. What is empty then stays only if it was there
/// `before` they came. `None`: nothing is left.
pub(super) fn without_hooks(
    now: &str,
    before: Option<&str>,
    client: Client,
) -> Result<Option<String>, Unmerged> {
    let settings = Settings::read(Some(now), "{}\n")?;
    let was = before.map(json::value_of).unwrap_or_default();
    if let Some(hooks) = settings.object_there(HOOKS) {
        let was_there = |event: &str| was[HOOKS].get(event).is_some();
        take_out(&hooks, client, &|_| true, &was_there);
        if hooks.properties().is_empty() && was.get(HOOKS).is_none() {
            hooks_property(&settings);
        }
    }
    Ok(what_is_left(&settings, before))
}

fn hooks_property(settings: &Settings) {
    if let Some(property) = settings.top().get(HOOKS) {
        property.remove();
    }
}

/// The text, unless there was no file before and nothing of anybody's is in it.
pub(super) fn what_is_left(settings: &Settings, before: Option<&str>) -> Option<String> {
    let is_nothing = |name: Option<String>| name.as_deref() == Some("version");
    let mut left = settings.top().properties().into_iter();
    let is_empty = left.all(|property| is_nothing(property.decoded_name()));
    (before.is_some() || !is_empty).then(|| settings.text())
}

/// Takes GAIA's entries out of some events, and the lists that are empty then.
fn take_out(
    hooks: &CstObject,
    client: Client,
    meant: &dyn Fn(&str) -> bool,
    stays: &dyn Fn(&str) -> bool,
) {
    for property in hooks.properties() {
        let event = property.decoded_name().unwrap_or_default();
        let Some(list) = property.array_value().filter(|_| meant(&event)) else {
            continue;
        };
        leave_entries_of_others(&list, client);
        let ours = list.elements().into_iter();
        let ours: Vec<_> = ours
            .filter(|node| is_ours(&json::value(node), client))
            .collect();
        if ours.is_empty() {
            continue;
        }
        if ours.len() == list.elements().len() && !stays(&event) {
            property.remove();
            continue;
        }
        for node in ours {
            node.remove();
        }
    }
}

/// Takes the hook that calls GAIA out of entries that call something else too:
/// whoever put that there has made the entry his own.
fn leave_entries_of_others(list: &CstArray, client: Client) {
    for entry in list.elements() {
        let hooks = entry.as_object().and_then(|entry| entry.get("hooks"));
        let Some(hooks) = hooks.and_then(|hooks| hooks.array_value()) else {
            continue;
        };
        let (ours, others): (Vec<_>, Vec<_>) = hooks
            .elements()
            .into_iter()
            .partition(|hook| calls_gaia(&json::value(hook), client));
        if !others.is_empty() {
            ours.into_iter().for_each(CstNode::remove);
        }
    }
}

/// An entry that calls nothing but `gaia hook CLIENT`.
fn is_ours(entry: &Value, client: Client) -> bool {
    match entry.get("hooks").and_then(Value::as_array) {
        Some(hooks) => !hooks.is_empty() && hooks.iter().all(|hook| calls_gaia(hook, client)),
        None => calls_gaia(entry, client),
    }
}

fn calls_gaia(hook: &Value, client: Client) -> bool {
    let line = words(hook).join(" ").replace('\'', "");
    let Some(program) = line.strip_suffix(&format!(" hook {}", client.word())) else {
        return false;
    };
    program.rsplit(['/', ' ']).next() == Some("gaia")
}

/// A hook's command, and its words where it has them.
fn words(hook: &Value) -> Vec<String> {
    let command = hook.get("command").and_then(Value::as_str);
    let args = hook.get("args").and_then(Value::as_array);
    let args = args.into_iter().flatten().filter_map(Value::as_str);
    command.into_iter().chain(args).map(str::to_owned).collect()
}

/// The events before a tool runs, in each client's words.
const BEFORE: [&str; 3] = ["PreToolUse", "BeforeTool", "preToolUse"];

/// The command that settings call before a tool runs: one word, for a shell, or
/// a program and its words. `None`: they do not call GAIA's hooks.
#[must_use]
pub fn called(existing: &str, client: Client) -> Option<Vec<String>> {
    if client == Client::Opencode {
        return in_plugin(existing);
    }
    let settings = json::value_of(existing);
    let entries = BEFORE
        .iter()
        .filter_map(|event| settings[HOOKS].get(event)?.as_array());
    let mut hooks = entries.flatten().flat_map(|entry| {
        let inner = entry.get("hooks").and_then(Value::as_array);
        inner.map_or(std::slice::from_ref(entry), Vec::as_slice)
    });
    hooks.find(|hook| calls_gaia(hook, client)).map(words)
}

/// The plugin names the program in a line of its own.
fn in_plugin(text: &str) -> Option<Vec<String>> {
    let named = text
        .lines()
        .find_map(|line| line.strip_prefix("const GAIA = "))?;
    let gaia: String = serde_json::from_str(named).ok()?;
    Some(vec![gaia, "hook".to_owned(), "opencode".to_owned()])
}

/// Whether settings call GAIA's hooks already, for `gaia doctor`.
#[must_use]
pub fn calls_hooks(existing: &str, client: Client) -> bool {
    called(existing, client).is_some()
}
