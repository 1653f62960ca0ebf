use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Call, Unmerged, calls_hooks, claude_plugin, merged};
use crate::hook::Client;

const WITH_FILES: [Client; 5] = [
    Client::Claude,
    Client::Codex,
    Client::Gemini,
    Client::Opencode,
    Client::Cursor,
];

fn call(gaia: &str) -> Call {
    Call {
        gaia: PathBuf::from(gaia),
        environment: vec![("GAIA_HOME".into(), "/a b/it's".into())],
    }
}

#[test]
fn doing_it_twice_changes_nothing_and_another_path_replaces_the_first() {
    for client in WITH_FILES {
        let first = merged(client, None, &call("/old/gaia")).unwrap();
        assert!(calls_hooks(&first.text, client), "{client:?}");
        let again = merged(client, Some(&first.text), &call("/old/gaia")).unwrap();
        assert_eq!(first, again, "{client:?}");
        let moved = merged(client, Some(&first.text), &call("/new/gaia")).unwrap();
        assert_eq!(
            moved,
            merged(client, None, &call("/new/gaia")).unwrap(),
            "{client:?}"
        );
    }
}

#[test]
fn codex_tells_of_a_turn_that_its_user_breaks_off() {
    let file = merged(Client::Codex, None, &call("/x/gaia")).unwrap();
    let now: Value = serde_json::from_str(&file.text).unwrap();
    assert!(now["hooks"]["Interrupt"].is_array(), "{now}");
}

#[test]
fn what_is_the_users_stays() {
    let theirs = json!({
        "model": "opus",
        "hooks": {
            "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "my-check"}]}],
            "Stop": [{"hooks": [{"type": "command", "command": "say done"}, {"type": "command", "command": "gaia hook claude"}]}],
            "Other": [{"hooks": []}],
        },
    });
    let file = merged(Client::Claude, Some(&theirs.to_string()), &call("/x/gaia")).unwrap();
    let now: Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!(now["model"], "opus");
    for event in ["PreToolUse", "Stop", "Other"] {
        assert_eq!(now["hooks"][event][0], theirs["hooks"][event][0], "{event}");
    }
    assert_eq!(now["hooks"]["PreToolUse"].as_array().unwrap().len(), 2);
}

#[test]
fn settings_that_cannot_be_read_are_left_alone() {
    for (text, wrong) in [
        ("{", "JSON"),
        ("[]", "object"),
        ("{\"hooks\": 1}", "object"),
        ("{\"hooks\": {\"Stop\": 1}}", "array"),
    ] {
        let error = merged(Client::Claude, Some(text), &call("/x/gaia")).unwrap_err();
        assert!(error.to_string().contains(wrong), "{text}: {error}");
    }
    assert!(matches!(
        merged(Client::Generic, None, &call("/x/gaia")),
        Err(Unmerged::None(_))
    ));
    assert!(!calls_hooks("{", Client::Claude));
}

#[test]
fn a_hook_of_claude_that_fails_blocks_and_the_plugin_has_the_same() {
    let files = claude_plugin(&call("/x/gaia"));
    let hooks: Value = serde_json::from_str(&files[1].text).unwrap();
    assert_eq!(
        hooks["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"],
        "block"
    );
    let settings = merged(Client::Claude, None, &call("/x/gaia")).unwrap();
    let settings: Value = serde_json::from_str(&settings.text).unwrap();
    assert_eq!(hooks, settings);
}
