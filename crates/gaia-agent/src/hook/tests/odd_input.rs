//! Input that nobody should send.

use proptest::prelude::*;

use super::*;

/// A word of a call, often one that means something.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "Write",
        "Bash",
        "Edit",
        "apply_patch",
        "PreToolUse",
        "BeforeTool",
        "before_tool",
        "Stop",
        "file_path",
        "command",
        "rm -rf x",
        "../b/x",
        "",
    ];
    prop_oneof![
        proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        ".{0,20}"
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// No door: nothing can be known, so nothing that may write may pass.
fn without_a_door(client: Client, input: &[u8]) -> Reply {
    let means = Means {
        hooks: Ok(hooks()),
        door: || Err("no database".to_owned()),
    };
    let around = Surroundings {
        here: "/".into(),
        ..Surroundings::default()
    };
    answer(client, input, means, around)
}

/// A word may be a command that only reads, and such a one is free.
fn only_reads(input: &Value) -> bool {
    let judged = input
        .get("command")
        .and_then(Value::as_str)
        .map(|command| crate::shell::judge(command, Path::new("/"), None));
    judged.is_some_and(|it| it.writes.is_empty() && it.unsure.is_empty())
}

proptest! {
    #[test]
    fn p10_any_bytes_are_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for client in Client::ALL {
            let reply = without_a_door(client, &bytes);
            let is_json = serde_json::from_slice::<Value>(&bytes).is_ok();
            prop_assert!(is_json || reply.status == 2);
        }
    }

    #[test]
    fn p10_a_write_is_never_let_pass_by_odd_input(input in value(), tool in prop::sample::select(vec!["Write", "Edit", "Bash", "apply_patch", "NotebookEdit"]), extra in value()) {
        for (client, event) in [(Client::Claude, "PreToolUse"), (Client::Codex, "PreToolUse"), (Client::Gemini, "BeforeTool")] {
            prop_assume!(tool != "Bash" || !only_reads(&input));
            let call = json!({"session_id": "s", "hook_event_name": event, "tool_name": tool, "tool_input": input, "extra": extra});
            prop_assert_eq!(without_a_door(client, call.to_string().as_bytes()).status, 2);
        }
    }

    #[test]
    fn p10_a_shell_command_of_any_text_ends(command in ".{0,300}") {
        let _ = crate::shell::judge(&command, Path::new("/w"), None);
    }
}
