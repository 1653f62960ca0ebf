//! The doors for a gaia elsewhere, asked by what is none.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::Server;

const LOCKS: &str = "/api/gaia/door/locks";
const TASKS: &str = "/api/gaia/door/tasks";

fn ask(server: &Server, path: &str, token: &str, call: &Value) -> Reply {
    let body = json!({"scope": "local", "call": call});
    let ask = server.ask("POST", path).header("gaia-door", "1");
    ask.token(token).json(&body).send()
}

fn acquire(session: &str, folder: &str) -> Value {
    json!({"acquire": {
        "folders": [{"path": folder}], "holder": {"session": session, "task": 0},
        "mode": "exclusive", "ttl": null, "process": null, "own": false,
        "request_id": "r", "line": null,
    }})
}

#[test]
fn nobody_gets_in_and_another_language_is_told_first() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    for path in [LOCKS, TASKS] {
        let nobody = server.ask("POST", path).header("gaia-door", "1");
        assert_eq!(nobody.json(&json!({})).send().status, 401, "{path}");
        for number in [None, Some("2"), Some("one"), Some("")] {
            let ask = server.ask("POST", path).token(&token);
            let ask = match number {
                Some(number) => ask.header("gaia-door", number),
                None => ask,
            };
            let reply = ask.json(&json!({"what": "ever"})).send();
            let told = (reply.status, reply.code());
            assert_eq!(told, (400, "other_version".to_owned()), "{number:?}");
        }
    }
}

#[test]
fn what_is_no_verb_or_no_folder_is_told_so() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let code = |call: &Value| {
        let reply = ask(&server, LOCKS, &token, call);
        assert_eq!(reply.status, 400, "{call}: {reply:?}");
        reply.code()
    };
    for newer in [
        json!("open"),
        json!({"open": {}}),
        json!({"verify": {}}),
        json!({"verify": {"token": 1, "more": 2}}),
    ] {
        assert_eq!(code(&newer), "other_version", "{newer}");
    }
    for wrong in [
        json!(null),
        json!({"verify": {"token": "x"}}),
        json!({"wait": {"waiter": 1, "period": {"secs": -1, "nanos": 0}, "leave": false}}),
    ] {
        assert_eq!(code(&wrong), "invalid_request", "{wrong}");
    }
    let long = format!("/{}", "a".repeat(5000));
    for folder in ["", "a", "../a", "/a\0", &long] {
        assert_eq!(
            code(&acquire("root", folder)),
            "invalid_folder",
            "{folder:?}"
        );
    }
    let gone = json!({"wait": {"waiter": 77, "period": {"secs": 1, "nanos": 0}, "leave": true}});
    let reply = ask(&server, LOCKS, &token, &gone);
    assert_eq!(
        (reply.status, reply.code()),
        (410, "not_in_line".to_owned())
    );
}

#[test]
fn each_verb_needs_its_role() {
    let server = Server::start();
    let viewer = server.token("eve", Role::Viewer);
    let agent = server.token("ci", Role::Agent);
    let refused = |path: &str, token: &str, call: &Value| {
        let reply = ask(&server, path, token, call);
        assert_eq!(reply.status, 403, "{call}: {reply:?}");
    };
    let read = json!({"status": {"folder": null}});
    assert_eq!(ask(&server, LOCKS, &viewer, &read).status, 200);
    refused(LOCKS, &viewer, &acquire("eve", "/w"));
    assert_eq!(
        ask(&server, LOCKS, &agent, &acquire("ci/1", "/w")).status,
        200
    );
    refused(LOCKS, &agent, &acquire("ann", "/w"));
    for admin in [
        json!("cleanup"),
        json!({"force_release": {"id": 1, "reason": "mine"}}),
        json!({"pause": {"folder": {"path": "/"}, "reason": "mine"}}),
        json!({"prune": {"before": "2026-01-01T00:00:00Z"}}),
    ] {
        refused(LOCKS, &agent, &admin);
    }
    assert_eq!(ask(&server, TASKS, &viewer, &json!("counts")).status, 200);
    for admin in [
        json!({"add_process": {"name": "ci/x", "command": "sh", "provider": null, "folder": null}}),
        json!({"clear": {"age": {"secs": 0, "nanos": 0}}}),
        json!("retry_failed"),
    ] {
        refused(TASKS, &agent, &admin);
    }
    for of_another in [
        json!({"heartbeat": {"name": "ann", "task": null}}),
        json!({"take": {"name": "ann", "period": {"secs": 0, "nanos": 0}}}),
        json!({"remove": {"name": "ann"}}),
        json!({"told": {"id": 1, "told": {"done": null}, "teller": {
            "session": "ann", "task": null, "token": null, "pane": null, "person": null}}}),
        json!({"told": {"id": 1, "told": {"done": null}, "teller": {
            "session": null, "task": null, "token": null, "pane": null, "person": "ann"}}}),
    ] {
        refused(TASKS, &agent, &of_another);
    }
}

#[test]
fn the_trail_tells_what_an_admin_did_through_the_door_too() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let process = json!({"name": "w", "command": "sh", "provider": null, "folder": null});
    for (path, call) in [
        (TASKS, json!({"clear": {"age": {"secs": 0, "nanos": 0}}})),
        (TASKS, json!("retry_failed")),
        (TASKS, json!({"add_process": process})),
        (TASKS, json!({"remove": {"name": "w"}})),
        (LOCKS, json!("cleanup")),
    ] {
        let reply = ask(&server, path, &token, &call);
        assert_eq!(reply.status, 200, "{call}: {reply:?}");
    }
    let trail = server.accounts.audit(None, 5).unwrap();
    let acts: Vec<&str> = trail.iter().map(|entry| entry.act.as_str()).collect();
    let done = ["cleanup", "remove_session", "add_session", "retry_failed"];
    assert_eq!(acts[..4], done);
    assert_eq!(acts[4], "clear_tasks");
    assert!(trail.iter().all(|entry| entry.who == "root"), "{trail:?}");
}

#[test]
fn a_request_that_names_too_much_is_told_so_before_it_costs_anything() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let paths: Vec<String> = (0..1001).map(|n| format!("/w/{n}")).collect();
    let named: Vec<Value> = paths.iter().map(|path| json!({"path": path})).collect();
    let mut door = acquire("root", "/w");
    door["acquire"]["folders"] = named.into();
    let after: Vec<i64> = (1..=1001).collect();
    let post = |path: &str, body: &Value| server.ask("POST", path).token(&token).json(body).send();
    for (reply, what) in [
        (ask(&server, LOCKS, &token, &door), "folders"),
        (
            post("/api/gaia/locks", &json!({"folder_paths": paths})),
            "folders",
        ),
        (
            post("/api/gaia/tasks", &json!({"text": "x", "after": after})),
            "`after`",
        ),
    ] {
        let told = &reply.body;
        assert_eq!(reply.status, 400, "{told}");
        assert!(
            told.contains("1001") && told.contains("1000") && told.contains(what),
            "{told}"
        );
    }
    let thousand = json!({"folder_paths": paths[1..]});
    assert_eq!(post("/api/gaia/locks", &thousand).status, 200);
}
