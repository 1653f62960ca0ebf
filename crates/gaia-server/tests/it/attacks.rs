//! Each of these would succeed without its defence.

use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Ask, Reply};
use crate::server::Server;

const PASSWORD: &str = "correct horse battery";

fn sign_in(server: &Server, name: &str, password: &str) -> Ask {
    let given = json!({"name": name, "password": password});
    server.ask("POST", "/api/gaia/session").json(&given)
}

/// A server with an admin named ann, and her cookie and her pages' token.
fn signed_in() -> (Server, String, String) {
    let server = Server::start();
    server
        .accounts
        .add_user("ann", Role::Admin, Some(PASSWORD), "test")
        .unwrap();
    let reply = sign_in(&server, "ann", PASSWORD).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    let csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
    (server, reply.cookie(), csrf)
}

/// Takes a lock and gives the path that ends it.
fn lock(server: &Server) -> String {
    let agent = server.token("ivy", Role::Agent);
    let ask = json!({"folder_path": server.folder("web")});
    let granted = server
        .ask("POST", "/api/gaia/locks")
        .token(&agent)
        .json(&ask)
        .send();
    format!(
        "/api/gaia/locks/{}/release",
        granted.json()["locks"][0]["id"]
    )
}

fn forbidden(reply: &Reply) {
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "forbidden"),
        "{reply:?}"
    );
}

#[test]
fn a_foreign_name_is_not_answered() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let ask = server.ask("GET", "/api/gaia/locks").token(&token);
    let port = server.address.port();
    for host in [
        "attacker.example",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "",
    ] {
        let reply = ask.clone().host(Some(&format!("{host}:{port}"))).send();
        assert!(matches!(reply.status, 400 | 421), "{host}: {reply:?}");
    }
    assert!(matches!(ask.clone().host(None).send().status, 400 | 421));
    // Whoever looks after servers often names none; a name is judged all the same.
    for probe in ["/healthz", "/readyz"] {
        let probe = server.ask("GET", probe);
        assert_eq!(probe.clone().host(None).send().status, 200);
        let named = probe.host(Some("attacker.example")).send();
        assert_eq!(named.code(), "unknown_host");
    }
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
    ] {
        assert_eq!(ask.clone().host(Some(&host)).send().status, 200, "{host}");
    }
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    let (server, cookie, csrf) = signed_in();
    let release = server
        .ask("POST", lock(&server))
        .cookie(&cookie)
        .header("X-CSRF-Token", &csrf);
    for origin in [
        "https://attacker.example",
        "null",
        "http://localhost:1",
        "http://127.0.0.1",
    ] {
        forbidden(&release.clone().header("Origin", origin).send());
    }
    let own = format!("http://{}", server.address);
    assert_eq!(release.header("Origin", &own).send().status, 200);
}

#[test]
fn a_forged_form_changes_nothing() {
    let (server, cookie, csrf) = signed_in();
    let release = server.ask("POST", lock(&server)).cookie(&cookie);
    let form = "application/x-www-form-urlencoded";
    forbidden(&release.clone().send());
    forbidden(&release.clone().body(form, b"").send());
    forbidden(&release.clone().body(form, b"csrf=").send());
    forbidden(&release.clone().body(form, b"csrf=0000&x=1").send());
    forbidden(
        &release
            .clone()
            .body("text/plain", format!("csrf={csrf}").as_bytes())
            .send(),
    );
    forbidden(&release.clone().header("X-CSRF-Token", "0000").send());
    let other = sign_in(&server, "ann", PASSWORD).send().json()["csrf"].clone();
    forbidden(
        &release
            .clone()
            .header("X-CSRF-Token", other.as_str().unwrap())
            .send(),
    );
    assert_eq!(release.header("X-CSRF-Token", &csrf).send().status, 200);
}

#[test]
fn a_cookie_that_was_planted_is_not_signed_in_with() {
    let (server, _, _) = signed_in();
    let planted = format!("gaia_session={}", "ab".repeat(32));
    let reply = sign_in(&server, "ann", PASSWORD).cookie(&planted).send();
    assert_ne!(reply.cookie(), planted);
    let who = server
        .ask("GET", "/api/gaia/session")
        .cookie(&planted)
        .send();
    assert_eq!(who.status, 401);
}

#[test]
fn a_cookie_is_for_this_server_alone_and_for_no_script() {
    let (server, _, _) = signed_in();
    let reply = sign_in(&server, "ann", PASSWORD).send();
    let set = reply.header("set-cookie").unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(flag), "{set}");
    }
    assert!(!set.contains("Domain"));
    let keeps = [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in keeps {
        assert_eq!(reply.header(name), Some(value));
    }
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[test]
fn passwords_cannot_be_guessed_in_a_row() {
    let (server, _, _) = signed_in();
    let guess = |n: usize| sign_in(&server, "ann", &format!("guess {n}")).send().status;
    let statuses: Vec<u16> = (0..12).map(guess).collect();
    assert_eq!(statuses[0], 401);
    assert_eq!(statuses[11], 429, "{statuses:?}");
    let right = sign_in(&server, "ann", PASSWORD).send();
    assert_eq!(
        (right.status, right.code().as_str()),
        (429, "too_many_tries")
    );
    assert!(right.header("retry-after").is_some());
}

#[test]
fn who_guesses_at_one_account_keeps_no_other_out() {
    let (server, _, _) = signed_in();
    let guess = |n: usize| sign_in(&server, "bob", &format!("guess {n}")).send().status;
    let statuses: Vec<u16> = (0..11).map(guess).collect();
    assert_eq!(statuses[10], 429, "{statuses:?}");
    assert_eq!(sign_in(&server, "ann", PASSWORD).send().status, 200);
}

#[test]
fn what_ended_a_sign_in_ends_it_at_once() {
    let (server, cookie, csrf) = signed_in();
    let who = |cookie: &str| {
        server
            .ask("GET", "/api/gaia/session")
            .cookie(cookie)
            .send()
            .status
    };
    let second = sign_in(&server, "ann", PASSWORD).send().cookie();
    let out = server
        .ask("DELETE", "/api/gaia/session")
        .cookie(&cookie)
        .header("X-CSRF-Token", &csrf);
    assert_eq!(out.send().status, 204);
    assert_eq!((who(&cookie), who(&second)), (401, 200));
    server
        .accounts
        .set_password("ann", "another password", "test", None)
        .unwrap();
    assert_eq!(who(&second), 401);
    let third = sign_in(&server, "ann", "another password").send().cookie();
    assert_eq!(who(&third), 200);
    server.accounts.remove_user("ann", "test").unwrap();
    assert_eq!(who(&third), 401);
}

#[test]
fn a_password_that_an_admin_sets_signs_the_account_out_and_leaves_its_tokens() {
    let (server, cookie, _) = signed_in();
    let admin = server.token("root", Role::Admin);
    let program = server.token("ann", Role::Agent);
    let new = json!({"password": "forgotten the old one"});
    let set = server.ask("POST", "/api/gaia/users/ann/password");
    assert_eq!(set.token(&admin).json(&new).send().status, 200);
    let session = server.ask("GET", "/api/gaia/session").cookie(&cookie);
    assert_eq!(session.send().status, 401);
    assert_eq!(sign_in(&server, "ann", PASSWORD).send().status, 401);
    let again = sign_in(&server, "ann", "forgotten the old one").send();
    assert_eq!(again.status, 200);
    assert_eq!(server.get("/api/gaia/locks", &program).status, 200);
}

#[test]
fn a_token_that_was_revoked_or_has_expired_counts_no_more() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    assert_eq!(server.get("/api/gaia/locks", &token).status, 200);
    assert!(server.accounts.tokens().unwrap()[0].last_used_at.is_some());
    server.accounts.revoke_token("eye", "test").unwrap();
    assert_eq!(server.get("/api/gaia/locks", &token).status, 401);
    let short = |time| {
        let accounts = &server.accounts;
        accounts.create_token("eye", Role::Viewer, Some(time), "test")
    };
    let never = short(std::time::Duration::ZERO).unwrap_err();
    assert!(never.to_string().contains("no time at all"), "{never}");
    let (_, short) = short(std::time::Duration::from_nanos(1)).unwrap();
    assert_eq!(server.get("/api/gaia/locks", short.reveal()).status, 401);
}

#[test]
fn an_agent_acts_for_no_session_but_its_own() {
    let server = Server::start();
    let (ann, bob) = (
        server.token("ann", Role::Agent),
        server.token("bob", Role::Agent),
    );
    let folder = server.folder("web");
    let ask = |session: &str| json!({"folder_path": folder, "session_id": session});
    let acquire = |token: &str, session: &str| {
        server
            .ask("POST", "/api/gaia/locks")
            .token(token)
            .json(&ask(session))
            .send()
    };
    for session in ["bob", "bob/1", "annika", "root"] {
        forbidden(&acquire(&ann, session));
    }
    let granted = acquire(&ann, "ann/1");
    let id = &granted.json()["locks"][0]["id"];
    let release = format!("/api/gaia/locks/{id}");
    forbidden(&server.ask("DELETE", &release).token(&bob).send());
    let renew = |body: &Value| {
        server
            .ask("POST", format!("{release}/renew"))
            .token(&bob)
            .json(body)
            .send()
    };
    forbidden(&renew(&json!({})));
    forbidden(&renew(&json!({"session_id": "ann/1"})));
    assert_eq!(renew(&json!({"session_id": "bob"})).status, 403);
}

#[test]
fn what_a_token_makes_does_not_outlive_it() {
    let server = Server::start();
    let hour = std::time::Duration::from_secs(3600);
    let (info, secret) = server
        .accounts
        .create_token("root", Role::Admin, Some(hour), "test")
        .unwrap();
    let post = |path: &str, body: &Value| {
        server
            .ask("POST", path)
            .token(secret.reveal())
            .json(body)
            .send()
    };
    for body in [
        json!({"name": "ci", "role": "admin"}),
        json!({"name": "ci", "role": "admin", "expires": "90d"}),
    ] {
        let made = post("/api/gaia/tokens", &body);
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(made.json()["expires_at"], json!(info.expires_at), "{body}");
    }
    let sooner = json!({"name": "ci", "role": "admin", "expires": "1m"});
    let sooner = post("/api/gaia/tokens", &sooner).json()["expires_at"].clone();
    assert_ne!(sooner, json!(info.expires_at));
    let new = json!({"name": "ann", "role": "admin", "password": PASSWORD});
    forbidden(&post("/api/gaia/users", &new));
    server
        .accounts
        .add_user("ann", Role::Admin, None, "test")
        .unwrap();
    let password = json!({"password": PASSWORD});
    forbidden(&post("/api/gaia/users/ann/password", &password));
}

#[test]
fn who_is_removed_leaves_no_token_behind() {
    let server = Server::start();
    server
        .accounts
        .add_user("ann", Role::Agent, Some(PASSWORD), "test")
        .unwrap();
    let hers = ["ann", "ann/1"].map(|name| server.token(name, Role::Agent));
    let another = server.token("annika", Role::Agent);
    server.accounts.remove_user("ann", "test").unwrap();
    let status = |token: &String| server.get("/api/gaia/locks", token).status;
    assert_eq!(hers.each_ref().map(status), [401, 401]);
    assert_eq!(status(&another), 200);
}

#[test]
fn the_page_that_changes_a_password_is_no_place_to_guess_it() {
    let (server, cookie, csrf) = signed_in();
    let guess = |n: usize| {
        let form = format!("csrf={csrf}&old=guess{n}&new=something+else");
        let ask = server.ask("POST", "/account/password").cookie(&cookie);
        let kind = "application/x-www-form-urlencoded";
        ask.body(kind, form.as_bytes()).send().status
    };
    let statuses: Vec<u16> = (0..12).map(guess).collect();
    assert_eq!((statuses[0], statuses[11]), (400, 429), "{statuses:?}");
    let trail = server.accounts.audit(None, 100).unwrap();
    assert!(trail.iter().any(|entry| entry.act == "sign_in_failed"));
}

#[test]
fn nobody_revokes_anothers_token_by_a_name_that_reads_as_an_id() {
    let server = Server::start();
    server
        .accounts
        .add_user("vic", Role::Viewer, Some(PASSWORD), "test")
        .unwrap();
    let another = server.token("2024", Role::Agent);
    let reply = sign_in(&server, "vic", PASSWORD).send();
    let csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
    let revoke = |id: &str| {
        let form = format!("csrf={csrf}&id={id}");
        let ask = server.ask("POST", "/account/tokens/revoke");
        let ask = ask.cookie(&reply.cookie());
        ask.body("application/x-www-form-urlencoded", form.as_bytes())
            .send()
    };
    assert_ne!(revoke("2024").status, 303);
    assert_eq!(server.get("/api/gaia/locks", &another).status, 200);
    // One's own goes, and with it none that bears its number as a name.
    let mine = server
        .accounts
        .create_token("vic", Role::Viewer, None, "vic");
    let id = mine.unwrap().0.id.to_string();
    let namesake = server.token(&id, Role::Agent);
    assert_eq!(revoke(&id).status, 303);
    assert_eq!(server.get("/api/gaia/locks", &namesake).status, 200);
}
