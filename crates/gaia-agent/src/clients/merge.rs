//! Hooks into settings that may hold others.

use serde_json::{Map, Value, json};

use super::{Unmerged, Wanted};
use crate::hook::Client;

/// Settings with these hooks in them; those that GAIA put there before go.
pub(super) fn hooks(
    existing: Option<&str>,
    wanted: &Wanted,
    client: Client,
) -> Result<String, Unmerged> {
    let existing = existing.filter(|text| !text.trim().is_empty());
    let mut settings = match existing {
        Some(text) => {
            serde_json::from_str(text).map_err(|error| Unmerged::Json(error.to_string()))?
        }
        None if client == Client::Cursor => json!({ "version": 1 }),
        None => json!({}),
    };
    let before = settings.clone();
    let all = settings
        .as_object_mut()
        .ok_or(Unmerged::Shape("the whole", "object"))?;
    let hooks = all.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks
        .as_object_mut()
        .ok_or(Unmerged::Shape("hooks", "object"))?;
    put(hooks, wanted, client)?;
    match existing {
        // Nothing is to be changed: not even how it is written.
        Some(text) if settings == before => Ok(text.to_owned()),
        _ => Ok(format!("{settings:#}\n")),
    }
}

fn put(hooks: &mut Map<String, Value>, wanted: &Wanted, client: Client) -> Result<(), Unmerged> {
    for (_, entries) in hooks.iter_mut() {
        if let Some(entries) = entries.as_array_mut() {
            let ours = |entry: &Value| {
                is_ours(entry, client) && !wanted.iter().any(|(_, new)| new.contains(entry))
            };
            entries.retain(|entry| !ours(entry));
        }
    }
    for (event, new) in wanted {
        let entries = hooks.entry(*event).or_insert_with(|| json!([]));
        let entries = entries
            .as_array_mut()
            .ok_or(Unmerged::Shape("a list of hooks", "array"))?;
        for entry in new {
            if !entries.contains(entry) {
                entries.push(entry.clone());
            }
        }
    }
    Ok(())
}

/// An entry that calls nothing but `gaia hook CLIENT`.
fn is_ours(entry: &Value, client: Client) -> bool {
    match entry.get("hooks").and_then(Value::as_array) {
        Some(hooks) => !hooks.is_empty() && hooks.iter().all(|hook| calls_gaia(hook, client)),
        None => calls_gaia(entry, client),
    }
}

fn calls_gaia(hook: &Value, client: Client) -> bool {
    let command = hook
        .get("command")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let args = hook.get("args").and_then(Value::as_array);
    let args = args.into_iter().flatten().filter_map(Value::as_str);
    let line = std::iter::once(command)
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ");
    let line = line.replace('\'', "");
    let Some(program) = line.strip_suffix(&format!(" hook {}", client.word())) else {
        return false;
    };
    program.rsplit(['/', ' ']).next() == Some("gaia")
}

/// Whether settings call GAIA's hooks already, for `gaia doctor`.
#[must_use]
pub fn calls_hooks(existing: &str, client: Client) -> bool {
    if client == Client::Opencode {
        return existing.contains("\"hook\", \"opencode\"");
    }
    let Ok(settings) = serde_json::from_str::<Value>(existing) else {
        return false;
    };
    let before = ["PreToolUse", "BeforeTool", "preToolUse"];
    let mut entries = before
        .iter()
        .filter_map(|event| settings.get("hooks")?.get(event)?.as_array());
    entries.any(|entries| entries.iter().any(|entry| is_ours(entry, client)))
}
