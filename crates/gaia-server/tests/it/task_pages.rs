//! Pages of tasks.

use gaia_locks::service::Locks as _;
use gaia_server::Role;
use serde_json::json;

use crate::server::Server;

fn send(server: &Server, token: &str, count: usize) {
    for n in 0..count {
        let ask = server.ask("POST", "/api/gaia/tasks").token(token);
        let reply = ask.json(&json!({"text": format!("task {n}")})).send();
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[test]
fn without_a_limit_there_are_a_hundred_and_pages_follow_each_other() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    send(&server, &admin, 103);
    let page = |words: &str| {
        let page = server
            .get(&format!("/api/gaia/tasks{words}"), &admin)
            .json();
        let tasks = page["tasks"].as_array().unwrap();
        assert_eq!(page["count"], tasks.len());
        let ids = tasks.iter().map(|task| task["id"].as_i64().unwrap());
        (ids.collect::<Vec<_>>(), page["next"].as_i64())
    };
    let (first, next) = page("");
    assert_eq!((first.len(), next), (100, Some(100)));
    let (rest, next) = page("?skip=100");
    assert_eq!((rest, next), (vec![101, 102, 103], None));
    assert_eq!(page("?limit=2&skip=1"), (vec![2, 3], Some(3)));
    assert_eq!(page("?limit=10000").0.len(), 103);
    for wrong in ["limit=0", "limit=10001", "limit=-1", "skip=-1"] {
        let reply = server.get(&format!("/api/gaia/tasks?{wrong}"), &admin);
        assert_eq!(reply.status, 400, "{wrong}: {reply:?}");
    }
    assert_eq!(server.locks.status(None).unwrap().count, 0);
}
