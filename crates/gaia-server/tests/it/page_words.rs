//! What pages tell people: of what went wrong, and of what was done.

use gaia_locks::clock::Wall;
use gaia_server::Role;

use crate::client::Reply;
use crate::pages::{Browser, enter, lock, page, send, sign_in};
use crate::server::Server;

fn look(server: &Server, browser: &Browser, path: &str) -> Reply {
    page(server, path).cookie(&browser.cookie).send()
}

#[test]
fn what_is_wrong_with_a_filter_is_told_above_it_and_what_was_typed_is_kept() {
    let server = Server::start();
    lock(&server, "ann");
    let browser = sign_in(&server, Role::Viewer);
    let filters = [
        (
            "/history?task=abc&session=ann",
            "Task is &quot;abc&quot;",
            "value=\"ann\"",
        ),
        (
            "/history?folder=web&task=5",
            "Folder is &quot;web&quot;, which does not begin with /",
            "value=\"web\"",
        ),
        ("/tasks?status=lost", "lost", "Completed"),
        (
            "/timeline?folder=web&span=day",
            "Folder is &quot;web&quot;, which does not begin with /",
            "value=\"web\"",
        ),
        ("/?before=abc&q=web", "before is", "value=\"web\""),
    ];
    for (path, told, kept) in filters {
        let shown = look(&server, &browser, path);
        assert_eq!(shown.status, 400, "{path}");
        let at = |words: &str| shown.body.find(words);
        assert!(at(told).is_some(), "{path}: {}", shown.body);
        assert!(at(kept) > at(told), "{path}: {}", shown.body);
        assert!(at("aria-label=\"Pages\"").is_some(), "{path} has no frame");
    }
}

#[test]
fn people_are_told_in_words_of_theirs() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Admin);
    let paths = [
        "/nowhere",
        "/locks/x",
        "/tasks/99",
        "/sign-in/link?once=x",
        "/sign-in?next=a&next=b",
    ];
    let mut told = Vec::from(paths.map(|path| look(&server, &browser, path)));
    let old = send(&server, "/tasks/send", "text=x&csrf=00").cookie(&browser.cookie);
    told.push(old.send());
    told.push(enter(&server, &browser, "/account/users", "name=x"));
    for told in told {
        assert!(told.status >= 400, "{told:?}");
        for word in ["/api/", "CSRF", "Bearer", "deserialize", "i64", "Not Found"] {
            assert!(!told.body.contains(word), "{word}: {}", told.body);
        }
    }
}

#[test]
fn who_goes_to_where_a_form_is_sent_is_led_to_its_page() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Viewer);
    for (path, to) in [
        ("/tasks/send", "/tasks"),
        ("/tasks/5/cancel", "/tasks/5"),
        ("/locks/1/release", "/locks/1"),
        ("/account/tokens", "/account"),
        ("/account/users/password", "/account"),
        ("/sign-out", "/"),
    ] {
        let led = look(&server, &browser, path);
        assert_eq!((led.status, led.header("location")), (303, Some(to)));
    }
}

#[test]
fn what_was_done_is_said_once_and_only_to_whom_did_it() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Admin);
    let other = sign_in(&server, Role::Admin);
    let made = enter(
        &server,
        &browser,
        "/account/tokens",
        "name=ci&role=agent&expires=30d",
    );
    assert_eq!(
        (made.status, made.header("location")),
        (303, Some("/account"))
    );
    assert!(
        !look(&server, &other, "/account")
            .body
            .contains("id=\"secret\"")
    );
    assert!(
        look(&server, &browser, "/account")
            .body
            .contains("id=\"secret\"")
    );
    assert!(
        !look(&server, &browser, "/account")
            .body
            .contains("id=\"secret\"")
    );
    assert_eq!(server.accounts.tokens().unwrap().len(), 1);
    let gone = "The account is removed";
    assert!(
        !look(&server, &browser, "/account?done=removed")
            .body
            .contains(gone)
    );
    server
        .accounts
        .add_user("zoe", Role::Agent, None, "test")
        .unwrap();
    enter(&server, &browser, "/account/users/remove", "name=zoe");
    assert!(look(&server, &browser, "/account").body.contains(gone));
    assert!(!look(&server, &browser, "/account").body.contains(gone));
}

#[test]
fn a_form_that_could_not_be_done_keeps_what_was_written() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Admin);
    let users = "name=admin&role=agent&password=long+enough";
    let told = enter(&server, &browser, "/account/users", users);
    assert_eq!(told.status, 409);
    assert!(
        told.body.contains("name=\"name\" value=\"admin\" required"),
        "{}",
        told.body
    );
    assert!(told.body.contains("value=\"agent\" selected"));
    assert!(!told.body.contains("long enough"));
    let token = "name=+&role=viewer&expires=365d";
    let told = enter(&server, &browser, "/account/tokens", token);
    assert_eq!(told.status, 400, "{}", told.body);
    assert!(told.body.contains("value=\"365d\" selected"));
}

#[test]
fn whoever_mistypes_a_password_goes_on_in_its_field() {
    let server = Server::start();
    let again = send(&server, "/sign-in", "name=ann&password=x").send();
    let field = |name: &str| {
        let (_, field) = again
            .body
            .split_once(&format!("<input name=\"{name}\""))
            .unwrap();
        field.split('>').next().unwrap().to_owned()
    };
    assert!(field("password").contains("autofocus"));
    assert!(!field("name").contains("autofocus"));
}

#[test]
fn what_fits_a_search_is_counted_and_pages_of_locks_stand() {
    let server = Server::start();
    for n in 0..52 {
        lock(&server, &format!("s{n:02}"));
    }
    let browser = sign_in(&server, Role::Viewer);
    let shown = look(&server, &browser, "/?q=s0").body;
    assert!(shown.contains("10 of 52") && shown.contains("href=\"/\">All locks<"));
    let first = look(&server, &browser, "/").body;
    let (_, rest) = first.split_once("rel=\"next\" href=\"").unwrap();
    let older = rest.split('"').next().unwrap();
    let rows = || {
        let page = look(&server, &browser, older).body;
        let ids = page.split("id=\"lock-").skip(1);
        ids.map(|row| row.split('"').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(), ["2", "1"]);
    lock(&server, "new");
    assert_eq!(rows(), ["2", "1"]);
    let page = look(&server, &browser, older).body;
    assert!(page.contains("52 to 53 of 53 locks") && page.contains("rel=\"prev\""));
}

#[test]
fn what_failed_long_ago_is_no_news() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    for text in ["old", "new"] {
        let ask = server.ask("POST", "/api/gaia/tasks").token(&admin);
        ask.json(&serde_json::json!({"text": text})).send();
    }
    let now = server.locks.look(|tx| Ok(tx.now().wall)).unwrap();
    let days = |days: u64| now.minus(std::time::Duration::from_secs(days * 86_400));
    let file = rusqlite::Connection::open(server.dir.path().join("assigner.db")).unwrap();
    let fail = |id: i64, at: Wall| {
        let sql = "UPDATE prompts SET status = 'failed', completed_at = ?2 WHERE id = ?1";
        file.execute(sql, (id, at.to_sql())).unwrap();
    };
    fail(1, days(2));
    fail(2, now);
    let browser = sign_in(&server, Role::Viewer);
    let shown = look(&server, &browser, "/").body;
    assert!(
        shown.contains("Failed in 24 h</a></dt><dd>1</dd>"),
        "{shown}"
    );
}

#[test]
fn an_open_page_that_looks_anew_by_itself_is_no_use_of_the_session() {
    let server = Server::start();
    let browser = sign_in(&server, Role::Viewer);
    let file = rusqlite::Connection::open(server.dir.path().join("assigner.db")).unwrap();
    let now = server.locks.look(|tx| Ok(tx.now().wall)).unwrap();
    let earlier = now.minus(std::time::Duration::from_secs(3600)).to_sql();
    let sql = "UPDATE gaia_web_sessions SET last_seen_at = ?1";
    file.execute(sql, [&earlier]).unwrap();
    let seen = || -> String {
        let sql = "SELECT last_seen_at FROM gaia_web_sessions";
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let by_itself = page(&server, "/").cookie(&browser.cookie);
    assert_eq!(by_itself.header("X-Gaia-Live", "1").send().status, 200);
    assert_eq!(seen(), earlier);
    assert_eq!(look(&server, &browser, "/").status, 200);
    assert_ne!(seen(), earlier);
}
