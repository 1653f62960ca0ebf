//! Every route, as the served document lists them, meets what nobody should
//! send.

use std::io::Write as _;

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Ask, Reply, read};
use crate::server::Server;

/// What the document says of a route.
pub struct Route {
    pub method: String,
    /// With something in its places.
    pub path: String,
    takes_body: bool,
    /// Nothing: whoever asks, signed in or not.
    least: Option<Role>,
}

impl Route {
    fn ask(&self, server: &Server) -> Ask {
        server.ask(&self.method, &self.path)
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

pub fn routes(server: &Server) -> Vec<Route> {
    let document = server.ask("GET", "/api/openapi.json").send().json();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{name}", "bob")
            .replace("{id}", "1")
            .replace("{token}", "1");
        for (method, operation) in methods.as_object().unwrap() {
            let least = operation["x-least-role"].as_str();
            assert_eq!(least.is_none(), operation["security"] == json!([]));
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.clone(),
                takes_body: operation.get("requestBody").is_some(),
                least: least.map(|word| Role::from_word(word).unwrap()),
            });
        }
    }
    assert!(routes.len() > 45, "{}", routes.len());
    routes
}

fn bodies(server: &Server) -> impl Iterator<Item = Route> {
    routes(server).into_iter().filter(|route| route.takes_body)
}

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
    let routes = routes(&server);
    let open = routes.iter().filter(|route| route.least.is_none());
    let open: Vec<String> = open.map(ToString::to_string).collect();
    let known = [
        "POST /api/gaia/session",
        "GET /healthz",
        "GET /readyz",
        "GET /sign-in/link",
    ];
    assert_eq!(open, known);
    for route in routes.iter().filter(|route| route.least.is_some()) {
        let bare = route.ask(&server).send();
        assert_eq!(bare.status, 401, "{route}: {bare:?}");
        let wrong = route.ask(&server).token("gaia_nobody").send();
        let told = (wrong.status, wrong.code());
        assert_eq!(told, (401, "signed_out".to_owned()), "{route}");
        let basic = route.ask(&server).header("Authorization", "Basic YTpi");
        assert_eq!(basic.send().status, 401, "{route}");
    }
}

/// Who may do what, written down once more by hand: the document has it from
/// where it is enforced. What stands in neither list is for agents.
const VIEWERS: [&str; 17] = [
    "DELETE /api/gaia/session",
    "GET /api/gaia/events",
    "GET /api/gaia/history",
    "GET /api/gaia/locks",
    "GET /api/gaia/locks/1",
    "GET /api/gaia/session",
    "GET /api/gaia/sessions",
    "GET /api/gaia/status",
    "GET /api/gaia/tasks",
    "GET /api/gaia/tasks/1",
    "GET /api/gaia/tasks/1/log",
    "GET /api/gaia/tasks/1/why",
    "GET /api/gaia/verify/1",
    "GET /api/gaia/waiters",
    "GET /api/gaia/why",
    "GET /metrics",
    "POST /api/gaia/session/password",
];
const ADMINS: [&str; 17] = [
    "DELETE /api/gaia/tokens/1",
    "DELETE /api/gaia/users/bob",
    "GET /api/gaia/audit",
    "GET /api/gaia/tokens",
    "GET /api/gaia/users",
    "POST /api/gaia/cleanup",
    "POST /api/gaia/locks/1/release",
    "POST /api/gaia/pause",
    "POST /api/gaia/prune",
    "POST /api/gaia/resume",
    "POST /api/gaia/tasks/1/reassign",
    "POST /api/gaia/tasks/1/retry",
    "POST /api/gaia/tasks/clear",
    "POST /api/gaia/tasks/retry-failed",
    "POST /api/gaia/tokens",
    "POST /api/gaia/users",
    "POST /api/gaia/users/bob/password",
];

fn least_by_hand(route: &Route) -> Role {
    let is_in = |list: &[&str]| list.contains(&route.to_string().as_str());
    match (is_in(&VIEWERS), is_in(&ADMINS)) {
        (true, _) => Role::Viewer,
        (_, true) => Role::Admin,
        _ => Role::Agent,
    }
}

#[test]
fn each_role_may_what_the_document_says_and_no_more() {
    let server = Server::start();
    // Token 1, which an admin revokes.
    server.token("spare", Role::Viewer);
    let all = [Role::Viewer, Role::Agent, Role::Admin];
    let tokens = all.map(|role| (role, server.token("ivy", role)));
    for route in routes(&server) {
        let Some(least) = route.least else {
            continue;
        };
        assert_eq!(least, least_by_hand(&route), "{route}");
        // It does not end by itself.
        if route.path == "/api/gaia/events" {
            continue;
        }
        for (role, token) in &tokens {
            let reply = route.ask(&server).token(token).send();
            let refused = reply.status == 403 && reply.body.contains("; this needs");
            assert_eq!(refused, *role < least, "{role} {route}: {reply:?}");
            assert_ne!(reply.status, 401, "{role} {route}: {reply:?}");
        }
        let changes = route.method != "GET";
        let own = route.path.starts_with("/api/gaia/session");
        assert!(!changes || own || least > Role::Viewer, "{route}");
    }
}

/// Each thing in the paths is bob's, and so is each session in a body.
#[test]
fn nothing_of_anothers_session_is_touched() {
    let server = Server::start();
    let (bob, ivy) = (
        server.token("bob", Role::Agent),
        server.token("ivy", Role::Agent),
    );
    let folder = server.folder("web");
    let post = |token: &str, path: &str, body: &Value| {
        let reply = server.ask("POST", path).token(token).json(body).send();
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    };
    post(&bob, "/api/gaia/sessions", &json!({"lease": "1h"}));
    let sent = json!({"text": "mend it", "folder_path": folder, "target_session": "bob"});
    post(&bob, "/api/gaia/tasks", &sent);
    let taken = post(&bob, "/api/gaia/sessions/take", &json!({}));
    assert_eq!(
        (&taken["task"]["id"], &taken["token"]),
        (&json!(1), &json!(1))
    );
    let waits = json!({"folder_path": folder, "session_id": "bob/2", "wait": true});
    let waiting = server
        .ask("POST", "/api/gaia/locks")
        .token(&bob)
        .json(&waits)
        .begin();
    crate::waiting::in_line(&server, 1);
    let before = server.get("/api/gaia/status", &bob).json();
    let waiter = before["waiters"][0]["id"].to_string();
    let mut met = 0;
    for route in routes(&server) {
        if route.least != Some(Role::Agent) {
            continue;
        }
        let path = route
            .path
            .replace("/waiters/1", &format!("/waiters/{waiter}"));
        let ask = server.ask(&route.method, &path).token(&ivy);
        let body = json!({"session_id": "bob", "text": "why", "folder_path": folder});
        let fields = ["session_id", "text", "folder_path"];
        let sent = fields.iter().fold(body, |mut body, field| {
            let known = server.takes(&route.method, &route.path, field);
            if !known {
                body.as_object_mut().unwrap().remove(*field);
            }
            body
        });
        let names_another =
            sent.get("session_id").is_some() || path.contains('1') || path.contains("bob");
        if !names_another && !path.contains(&waiter) {
            continue;
        }
        let reply = match route.takes_body {
            true => ask.json(&sent).send(),
            false => ask.send(),
        };
        assert_eq!(reply.status, 403, "{route} {sent}: {reply:?}");
        met += 1;
    }
    assert!(met >= 11, "{met}");
    let after = server.get("/api/gaia/status", &bob).json();
    assert_eq!(before["waiters"], after["waiters"]);
    assert_eq!(before["locks"][0]["id"], after["locks"][0]["id"]);
    let task = server.get("/api/gaia/tasks/1", &bob).json();
    assert_eq!(task["task"]["assigned_session"], "bob", "{task}");
    drop(waiting);
}

#[test]
fn a_broken_body_is_told_of() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let broken: [(&str, &[u8]); 8] = [
        ("application/json", b"{\"folder_path\": "),
        ("application/json", b"[]"),
        ("application/json", b" [null, null]"),
        ("application/json", b"{\"no_such_field\": 1}"),
        ("application/json", b"{\"reason\": 5, \"ttl\": [], \"name\": {}, \"text\": 1, \"limit\": {}, \"folder_path\": 1}"),
        ("application/json", b"\xff\xfe"),
        ("text/xml", b"<a/>"),
        ("application/json", b"null"),
    ];
    for route in bodies(&server) {
        let ask = route.ask(&server).token(&admin);
        for (kind, body) in broken {
            let reply = ask.clone().body(kind, body).send();
            refused(&reply, &format!("{route} {body:?}"));
        }
        let deep = format!("{{\"reason\": {}", "[".repeat(100_000));
        let reply = ask.body("application/json", deep.as_bytes()).send();
        refused(&reply, &route.to_string());
    }
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for route in bodies(&server) {
        let ask = route.ask(&server).token(&admin);
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
            "{route}"
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

/// Whoever reads the page can call each route, and knows what comes back.
#[test]
fn the_page_for_people_names_each_field_and_each_status() {
    let server = Server::start();
    let document = server.ask("GET", "/api/openapi.json").send().json();
    let page = server.ask("GET", "/api/docs").send().body;
    let section = |method: &str, path: &str| {
        let title = format!("<h2><code>{} {path}</code></h2>", method.to_uppercase());
        let (_, rest) = page.split_once(&title).expect(&title);
        rest.split("</section>").next().unwrap().to_owned()
    };
    let at = |schema: &Value| {
        let place = schema["$ref"].as_str().map(|place| &place[1..]);
        place.map_or(schema.clone(), |place| {
            document.pointer(place).unwrap().clone()
        })
    };
    let names = |schema: &Value| -> Vec<String> {
        let fields = at(schema)["properties"].as_object().cloned();
        fields.into_iter().flatten().map(|(name, _)| name).collect()
    };
    let mut fields = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let shown = section(method, path);
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let answers = operation["responses"].as_object().unwrap();
            let done = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            for name in names(body).iter().chain(&names(done)).chain(answers.keys()) {
                let code = format!("<code>{name}</code>");
                assert!(shown.contains(&code), "{method} {path}: {name}");
                fields += 1;
            }
        }
    }
    assert!(fields > 500, "{fields}");
    let ask = section("post", "/api/gaia/locks");
    assert!(ask.contains("<code>ttl</code>, seconds or string"), "{ask}");
}

#[test]
fn r17_the_document_tells_what_a_refusal_brings() {
    let server = Server::start();
    let (bob, ivy) = (
        server.token("bob", Role::Agent),
        server.token("ivy", Role::Agent),
    );
    let document = server.ask("GET", "/api/openapi.json").send().json();
    let ask = json!({"folder_path": server.folder("web")});
    let acquire = |token: &str| {
        let ask = server
            .ask("POST", "/api/gaia/locks")
            .token(token)
            .json(&ask);
        ask.send()
    };
    acquire(&bob);
    let refused = acquire(&ivy);
    let told = &document["paths"]["/api/gaia/locks"]["post"]["responses"]["409"];
    let schema = &told["content"]["application/problem+json"]["schema"]["anyOf"][0];
    assert_eq!(schema["$ref"], "#/components/schemas/Refused");
    let shapes = &document["components"]["schemas"];
    for (shape, facts) in [
        ("Refused", refused.json()),
        ("Conflict", refused.json()["conflicts"][0].clone()),
    ] {
        let shape = &shapes[shape];
        let own = shape["allOf"][1].as_object().or(shape.as_object()).unwrap();
        for name in own["required"].as_array().unwrap() {
            assert!(
                facts.get(name.as_str().unwrap()).is_some(),
                "{name}: {facts}"
            );
        }
    }
    let cookie = &document["components"]["securitySchemes"]["cookie"]["name"];
    assert_eq!(cookie, "gaia_session");
    let events = &document["paths"]["/api/gaia/events"]["get"]["responses"]["200"]["x-events"];
    assert_eq!(
        events["lock.ended"]["$ref"],
        "#/components/schemas/LockEvent"
    );
    assert!(
        server
            .get("/api/gaia/nothing", &bob)
            .header("x-request-id")
            .is_some()
    );
}
