//! The widget that existing dashboards carry: it fetches the locks every ten
//! seconds, shows a few fields, and releases one by its id.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::server::Server;

const PASSWORD: &str = "correct horse battery";

/// What `new Date(…)` of every browser reads: the form of ECMAScript.
fn is_date(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let pattern = "0000-00-00T00:00:00.";
    let head = text.chars().zip(pattern.chars());
    let fits = |(c, p): (char, char)| match p {
        '0' => c.is_ascii_digit(),
        p => c == p,
    };
    text.len() > pattern.len() && text.ends_with('Z') && head.into_iter().all(fits)
}

#[test]
fn the_widget_of_existing_dashboards_works_with_cookie_and_csrf_header() {
    let server = Server::start();
    server
        .accounts
        .add_user("ann", Role::Admin, Some(PASSWORD), "test")
        .unwrap();
    let agent = server.token("ivy", Role::Agent);
    let folder = server.folder("web");
    let ask = json!({"folder_path": folder, "session_id": "ivy/1", "task_id": 7});
    server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();

    let given = json!({"name": "ann", "password": PASSWORD});
    let signed_in = server.ask("POST", "/api/gaia/session").json(&given).send();
    let cookie = signed_in.cookie();
    // A page that is there already was not there when somebody signed in.
    let me = server.ask("GET", "/api/gaia/session").cookie(&cookie);
    let csrf = me.send().json()["csrf"].clone();
    let fetch = || {
        let get = server.ask("GET", "/api/gaia/locks").cookie(&cookie);
        get.send().json()
    };

    let shown = fetch();
    assert_eq!(shown["count"], 1);
    let lock = &shown["locks"][0];
    assert_eq!(lock["folder_path"], json!(folder));
    assert_eq!(
        (&lock["session_id"], &lock["task_id"]),
        (&json!("ivy/1"), &json!(7))
    );
    assert!(
        is_date(&lock["created_at"]) && is_date(&lock["expires_at"]),
        "{lock}"
    );

    let path = format!("/api/gaia/locks/{}/release", lock["id"]);
    let release = || {
        let post = server.ask("POST", &path).cookie(&cookie);
        let origin = format!("http://{}", server.address);
        post.header("X-CSRF-Token", csrf.as_str().unwrap())
            .header("Origin", &origin)
            .header("Content-Type", "application/json")
            .send()
    };
    let released = release();
    assert_eq!(released.status, 200, "{released:?}");
    let answer = released.json();
    assert_eq!(answer["success"], true);
    assert!(
        answer["message"].as_str().unwrap().contains(&folder),
        "{answer}"
    );
    assert_eq!(fetch(), json!({"count": 0, "locks": []}));

    let again = release();
    assert_eq!(
        (again.status, &again.json()["success"]),
        (409, &json!(false))
    );
    assert!(again.json()["message"].as_str().unwrap().len() > 5);
    let unknown = server
        .ask("POST", "/api/gaia/locks/999/release")
        .cookie(&cookie)
        .header("X-CSRF-Token", csrf.as_str().unwrap())
        .send();
    assert_eq!(
        (unknown.status, &unknown.json()["success"]),
        (404, &json!(false))
    );
}
