//! The revision before, 2025-11-25: a handshake, sessions of the protocol, and a
//! word for calling off.

use std::io::{BufRead as _, BufReader};

use gaia_locks::service::Locks as _;
use gaia_server::Role;
use serde_json::{Value, json};

use super::{Waits, call, post};
use crate::client::Ask;
use crate::server::Server;
use crate::waiting::in_line;

/// A client of the revision before: it shakes hands, and has a session.
struct Session<'a> {
    server: &'a Server,
    token: String,
    id: String,
}

impl<'a> Session<'a> {
    fn begin(server: &'a Server, token: &str) -> Self {
        let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
        let mut stream = BufReader::new(post(server, token, &hello).begin());
        let mut id = None;
        let mut line = String::new();
        // Its head; the stream itself may stay open.
        while stream.read_line(&mut line).unwrap() > 2 {
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("mcp-session-id")
            {
                id = Some(value.trim().to_owned());
            }
            line.clear();
        }
        let session = Self {
            server,
            token: token.to_owned(),
            id: id.expect("a session"),
        };
        session.say("notifications/initialized", json!({}));
        session
    }

    fn post(&self, body: &Value) -> Ask {
        post(self.server, &self.token, body)
            .header("MCP-Protocol-Version", "2025-11-25")
            .header("Mcp-Session-Id", &self.id)
    }

    fn say(&self, method: &str, params: Value) {
        let said = self
            .post(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
            .send();
        assert_eq!(said.status, 202, "{said:?}");
    }

    fn waits(&self, id: i64, arguments: &Value) -> Waits {
        let params = json!({"name": "wait_for_folder", "arguments": arguments, "_meta": {"progressToken": id}});
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        Waits::at(self.post(&body).begin())
    }
}

#[test]
fn r08_the_revision_before_calls_off_by_a_word_and_a_cut_connection_is_none() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let web = server.folder("web");
    let of = |session: &str, id: Option<&str>| json!({"folder": web, "session": session, "request_id": id});
    call(&server, &token, "acquire_folder", &of("ben", None));
    let session = Session::begin(&server, &token);
    // Called off: it leaves, request id or not.
    for (number, id) in [(1, None), (2, Some("w1"))] {
        let mut ann = session.waits(number, &of("ann", id));
        ann.next();
        in_line(&server, 1);
        session.say(
            "notifications/cancelled",
            json!({"requestId": number, "reason": "enough"}),
        );
        in_line(&server, 0);
    }
    // Cut: it keeps its place under its request id.
    let mut ann = session.waits(3, &of("ann", Some("w2")));
    ann.next();
    in_line(&server, 1);
    let place = server.locks.status(None).unwrap().waiters[0].id;
    drop(ann);
    let mut cid = session.waits(4, &of("cid", None));
    cid.next();
    in_line(&server, 2);
    drop(cid);
    in_line(&server, 1);
    let mut ann = session.waits(5, &of("ann", Some("w2")));
    ann.next();
    assert_eq!(server.locks.status(None).unwrap().waiters[0].id, place);
}

fn ends(server: &Server, token: &str, id: &str) -> u16 {
    let end = server.ask("DELETE", "/mcp").token(token);
    end.header("Mcp-Session-Id", id).send().status
}

#[test]
fn a_session_of_the_protocol_is_its_accounts_alone_and_ends_when_told() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let session = Session::begin(&server, &token);
    let eve = server.token("eve", Role::Viewer);
    let stranger = Session {
        server: &server,
        token: eve.clone(),
        id: session.id.clone(),
    };
    let params = json!({"name": "acquire_folder", "arguments": {"folder": server.folder("web")}});
    let body = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params});
    assert_eq!(stranger.post(&body).send().status, 404);
    assert_eq!(ends(&server, &eve, &session.id), 404);
    let (granted, _) = Waits::at(session.post(&body).begin()).answer();
    assert_eq!(granted["structuredContent"]["granted"], true, "{granted}");
    // A session gives no rights: its account's role does.
    let own = Session::begin(&server, &eve);
    let (refused, _) = Waits::at(own.post(&body).begin()).answer();
    let code = &refused["structuredContent"]["error"]["code"];
    assert_eq!(code, "forbidden", "{refused}");
    assert!((200..300).contains(&ends(&server, &token, &session.id)));
    assert_eq!(session.post(&body).send().status, 404);
}

#[test]
fn whoever_begins_sessions_without_end_loses_the_one_that_rests_longest_and_harms_nobody() {
    let server = Server::start();
    let (root, eve) = (
        server.token("root", Role::Admin),
        server.token("eve", Role::Admin),
    );
    let of = |session: &str| json!({"folder": server.folder("web"), "session": session});
    call(&server, &root, "acquire_folder", &of("ben"));
    let theirs = Session::begin(&server, &root);
    let works = Session::begin(&server, &eve);
    let mut wait = works.waits(1, &of("ann"));
    wait.next();
    let oldest = Session::begin(&server, &eve);
    for _ in 0..100 {
        Session::begin(&server, &eve);
    }
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
    assert_eq!(oldest.post(&ping).send().status, 404, "it rested longest");
    assert_eq!(theirs.post(&ping).send().status, 200);
    // What stands goes on, and who needs no session is let in.
    wait.next();
    assert_eq!(works.post(&ping).send().status, 200);
    let looked = call(&server, &root, "lock_status", &json!({}));
    assert_eq!(looked["structuredContent"]["count"], 1, "{looked}");
}
