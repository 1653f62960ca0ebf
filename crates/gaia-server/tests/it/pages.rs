//! The dashboard's pages, without a browser: who gets what, and what nobody
//! should be able to do with a form. In a browser: `gaia-cli/tests/browser`.

use gaia_server::Role;

use crate::client::{Ask, Reply};
use crate::server::Server;

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";
const PAGES: [&str; 9] = [
    "/",
    "/folders",
    "/timeline",
    "/history",
    "/tasks",
    "/sessions",
    "/health",
    "/account",
    "/locks/1",
];
/// Every form, and the least role that may send it.
const FORMS: [(&str, &str, Role); 11] = [
    ("/locks/1/release", "reason=x", Role::Admin),
    ("/tasks/send", "text=x", Role::Agent),
    ("/tasks/1/cancel", "", Role::Agent),
    ("/tasks/1/retry", "", Role::Admin),
    ("/account/password", "new=long+enough", Role::Viewer),
    ("/account/tokens", "name=x&role=viewer", Role::Viewer),
    ("/account/tokens/revoke", "id=1", Role::Viewer),
    (
        "/account/users",
        "name=x&role=admin&password=long+enough",
        Role::Admin,
    ),
    (
        "/account/users/password",
        "name=x&password=long+enough",
        Role::Admin,
    ),
    ("/account/users/remove", "name=x", Role::Admin),
    ("/sign-out", "", Role::Viewer),
];

/// A signed-in browser.
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

pub fn page(server: &Server, path: &str) -> Ask {
    server
        .ask("GET", path)
        .header("Accept", "text/html,*/*;q=0.8")
}

pub fn send(server: &Server, path: &str, fields: &str) -> Ask {
    let ask = server.ask("POST", path).header("Accept", "text/html");
    ask.body(FORM, fields.as_bytes())
}

pub fn sign_in(server: &Server, role: Role) -> Browser {
    let name = role.word();
    // Known already, when somebody signs in once more.
    let _ = server.accounts.add_user(name, role, Some(PASSWORD), "test");
    let fields = format!("name={name}&password={}&next=/", PASSWORD.replace(' ', "+"));
    let entered = send(server, "/sign-in", &fields).send();
    assert_eq!(
        (entered.status, entered.header("location")),
        (303, Some("/"))
    );
    let cookie = entered.cookie();
    let first = page(server, "/").cookie(&cookie).send();
    let (_, rest) = first.body.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap().to_owned();
    Browser { cookie, csrf }
}

pub fn lock(server: &Server, session: &str) {
    let token = server.token(&format!("{session}-token"), Role::Admin);
    let body = serde_json::json!({"folder_path": server.folder(session), "session_id": session});
    let granted = server
        .ask("POST", "/api/gaia/locks")
        .token(&token)
        .json(&body)
        .send();
    assert_eq!(granted.status, 200, "{granted:?}");
}

#[test]
fn a_stranger_is_asked_to_sign_in_and_a_program_is_told_in_json() {
    let server = Server::start();
    for path in PAGES {
        let asked = page(&server, path).send();
        assert_eq!(asked.status, 303, "{path}");
        let to = asked.header("location").unwrap();
        assert!(to.starts_with("/sign-in"), "{to}");
        let program = server.ask("GET", path).send();
        assert_eq!(
            (program.status, program.code().as_str()),
            (401, "signed_out"),
            "{path}"
        );
    }
    let nowhere = page(&server, "/nowhere").send();
    assert_eq!(
        (nowhere.status, nowhere.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    let api = page(&server, "/api/gaia/locks").send();
    assert_eq!(api.code(), "signed_out");
}

#[test]
fn signing_in_leads_to_our_own_pages_only() {
    let server = Server::start();
    server
        .accounts
        .add_user("ann", Role::Viewer, Some(PASSWORD), "test")
        .unwrap();
    for (next, to) in [
        ("/tasks", "/tasks"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("/%0d%0aSet-Cookie:x", "/"),
    ] {
        let fields = format!(
            "name=ann&password={}&next={next}",
            PASSWORD.replace(' ', "+")
        );
        let entered = send(&server, "/sign-in", &fields).send();
        assert_eq!(entered.header("location"), Some(to), "{next}");
    }
}

#[test]
fn every_form_wants_the_token_of_its_page_its_own_origin_and_the_role() {
    let server = Server::start();
    lock(&server, "ann");
    for role in [Role::Viewer, Role::Agent, Role::Admin] {
        let browser = sign_in(&server, role);
        for (path, fields, least) in FORMS {
            let forged = send(&server, path, fields).cookie(&browser.cookie).send();
            assert_eq!(forged.status, 403, "{path} without its token");
            let wrong = format!("{fields}&csrf={}", "0".repeat(browser.csrf.len()));
            let wrong = send(&server, path, &wrong).cookie(&browser.cookie).send();
            assert_eq!(wrong.status, 403, "{path} with another's token");
            let own = format!("{fields}&csrf={}", browser.csrf);
            let foreign = send(&server, path, &own).cookie(&browser.cookie);
            let foreign = foreign.header("Origin", "https://evil.example").send();
            assert_eq!(foreign.status, 403, "{path} from another's page");
            if role < least {
                let refused = send(&server, path, &own).cookie(&browser.cookie).send();
                assert_eq!(refused.status, 403, "{path} by {role}");
            }
            if path.starts_with("/account") {
                let token = server.token("program", role);
                let by_token = send(&server, path, fields).token(&token).send();
                assert_eq!(by_token.status, 403, "{path} by a token");
            }
        }
    }
    assert_eq!(
        server
            .get("/api/gaia/locks", &server.token("eye", Role::Viewer))
            .json()["count"],
        1
    );
}

#[test]
fn a_form_of_ours_ends_a_lock_and_says_why_not() {
    let server = Server::start();
    lock(&server, "ann");
    let browser = sign_in(&server, Role::Admin);
    let end = |path: &str, fields: &str| {
        let fields = format!("{fields}&csrf={}", browser.csrf);
        let origin = format!("http://{}", server.address);
        let ask = send(&server, path, &fields).cookie(&browser.cookie);
        ask.header("Origin", &origin).send()
    };
    let silent = end("/locks/1/release", "reason=+");
    assert_eq!(silent.status, 400);
    assert!(
        silent.body.contains("say why the lock is ended"),
        "{silent:?}"
    );
    assert_eq!(end("/locks/99/release", "reason=x").status, 404);
    let done = end("/locks/1/release", "reason=it+hangs");
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/locks/1"))
    );
    assert_eq!(end("/locks/1/release", "reason=x").status, 409);
    let shown = page(&server, "/locks/1").cookie(&browser.cookie).send();
    assert!(shown.body.contains("it hangs") && shown.body.contains("forced"));
}

#[test]
fn pages_hold_nothing_inline_and_files_are_kept_for_ever() {
    let server = Server::start();
    lock(&server, "ann");
    let browser = sign_in(&server, Role::Admin);
    for path in PAGES {
        let shown = page(&server, path).cookie(&browser.cookie).send();
        assert_eq!(
            (shown.status, shown.header("cache-control")),
            (200, Some("no-store")),
            "{path}"
        );
        let policy = shown.header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        for smuggled in [
            "style=\"",
            "onclick",
            "javascript:",
            "<style",
            "http://",
            "https://",
            "<script>",
        ] {
            assert!(!shown.body.contains(smuggled), "{smuggled} on {path}");
        }
    }
    let shown = page(&server, "/sign-in").send();
    let files = shown
        .body
        .split('"')
        .filter(|word| word.starts_with("/assets/"));
    let files: Vec<&str> = files.collect();
    assert_eq!(files.len(), 3);
    let icon = server.ask("GET", "/favicon.ico").send();
    assert_eq!(icon.status, 307);
    assert!(files.contains(&icon.header("location").unwrap()));
    for path in files {
        let file = server.ask("GET", path).send();
        assert_eq!(file.status, 200, "{path}");
        assert!(
            file.header("cache-control").unwrap().contains("immutable"),
            "{path}"
        );
    }
}

#[test]
fn what_is_large_goes_packed_to_whoever_takes_it_so() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Viewer);
    let ask = |takes: &str| -> Reply {
        let ask = page(&server, "/").cookie(&browser.cookie);
        ask.header("Accept-Encoding", takes).send()
    };
    let packed = ask("br, gzip;q=0.9");
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary")),
        (Some("gzip"), Some("accept-encoding"))
    );
    for plain in ["identity", "br", "gzip;q=0"] {
        let plain = ask(plain);
        assert_eq!(plain.header("content-encoding"), None);
        assert!(
            plain
                .body
                .contains("No active locks – all folders are available")
        );
    }
}

#[test]
fn odd_questions_are_answered_in_words() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Viewer);
    for (path, status) in [
        ("/timeline?span=year", 400),
        ("/timeline?from=5&to=5", 400),
        (
            "/timeline?from=-9223372036854775808&to=9223372036854775807",
            200,
        ),
        ("/timeline?folder=relative", 400),
        ("/history?folder=relative", 400),
        ("/history?before=x", 400),
        ("/tasks?limit=x", 400),
        ("/history?task=x", 400),
        ("/history?since=yesterday", 400),
        ("/history?before=0&session=&folder=&task=", 200),
        ("/tasks?status=lost", 400),
        ("/tasks?limit=0", 200),
        ("/?before=99999999&q=%3Cscript%3E", 200),
        ("/?before=x", 400),
        ("/?before=0", 200),
        ("/folders?under=%00", 200),
        ("/locks/0", 404),
        ("/locks/x", 400),
        ("/tasks/9223372036854775807", 404),
        ("/assets/x/y", 404),
    ] {
        let shown = page(&server, path).cookie(&browser.cookie).send();
        assert_eq!(shown.status, status, "{path}: {}", shown.body);
        assert_eq!(
            shown.header("content-type"),
            Some("text/html; charset=utf-8"),
            "{path}"
        );
    }
}

/// A form sent from a page of ours.
pub fn enter(server: &Server, browser: &Browser, path: &str, fields: &str) -> Reply {
    let fields = format!("{fields}&csrf={}", browser.csrf);
    let ask = send(server, path, &fields).cookie(&browser.cookie);
    ask.send()
}
