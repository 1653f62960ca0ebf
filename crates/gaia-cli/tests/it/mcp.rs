//! `gaia mcp` as a real process that a client talks to on its stdin and stdout.

pub mod client;
mod shape;
mod waits;

use serde_json::{Value, json};

use crate::client_mode::served::Served;
use crate::home::{Home, until};
use client::{Client, Era};

fn start(home: &Home, session: &str, era: Era) -> Client {
    let mut gaia = home.gaia(&["mcp"]);
    gaia.env("GAIA_SESSION", session);
    Client::start(gaia, era)
}

fn folder(home: &Home, name: &str) -> String {
    let path = home.path(&format!("work/{name}"));
    std::fs::create_dir_all(&path).unwrap();
    path.to_str().unwrap().to_owned()
}

const TOOLS: [&str; 10] = [
    "acquire_folder",
    "wait_for_folder",
    "renew",
    "release_folder",
    "lock_status",
    "who_holds",
    "list_tasks",
    "take_task",
    "finish_task",
    "fail_task",
];

#[test]
fn both_revisions_are_spoken_and_tell_of_the_same_tools() {
    let home = Home::new();
    for era in [Era::Handshake, Era::Stateless] {
        let mut client = start(&home, "ann", era);
        let names: Vec<&str> = client
            .tools()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, TOOLS);
        for tool in client.tools() {
            let hints = &tool["annotations"];
            for hint in ["readOnlyHint", "openWorldHint"] {
                assert!(hints[hint].is_boolean(), "{tool}");
            }
            assert!(
                tool["title"].is_string() && tool["description"].is_string(),
                "{tool}"
            );
            assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
            let takes = &tool["inputSchema"];
            assert_eq!(takes["additionalProperties"], false, "{tool}");
            for (name, field) in takes["properties"].as_object().unwrap() {
                assert!(field["description"].is_string(), "{name}: {tool}");
            }
        }
        let folder = folder(&home, "web");
        let got = client.call("acquire_folder", json!({"folder": folder}));
        assert_eq!(got["granted"], true);
        assert_eq!(got["locks"][0]["session_id"], "ann");
        assert_eq!(client.end(), (0, String::new()));
    }
}

#[test]
fn the_current_revision_is_discovered_and_others_are_refused_by_name() {
    let home = Home::new();
    let mut client = start(&home, "ann", Era::Stateless);
    let told = client.ask("server/discover", json!({}))["result"].clone();
    let versions = told["supportedVersions"].as_array().unwrap();
    for version in ["2026-07-28", "2025-11-25"] {
        assert!(versions.contains(&json!(version)), "{told}");
    }
    assert_eq!(told["resultType"], "complete", "{told}");
    assert!(
        told["instructions"]
            .as_str()
            .unwrap()
            .contains("acquire_folder"),
        "{told}"
    );
    let list = client.ask("tools/list", json!({}))["result"].clone();
    assert!(
        list["ttlMs"].is_u64() && list["cacheScope"].is_string(),
        "{list}"
    );
    let unknown = client.ask("no/such", json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    let unknown = client.ask(
        "tools/call",
        json!({"name": "steal_folder", "arguments": {}}),
    );
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert!(unknown.to_string().contains("acquire_folder"), "{unknown}");
}

#[test]
fn a_lock_is_taken_shown_renewed_and_released_as_the_command_line_has_it() {
    let home = Home::new();
    let web = folder(&home, "web");
    let mut ann = start(&home, "ann", Era::Stateless);
    let taken = ann.call("acquire_folder", json!({"folder": web, "ttl": "30m"}));
    let lock = taken["locks"][0].clone();
    assert_eq!(lock["id"], home.locks()[0]["id"]);
    assert_eq!(home.locks()[0]["session_id"], "ann");
    let again = ann.call("acquire_folder", json!({"folder": web}));
    assert_eq!(
        (&again["held_before"], &again["locks"][0]["id"]),
        (&json!(true), &lock["id"])
    );
    let held = ann.call("who_holds", json!({"folder": format!("{web}/src")}));
    assert_eq!(
        (&held["is_locked"], &held["lock_info"]["id"]),
        (&json!(true), &lock["id"])
    );
    let status = ann.call("lock_status", json!({"of_session": "ann"}));
    assert_eq!(status["count"], 1);
    assert_eq!(
        ann.call("lock_status", json!({"of_session": "ben"}))["count"],
        0
    );
    // A task that is worked on meanwhile is no condition: it is the same worker's.
    let renewed = ann.call(
        "renew",
        json!({"token": lock["id"], "ttl": 7200, "task": 7}),
    );
    assert!(
        renewed["lock"]["expires_in"].as_f64().unwrap() > 7000.0,
        "{renewed}"
    );
    let other = ann.refused(
        "release_folder",
        json!({"token": lock["id"], "session": "ben"}),
    );
    assert_eq!(
        (&other["released"], &other["error"]["code"]),
        (&json!(false), &json!("not_allowed"))
    );
    let released = ann.call("release_folder", json!({"token": lock["id"]}));
    assert_eq!(released["locks"][0]["end_reason"], "released");
    let twice = ann.refused("release_folder", json!({"folder": web}));
    assert_eq!(twice["error"]["code"], "not_held");
    let late = ann.refused("renew", json!({"token": lock["id"]}));
    assert_eq!(
        (&late["renewed"], &late["error"]["code"]),
        (&json!(false), &json!("not_held"))
    );
}

#[test]
fn who_holds_says_that_a_folder_is_paused() {
    let home = Home::new();
    let web = folder(&home, "web");
    assert_eq!(home.status(&["pause", "web", "--reason", "audit"]), 0);
    let mut ann = start(&home, "ann", Era::Stateless);
    let stands = ann.call("who_holds", json!({"folder": web}));
    let told = (&stands["is_locked"], &stands["paused"][0]["reason"]);
    assert_eq!(told, (&json!(false), &json!("audit")));
}

#[test]
fn r17_a_refusal_says_who_holds_what_until_when_and_what_can_be_done() {
    let home = Home::new();
    let web = folder(&home, "web");
    assert_eq!(
        home.status(&["acquire", "web", "--session", "ben", "--task", "7"]),
        0
    );
    let mut ann = start(&home, "ann", Era::Stateless);
    let refused = ann.refused("acquire_folder", json!({"folder": format!("{web}/src")}));
    let conflict = &refused["conflicts"][0];
    assert_eq!(refused["granted"], false);
    assert_eq!(conflict["lock"]["session_id"], "ben");
    assert_eq!(conflict["lock"]["task_id"], 7);
    assert_eq!(conflict["lock"]["folder_path"], *web);
    assert_eq!(conflict["waiting"], 0);
    let message = refused["error"]["message"].as_str().unwrap();
    for fact in [
        "session ben (task 7)",
        web.as_str(),
        "since",
        "until",
        "0 waiting",
    ] {
        assert!(message.contains(fact), "{fact}: {message}");
    }
    assert!(
        refused["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("wait_for_folder"),
        "{refused}"
    );
    // Several: all or none.
    let both = ann.refused(
        "acquire_folder",
        json!({"folders": [web, folder(&home, "api")]}),
    );
    assert_eq!(both["conflicts"].as_array().unwrap().len(), 1);
    assert_eq!(home.locks().len(), 1);
}

#[test]
fn what_cannot_be_used_is_named_with_what_would_be_right() {
    let home = Home::new();
    let web = folder(&home, "web");
    let mut ann = start(&home, "ann", Era::Stateless);
    let cases = [
        ("acquire_folder", json!({}), "`folders`"),
        ("acquire_folder", json!({"folder": "web"}), "web"),
        ("acquire_folder", json!({"folder": ""}), "empty"),
        (
            "acquire_folder",
            json!({"folder": web, "ttl": "soon"}),
            "soon",
        ),
        (
            "acquire_folder",
            json!({"folder": web, "ttl": "100d"}),
            "30 days",
        ),
        (
            "acquire_folder",
            json!({"folder": web, "folds": 1}),
            "folds",
        ),
        (
            "acquire_folder",
            json!({"folder": web, "mode": "mine"}),
            "exclusive",
        ),
        ("acquire_folder", json!({"folder": web, "task": -1}), "-1"),
        (
            "acquire_folder",
            json!({"folder": web, "scope": "elsewhere"}),
            "elsewhere",
        ),
        (
            "wait_for_folder",
            json!({"folder": web, "limit": [1]}),
            "90s",
        ),
        ("renew", json!({}), "token"),
        ("release_folder", json!({}), "token"),
        ("list_tasks", json!({"status": ["done"]}), "done"),
        ("list_tasks", json!({"limit": 0}), "1 to 500"),
        ("fail_task", json!({"task": 1}), "reason"),
        ("fail_task", json!({"task": 1, "reason": " "}), "reason"),
        ("finish_task", json!({"task": 99}), "99"),
        ("take_task", json!({}), "ann"),
    ];
    for (tool, arguments, names) in cases {
        let told = ann.refused(tool, arguments.clone());
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains(names), "{tool} {arguments}: {message}");
    }
    assert_eq!(home.locks().len(), 0);
}

#[test]
fn t15_calls_act_as_what_they_name_else_as_session_and_task_of_the_environment() {
    let home = Home::new();
    let mut gaia = home.gaia(&["mcp"]);
    gaia.env("GAIA_SESSION", "fleet/1").env("GAIA_TASK", "12");
    let mut agent = Client::start(gaia, Era::Stateless);
    let holder = |got: &Value| {
        (
            got["locks"][0]["session_id"].clone(),
            got["locks"][0]["task_id"].clone(),
        )
    };
    let own = agent.call("acquire_folder", json!({"folder": folder(&home, "a")}));
    assert_eq!(holder(&own), (json!("fleet/1"), json!(12)));
    let named = agent.call(
        "acquire_folder",
        json!({"folder": folder(&home, "b"), "session": "x", "task": 3}),
    );
    assert_eq!(holder(&named), (json!("x"), json!(3)));
    let other = agent.call(
        "acquire_folder",
        json!({"folder": folder(&home, "c"), "session": "x"}),
    );
    assert_eq!(
        holder(&other),
        (json!("x"), json!(0)),
        "the task is another session's"
    );
    drop(agent);
    let mut gaia = home.gaia(&["mcp"]);
    gaia.env("CLAUDE_CODE_SESSION_ID", "5c1e");
    let mut claude = Client::start(gaia, Era::Stateless);
    let client = claude.call("acquire_folder", json!({"folder": folder(&home, "d")}));
    assert_eq!(holder(&client), (json!("5c1e"), json!(0)));
}

#[test]
fn t11_a_task_is_taken_shown_alive_and_finished_or_failed_by_its_agent() {
    let home = Home::new();
    folder(&home, "web");
    assert_eq!(home.status(&["session", "add", "far", "--remote"]), 0);
    for text in ["first", "second"] {
        assert_eq!(home.status(&["send", text, "--dir", "web"]), 0);
    }
    let mut far = start(&home, "far", Era::Stateless);
    assert_eq!(
        far.call("list_tasks", json!({"status": ["pending"]}))["count"],
        2
    );
    let taken = far.call("take_task", json!({}));
    let (id, token) = (taken["task"]["id"].clone(), taken["token"].clone());
    assert_eq!(
        (&taken["task"]["content"], &taken["taken_before"]),
        (&json!("first"), &json!(false))
    );
    assert_eq!(home.locks()[0]["id"], token);
    let again = far.call("take_task", json!({"wait": "10s"}));
    assert_eq!(
        (&again["task"]["id"], &again["taken_before"]),
        (&id, &json!(true)),
        "an answer that was lost"
    );
    let alive = far.call("renew", json!({"task": id}));
    assert_eq!(
        (&alive["lock"]["id"], &alive["stop"]),
        (&token, &json!(null))
    );
    let refused = far.refused("release_folder", json!({"token": token, "task": id}));
    assert_eq!(refused["error"]["code"], "not_allowed");
    let other = far.refused("finish_task", json!({"task": id, "session": "near"}));
    assert_eq!(other["error"]["code"], "not_yours");
    let done = far.call("finish_task", json!({"answer": "it works", "token": token}));
    assert_eq!(
        (&done["task"]["status"], &done["task"]["response"]),
        (&json!("completed"), &json!("it works"))
    );
    assert_eq!(home.locks().len(), 0);
    let second = far.call("take_task", json!({}));
    let failed = far.call(
        "fail_task",
        json!({"task": second["task"]["id"], "reason": "no idea"}),
    );
    assert_eq!(
        (&failed["task"]["status"], &failed["task"]["error"]),
        (&json!("failed"), &json!("no idea"))
    );
    let none = far.call("take_task", json!({}));
    assert_eq!(
        none,
        json!({"task": null, "folder": null, "token": null, "taken_before": false})
    );
}

#[test]
fn through_a_server_the_tools_answer_the_same() {
    let served = Served::start();
    let web = folder(&served.home, "a");
    let mut gaia = served.gaia(&["mcp"]);
    gaia.env("GAIA_SESSION", "ann");
    let mut ann = Client::start(gaia, Era::Stateless);
    let taken = ann.call("acquire_folder", json!({"folder": web}));
    assert_eq!(served.holder(), "ann");
    let ben = served.waiting("ben", 1);
    ann.call("release_folder", json!({"token": taken["locks"][0]["id"]}));
    assert_eq!(ben.end().0, 0);
    let wait = ann.begin("wait_for_folder", json!({"folder": web}));
    assert!(ann.message().is_some(), "progress");
    ann.notify("notifications/cancelled", json!({"requestId": wait}));
    until("it has left", || served.places().is_empty());
    assert_eq!(ann.end(), (0, String::new()));
}

#[test]
fn a_database_that_cannot_be_used_is_told_of_by_each_call() {
    let home = Home::new();
    std::fs::create_dir_all(home.path(".gaia/locks")).unwrap();
    std::fs::write(
        home.path(".gaia/locks/assigner.db"),
        "no database at all, only a few words",
    )
    .unwrap();
    let mut ann = start(&home, "ann", Era::Stateless);
    let refused = ann.refused("acquire_folder", json!({"folder": folder(&home, "web")}));
    assert_eq!(refused["error"]["code"], "foreign_database");
    let refused = ann.refused("lock_status", json!({}));
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("assigner.db"),
        "{refused}"
    );
}

/// Whoever is to stop is given no time for more.
#[test]
fn t04_a_lease_whose_task_is_to_stop_is_not_renewed() {
    let home = Home::new();
    folder(&home, "web");
    assert_eq!(home.status(&["session", "add", "far", "--remote"]), 0);
    assert_eq!(home.status(&["send", "work", "--dir", "web"]), 0);
    let mut far = start(&home, "far", Era::Stateless);
    let taken = far.call("take_task", json!({}));
    let (task, token) = (taken["task"]["id"].clone(), taken["token"].clone());
    let cancel = home.spawn(&["task", "cancel", &task.to_string()]);
    until("it is told to stop", || {
        far.call("renew", json!({"task": task}))["stop"].is_string()
    });
    let told = far.call("renew", json!({"task": task, "token": token, "ttl": "5h"}));
    assert_eq!(told["renewed"], false, "{told}");
    let left = home.locks()[0]["expires_in"].as_f64().unwrap();
    assert!(left < 4.0 * 3600.0, "{told}");
    far.call("fail_task", json!({"task": task, "reason": "told to stop"}));
    assert_eq!(cancel.end().0, 0);
}
