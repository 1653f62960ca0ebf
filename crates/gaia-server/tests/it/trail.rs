//! Accounts over the API, when sign-ins end by themselves, and the trail.

use gaia_locks::clock::Wall;
use gaia_server::Role;
use serde_json::{Value, json};

use crate::server::Server;

fn post(server: &Server, token: &str, path: &str, body: &Value) -> Value {
    let reply = server.ask("POST", path).token(token).json(body).send();
    assert!((200..300).contains(&reply.status), "{path}: {reply:?}");
    reply.json()
}

#[test]
fn an_admin_sees_to_accounts_and_tokens_and_the_trail_tells_of_it() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let new = json!({"name": "ann", "role": "viewer", "password": "correct horse"});
    let added = post(&server, &admin, "/api/gaia/users", &new);
    assert_eq!(added["user"]["has_password"], true);
    let twice = server
        .ask("POST", "/api/gaia/users")
        .token(&admin)
        .json(&new)
        .send();
    assert_eq!((twice.status, twice.code().as_str()), (409, "user_exists"));
    let made = post(
        &server,
        &admin,
        "/api/gaia/tokens",
        &json!({"name": "ci", "role": "agent", "expires": "90d"}),
    );
    let token = made["token"].as_str().unwrap();
    assert_eq!(server.get("/api/gaia/locks", token).status, 200);
    let listed = server.get("/api/gaia/tokens", &admin);
    assert!(!listed.body.contains(token), "{listed:?}");
    let known = listed.json()["tokens"].clone();
    let ci = known
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "ci")
        .unwrap();
    assert!(
        ci["expires_at"].is_string() && ci["last_used_at"].is_string(),
        "{ci}"
    );
    let revoke = format!("/api/gaia/tokens/{}", ci["id"]);
    assert_eq!(
        server.ask("DELETE", revoke).token(&admin).send().status,
        200
    );
    assert_eq!(server.get("/api/gaia/locks", token).status, 401);
    let remove = server.ask("DELETE", "/api/gaia/users/ann").token(&admin);
    assert_eq!(remove.send().status, 200);
    post(
        &server,
        &admin,
        "/api/gaia/pause",
        &json!({"reason": "deploy"}),
    );
    post(
        &server,
        &admin,
        "/api/gaia/prune",
        &json!({"older_than": "90d"}),
    );

    let trail = server.get("/api/gaia/audit?limit=3", &admin).json();
    let acts = |page: &Value| -> Vec<String> {
        let entries = page["entries"].as_array().unwrap().iter();
        entries
            .map(|entry| format!("{} {}", entry["who"], entry["act"]).replace('"', ""))
            .collect()
    };
    assert_eq!(
        acts(&trail),
        ["root prune", "root pause", "root remove_user"]
    );
    let rest = format!("/api/gaia/audit?before={}", trail["next"]);
    let rest = acts(&server.get(&rest, &admin).json());
    assert_eq!(
        rest[..3],
        ["root revoke_token", "root create_token", "root add_user"]
    );
    let all = server.get("/api/gaia/audit", &admin).body;
    assert!(
        !all.contains("correct horse") && !all.contains(token),
        "{all}"
    );
}

#[test]
fn ones_own_password_is_changed_with_the_old_one_and_other_browsers_are_signed_out() {
    let server = Server::start();
    let (old, new) = ("correct horse", "battery staple");
    server
        .accounts
        .add_user("ann", Role::Viewer, Some(old), "test")
        .unwrap();
    let sign_in = |password: &str| {
        let given = json!({"name": "ann", "password": password});
        server.ask("POST", "/api/gaia/session").json(&given).send()
    };
    let (here, elsewhere) = (sign_in(old), sign_in(old));
    let change = |body: &Value| {
        let csrf = here.json()["csrf"].as_str().unwrap().to_owned();
        let ask = server.ask("POST", "/api/gaia/session/password");
        ask.cookie(&here.cookie())
            .header("X-CSRF-Token", &csrf)
            .json(body)
            .send()
    };
    let wrong = change(&json!({"old_password": "a guess", "password": new}));
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (401, "wrong_password")
    );
    assert_eq!(change(&json!({"password": new})).status, 401);
    assert_eq!(
        change(&json!({"old_password": old, "password": new})).status,
        200
    );
    let who = |cookie: &str| {
        server
            .ask("GET", "/api/gaia/session")
            .cookie(cookie)
            .send()
            .status
    };
    assert_eq!((who(&here.cookie()), who(&elsewhere.cookie())), (200, 401));
    assert_eq!((sign_in(old).status, sign_in(new).status), (401, 200));
}

/// By the database's rows: nobody waits twelve hours for a test.
#[test]
fn a_browser_that_is_idle_too_long_or_signed_in_too_long_is_signed_out() {
    let server = Server::start();
    server
        .accounts
        .add_user("ann", Role::Viewer, Some("correct horse"), "test")
        .unwrap();
    let given = json!({"name": "ann", "password": "correct horse"});
    let sign_in = || {
        server
            .ask("POST", "/api/gaia/session")
            .json(&given)
            .send()
            .cookie()
    };
    let who = |cookie: &str| {
        server
            .ask("GET", "/api/gaia/session")
            .cookie(cookie)
            .send()
            .status
    };
    let hour = std::time::Duration::from_secs(3600);
    let now = server.locks.look(|tx| Ok(tx.now().wall)).unwrap();
    let ago = |hours: u32| now.minus(hour * hours);
    for (column, still, over) in [("last_seen_at", 11, 13), ("created_at", 29 * 24, 31 * 24)] {
        let cookie = sign_in();
        for (hours, status) in [(still, 200), (over, 401)] {
            set(&server, column, ago(hours));
            assert_eq!(who(&cookie), status, "{column} {hours} h ago");
        }
    }
}

fn set(server: &Server, column: &str, wall: Wall) {
    let file = server.dir.path().join("assigner.db");
    let database = rusqlite::Connection::open(file).unwrap();
    let update = format!("UPDATE gaia_web_sessions SET {column} = ?1");
    database.execute(&update, [wall.to_sql()]).unwrap();
}

#[test]
fn r07_who_releases_for_another_is_named_in_history_and_trail() {
    let server = Server::start();
    let (ivy, admin) = (
        server.token("ivy", Role::Agent),
        server.token("root", Role::Admin),
    );
    let folder = server.folder("web");
    let take = || {
        let lock = post(
            &server,
            &ivy,
            "/api/gaia/locks",
            &json!({"folder_path": folder}),
        );
        lock["locks"][0]["id"].clone()
    };
    let ended_by = |id: &Value| {
        let verified = server.get(&format!("/api/gaia/verify/{id}"), &admin).json();
        verified["lock"]["ended_by"].clone()
    };
    let by_id = |id: &Value, token: &str| {
        let release = server.ask("DELETE", format!("/api/gaia/locks/{id}"));
        assert_eq!(release.token(token).send().status, 200);
    };
    let acts = || {
        let lines = server.accounts.audit(None, 100).unwrap();
        let released = lines.iter().filter(|line| line.act == "release");
        released
            .map(|line| (line.who.clone(), line.details.clone()))
            .collect::<Vec<_>>()
    };
    let own = take();
    by_id(&own, &ivy);
    assert_eq!(ended_by(&own), "ivy");
    assert!(acts().is_empty());

    let first = take();
    by_id(&first, &admin);
    assert_eq!(ended_by(&first), "root");
    let second = take();
    let of_ivy = json!({"folder_path": folder, "session_id": "ivy"});
    post(&server, &admin, "/api/gaia/release", &of_ivy);
    assert_eq!(ended_by(&second), "root");
    let third = take();
    let call = json!({"release": {"folder": {"path": folder}, "session": "ivy", "task": null, "token": null}});
    let door = server.ask("POST", "/api/gaia/door/locks");
    let door = door.header("gaia-door", "1").token(&admin);
    let reply = door.json(&json!({"scope": "local", "call": call})).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(ended_by(&third), "ivy", "as on the database");
    let told = acts();
    assert_eq!(told.len(), 3, "{told:?}");
    let line = format!("lock {third} on {folder}, for session ivy");
    assert_eq!(told[0], ("root".to_owned(), line));
}

#[test]
fn the_trail_tells_of_an_admins_word_on_a_task_and_not_of_an_agents_on_its_own() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let acts = |act: &str| {
        let lines = server.accounts.audit(None, 100).unwrap();
        let found = lines.iter().filter(|line| line.act == act);
        found.map(|line| line.details.clone()).collect::<Vec<_>>()
    };
    let new = json!({"text": "x", "target_session": "nobody"});
    let task = post(&server, &admin, "/api/gaia/tasks", &new);
    let id = &task["task"]["id"];
    let at = |what: &str| format!("/api/gaia/tasks/{id}/{what}");
    post(&server, &admin, &at("reassign"), &json!({}));
    post(&server, &admin, &at("cancel"), &json!({}));
    post(&server, &admin, &at("retry"), &json!({}));
    for act in ["reassign_task", "cancel_task", "retry_task"] {
        assert_eq!(acts(act), [format!("task {id}")], "{act}");
    }
}

/// Each act as an agent for itself, and as an admin for that agent.
#[test]
fn what_an_admin_does_for_another_is_in_the_trail_and_what_an_agent_does_for_itself_is_not() {
    let server = Server::start();
    let (ivy, admin) = (
        server.token("ivy", Role::Agent),
        server.token("root", Role::Admin),
    );
    let door = |token: &str, of: &str, call: &Value| {
        let door = server.ask("POST", format!("/api/gaia/door/{of}"));
        let door = door.header("gaia-door", "1").token(token);
        let reply = door.json(&json!({"scope": "local", "call": call})).send();
        assert_eq!(reply.status, 200, "{call}: {reply:?}");
        reply.json()
    };
    let mut done = Vec::new();
    for (token, session) in [(&ivy, "ivy/1"), (&admin, "ivy/2")] {
        let me = json!({"session_id": session});
        let post = |path: &str, body: &Value| post(&server, token, path, body);
        post(
            "/api/gaia/sessions",
            &json!({"session_id": session, "lease": "1h"}),
        );
        for how in ["done", "fail", "door"] {
            let new = json!({"text": how, "target_session": session});
            let id = post("/api/gaia/tasks", &new)["task"]["id"].clone();
            post("/api/gaia/sessions/take", &me);
            let said = json!({"session_id": session, "text": "over"});
            match how {
                "door" => {
                    let teller = json!({"session": session});
                    let told =
                        json!({"told": {"id": id, "told": {"done": null}, "teller": teller}});
                    door(token, "tasks", &told);
                }
                _ => drop(post(&format!("/api/gaia/tasks/{id}/{how}"), &said)),
            }
        }
        let new = json!({"text": "off", "target_session": session});
        let id = post("/api/gaia/tasks", &new)["task"]["id"].clone();
        post("/api/gaia/sessions/take", &me);
        post(&format!("/api/gaia/tasks/{id}/cancel"), &json!({}));

        let folder = server.folder("web");
        let ask = json!({"session_id": session, "folder_path": folder});
        let lock = post("/api/gaia/locks", &ask)["locks"][0]["id"].clone();
        post(
            &format!("/api/gaia/locks/{lock}/renew"),
            &json!({"ttl": "30d"}),
        );
        let renew =
            json!({"token": lock, "session": session, "task": null, "folder": null, "ttl": null});
        door(token, "locks", &json!({"renew": renew}));
        let waits =
            json!({"folder_path": folder, "session_id": format!("{session}/w"), "wait": true});
        let waiting = server.ask("POST", "/api/gaia/locks").token(token);
        let waiting = waiting.json(&waits).begin();
        crate::waiting::in_line(&server, 1);
        let places = server.get("/api/gaia/waiters", token).json();
        let place = places["waiters"][0]["id"].clone();
        let leave = server.ask("DELETE", format!("/api/gaia/waiters/{place}"));
        assert_eq!(leave.token(token).send().status, 200);
        drop(waiting);
        post("/api/gaia/release", &ask);
        done.push((id, lock, folder, place));
    }
    let lines = server.accounts.audit(None, 100).unwrap();
    let by = |who: &str| -> Vec<String> {
        let of = lines.iter().rev().filter(|line| line.who == who);
        of.map(|line| format!("{} {}", line.act, line.details))
            .collect()
    };
    assert_eq!(by("ivy"), Vec::<String>::new());
    let (id, lock, folder, place) = &done[1];
    let task = |act: &str, back: i64| {
        let id = id.as_i64().unwrap() - back;
        format!("{act} task {id}, for session ivy/2")
    };
    let on_lock = |act: &str| format!("{act} lock {lock} on {folder}, for session ivy/2");
    let in_line = |act: &str| format!("{act} place {place} in line, for session ivy/2/w");
    let expected = [
        "add_session ivy/2".to_owned(),
        task("take_task", 3),
        task("task_done", 3),
        task("take_task", 2),
        task("task_failed", 2),
        task("take_task", 1),
        task("task_done", 1),
        task("take_task", 0),
        format!("cancel_task task {id}"),
        on_lock("acquire"),
        on_lock("renew"),
        on_lock("renew"),
        in_line("wait"),
        in_line("leave"),
        on_lock("release"),
    ];
    assert_eq!(by("root"), expected);
}

#[test]
fn whoever_opens_the_link_is_nobody_else() {
    let server = Server::start();
    for (name, role) in [("zoe", Role::Admin), ("ann", Role::Admin)] {
        server.accounts.add_user(name, role, None, "test").unwrap();
    }
    let path = &server.link[server.link.find("/sign-in").unwrap()..];
    let signed_in = server.ask("GET", path).send();
    let me = server.ask("GET", "/api/gaia/session");
    let me = me.cookie(&signed_in.cookie()).send().json();
    assert_eq!(
        (&me["name"], &me["role"]),
        (&json!("admin"), &json!("admin"))
    );
    let trail = server.accounts.audit(None, 1).unwrap();
    let starter = gaia_locks::os::user::user();
    let told = format!("by link of the server that {starter} started");
    let line = &trail[0];
    assert_eq!(
        (line.who.as_str(), line.act.as_str(), line.details.as_str()),
        ("admin", "sign_in", told.as_str())
    );
}

#[test]
fn the_link_is_not_used_up_by_a_look_or_by_an_account_in_its_way() {
    let server = Server::start();
    server
        .accounts
        .add_user("admin", Role::Viewer, None, "test")
        .unwrap();
    let path = &server.link[server.link.find("/sign-in").unwrap()..];
    assert_eq!(server.ask("HEAD", path).send().status, 204);
    let signed_in = server.ask("GET", path).send();
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let me = server
        .ask("GET", "/api/gaia/session")
        .cookie(&signed_in.cookie());
    assert_eq!(me.send().json()["role"], "admin");
    assert_eq!(server.ask("GET", path).send().status, 401);
}
