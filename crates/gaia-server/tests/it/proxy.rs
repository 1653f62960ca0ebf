//! A server behind a proxy that ends TLS: `--name https://NAME`.

use gaia_server::Role;
use serde_json::json;

use crate::client::Reply;
use crate::server::Server;

const PASSWORD: &str = "correct horse battery";

fn sign_in(server: &Server, host: &str, origin: &str) -> Reply {
    let given = json!({"name": "ann", "password": PASSWORD});
    let ask = server.ask("POST", "/api/gaia/session").json(&given);
    ask.host(Some(host)).header("Origin", origin).send()
}

fn with_ann(names: &[&str]) -> Server {
    let server = Server::with_names(names);
    server
        .accounts
        .add_user("ann", Role::Admin, Some(PASSWORD), "test")
        .unwrap();
    server
}

#[test]
fn a_browser_signs_in_through_a_proxy_that_ends_tls() {
    let server = with_ann(&["https://gaia.example.org", "https://other.example:8443/"]);
    let here = server.address.to_string();
    for (host, origin) in [
        ("gaia.example.org", "https://gaia.example.org"),
        // Not every proxy says by which name it was asked.
        (here.as_str(), "https://gaia.example.org"),
        ("other.example:8443", "https://other.example:8443"),
    ] {
        let reply = sign_in(&server, host, origin);
        assert_eq!(reply.status, 200, "{host} {origin}: {reply:?}");
        let set = reply.header("set-cookie").unwrap();
        assert!(
            set.starts_with("__Host-gaia_session=") && set.contains("; Secure"),
            "{set}"
        );
        let csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
        let out = server.ask("DELETE", "/api/gaia/session");
        let out = out.cookie(&reply.cookie()).header("X-CSRF-Token", &csrf);
        let out = out.host(Some(host)).header("Origin", origin).send();
        assert_eq!(out.status, 204, "{out:?}");
    }
    for (host, origin) in [
        ("gaia.example.org", "http://gaia.example.org"),
        ("gaia.example.org", "https://gaia.example.org:8443"),
        ("gaia.example.org", "https://attacker.example"),
        (here.as_str(), "https://attacker.example"),
        ("other.example", "https://other.example"),
    ] {
        let reply = sign_in(&server, host, origin);
        assert_eq!(reply.status, 403, "{host} {origin}: {reply:?}");
    }
    let foreign = sign_in(&server, "attacker.example", "https://gaia.example.org");
    assert_eq!(foreign.status, 421, "{foreign:?}");
}

#[test]
fn the_link_leads_through_the_proxy_whose_cookie_only_tls_carries() {
    let server = Server::with_names(&["plain.example", "https://gaia.example.org"]);
    let link = &server.link;
    assert!(
        link.starts_with("https://gaia.example.org/sign-in/link?once="),
        "{link}"
    );
}

#[test]
fn a_name_without_a_proxy_stays_plain() {
    let server = with_ann(&["gaia.example.org"]);
    let reply = sign_in(&server, "gaia.example.org:80", "http://gaia.example.org:80");
    assert!(reply.cookie().starts_with("gaia_session="), "{reply:?}");
    let refused = sign_in(&server, "gaia.example.org", "https://gaia.example.org");
    assert_eq!(refused.status, 403);
}
