//! Every route, as the served document lists them, meets what nobody should
//! send.

use std::io::Write as _;

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Reply, read};
use crate::server::Server;

/// Method, path with something in its places, whether it takes a body.
fn routes(server: &Server) -> Vec<(String, String, bool)> {
    let document = server.ask("GET", "/api/openapi.json").send().json();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{folder_path}", "tmp")
            .replace("{id}", "1")
            .replace("{token}", "1");
        for (method, operation) in methods.as_object().unwrap() {
            let takes_body = operation.get("requestBody").is_some();
            routes.push((method.to_uppercase(), path.clone(), takes_body));
        }
    }
    assert!(routes.len() > 25, "{routes:?}");
    routes
}

const OPEN: [&str; 4] = ["/healthz", "/readyz", "/sign-in/link", "/api/gaia/session"];

/// An answer that tells what is wrong and no more.
fn refused(reply: &Reply, what: &str) {
    assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
    reply.code();
    for leak in ["panicked", "src/", "RUST_BACKTRACE", "sqlite", "rusqlite"] {
        assert!(!reply.body.contains(leak), "{what}: {reply:?}");
    }
}

#[test]
fn nobody_gets_nothing() {
    let server = Server::start();
    for (method, path, _) in routes(&server) {
        if OPEN.contains(&path.as_str()) && (method != "DELETE" || path == "/sign-in/link") {
            continue;
        }
        let bare = server.ask(&method, &path).send();
        assert_eq!(bare.status, 401, "{method} {path}: {bare:?}");
        let wrong = server.ask(&method, &path).token("gaia_nobody").send();
        assert_eq!(
            (wrong.status, wrong.code().as_str()),
            (401, "signed_out"),
            "{method} {path}"
        );
        let basic = server
            .ask(&method, &path)
            .header("Authorization", "Basic YTpi")
            .send();
        assert_eq!(basic.status, 401, "{method} {path}");
    }
}

#[test]
fn a_viewer_changes_nothing_and_an_agent_is_no_admin() {
    let server = Server::start();
    let (viewer, agent) = (
        server.token("eye", Role::Viewer),
        server.token("ivy", Role::Agent),
    );
    for (method, path, _) in routes(&server) {
        let changes = method != "GET" && !path.starts_with("/api/gaia/session");
        if changes {
            let reply = server.ask(&method, &path).token(&viewer).send();
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (403, "forbidden"),
                "{method} {path}"
            );
        }
        let admins = [
            "/api/gaia/pause",
            "/api/gaia/resume",
            "/api/gaia/cleanup",
            "/api/gaia/locks/1/release",
            "/api/gaia/tasks/1/retry",
            "/api/gaia/tasks/1/reassign",
        ];
        if changes && admins.contains(&path.as_str()) {
            let reply = server.ask(&method, &path).token(&agent).send();
            assert_eq!(reply.status, 403, "{method} {path}");
        }
    }
}

#[test]
fn a_broken_body_is_told_of() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let broken: [(&str, &[u8]); 7] = [
        ("application/json", b"{\"folder_path\": "),
        ("application/json", b"[]"),
        ("application/json", b"{\"no_such_field\": 1}"),
        ("application/json", b"{\"reason\": 5, \"ttl\": [], \"name\": {}, \"text\": 1, \"limit\": {}, \"folder_path\": 1}"),
        ("application/json", b"\xff\xfe"),
        ("text/xml", b"<a/>"),
        ("application/json", b"null"),
    ];
    for (method, path, _) in routes(&server).into_iter().filter(|route| route.2) {
        for (kind, body) in broken {
            let reply = server
                .ask(&method, &path)
                .token(&admin)
                .body(kind, body)
                .send();
            refused(&reply, &format!("{method} {path} {body:?}"));
        }
        let deep = format!("{{\"reason\": {}", "[".repeat(100_000));
        let reply = server
            .ask(&method, &path)
            .token(&admin)
            .body("application/json", deep.as_bytes())
            .send();
        refused(&reply, &path);
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for (method, path, _) in routes(&server).into_iter().filter(|route| route.2) {
        let ask = server.ask(&method, &path).token(&admin);
        let mut stream = ask
            .header("Content-Type", "application/json")
            .lying(100_000_000)
            .begin();
        // It is told before all of it was sent.
        let _ = stream.write_all(&vec![b' '; 2_000_000]);
        let reply = read(&mut stream);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (413, "too_large"),
            "{path}"
        );
    }
}

#[test]
fn an_odd_path_is_no_way_out() {
    let server = Server::start();
    let viewer = server.token("eye", Role::Viewer);
    let get = |path: &[u8]| server.ask("GET", path).token(&viewer).send();
    for path in [
        &b"/api/gaia/locks/%00"[..],
        b"/api/gaia/locks/a%00b",
        b"/api/gaia/locks/%ff%fe",
    ] {
        refused(&get(path), &String::from_utf8_lossy(path));
    }
    let long = format!("/api/gaia/locks/{}", "a/".repeat(4000));
    let reply = get(long.as_bytes());
    assert!(matches!(reply.status, 200 | 400 | 414), "{reply:?}");
    let up = get(b"/api/gaia/locks/%2e%2e/%2e%2e/etc");
    assert_eq!(up.json()["folder_path"], "/etc");
    for path in [
        &b"/%2e%2e/%2e%2e/etc/passwd"[..],
        b"/../../etc/passwd",
        b"/api/../etc",
        b"//etc/passwd",
        b"/api/gaia/tasks/1/log/../../../etc",
    ] {
        let reply = get(path);
        assert!(matches!(reply.status, 400 | 404 | 421), "{reply:?}");
        assert!(!reply.body.contains("root:"), "{reply:?}");
    }
    for path in [
        "tasks/x",
        "tasks/99999999999999999999",
        "verify/-",
        "locks?limit=-1",
        "history?limit=0",
        "history?since=%00",
        "tasks?status=no",
        "locks?x=1",
        "tasks/1?wait=x",
    ] {
        refused(&get(format!("/api/gaia/{path}").as_bytes()), path);
    }
}

#[test]
fn what_is_not_there_and_not_this_way() {
    let server = Server::start();
    let viewer = server.token("eye", Role::Viewer);
    assert_eq!(server.get("/api/gaia/nothing", &viewer).code(), "not_found");
    let put = server.ask("PUT", "/api/gaia/locks").token(&viewer).send();
    assert_eq!(
        (put.status, put.code().as_str()),
        (405, "method_not_allowed")
    );
}

#[test]
fn the_document_and_its_page_are_served() {
    let server = Server::start();
    let document = server.ask("GET", "/api/openapi.json").send().json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/gaia/locks/{id}/release"]["post"].is_object());
    let page = server.ask("GET", "/api/docs").send();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("POST /api/gaia/locks/{id}/release"));
    assert!(!page.body.contains("http://") && !page.body.contains("<script"));
}

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
    assert!(
        metrics.contains("gaia_tasks{status=\"cancelled\"} 1"),
        "{metrics}"
    );
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
