//! What a page of a stranger could make somebody's browser send, on every route.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Ask, Reply};
use crate::routes::{Route, routes};
use crate::server::Server;

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";

/// What is in no document: for agents, and for a gaia elsewhere.
const DOORS: [(&str, &str); 4] = [
    ("POST", "/mcp"),
    ("DELETE", "/mcp"),
    ("POST", "/api/gaia/door/locks"),
    ("POST", "/api/gaia/door/tasks"),
];

/// An admin's browser, on a server with something of what the routes name.
struct Browser {
    server: Server,
    cookie: String,
    csrf: String,
}

impl Browser {
    fn signed_in() -> Self {
        let server = Server::start();
        for name in ["ann", "bob"] {
            server
                .accounts
                .add_user(name, Role::Admin, Some(PASSWORD), "test")
                .unwrap();
        }
        let token = server.token("spare", Role::Admin);
        let post = |path: &str, body: &Value| {
            let reply = server.ask("POST", path).token(&token).json(body).send();
            assert_eq!(reply.status, 200, "{path}: {reply:?}");
        };
        let folder = server.folder("web");
        post(
            "/api/gaia/locks",
            &json!({"folder_path": folder, "session_id": "bob"}),
        );
        post("/api/gaia/sessions", &json!({"session_id": "bob"}));
        post(
            "/api/gaia/tasks",
            &json!({"text": "mend it", "target_session": "bob"}),
        );
        let signed_in = sign_in(&server, "ann", PASSWORD);
        Self {
            cookie: signed_in.cookie(),
            csrf: signed_in.json()["csrf"].as_str().unwrap().to_owned(),
            server,
        }
    }

    fn changing(&self) -> Vec<(String, String)> {
        let is_changing =
            |route: &Route| route.method != "GET" && route.to_string() != "POST /api/gaia/session";
        let known = routes(&self.server).into_iter().filter(is_changing);
        let known = known.map(|route| (route.method, route.path));
        let doors = DOORS.map(|(method, path)| (method.to_owned(), path.to_owned()));
        known.chain(doors).collect()
    }

    fn ask(&self, method: &str, path: &str) -> Ask {
        let ask = self.server.ask(method, path).cookie(&self.cookie);
        ask.header("gaia-door", "1")
    }

    /// Everything that a forged request could have changed.
    fn stands(&self) -> Vec<Value> {
        let lists = [
            "locks", "tasks", "sessions", "status", "users", "tokens", "audit",
        ];
        let look = |list: &&str| {
            let ask = self.ask("GET", &format!("/api/gaia/{list}"));
            let mut stands = ask.send().json();
            // What changes by being looked at, or by itself.
            for row in stands["locks"].as_array_mut().into_iter().flatten() {
                row["expires_in"] = Value::Null;
                row["expires_at"] = Value::Null;
            }
            stands
        };
        lists.iter().map(look).collect()
    }
}

fn sign_in(server: &Server, name: &str, password: &str) -> Reply {
    let given = json!({"name": name, "password": password});
    server.ask("POST", "/api/gaia/session").json(&given).send()
}

fn refused(reply: &Reply, what: &str) {
    let told = (reply.status, reply.code());
    assert_eq!(told, (403, "forbidden".to_owned()), "{what}: {reply:?}");
}

#[test]
fn no_route_is_moved_by_a_cookie_alone_or_from_a_page_elsewhere() {
    let browser = Browser::signed_in();
    let before = browser.stands();
    let changing = browser.changing();
    assert!(changing.len() > 30, "{}", changing.len());
    for (method, path) in &changing {
        let what = format!("{method} {path}");
        let ask = browser.ask(method, path);
        let json = ask.clone().json(&json!({}));
        refused(&json.send(), &what);
        refused(&ask.clone().body(FORM, b"x=1").send(), &what);
        refused(&ask.clone().body("text/plain", b"{}").send(), &what);
        let wrong = "0".repeat(browser.csrf.len());
        refused(&json.clone().header("X-CSRF-Token", &wrong).send(), &what);
        let right = json.header("X-CSRF-Token", &browser.csrf);
        for origin in ["https://attacker.example", "null", "http://localhost:1"] {
            refused(&right.clone().header("Origin", origin).send(), &what);
        }
    }
    assert_eq!(browser.stands(), before);
}

#[test]
fn no_route_is_answered_under_a_foreign_name() {
    let browser = Browser::signed_in();
    let pages = [
        "/", "/sign-in", "/locks/1", "/tasks", "/account", "/nowhere",
    ];
    let others = pages.map(|path| ("GET".to_owned(), path.to_owned()));
    let known = routes(&browser.server).into_iter();
    let known = known.map(|route| (route.method, route.path));
    let doors = DOORS.map(|(method, path)| (method.to_owned(), path.to_owned()));
    for (method, path) in known.chain(others).chain(doors) {
        let ask = browser.ask(&method, &path);
        let ask = ask.header("X-CSRF-Token", &browser.csrf);
        let reply = ask.host(Some("attacker.example")).send();
        let told = (reply.status, reply.code());
        assert_eq!(told, (421, "unknown_host".to_owned()), "{method} {path}");
    }
}

#[test]
fn a_cookie_that_was_planted_is_signed_in_with_in_no_way() {
    let browser = Browser::signed_in();
    let server = &browser.server;
    let planted = format!("gaia_session={}", "ab".repeat(32));
    let link = &server.link[server.link.find("/sign-in").unwrap()..];
    let form = format!("name=ann&password={}", PASSWORD.replace(' ', "+"));
    let given = json!({"name": "ann", "password": PASSWORD});
    for ask in [
        server.ask("POST", "/api/gaia/session").json(&given),
        server.ask("POST", "/sign-in").body(FORM, form.as_bytes()),
        server.ask("GET", link),
    ] {
        let reply = ask.cookie(&planted).send();
        assert_ne!(reply.cookie(), planted, "{reply:?}");
        let who = |cookie: &str| {
            let ask = server.ask("GET", "/api/gaia/session").cookie(cookie);
            ask.send().status
        };
        assert_eq!((who(&planted), who(&reply.cookie())), (401, 200));
    }
}

#[test]
fn who_tries_many_accounts_from_one_address_waits() {
    let browser = Browser::signed_in();
    let server = &browser.server;
    let guess = |n: usize| sign_in(server, &format!("somebody-{n}"), "a guess").status;
    let statuses: Vec<u16> = (0..51).map(guess).collect();
    assert_eq!((statuses[49], statuses[50]), (401, 429), "{statuses:?}");
    // One that nobody guessed at, by its right password, and on the page too.
    let right = sign_in(server, "bob", PASSWORD);
    assert_eq!(right.code(), "too_many_tries");
    let form = format!("name=bob&password={}", PASSWORD.replace(' ', "+"));
    let page = server.ask("POST", "/sign-in").body(FORM, form.as_bytes());
    assert_eq!(page.send().status, 429);
    // Who is signed in already is not kept out.
    assert_eq!(browser.ask("GET", "/api/gaia/locks").send().status, 200);
}
