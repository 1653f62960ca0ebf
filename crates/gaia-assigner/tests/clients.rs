//! Process sessions whose client says as JSON what came of its task.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::os::unix::fs::PermissionsExt as _;

use fleet::Fleet;
use gaia_assigner::presets::preset;
use gaia_assigner::task::Status;
use serde_json::{Value, json};

/// A program of the client's name that prints a result and ends with a status.
fn client(fleet: &Fleet, name: &str, result: &Value, status: i32) -> String {
    let path = fleet.folder("bin").path().to_owned() + "/" + name;
    let script =
        format!("#!/bin/sh\necho a warning >&2\ncat > text\necho '{result}'\nexit {status}\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = preset(name).unwrap().command;
    command.replacen(name, &path, 1)
}

#[test]
fn t11_a_preset_is_judged_by_its_clients_own_result() {
    let refused = json!({"type": "result", "is_error": false, "terminal_reason": "completed", "result": "sorry",
        "permission_denials": [{"tool_name": "Write", "tool_input": {"file_path": "/w/x"}}]});
    let failed = json!({"type": "result", "is_error": true, "subtype": "success", "terminal_reason": "api_error",
        "api_error_status": 529, "result": "overloaded"});
    let done = json!({"type": "result", "is_error": false, "terminal_reason": "completed", "result": "it is mended"});
    for (result, status, ended, words) in [
        (&done, 0, Status::Completed, "it is mended"),
        (&refused, 0, Status::Failed, "Write (/w/x)"),
        (
            &failed,
            1,
            Status::Failed,
            "api_error (the API said 529): overloaded",
        ),
        (&json!({"type": "system"}), 0, Status::Failed, "did not say"),
    ] {
        let fleet = Fleet::new();
        let folder = fleet.folder("f");
        fleet.session("max", &client(&fleet, "claude", result, status));
        let _at_work = fleet.work();
        let task = fleet.end_of(fleet.send("two\nlines", Some(&folder)));
        assert_eq!(
            (task.status, task.exit_status),
            (ended, Some(status)),
            "{task:?}"
        );
        let said = match ended {
            Status::Completed => task.response,
            _ => task.error,
        };
        assert!(said.as_ref().unwrap().contains(words), "{said:?}");
        assert_eq!(fleet::read(&fleet.path("f/text")), "two\nlines");
        fleet.assert_at_rest();
    }
}
