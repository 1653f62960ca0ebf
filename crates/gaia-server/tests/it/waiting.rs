//! Long polls.

use std::time::Duration;

use gaia_locks::ids::{LockId, WaiterId};
use gaia_locks::model::WaiterState;
use gaia_locks::service::{Locks as _, Topic};
use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Ask, read};
use crate::server::Server;

fn ask(server: &Server, token: &str, body: &Value) -> Ask {
    server
        .ask("POST", "/api/gaia/locks")
        .token(token)
        .json(body)
}

/// Awaits that so many stand in line.
pub fn in_line(server: &Server, count: usize) {
    let listener = server.locks.listen(Topic::AnyChange).unwrap();
    while server.locks.status(None).unwrap().waiters.len() != count {
        listener.wait(Duration::from_secs(1));
    }
}

#[test]
fn r08_a_long_poll_is_answered_when_its_turn_comes() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |session: &str| json!({"folder_path": folder, "session_id": session, "wait": "40s"});
    let first = ask(&server, &admin, &of("a")).send().json();
    let mut waiting = ask(&server, &admin, &of("b")).begin();
    in_line(&server, 1);
    let path = format!("/api/gaia/locks/{}", first["locks"][0]["id"]);
    assert_eq!(server.ask("DELETE", path).token(&admin).send().status, 200);
    let granted = read(&mut waiting);
    assert_eq!(granted.json()["locks"][0]["session_id"], "b", "{granted:?}");
}

#[test]
fn r08_patience_ends_and_says_who_holds_it() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |session: &str, wait: f64| json!({"folder_path": folder, "session_id": session, "wait": wait});
    ask(&server, &admin, &of("a", 0.0)).send();
    let refused = ask(&server, &admin, &of("b", 0.2)).send();
    assert_eq!(refused.code(), "held");
    let refused = refused.json();
    assert_eq!(
        (&refused["granted"], &refused["waited"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(refused["conflicts"][0]["lock"]["session_id"], "a");
    in_line(&server, 0);
}

#[test]
fn r08_a_client_that_goes_leaves_the_line() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |session: &str| json!({"folder_path": folder, "session_id": session, "wait": true});
    ask(&server, &admin, &of("a")).send();
    let waiting = ask(&server, &admin, &of("b")).begin();
    in_line(&server, 1);
    drop(waiting);
    in_line(&server, 0);
}

#[test]
fn r03_a_long_poll_gets_what_nobody_released() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |session: &str| json!({"folder_path": folder, "session_id": session, "ttl": 1, "wait": true});
    ask(&server, &admin, &of("a")).send();
    let granted = ask(&server, &admin, &of("b")).send();
    assert_eq!(granted.status, 200, "{granted:?}");
}

#[test]
fn heavy_two_hundred_wait_and_the_server_stops_and_others_are_answered_meanwhile() {
    let mut server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |n: usize, id: Option<&str>| json!({"folder_path": folder, "session_id": format!("s{n}"), "wait": true, "request_id": id});
    ask(&server, &admin, &of(0, None)).send();
    let mut waiting: Vec<_> = (1..=200)
        .map(|n| ask(&server, &admin, &of(n, (n == 1).then_some("again"))).begin())
        .collect();
    in_line(&server, 200);
    assert_eq!(server.get("/api/gaia/locks", &admin).json()["count"], 1);
    server.halt();
    for stream in &mut waiting {
        let reply = read(stream);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (503, "server_stopping")
        );
    }
    // All but the one that asked under a request id have left.
    assert_eq!(server.locks.status(None).unwrap().waiters.len(), 1);
    let server = Server::start_in(server.end());
    let mut again = ask(&server, &admin, &of(1, Some("again"))).begin();
    let first = server.locks.status(None).unwrap().locks[0].lock.id;
    server.locks.force_release(first, "test", "enough").unwrap();
    assert_eq!(read(&mut again).json()["locks"][0]["session_id"], "s1");
}

/// Which place somebody has, once it has one.
fn place(server: &Server) -> i64 {
    in_line(server, 1);
    server.locks.status(None).unwrap().waiters[0].id.0
}

#[test]
fn a_place_that_somebody_else_left_is_gone_and_no_refusal_that_names_nobody() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |session: &str| json!({"folder_path": folder, "session_id": session, "wait": "40s"});
    ask(&server, &admin, &of("a")).send();
    let mut waiting = ask(&server, &admin, &of("b")).begin();
    let leave = |id: i64| {
        let leave = server.ask("DELETE", format!("/api/gaia/waiters/{id}"));
        assert_eq!(leave.token(&admin).send().status, 200);
    };
    leave(place(&server));
    let gone = read(&mut waiting);
    assert_eq!((gone.status, gone.code().as_str()), (410, "not_in_line"));

    let kept = json!({"folder_path": folder, "session_id": "b", "wait": "40s", "request_id": "r"});
    let asks = ask(&server, &admin, &kept).begin();
    let id = place(&server);
    drop(asks);
    let on = server.ask("POST", format!("/api/gaia/waiters/{id}/wait"));
    let mut waits_on = on.token(&admin).json(&json!({"limit": "40s"})).begin();
    leave(id);
    let gone = read(&mut waits_on);
    assert_eq!((gone.status, gone.code().as_str()), (410, "not_in_line"));
}

/// Awaits that a token was shown: whoever showed it has been let in.
fn was_shown(server: &Server, name: &str) {
    let shown = || {
        let tokens = server.accounts.tokens().unwrap();
        let mut its = tokens.iter().filter(|token| token.name == name);
        its.any(|token| token.last_used_at.is_some())
    };
    while !shown() {
        std::thread::yield_now();
    }
}

#[test]
fn a_token_that_was_revoked_while_it_waited_is_granted_nothing() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let late = server.token("late", Role::Agent);
    let folder = server.folder("web");
    let first = ask(&server, &admin, &json!({"folder_path": folder})).send();
    let waits =
        json!({"folder_path": folder, "session_id": "late", "wait": "40s", "request_id": "r"});
    let asks = ask(&server, &admin, &waits).begin();
    let id = place(&server);
    drop(asks);
    let on = server.ask("POST", format!("/api/gaia/waiters/{id}/wait"));
    let mut waiting = on.token(&late).json(&json!({"limit": "40s"})).begin();
    was_shown(&server, "late");
    server.accounts.revoke_token("late", "test").unwrap();
    let path = format!("/api/gaia/locks/{}", first.json()["locks"][0]["id"]);
    assert_eq!(server.ask("DELETE", path).token(&admin).send().status, 200);
    let refused = read(&mut waiting);
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "signed_out")
    );
}

/// What the figures say of refusals and of waits.
pub fn counted(server: &Server, token: &str) -> [String; 2] {
    let text = server.get("/metrics", token).body;
    ["gaia_refusals_total ", "gaia_wait_seconds_count "].map(|name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    })
}

#[test]
fn refusals_and_waits_are_counted_whichever_way_they_came() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let of = |wait: f64| json!({"folder_path": folder, "session_id": "b", "wait": wait});
    ask(&server, &admin, &json!({"folder_path": folder})).send();
    assert_eq!(counted(&server, &admin), ["0", "0"]);
    ask(&server, &admin, &of(0.0)).send();
    assert_eq!(counted(&server, &admin), ["1", "0"]);
    ask(&server, &admin, &of(0.1)).send();
    assert_eq!(counted(&server, &admin), ["2", "1"]);

    // A gaia elsewhere.
    let door = |call: &Value| {
        let ask = server.ask("POST", "/api/gaia/door/locks");
        let ask = ask.header("gaia-door", "1").token(&admin);
        ask.json(&json!({"scope": "local", "call": call}))
            .send()
            .json()
    };
    let second = json!({"secs": 1, "nanos": 0});
    let acquire = |line: &Value| {
        json!({"acquire": {"folders": [{"path": folder}],
            "holder": {"session": "b", "task": 0}, "mode": "exclusive", "ttl": null,
            "process": null, "own": false, "request_id": null, "line": line}})
    };
    door(&acquire(&json!(null)));
    assert_eq!(counted(&server, &admin), ["3", "1"]);
    let queued = door(&acquire(&json!({"limit": second, "process": null})));
    let waiter = &queued["queued"]["waiter"];
    door(&json!({"wait": {"waiter": waiter, "period": {"secs": 20, "nanos": 0}, "leave": false}}));
    assert_eq!(counted(&server, &admin), ["4", "2"], "{queued}");
}

#[test]
fn a_task_is_told_to_nobody_whose_token_was_revoked_while_it_was_waited_for() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let late = server.token("late", Role::Viewer);
    let new = json!({"text": "x", "target_session": "nobody"});
    let task = server.ask("POST", "/api/gaia/tasks").token(&admin);
    let id = task.json(&new).send().json()["task"]["id"].clone();
    let path = format!("/api/gaia/tasks/{id}?wait=40s");
    let mut waiting = server.ask("GET", path).token(&late).begin();
    was_shown(&server, "late");
    server.accounts.revoke_token("late", "test").unwrap();
    let cancel = server.ask("POST", format!("/api/gaia/tasks/{id}/cancel"));
    assert_eq!(cancel.token(&admin).send().status, 200);
    assert_eq!(read(&mut waiting).status, 401);
}

/// Over the API, and for a gaia elsewhere.
#[test]
fn a_task_is_given_to_nobody_whose_token_was_revoked_while_it_asked_for_work() {
    let server = Server::start();
    let tasks = gaia_assigner::TaskService::new(server.locks.clone());
    let forty = json!({"secs": 20, "nanos": 0});
    let door = json!({"scope": "local", "call": {"take": {"name": "late", "period": forty}}});
    for (path, asks) in [
        ("/api/gaia/sessions/take", json!({"wait": "40s"})),
        ("/api/gaia/door/tasks", door),
    ] {
        let late = server.token("late", Role::Agent);
        let register = server.ask("POST", "/api/gaia/sessions").token(&late);
        assert_eq!(register.json(&json!({})).send().status, 200);
        let file = rusqlite::Connection::open(server.dir.path().join("assigner.db")).unwrap();
        let heard = || -> Option<i64> {
            let row = file.query_row("SELECT heard_ns FROM sessions", [], |row| row.get(0));
            row.unwrap()
        };
        let before = heard();
        let take = server.ask("POST", path).header("gaia-door", "1");
        let mut waiting = take.token(&late).json(&asks).begin();
        while heard() == before {
            std::thread::yield_now();
        }
        server.accounts.revoke_token("late", "test").unwrap();
        let sent = tasks.send(&gaia_assigner::service::Send::new("x")).unwrap();
        let refused = read(&mut waiting);
        assert_eq!(refused.status, 401, "{path}: {refused:?}");
        let stands = tasks.show(sent.id).unwrap();
        assert_eq!(stands.assigned_session, None, "{path}");
        tasks.cancel(sent.id, "test").unwrap();
        tasks.remove("late").unwrap();
    }
}

/// The client tries to reach it as long, and its place is still there.
#[test]
fn r08_a_place_that_nobody_could_hear_while_no_server_ran_is_kept() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let folder = server.folder("web");
    let first = ask(&server, &admin, &json!({"folder_path": folder})).send();
    let id = first.json()["locks"][0]["id"].as_i64().unwrap();
    let line = json!({"limit": null, "process": null});
    let acquire = json!({"acquire": {"folders": [{"path": folder}],
        "holder": {"session": "far", "task": 0}, "mode": "exclusive", "ttl": null,
        "process": null, "own": false, "request_id": "r", "line": line}});
    let door = |server: &Server, call: &Value| {
        let ask = server.ask("POST", "/api/gaia/door/locks");
        let ask = ask.header("gaia-door", "1").token(&admin);
        let reply = ask.json(&json!({"scope": "local", "call": call})).send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    let waiter = door(&server, &acquire)["queued"]["waiter"].clone();
    let place = WaiterId(waiter.as_i64().unwrap());
    let locks = server.locks.clone();
    let dir = server.end();
    let minute = Duration::from_secs(60);
    locks
        .transact(|tx| {
            let long_ago = tx.now().moment.minus(minute);
            tx.store()
                .update_waiter(place, &WaiterState::Waiting, long_ago)
        })
        .unwrap();
    let server = Server::start_in(dir);
    assert_eq!(server.get("/healthz", &admin).status, 200);
    let gone = server.locks.force_release(LockId(id), "test", "over");
    gone.unwrap();
    let wait =
        json!({"wait": {"waiter": waiter, "period": {"secs": 20, "nanos": 0}, "leave": false}});
    let answer = door(&server, &wait);
    assert_eq!(
        answer["over"]["granted"]["locks"][0]["session_id"], "far",
        "{answer}"
    );
}
