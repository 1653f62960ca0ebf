//! What routes answer to whoever may ask.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::read;
use crate::server::Server;
#[test]
fn each_question_has_its_answer() {
    let server = Server::start();
    let (admin, viewer) = (
        server.token("root", Role::Admin),
        server.token("eye", Role::Viewer),
    );
    let folder = server.folder("a,\"b");
    let post = |path: &str, body: &Value| {
        let reply = server.ask("POST", path).token(&admin).json(body).send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    post(
        "/api/gaia/locks",
        &json!({"folder_path": folder, "session_id": "=1+1"}),
    );
    assert_eq!(
        server.get("/api/gaia/verify/1", &viewer).json()["active"],
        true
    );
    post(
        "/api/gaia/release",
        &json!({"folder_path": folder, "session_id": "=1+1"}),
    );
    assert_eq!(
        server.get("/api/gaia/verify/1", &viewer).json()["active"],
        false
    );
    let history = server.get("/api/gaia/history?since=1h", &viewer).json();
    assert_eq!(
        (&history["count"], &history["locks"][0]["end_reason"]),
        (&json!(1), &json!("released"))
    );
    let csv = server.get("/api/gaia/history?format=csv", &viewer).body;
    assert!(
        csv.contains("\"'=1+1\"") && csv.contains("a,\"\"b\""),
        "{csv}"
    );
    for name in ["＝1", "＋1", "－1", "＠1"] {
        post(
            "/api/gaia/locks",
            &json!({"folder_path": folder, "session_id": name}),
        );
        let session = json!({"folder_path": folder, "session_id": name});
        post("/api/gaia/release", &session);
        let csv = server.get("/api/gaia/history?format=csv&limit=1", &viewer);
        assert!(csv.body.contains(&format!("\"'{name}\"")), "{csv:?}");
    }

    assert_eq!(
        post("/api/gaia/pause", &json!({"reason": "deploy"}))["paused"]["folder_path"],
        "/"
    );
    assert_eq!(
        server.get("/api/gaia/status", &viewer).json()["paused"][0]["reason"],
        "deploy"
    );
    assert_eq!(post("/api/gaia/resume", &json!({}))["resumed"], true);
    assert_eq!(post("/api/gaia/cleanup", &json!({}))["cleaned"], 0);

    let task = post(
        "/api/gaia/tasks",
        &json!({"text": "mend it", "folder_path": folder, "timeout": "5m"}),
    );
    let id = &task["task"]["id"];
    assert_eq!(task["task"]["timeout_minutes"], 5.0);
    assert_eq!(
        server.get("/api/gaia/tasks?status=pending", &viewer).json()["count"],
        1
    );
    assert_eq!(
        server
            .get(&format!("/api/gaia/tasks/{id}?wait=0.1"), &viewer)
            .json()["task"]["status"],
        "pending"
    );
    assert_eq!(
        post(&format!("/api/gaia/tasks/{id}/cancel"), &json!({}))["task"]["status"],
        "cancelled"
    );
    assert_eq!(
        server
            .get(&format!("/api/gaia/tasks/{id}/log?follow=true"), &viewer)
            .body,
        ""
    );
    assert_eq!(server.get("/api/gaia/sessions", &viewer).json()["count"], 0);
    assert_eq!(server.get("/api/gaia/waiters", &viewer).json()["count"], 0);
    let metrics = server.get("/metrics", &viewer).body;
    for figure in ["cancelled\"} 1", "failed\"} 0", "in_progress\"} 0"] {
        let figure = format!("gaia_tasks{{status=\"{figure}\n");
        assert!(metrics.contains(&figure), "{metrics}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.ask("GET", path).send().status, 200);
    }
}

#[test]
fn pages_of_locks_and_of_history_follow_each_other() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for n in 0..5 {
        let ask = json!({"folder_path": server.folder(&format!("f{n}"))});
        server
            .ask("POST", "/api/gaia/locks")
            .token(&admin)
            .json(&ask)
            .send();
    }
    let ids = |path: &str| {
        let page = server.get(path, &admin).json();
        let locks = page["locks"].as_array().unwrap();
        let ids: Vec<i64> = locks
            .iter()
            .map(|lock| lock["id"].as_i64().unwrap())
            .collect();
        (ids, page["next"].as_i64())
    };
    assert_eq!(ids("/api/gaia/locks?limit=2"), (vec![1, 2], Some(2)));
    assert_eq!(
        ids("/api/gaia/locks?limit=3&after=2"),
        (vec![3, 4, 5], None)
    );
    assert_eq!(ids("/api/gaia/history?limit=3"), (vec![5, 4, 3], Some(3)));
    assert_eq!(
        ids("/api/gaia/history?limit=2&before=3"),
        (vec![2, 1], None)
    );
}

#[test]
fn r15_the_history_as_csv_is_whole_or_names_its_next_page() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for part in 0..2 {
        let folders: Vec<String> = (0..600).map(|n| format!("/repo/{part}/{n}")).collect();
        let ask = json!({"folder_paths": folders});
        let granted = server.ask("POST", "/api/gaia/locks").token(&admin);
        assert_eq!(granted.json(&ask).send().status, 200);
    }
    let ids = |csv: &str| -> Vec<i64> {
        let rows = csv.split_terminator("\r\n").skip(1);
        rows.map(|row| row.split(',').next().unwrap().parse().unwrap())
            .collect()
    };
    let all = server.get("/api/gaia/history?format=csv", &admin);
    assert_eq!(all.header("link"), None);
    assert_eq!(ids(&all.body), (1..=1200).rev().collect::<Vec<_>>());
    let wrong = server.get("/api/gaia/history?format=csv&folder=x", &admin);
    assert_eq!(wrong.code(), "invalid_folder");

    let mut next = Some("/api/gaia/history?before=1000&format=csv&limit=400".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let page = server.get(&path, &admin);
        seen.push(ids(&page.body));
        next = page.header("link").map(|link| {
            let path = link
                .strip_prefix('<')
                .and_then(|link| link.strip_suffix(">; rel=\"next\""));
            path.unwrap().to_owned()
        });
    }
    let sizes: Vec<usize> = seen.iter().map(Vec::len).collect();
    assert_eq!(sizes, [400, 400, 199]);
    assert_eq!(seen.concat(), (1..1000).rev().collect::<Vec<_>>());
}

#[test]
fn a_remote_agent_needs_nothing_but_the_api() {
    let server = Server::start();
    let (agent, other) = (
        server.token("far", Role::Agent),
        server.token("other", Role::Agent),
    );
    let folder = server.folder("web");
    let post = |token: &str, path: &str, body: &Value| {
        server.ask("POST", path).token(token).json(body).send()
    };
    let registered = post(
        &agent,
        "/api/gaia/sessions",
        &json!({"session_id": "far/1", "provider": "codex"}),
    );
    assert_eq!(
        registered.json()["session"]["kind"],
        "remote",
        "{registered:?}"
    );
    let none = post(
        &agent,
        "/api/gaia/sessions/take",
        &json!({"session_id": "far/1"}),
    );
    assert_eq!(none.json()["task"], json!(null), "{none:?}");

    let mut waits = server
        .ask("POST", "/api/gaia/sessions/take")
        .token(&agent)
        .json(&json!({"session_id": "far/1", "wait": "40s"}))
        .begin();
    let sent = post(
        &agent,
        "/api/gaia/tasks",
        &json!({"text": "mend it", "folder_path": folder}),
    );
    let id = sent.json()["task"]["id"].clone();
    let taken = read(&mut waits).json();
    assert_eq!(
        (&taken["task"]["id"], &taken["folder"]),
        (&id, &json!(folder)),
        "{taken}"
    );

    let me = json!({"session_id": "far/1", "task_id": id});
    let heard = post(&agent, "/api/gaia/sessions/heartbeat", &me).json();
    assert_eq!((&heard["task"]["id"], &heard["stop"]), (&id, &json!(null)));
    assert_eq!(
        post(&other, "/api/gaia/sessions/heartbeat", &me).status,
        403
    );
    let done = format!("/api/gaia/tasks/{id}/done");
    let said = json!({"session_id": "far/1", "text": "mended", "token": taken["token"]});
    assert_eq!(post(&other, &done, &said).status, 403);
    assert_eq!(post(&other, &done, &json!({})).code(), "not_yours");
    let ended = post(&agent, &done, &said).json();
    assert_eq!(
        (&ended["task"]["status"], &ended["task"]["response"]),
        (&json!("completed"), &json!("mended"))
    );
    assert_eq!(server.get("/api/gaia/locks", &agent).json()["count"], 0);
}

#[test]
fn a_session_may_have_the_name_of_a_verb_and_is_removed_as_any_other() {
    let server = Server::start();
    let eye = server.token("eye", Role::Viewer);
    for name in ["take", "heartbeat", "clear"] {
        let token = server.token(name, Role::Agent);
        let add = server.ask("POST", "/api/gaia/sessions").token(&token);
        assert_eq!(add.json(&json!({})).send().status, 200, "{name}");
        let path = format!("/api/gaia/sessions/{name}");
        let remove = |token: &str| server.ask("DELETE", &path).token(token).send();
        assert_eq!(remove(&eye).status, 403, "{name}");
        let removed = remove(&token);
        assert_eq!(removed.status, 200, "{name}: {removed:?}");
        assert_eq!(removed.json()["session"]["name"], name);
        assert_eq!(remove(&token).code(), "unknown_session");
    }
}

#[test]
fn r12_a_session_works_in_no_folder_that_cannot_be_one() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for folder in ["", ".", "rel/x", "/a\0b"] {
        for command in [json!(null), json!("pwd")] {
            let new = json!({"session_id": "w", "command": command, "folder_path": folder});
            let ask = server.ask("POST", "/api/gaia/sessions").token(&admin);
            let wrong = ask.json(&new).send();
            assert_eq!(
                (wrong.status, wrong.code().as_str()),
                (400, "invalid_folder"),
                "{new}"
            );
        }
    }
}

/// What would wait for ever, or name nobody, is refused when it is sent.
#[test]
fn words_that_name_nobody_are_refused() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let long = "x".repeat(10_000);
    for word in ["", " ", "\0", "a\nb", long.as_str()] {
        for (path, body) in [
            ("sessions", json!({"session_id": "s", "provider": word})),
            (
                "sessions",
                json!({"session_id": "s", "provider": word, "command": "true"}),
            ),
            ("tasks", json!({"text": "x", "target_session": word})),
            ("tasks", json!({"text": "x", "target_provider": word})),
            ("tasks", json!({"text": "x", "fallbacks": ["codex", word]})),
            ("tasks", json!({"text": "x", "preferred_providers": [word]})),
        ] {
            let ask = server.ask("POST", format!("/api/gaia/{path}"));
            let reply = ask.token(&admin).json(&body).send();
            let told = (reply.status, reply.code());
            assert_eq!(told, (400, "invalid_name".to_owned()), "{body}");
        }
    }
    let lock = json!({"folder_path": "/work", "task_id": -1});
    let ask = server.ask("POST", "/api/gaia/locks").token(&admin);
    assert_eq!(ask.json(&lock).send().code(), "invalid_request");
    let odd = server.get("/api/gaia/locks/tmp/x?foo=1", &admin);
    assert_eq!(odd.code(), "invalid_request");
    assert!(odd.body.contains("%3F"), "{odd:?}");
}

/// Each says what would be right, in words that are not the code's.
#[test]
fn what_is_wrong_is_told_in_words() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let post = |path: &str, body: Value| {
        let reply = server.ask("POST", path).token(&admin).json(&body).send();
        assert_eq!(reply.status, 400, "{path} {body}: {reply:?}");
        reply.json()["detail"].as_str().unwrap().to_owned()
    };
    for wrong in [json!(true), json!([]), json!({})] {
        let told = [
            post(
                "/api/gaia/locks",
                json!({"folder_path": "/x", "ttl": wrong}),
            ),
            post(
                "/api/gaia/tokens",
                json!({"name": "x", "role": "agent", "expires": wrong}),
            ),
            post("/api/gaia/prune", json!({"older_than": wrong})),
        ];
        assert!(told.iter().all(|told| told.contains("30m")), "{told:?}");
    }
    for path in ["rel", "~/x"] {
        let told = post("/api/gaia/locks", json!({"folder_path": path}));
        assert!(told.contains("give an absolute path"), "{told}");
        assert!(!told.contains("another machine"), "{told}");
    }
    let odd = server.get("/api/gaia/tasks/abc", &admin);
    let told = odd.json()["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("\"abc\"") && !told.contains("i64"), "{told}");
}

#[test]
fn an_agent_calls_off_what_it_sent_while_nobody_has_it() {
    let server = Server::start();
    let (ivy, bob) = (
        server.token("ivy", Role::Agent),
        server.token("bob", Role::Agent),
    );
    let post = |token: &str, path: &str, body: &Value| {
        server.ask("POST", path).token(token).json(body).send()
    };
    let send = || {
        let new = json!({"text": "mend it", "target_session": "bob"});
        let sent = post(&ivy, "/api/gaia/tasks", &new).json();
        format!("/api/gaia/tasks/{}/cancel", sent["task"]["id"])
    };
    let waits = send();
    assert_eq!(post(&bob, &waits, &json!({})).code(), "forbidden");
    let off = post(&ivy, &waits, &json!({}));
    assert_eq!(off.json()["task"]["status"], "cancelled", "{off:?}");

    let runs = send();
    post(&bob, "/api/gaia/sessions", &json!({}));
    post(&bob, "/api/gaia/sessions/take", &json!({}));
    assert_eq!(post(&ivy, &runs, &json!({})).code(), "forbidden");
}
