use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    Call, Part, Runs, Unmerged, calls_hooks, claude_plugin, codex_runs_hooks, merged, names_server,
    runs_hooks, with_server, without,
};
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

/// Whoever adds a hook to an entry has made it theirs, but for the one of ours.
#[test]
fn in_an_entry_that_its_user_has_added_to_only_the_hook_of_gaia_goes_or_is_renewed() {
    let first = merged(Client::Claude, None, &call("/old/gaia")).unwrap();
    let mut theirs: Value = serde_json::from_str(&first.text).unwrap();
    let hooks = theirs["hooks"]["PreToolUse"][0]["hooks"].as_array_mut();
    hooks
        .unwrap()
        .push(json!({"type": "command", "command": "mine"}));
    let theirs = theirs.to_string();
    let moved = merged(Client::Claude, Some(&theirs), &call("/new/gaia")).unwrap();
    assert!(
        !moved.text.contains("/old/gaia") && moved.text.contains("mine"),
        "{}",
        moved.text
    );
    let again = merged(Client::Claude, Some(&moved.text), &call("/new/gaia")).unwrap();
    assert_eq!(moved, again);
    for text in [&theirs, &moved.text] {
        let left = without(Client::Claude, Part::Hooks, text, None)
            .unwrap()
            .unwrap();
        assert!(!left.contains("gaia") && left.contains("mine"), "{left}");
        assert!(calls_hooks(text, Client::Claude));
    }
}

#[test]
fn a_plugin_of_the_users_own_is_left_alone() {
    for text in ["// my own plugin\n", "export const x = 1"] {
        let refused = merged(Client::Opencode, Some(text), &call("/x/gaia"));
        assert_eq!(refused, Err(Unmerged::Others));
    }
    assert!(merged(Client::Opencode, Some(" \n"), &call("/x/gaia")).is_ok());
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
    for event in ["PreToolUse", "Other"] {
        assert_eq!(now["hooks"][event][0], theirs["hooks"][event][0], "{event}");
    }
    let stop = &now["hooks"]["Stop"][0]["hooks"];
    assert_eq!(*stop, json!([{"type": "command", "command": "say done"}]));
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
    let hooks = files.iter().find(|file| file.path.ends_with("hooks.json"));
    let hooks: Value = serde_json::from_str(&hooks.unwrap().text).unwrap();
    assert_eq!(
        hooks["hooks"]["PreToolUse"][0]["hooks"][0]["onFailure"],
        "block"
    );
    let settings = merged(Client::Claude, None, &call("/x/gaia")).unwrap();
    let settings: Value = serde_json::from_str(&settings.text).unwrap();
    assert_eq!(hooks, settings);
}

/// Settings as people write them, each in their own way.
fn as_people_write(client: Client) -> Vec<&'static str> {
    let json = [
        "{}",
        "{\n\t\"zeta\": 1,\n\t\"alpha\": {\"b\":1, \"a\" :2}\n}",
        "{\r\n    \"zeta\": [ 1,2 ],\r\n    \"alpha\": true\r\n}\r\n",
        "{\n  // mine\n  \"hooks\": {\n    \"Stop\": [\n      {\"hooks\": []}, // keep\n    ],\n  },\n  \"mcpServers\": {\"z\": {\"command\": \"z\"}},\n  \"mcp\": { },\n}\n",
        "{\"hooks\":{\"PreToolUse\":[{\"matcher\":\"Bash\",\"hooks\":[{\"type\":\"command\",\"command\":\"x\"}]}]},\"z\":1,\"a\":2}",
    ];
    match client {
        Client::Codex => vec![
            "",
            "# mine\nmodel = \"m\"   # which\n\n[mcp_servers.other]\ncommand='o'\n\n[z]\nb=1\na = 2",
            "mcp_servers = { other = { command = \"o\" } }\n",
        ],
        _ => json.to_vec(),
    }
}

/// What of an earlier text is still there, in order.
fn is_within(before: &str, after: &str) -> bool {
    let mut after = after.chars();
    let letters = before.chars().filter(|letter| !letter.is_whitespace());
    letters
        .into_iter()
        .all(|letter| after.any(|other| other == letter))
}

#[test]
fn what_is_the_users_stays_as_it_is_written_and_comes_back_when_gaia_goes() {
    for client in WITH_FILES {
        for before in as_people_write(client) {
            let there = with_server(client, Some(before), &call("/x/gaia")).unwrap();
            assert!(is_within(before, &there), "{client:?}\n{before}\n{there}");
            assert!(names_server(&there, client), "{client:?} {there}");
            let again = with_server(client, Some(&there), &call("/x/gaia")).unwrap();
            assert_eq!(again, there, "{client:?}");
            let left = without(client, Part::Server, &there, Some(before)).unwrap();
            let left = left.unwrap();
            assert!(!names_server(&left, client), "{left}");
            assert!(is_within(before, &left), "{client:?}\n{before}\n{left}");
        }
    }
    for client in [
        Client::Claude,
        Client::Gemini,
        Client::Codex,
        Client::Cursor,
    ] {
        for before in as_people_write(Client::Claude) {
            let there = merged(client, Some(before), &call("/x/gaia")).unwrap().text;
            assert!(is_within(before, &there), "{client:?}\n{before}\n{there}");
            assert!(calls_hooks(&there, client), "{there}");
            let again = merged(client, Some(&there), &call("/x/gaia")).unwrap().text;
            assert_eq!(again, there, "{client:?}");
            let left = without(client, Part::Hooks, &there, Some(before)).unwrap();
            let left = left.unwrap();
            assert!(
                !left.contains("/x/gaia") && is_within(before, &left),
                "{before}\n{left}"
            );
        }
    }
}

#[test]
fn indentation_and_order_are_the_files_own() {
    let before = "{\n    \"zeta\": 1,\n    \"alpha\": 2\n}\n";
    let there = with_server(Client::Cursor, Some(before), &plain()).unwrap();
    let wanted = "{\n    \"zeta\": 1,\n    \"alpha\": 2,\n    \"mcpServers\": {\n        \"gaia\": {\n            \
                  \"args\": [\"mcp\"],\n            \"command\": \"/x/gaia\"\n        }\n    }\n}\n";
    assert_eq!(there, wanted);
    let toml = "model = \"m\" # mine\n";
    let there = with_server(Client::Codex, Some(toml), &plain()).unwrap();
    let wanted = "model = \"m\" # mine\n\n[mcp_servers.gaia]\ncommand = \"/x/gaia\"\nargs = [\"mcp\"]\ntool_timeout_sec = 3600\n\
                  env_vars = [\"GAIA_SESSION\", \"GAIA_TASK\", \"GAIA_LOCK_TOKEN\", \"GAIA_SERVER\", \"GAIA_SERVER_CA\", \"GAIA_TOKEN\", \"TMUX\", \"TMUX_PANE\"]\n";
    assert_eq!(there, wanted);
}

#[test]
fn t15_gemini_is_told_to_pass_on_what_it_takes_for_a_secret() {
    let there = with_server(Client::Gemini, None, &plain()).unwrap();
    let there: Value = serde_json::from_str(&there).unwrap();
    let passes = json!({"GAIA_TOKEN": "$GAIA_TOKEN", "GAIA_LOCK_TOKEN": "$GAIA_LOCK_TOKEN"});
    assert_eq!(there["mcpServers"]["gaia"]["env"], passes);
}

fn plain() -> Call {
    Call {
        environment: Vec::new(),
        ..call("/x/gaia")
    }
}

#[test]
fn a_server_that_moved_is_found_at_its_new_place_and_what_else_is_said_of_it_stays() {
    let before = "{\"mcpServers\": {\"gaia\": {\"command\": \"/old/gaia\", \"args\": [\"mcp\"], \"timeout\": 5, \"env\": {\"GAIA_HOME\": \"/old\", \"MINE\": \"1\"}}}}";
    let there = with_server(Client::Cursor, Some(before), &plain()).unwrap();
    let there: Value = serde_json::from_str(&there).unwrap();
    assert_eq!(
        there["mcpServers"]["gaia"],
        json!({"command": "/x/gaia", "args": ["mcp"], "timeout": 5, "env": {"MINE": "1"}})
    );
    let before = "[mcp_servers.gaia]\ncommand = \"/old/gaia\"\nargs = [\"mcp\"]\ntool_timeout_sec = 5\n\
                  env_vars = [\"MINE\"]\nenv = { GAIA_HOME = \"/old\", MINE = \"1\" }\n";
    let there = with_server(Client::Codex, Some(before), &plain()).unwrap();
    assert_eq!(
        there,
        "[mcp_servers.gaia]\ncommand = \"/x/gaia\"\nargs = [\"mcp\"]\ntool_timeout_sec = 5\n\
         env_vars = [\"MINE\", \"GAIA_SESSION\", \"GAIA_TASK\", \"GAIA_LOCK_TOKEN\", \"GAIA_SERVER\", \"GAIA_SERVER_CA\", \"GAIA_TOKEN\", \"TMUX\", \"TMUX_PANE\"]\n\
         env = { MINE = \"1\" }\n"
    );
}

#[test]
fn another_server_of_that_name_is_left_alone() {
    let json = "{\"mcpServers\": {\"gaia\": {\"command\": \"other\"}}, \"mcp\": {\"gaia\": {\"command\": [\"gaia\", \"serve\"]}}}";
    let toml = "[mcp_servers.gaia]\nurl = \"http://127.0.0.1:1\"\n";
    for client in WITH_FILES {
        let text = if client == Client::Codex { toml } else { json };
        let taken = with_server(client, Some(text), &call("/x/gaia"));
        assert_eq!(taken, Err(Unmerged::Taken), "{client:?}");
        let left = without(client, Part::Server, text, Some(text)).unwrap();
        assert_eq!(left.as_deref(), Some(text));
    }
    let broken = with_server(Client::Codex, Some("= 1"), &call("/x/gaia"));
    assert!(matches!(broken, Err(Unmerged::Toml(_))), "{broken:?}");
}

#[test]
fn a_file_that_gaia_made_is_nothing_once_its_parts_are_out() {
    for client in WITH_FILES {
        let server = with_server(client, None, &call("/x/gaia")).unwrap();
        assert_eq!(without(client, Part::Server, &server, None).unwrap(), None);
        if client != Client::Opencode {
            let hooks = merged(client, None, &call("/x/gaia")).unwrap().text;
            assert_eq!(without(client, Part::Hooks, &hooks, None).unwrap(), None);
        }
    }
    assert!(without(Client::Opencode, Part::Hooks, "theirs", None).is_err());
}

#[test]
fn hooks_that_a_client_does_not_run_are_known() {
    let off = "{\"disableAllHooks\": true}";
    assert_eq!(runs_hooks(off, Client::Claude), Runs::Off);
    assert_eq!(runs_hooks("{}", Client::Claude), Runs::Yes);
    let off = "{\"hooksConfig\": {\"enabled\": false}}";
    assert_eq!(runs_hooks(off, Client::Gemini), Runs::Off);
    let file = std::path::Path::new("/h/.codex/hooks.json");
    let trusted =
        "[hooks.state.\"/h/.codex/hooks.json:pre_tool_use:0:0\"]\ntrusted_hash = \"sha256:00\"\n";
    assert_eq!(codex_runs_hooks(trusted, file), Runs::Yes);
    for config in ["", "model = \"m\"", &trusted.replace("/h/", "/other/")] {
        assert_eq!(codex_runs_hooks(config, file), Runs::Untrusted, "{config}");
    }
    let off = format!("{trusted}[features]\nhooks = false\n");
    assert_eq!(codex_runs_hooks(&off, file), Runs::Off);
    let disabled = format!("{trusted}enabled = false\n");
    assert_eq!(codex_runs_hooks(&disabled, file), Runs::Untrusted);
}
