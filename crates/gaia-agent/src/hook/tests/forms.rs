//! The answers as each client wants them.

use super::*;

#[test]
fn each_client_is_refused_in_its_own_form() {
    let world = World::new();
    world.take("b", "other");
    let (a, file) = (world.text("a"), world.text("b/x"));
    let patch = "*** Begin Patch\n*** Update File: ../b/x\n@@\n-a\n+b\n*** End Patch";
    let codex = |tool: &str, command: &str| {
        json!({"session_id": "s", "cwd": a, "hook_event_name": "PreToolUse", "turn_id": "1", "tool_name": tool,
               "tool_input": {"command": command}})
    };
    let gemini = |tool: &str, input: Value| json!({"session_id": "s", "cwd": a, "hook_event_name": "BeforeTool", "tool_name": tool, "tool_input": input});
    let table = [
        (
            Client::Codex,
            codex("apply_patch", patch),
            "/hookSpecificOutput/permissionDecision",
            "deny",
        ),
        (
            Client::Codex,
            codex("Bash", "rm ../b/x"),
            "/hookSpecificOutput/permissionDecision",
            "deny",
        ),
        (
            Client::Gemini,
            gemini("write_file", json!({"file_path": "../b/x"})),
            "/decision",
            "deny",
        ),
        (
            Client::Gemini,
            gemini("replace", json!({"file_path": file})),
            "/decision",
            "deny",
        ),
        (
            Client::Gemini,
            gemini(
                "run_shell_command",
                json!({"command": "rm x", "dir_path": "../b"}),
            ),
            "/decision",
            "deny",
        ),
        (
            Client::Opencode,
            json!({"event": "before_tool", "session": "s", "cwd": a, "tool": "edit", "input": {"filePath": "../b/x"}}),
            "/decision",
            "deny",
        ),
        (
            Client::Opencode,
            json!({"event": "before_tool", "session": "s", "cwd": a, "tool": "bash", "input": {"command": "rm ../b/x"}}),
            "/decision",
            "deny",
        ),
        (
            Client::Generic,
            json!({"event": "before_tool", "session": "s", "cwd": a, "writes": ["../b/x"]}),
            "/decision",
            "deny",
        ),
        (
            Client::Generic,
            json!({"event": "before_tool", "session": "s", "cwd": a, "command": "rm ../b/x"}),
            "/decision",
            "deny",
        ),
        (
            Client::Cursor,
            json!({"hook_event_name": "beforeShellExecution", "conversation_id": "s", "cwd": a, "command": "rm ../b/x"}),
            "/permission",
            "deny",
        ),
        (
            Client::Cursor,
            json!({"hook_event_name": "preToolUse", "conversation_id": "s", "workspace_roots": [a], "tool_name": "Write", "tool_input": {"file_path": file}}),
            "/permission",
            "deny",
        ),
    ];
    for (client, call, at, word) in table {
        let reply = world.send(client, &call);
        let json: Value = serde_json::from_str(reply.stdout.as_deref().unwrap_or("null")).unwrap();
        assert_eq!(
            json.pointer(at).and_then(Value::as_str),
            Some(word),
            "{client:?} {call} {reply:?}"
        );
        assert!(json.to_string().contains("session other"), "{json}");
    }
    let own = world.send(
        Client::Codex,
        &codex("apply_patch", "*** Add File: new.rs\n+x"),
    );
    assert_eq!(own, Reply::default());
    assert_eq!(world.held(), ["other /b", "s /a"]);
}

#[test]
fn t15_each_client_is_given_the_input_of_a_call_to_gaias_own_tools_in_its_own_form() {
    let world = World::new();
    let sent = |event: &str, tool: &str| json!({"session_id": "s", "hook_event_name": event, "tool_name": tool, "tool_input": {"folder": "/x"}});
    let cursor = json!({"hook_event_name": "preToolUse", "conversation_id": "s", "tool_name": "gaia_renew", "tool_input": {"folder": "/x"}});
    let generic = json!({"event": "before_tool", "session": "s", "tool": "gaia_renew", "input": {"folder": "/x"}});
    let whole = json!({"folder": "/x", "session": "s"});
    let output =
        |name: &str| json!({"hookSpecificOutput": {"hookEventName": "PreToolUse", name: whole}});
    let mut codex = output("updatedInput");
    codex["hookSpecificOutput"]["permissionDecision"] = "allow".into();
    let mut gemini = output("tool_input");
    gemini["hookSpecificOutput"]["hookEventName"] = "BeforeTool".into();
    let allow = json!({"decision": "allow", "input": whole});
    let table = [
        (
            Client::Claude,
            sent("PreToolUse", "mcp__gaia__renew"),
            output("updatedInput"),
        ),
        (Client::Codex, sent("PreToolUse", "mcp__gaia__renew"), codex),
        (Client::Gemini, sent("BeforeTool", "mcp_gaia_renew"), gemini),
        (Client::Opencode, generic.clone(), allow.clone()),
        (Client::Generic, generic, allow),
        (Client::Cursor, cursor, Value::Null),
    ];
    for (client, call, expected) in table {
        let said = world.send(client, &call).stdout;
        let said: Value = serde_json::from_str(said.as_deref().unwrap_or("null")).unwrap();
        assert_eq!(said, expected, "{client:?}");
    }
}

#[test]
fn a_tool_whose_name_begins_like_gaias_own_is_judged_as_any_other() {
    let world = World::new();
    world.take("b", "other");
    let file = world.text("b/x");
    let call = |event: &str, tool: &str| json!({"session_id": "s", "hook_event_name": event, "tool_name": tool, "tool_input": {"path": file}});
    let generic = json!({"event": "before_tool", "session": "s", "tool": "gaia_write_file", "input": {"path": file}});
    for (client, call) in [
        (Client::Claude, call("PreToolUse", "mcp__gaia__write_file")),
        (Client::Codex, call("PreToolUse", "mcp__gaia__write_file")),
        (
            Client::Gemini,
            call("BeforeTool", "mcp_gaia_files_write_file"),
        ),
        (Client::Opencode, generic),
    ] {
        let reply = world.send(client, &call).stdout.unwrap_or_default();
        assert!(reply.contains("session other"), "{client:?}: {reply}");
    }
}
