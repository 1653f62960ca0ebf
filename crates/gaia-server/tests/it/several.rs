//! Several locks at once, and what keeps a folder or a task.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::Server;

fn ask(server: &Server, token: &str, path: &str, body: &Value) -> Reply {
    server.ask("POST", path).token(token).json(body).send()
}

/// Takes them and gives their tokens.
fn take(server: &Server, token: &str, folders: &[&str]) -> Vec<i64> {
    let one = |folder: &&str| {
        let taken = ask(
            server,
            token,
            "/api/gaia/locks",
            &json!({"folder_path": folder}),
        );
        taken.json()["locks"][0]["id"].as_i64().unwrap()
    };
    folders.iter().map(one).collect()
}

#[test]
fn r09_several_are_released_one_by_one_and_each_says_what_came_of_it() {
    let server = Server::start();
    let (ivy, bob) = (
        server.token("ivy", Role::Agent),
        server.token("bob", Role::Agent),
    );
    let path = "/api/gaia/release";
    take(&server, &ivy, &["/repo/a", "/repo/b", "/repo/c"]);
    take(&server, &bob, &["/repo/d"]);

    let both = json!({"folder_paths": ["/repo/a", "/repo/b"]});
    let released = ask(&server, &ivy, path, &both);
    assert_eq!(released.status, 200, "{released:?}");
    let told = released.json();
    assert_eq!(told["locks"].as_array().unwrap().len(), 2, "{told}");
    let folders = [
        &told["results"][0]["folder_path"],
        &told["results"][1]["folder_path"],
    ];
    assert_eq!(folders, ["/repo/a", "/repo/b"]);

    let some = json!({"folder_paths": ["/repo/a", "/repo/c", "/repo/d"]});
    let reply = ask(&server, &ivy, path, &some);
    assert_eq!((reply.status, reply.code().as_str()), (409, "not_held"));
    let told = reply.json();
    let each = told["results"].as_array().unwrap().iter();
    let each: Vec<&Value> = each.map(|one| &one["released"]).collect();
    assert_eq!(each, [&json!(false), &json!(true), &json!(false)], "{told}");
    assert_eq!(told["locks"][0]["folder_path"], "/repo/c");
    assert_eq!(told["results"][0]["error"]["code"], "not_held");

    let tokens = take(&server, &ivy, &["/repo/a", "/repo/b"]);
    let turned = json!({"folder_paths": ["/repo/b", "/repo/a"], "tokens": tokens});
    assert_eq!(ask(&server, &ivy, path, &turned).status, 409);
    let uneven = json!({"folder_paths": ["/repo/a", "/repo/b"], "token": tokens[0]});
    assert_eq!(ask(&server, &ivy, path, &uneven).code(), "invalid_request");
    let right = json!({"folder_paths": ["/repo/a", "/repo/b"], "tokens": tokens});
    assert_eq!(ask(&server, &ivy, path, &right).json()["released"], true);
    // One alone is refused as before, and told as one of several too.
    let again = ask(&server, &ivy, path, &json!({"token": tokens[0]}));
    assert_eq!((again.status, again.code().as_str()), (409, "not_held"));
    assert_eq!(again.json()["results"][0]["token"], tokens[0]);
}

#[test]
fn r09_several_are_renewed_one_by_one_and_each_says_what_came_of_it() {
    let server = Server::start();
    let (ivy, bob) = (
        server.token("ivy", Role::Agent),
        server.token("bob", Role::Agent),
    );
    let own = take(&server, &ivy, &["/repo/a", "/repo/b"]);
    let others = take(&server, &bob, &["/repo/d"]);
    let renew = |tokens: &[i64]| {
        let body = json!({"tokens": tokens, "ttl": "3h"});
        ask(&server, &ivy, "/api/gaia/renew", &body)
    };
    let told = renew(&own).json();
    assert_eq!(
        (&told["renewed"], &told["lock"]["id"]),
        (&json!(true), &json!(own[0]))
    );
    for one in told["results"].as_array().unwrap() {
        assert!(one["lock"]["expires_in"].as_f64() > Some(10_000.0), "{one}");
    }
    let reply = renew(&[own[0], others[0], 999]);
    assert_eq!((reply.status, reply.code().as_str()), (409, "not_held"));
    let told = reply.json();
    let each = told["results"].as_array().unwrap().iter();
    let each: Vec<&str> = each
        .map(|one| one["error"]["code"].as_str().unwrap_or("renewed"))
        .collect();
    assert_eq!(each, ["renewed", "forbidden", "unknown_lock"]);
    assert_eq!(renew(&[]).code(), "invalid_request");
}

#[test]
fn r17_what_keeps_a_folder_or_a_task_is_told_as_on_the_command_line() {
    let server = Server::start();
    let ivy = server.token("ivy", Role::Agent);
    let folder = server.folder("web");
    let why = |path: &str| server.get(path, &ivy);
    let of_folder = format!("/api/gaia/why?folder={folder}");
    assert_eq!(why(&of_folder).json()["is_free"], true);
    take(&server, &ivy, &[&folder]);
    let told = why(&of_folder).json();
    assert_eq!(
        (&told["is_free"], &told["folder_path"]),
        (&json!(false), &json!(folder))
    );
    let sentence = told["sentence"].as_str().unwrap();
    assert!(sentence.contains("is held by session ivy"), "{sentence}");
    assert_eq!(told["locks"][0]["session_id"], "ivy");

    let new = json!({"text": "mend it", "folder_path": folder, "target_session": "far"});
    let id = ask(&server, &ivy, "/api/gaia/tasks", &new).json()["task"]["id"].clone();
    let told = why(&format!("/api/gaia/tasks/{id}/why")).json();
    assert_eq!((&told["task_id"], &told["task"]["id"]), (&id, &id));
    assert!(!told["sentence"].as_str().unwrap().is_empty(), "{told}");
    assert_eq!(told["locks"][0]["session_id"], "ivy", "{told}");
    assert_eq!(why("/api/gaia/tasks/99/why").code(), "unknown_task");
    assert_eq!(why("/api/gaia/why").code(), "invalid_request");
}
