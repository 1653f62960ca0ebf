//! Locks through the API.

use gaia_server::Role;
use serde_json::json;

use crate::server::Server;

#[test]
fn a_lock_is_taken_seen_renewed_and_released() {
    let server = Server::start();
    let (agent, viewer) = (
        server.token("ivy", Role::Agent),
        server.token("eye", Role::Viewer),
    );
    let folder = server.folder("web");
    let ask = json!({"folder_path": folder, "session_id": "ivy/1", "ttl": "30m"});
    let granted = server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();
    assert_eq!(granted.status, 200, "{granted:?}");
    let lock = &granted.json()["locks"][0];
    let id = lock["id"].as_i64().unwrap();

    let list = server.get("/api/gaia/locks", &viewer).json();
    assert_eq!(list["count"], 1);
    assert_eq!(list["locks"][0]["folder_path"], folder);
    assert_eq!(list["locks"][0]["session_id"], "ivy/1");
    assert_eq!(
        server.get("/api/gaia/locks?session=other", &viewer).json()["count"],
        0
    );

    let renew = format!("/api/gaia/locks/{id}/renew");
    let renewed = server
        .ask("POST", &renew)
        .token(&agent)
        .json(&json!({"ttl": 7200}))
        .send();
    assert_eq!(renewed.json()["renewed"], true, "{renewed:?}");

    let release = server
        .ask("DELETE", format!("/api/gaia/locks/{id}"))
        .token(&agent);
    assert_eq!(release.send().json()["released"], true);
    assert_eq!(release.send().code(), "not_held");
}

#[test]
fn one_folder_is_asked_for_in_each_spelling() {
    let server = Server::start();
    let (agent, viewer) = (
        server.token("ivy", Role::Agent),
        server.token("eye", Role::Viewer),
    );
    let folder = server.folder("a b");
    let ask = json!({"folder_path": folder});
    server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();
    let spaced = folder.replace(' ', "%20");
    let spellings = [
        format!(
            "/api/gaia/locks/{}",
            folder.replace('/', "%2F").replace(' ', "%20")
        ),
        format!("/api/gaia/locks/{spaced}"),
        format!("/api/gaia/locks{spaced}"),
        format!("/api/gaia/locks{spaced}/inner"),
        format!("/api/gaia/locks{spaced}/x/%2e%2e"),
    ];
    for path in spellings {
        let stands = server.get(&path, &viewer).json();
        assert_eq!(stands["is_locked"], true, "{path}: {stands}");
        assert_eq!(stands["lock_info"]["session_id"], "ivy", "{path}");
    }
    let free = server.get("/api/gaia/locks/nowhere/at/all", &viewer).json();
    assert_eq!(free["folder_path"], "/nowhere/at/all");
    assert_eq!(
        (&free["is_locked"], &free["lock_info"]),
        (&json!(false), &json!(null))
    );
}

#[test]
fn r17_a_refusal_says_who_holds_it() {
    let server = Server::start();
    let (ann, bob) = (
        server.token("ann", Role::Agent),
        server.token("bob", Role::Agent),
    );
    let folder = server.folder("web");
    let post = |token: &str| {
        let ask = json!({"folder_path": folder});
        server
            .ask("POST", "/api/gaia/locks")
            .token(token)
            .json(&ask)
            .send()
    };
    assert_eq!(post(&ann).status, 200);
    let refused = post(&bob);
    assert_eq!((refused.status, refused.code().as_str()), (409, "held"));
    let refused = refused.json();
    assert_eq!(refused["granted"], false);
    assert_eq!(refused["conflicts"][0]["lock"]["session_id"], "ann");
}

#[test]
fn an_admin_ends_any_lock_once() {
    let server = Server::start();
    let (agent, admin) = (
        server.token("ivy", Role::Agent),
        server.token("root", Role::Admin),
    );
    let ask = json!({"folder_path": server.folder("web")});
    let lock = server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();
    let id = &lock.json()["locks"][0]["id"];
    let path = format!("/api/gaia/locks/{id}/release");
    let by_agent = server.ask("POST", &path).token(&agent).send();
    assert_eq!(
        (by_agent.status, by_agent.code().as_str()),
        (403, "forbidden")
    );

    let end = server
        .ask("POST", &path)
        .token(&admin)
        .json(&json!({"reason": "stuck"}));
    let ended = end.send();
    assert_eq!(
        (ended.status, &ended.json()["success"]),
        (200, &json!(true)),
        "{ended:?}"
    );
    assert_eq!(ended.json()["lock"]["reason"], "stuck");
    let again = end.send();
    assert_eq!(
        (again.status, &again.json()["success"]),
        (409, &json!(false))
    );
    assert!(again.json()["message"].is_string());
    let unknown = server
        .ask("POST", "/api/gaia/locks/999/release")
        .token(&admin)
        .send();
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (404, "unknown_lock")
    );
    let audit = server.accounts.audit(None, 10).unwrap();
    assert_eq!(
        (audit[0].who.as_str(), audit[0].act.as_str()),
        ("root", "force_release")
    );
}

#[test]
fn the_link_signs_in_once_and_a_browser_needs_its_pages_token() {
    let server = Server::start();
    let agent = server.token("ivy", Role::Agent);
    let path = server
        .link
        .split_once(&server.address.to_string())
        .unwrap()
        .1;
    let signed_in = server.ask("GET", path).send();
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    assert_eq!(server.ask("GET", path).send().status, 401);
    let cookie = signed_in.cookie();
    let me = server
        .ask("GET", "/api/gaia/session")
        .cookie(&cookie)
        .send()
        .json();
    assert_eq!(
        (&me["name"], &me["role"]),
        (&json!("admin"), &json!("admin"))
    );

    let ask = json!({"folder_path": server.folder("web")});
    let lock = server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();
    let id = &lock.json()["locks"][0]["id"];
    let release = server
        .ask("POST", format!("/api/gaia/locks/{id}/release"))
        .cookie(&cookie);
    assert_eq!(release.send().status, 403);
    let csrf = me["csrf"].as_str().unwrap();
    assert_eq!(release.header("X-CSRF-Token", csrf).send().status, 200);
}

#[test]
fn lists_come_in_pages_and_count_all() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let paths: Vec<String> = (0..1001).map(|n| format!("/work/{n:04}")).collect();
    for some in paths.chunks(1000) {
        let ask = server.ask("POST", "/api/gaia/locks").token(&token);
        let granted = ask.json(&json!({"folder_paths": some})).send();
        assert_eq!(granted.status, 200, "{granted:?}");
    }
    let get = |path: &str| server.get(path, &token).json();
    let first = get("/api/gaia/locks");
    assert_eq!(
        (&first["count"], first["locks"].as_array().unwrap().len()),
        (&json!(1001), 1000)
    );
    let rest = get(&format!("/api/gaia/locks?after={}", first["next"]));
    assert_eq!(rest["locks"].as_array().unwrap().len(), 1);
    assert!(rest["next"].is_null(), "{}", rest["next"]);

    for name in ["c", "a", "b"] {
        let ask = server.ask("POST", "/api/gaia/sessions").token(&token);
        assert_eq!(ask.json(&json!({"session_id": name})).send().status, 200);
    }
    let page = get("/api/gaia/sessions?limit=2");
    assert_eq!((&page["count"], &page["next"]), (&json!(3), &json!("b")));
    let page = get("/api/gaia/sessions?limit=2&after=b");
    assert_eq!(page["sessions"][0]["name"], "c");
    assert!(page["next"].is_null());

    for list in ["locks", "waiters", "sessions"] {
        for limit in [0, 10_001] {
            let wrong = server.get(&format!("/api/gaia/{list}?limit={limit}"), &token);
            assert_eq!(
                (wrong.status, wrong.code().as_str()),
                (400, "invalid_request")
            );
        }
    }
}
