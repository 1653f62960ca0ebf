//! What an admin's tools do for another's session stands in the trail.

use gaia_server::Role;
use serde_json::{Value, json};

use super::call;
use crate::server::Server;

#[test]
fn what_an_admins_tools_do_for_another_is_in_the_trail_and_an_agents_for_itself_is_not() {
    let server = Server::start();
    let folder = server.folder("web");
    let mut held = Vec::new();
    for (name, role, session) in [
        ("ivy", Role::Agent, "ivy/1"),
        ("root", Role::Admin, "ivy/2"),
    ] {
        let token = server.token(name, role);
        let done = |tool: &str, arguments: Value| {
            let said = call(&server, &token, tool, &arguments);
            assert_eq!(said["isError"], false, "{tool}: {said}");
            said["structuredContent"].clone()
        };
        let post = |path: &str, body: Value| {
            let ask = server.ask("POST", path).token(&token);
            assert_eq!(ask.json(&body).send().status, 200, "{path}");
        };
        post(
            "/api/gaia/sessions",
            json!({"session_id": session, "lease": "1h"}),
        );
        post(
            "/api/gaia/tasks",
            json!({"text": "x", "target_session": session}),
        );
        let task = done("take_task", json!({"session": session}))["task"]["id"].clone();
        done("finish_task", json!({"session": session, "task": task}));
        let lock = done(
            "acquire_folder",
            json!({"session": session, "folder": folder}),
        );
        let id = lock["locks"][0]["id"].clone();
        done("renew", json!({"session": session, "token": id}));
        done("release_folder", json!({"session": session, "token": id}));
        held.push((task, id));
    }
    let lines = server.accounts.audit(None, 100).unwrap();
    let by = |who: &str| -> Vec<String> {
        let of = lines.iter().rev().filter(|line| line.who == who);
        of.map(|line| format!("{} {}", line.act, line.details))
            .collect()
    };
    assert_eq!(by("ivy"), Vec::<String>::new());
    let (task, id) = &held[1];
    let of_task = |act: &str| format!("{act} task {task}, for session ivy/2");
    let of_lock = |act: &str| format!("{act} lock {id} on {folder}, for session ivy/2");
    let expected = [
        "add_session ivy/2".to_owned(),
        of_task("take_task"),
        of_task("task_done"),
        of_lock("acquire"),
        of_lock("renew"),
        of_lock("release"),
    ];
    assert_eq!(by("root"), expected);
}
