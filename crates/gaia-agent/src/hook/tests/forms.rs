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
