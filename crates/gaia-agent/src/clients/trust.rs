//! Whether a client would run the hooks that stand in its settings.

use std::path::Path;

use serde_json::Value;
use toml_edit::{DocumentMut, Item};

use super::json;
use crate::hook::Client;

/// What a client makes of hooks in its settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runs {
    /// Nothing stands against it.
    Yes,
    /// They are turned off, all of them.
    Off,
    /// Its user has not trusted them.
    Untrusted,
}

/// Whether settings turn all hooks off.
#[must_use]
pub fn runs_hooks(settings: &str, client: Client) -> Runs {
    let settings = json::value_of(settings);
    let off = match client {
        Client::Claude => settings["disableAllHooks"] == Value::Bool(true),
        Client::Gemini => settings["hooksConfig"]["enabled"] == Value::Bool(false),
        _ => false,
    };
    if off { Runs::Off } else { Runs::Yes }
}

/// Whether Codex runs the hooks of a file, as its `config.toml` tells. It keeps
/// there what its user has trusted, by file, event and what the hook says. What
/// it makes of a hook that was changed afterwards only itself can tell.
#[must_use]
pub fn codex_runs_hooks(config: &str, hooks: &Path) -> Runs {
    let config: DocumentMut = config.parse().unwrap_or_default();
    let features = config.get("features").and_then(Item::as_table_like);
    let is_off = |name: &str| {
        let feature = features.and_then(|features| features.get(name));
        feature.and_then(Item::as_bool) == Some(false)
    };
    if is_off("hooks") || is_off("codex_hooks") {
        return Runs::Off;
    }
    let state = config.get("hooks").and_then(|hooks| hooks.get("state"));
    let state = state.and_then(Item::as_table_like);
    let file = hooks.to_string_lossy();
    let is_trusted = |(key, entry): (&str, &Item)| {
        key.starts_with(&*file)
            && key.contains("pre_tool_use")
            && entry.get("trusted_hash").is_some()
            && entry.get("enabled").and_then(Item::as_bool) != Some(false)
    };
    match state.is_some_and(|state| state.iter().any(is_trusted)) {
        true => Runs::Yes,
        false => Runs::Untrusted,
    }
}
