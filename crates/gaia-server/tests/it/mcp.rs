//! The tools over HTTP: who may, both revisions, waits and how they end.

mod before;
mod trail;

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;

use gaia_locks::service::Locks as _;
use gaia_server::Role;
use serde_json::{Value, json};

use crate::client::{Ask, Reply};
use crate::server::Server;
use crate::waiting::{counted, in_line};

/// A request of 2026-07-28, with all that it must bear.
fn ask(server: &Server, token: &str, method: &str, mut params: Value) -> Ask {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}});
    for (name, value) in meta.as_object().unwrap() {
        params["_meta"][name] = value.clone();
    }
    let name = params["name"].as_str().map(str::to_owned);
    let ask = post(
        server,
        token,
        &json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
    )
    .header("MCP-Protocol-Version", "2026-07-28")
    .header("Mcp-Method", method);
    match name {
        Some(name) => ask.header("Mcp-Name", &name),
        None => ask,
    }
}

fn post(server: &Server, token: &str, body: &Value) -> Ask {
    server
        .ask("POST", "/mcp")
        .token(token)
        .header("Accept", "application/json, text/event-stream")
        .json(body)
}

/// The last message of an answer, be it JSON or a stream of events.
fn message(reply: &Reply) -> Value {
    let mut events = reply
        .body
        .lines()
        .filter_map(|line| line.strip_prefix("data:"));
    match events.next_back() {
        Some(last) => serde_json::from_str(last.trim()).unwrap(),
        None => reply.json(),
    }
}

fn call(server: &Server, token: &str, tool: &str, arguments: &Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    let reply = ask(server, token, "tools/call", params).send();
    assert_eq!(reply.status, 200, "{reply:?}");
    message(&reply)["result"].clone()
}

fn waits(server: &Server, token: &str, arguments: &Value) -> Waits {
    let params =
        json!({"name": "wait_for_folder", "arguments": arguments, "_meta": {"progressToken": 7}});
    Waits::at(ask(server, token, "tools/call", params).begin())
}

/// A call that stands.
struct Waits(BufReader<TcpStream>);

impl Waits {
    fn at(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    /// The next message of the stream.
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(data) = line.strip_prefix("data:")
                && !data.trim().is_empty()
            {
                return serde_json::from_str(data.trim()).unwrap();
            }
        }
    }

    /// Until it is answered; how far it was told to be before, in order.
    fn answer(&mut self) -> (Value, Vec<f64>) {
        let mut told = Vec::new();
        loop {
            let message = self.next();
            match message["params"]["progress"].as_f64() {
                Some(progress) => told.push(progress),
                None => return (message["result"].clone(), told),
            }
        }
    }
}

#[test]
fn nobody_and_foreign_pages_are_kept_out_whatever_the_method() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let list = |token: &str| ask(&server, token, "tools/list", json!({}));
    let bare = server.ask("POST", "/mcp").json(&json!({})).send();
    assert_eq!(bare.status, 401, "{bare:?}");
    assert!(
        bare.header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    assert_eq!(list("gaia_nobody").send().status, 401);
    for method in ["POST", "GET", "DELETE"] {
        let foreign = server
            .ask(method, "/mcp")
            .token(&token)
            .header("Origin", "https://evil.example")
            .send();
        assert_eq!(
            (foreign.status, foreign.code().as_str()),
            (403, "forbidden"),
            "{method}"
        );
    }
    let own = list(&token)
        .header("Origin", &format!("http://{}", server.address))
        .send();
    assert_eq!(own.status, 200, "{own:?}");
    let rebound = list(&token).host(Some("evil.example")).send();
    assert_eq!(rebound.code(), "unknown_host");
    let signed_in = server
        .ask("GET", &server.link[server.link.find("/sign-in").unwrap()..])
        .send();
    let cookie = signed_in.cookie();
    let forged = server
        .ask("POST", "/mcp")
        .cookie(&cookie)
        .json(&json!({}))
        .send();
    assert_eq!(
        forged.status, 403,
        "a browser's cookie without its page's token: {forged:?}"
    );
}

#[test]
fn the_current_revision_is_discovered_and_its_headers_must_fit() {
    let server = Server::start();
    let token = server.token("ci", Role::Viewer);
    let told = message(&ask(&server, &token, "server/discover", json!({})).send());
    let versions = told["result"]["supportedVersions"].as_array().unwrap();
    for version in ["2026-07-28", "2025-11-25"] {
        assert!(versions.contains(&json!(version)), "{told}");
    }
    let list = message(&ask(&server, &token, "tools/list", json!({})).send());
    assert_eq!(
        list["result"]["tools"].as_array().unwrap().len(),
        10,
        "{list}"
    );
    assert_eq!(list["result"]["resultType"], "complete");
    // Headers and body say the same, or it is refused.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}});
    let with = |version: &str, method: &str| {
        post(&server, &token, &body)
            .header("MCP-Protocol-Version", version)
            .header("Mcp-Method", method)
            .send()
    };
    assert_eq!(with("2026-07-28", "tools/list").status, 200);
    let wrong = with("2026-07-28", "tools/call");
    assert_eq!(
        (wrong.status, message(&wrong)["error"]["code"].clone()),
        (400, json!(-32020)),
        "{wrong:?}"
    );
    let wrong = with("2025-11-25", "tools/list");
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let mut unknown = body.clone();
    unknown["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2199-01-01");
    let unknown = post(&server, &token, &unknown)
        .header("MCP-Protocol-Version", "2199-01-01")
        .header("Mcp-Method", "tools/list")
        .send();
    assert_eq!(
        (unknown.status, message(&unknown)["error"]["code"].clone()),
        (400, json!(-32022)),
        "{unknown:?}"
    );
    let nothing = ask(&server, &token, "no/such", json!({})).send();
    assert_eq!(
        (nothing.status, message(&nothing)["error"]["code"].clone()),
        (404, json!(-32601)),
        "{nothing:?}"
    );
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"x": "x".repeat(2_000_000)}});
    assert_eq!(post(&server, &token, &large).send().status, 413);
}

#[test]
fn each_role_may_what_it_may_elsewhere_and_is_told_so() {
    let server = Server::start();
    let [viewer, agent, admin] = [
        ("eve", Role::Viewer),
        ("ci", Role::Agent),
        ("root", Role::Admin),
    ]
    .map(|(name, role)| server.token(name, role));
    let web = server.folder("web");
    let wants = |session: Option<&str>| json!({"folder": web, "session": session});
    let looks = call(&server, &viewer, "lock_status", &json!({}));
    assert_eq!(looks["structuredContent"]["count"], 0, "{looks}");
    for (token, session, code) in [
        (&viewer, None, "forbidden"),
        (&viewer, Some("eve"), "forbidden"),
        (&agent, Some("other"), "forbidden"),
        (&agent, Some("ci2"), "forbidden"),
    ] {
        for tool in ["acquire_folder", "wait_for_folder"] {
            let refused = call(&server, token, tool, &wants(session));
            assert_eq!(refused["isError"], true, "{refused}");
            assert_eq!(
                refused["structuredContent"]["error"]["code"], code,
                "{refused}"
            );
        }
        let tells = json!({"task": 1, "session": session, "reason": "x"});
        let refused = call(&server, token, "fail_task", &tells);
        assert_eq!(
            refused["structuredContent"]["error"]["code"], code,
            "{refused}"
        );
    }
    let told = call(&server, &viewer, "acquire_folder", &wants(None)).to_string();
    assert!(told.contains("eve is viewer; this needs agent"), "{told}");
    let taken = call(&server, &agent, "acquire_folder", &wants(None));
    let lock = &taken["structuredContent"]["locks"][0];
    assert_eq!(
        lock["session_id"], "ci",
        "its own name when none is given: {taken}"
    );
    let other = server.token("ben", Role::Agent);
    let steals = call(
        &server,
        &other,
        "release_folder",
        &json!({"token": lock["id"]}),
    );
    assert_eq!(
        steals["structuredContent"]["error"]["code"], "not_allowed",
        "{steals}"
    );
    let below = call(
        &server,
        &agent,
        "acquire_folder",
        &json!({"folder": server.folder("api"), "session": "ci/1"}),
    );
    assert_eq!(below["isError"], false, "{below}");
    let any = call(
        &server,
        &admin,
        "release_folder",
        &json!({"token": lock["id"], "session": "ci"}),
    );
    assert_eq!(any["structuredContent"]["released"], true, "{any}");
}

#[test]
fn r12_a_path_of_another_scope_is_only_cleaned_and_never_meets_one_of_here() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let web = server.folder("web");
    let mine = |session: &str, scope: Option<&str>| json!({"folder": web, "session": session, "scope": scope});
    for (session, scope) in [("ci/1", None), ("ci/2", Some("laptop"))] {
        let taken = call(&server, &token, "acquire_folder", &mine(session, scope));
        assert_eq!(taken["isError"], false, "{taken}");
    }
    let refused = call(
        &server,
        &token,
        "acquire_folder",
        &mine("ci/3", Some("laptop")),
    );
    let lock = &refused["structuredContent"]["conflicts"][0]["lock"];
    assert_eq!(
        (&lock["session_id"], &lock["scope"]),
        (&json!("ci/2"), &json!("laptop")),
        "{refused}"
    );
}

#[test]
fn r08_a_wait_tells_its_progress_at_once_and_is_granted_at_its_turn() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let web = server.folder("web");
    let of = |session: &str| json!({"folder": web, "session": session});
    let held = call(&server, &token, "acquire_folder", &of("ben"));
    let mut ann = waits(&server, &token, &of("ann"));
    let first = ann.next();
    assert_eq!(first["params"]["progressToken"], 7, "{first}");
    assert!(
        first["params"]["message"]
            .as_str()
            .unwrap()
            .contains("session ben"),
        "{first}"
    );
    let second = ann.next();
    assert!(
        second["params"]["progress"].as_f64() > first["params"]["progress"].as_f64(),
        "{second}"
    );
    let token_of = held["structuredContent"]["locks"][0]["id"].clone();
    call(
        &server,
        &token,
        "release_folder",
        &json!({"token": token_of, "session": "ben"}),
    );
    let (granted, _) = ann.answer();
    assert_eq!(
        granted["structuredContent"]["locks"][0]["session_id"], "ann",
        "{granted}"
    );
    in_line(&server, 0);
}

#[test]
fn r08_patience_ends_and_says_who_holds_it_over_mcp() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let web = server.folder("web");
    call(
        &server,
        &token,
        "acquire_folder",
        &json!({"folder": web, "session": "ben"}),
    );
    let wants = json!({"folder": web, "session": "ann", "limit": 0.3});
    let refused = call(&server, &token, "wait_for_folder", &wants);
    let told = &refused["structuredContent"];
    assert_eq!(
        (&told["granted"], &told["waited"]),
        (&json!(false), &json!(true)),
        "{refused}"
    );
    assert_eq!(told["conflicts"][0]["lock"]["session_id"], "ben");
    in_line(&server, 0);
}

#[test]
fn r08_r16_a_cut_connection_keeps_its_place_with_a_request_id_and_leaves_without() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let web = server.folder("web");
    let of = |session: &str, id: Option<&str>| json!({"folder": web, "session": session, "request_id": id});
    let held = call(&server, &token, "acquire_folder", &of("ben", None));
    let mut ann = waits(&server, &token, &of("ann", Some("w1")));
    ann.next();
    let mut cid = waits(&server, &token, &of("cid", None));
    cid.next();
    in_line(&server, 2);
    let place = server.locks.status(None).unwrap().waiters[0].id;
    drop(ann);
    drop(cid);
    in_line(&server, 1);
    let mut ann = waits(&server, &token, &of("ann", Some("w1")));
    ann.next();
    let waiters = server.locks.status(None).unwrap().waiters;
    assert_eq!((waiters.len(), waiters[0].id), (1, place), "the same place");
    let id = &held["structuredContent"]["locks"][0]["id"];
    call(
        &server,
        &token,
        "release_folder",
        &json!({"token": id, "session": "ben"}),
    );
    let (granted, _) = ann.answer();
    let again = call(&server, &token, "wait_for_folder", &of("ann", Some("w1")));
    let lock = |answer: &Value| answer["structuredContent"]["locks"][0]["id"].clone();
    assert_eq!(lock(&again), lock(&granted), "no second lock");
}

#[test]
fn r08_a_server_that_stops_answers_those_who_wait_and_keeps_places_with_a_request_id() {
    let mut server = Server::start();
    let token = server.token("root", Role::Admin);
    let web = server.folder("web");
    let of = |session: &str, id: Option<&str>| json!({"folder": web, "session": session, "request_id": id});
    call(&server, &token, "acquire_folder", &of("ben", None));
    let mut standing: Vec<Waits> = [("ann", Some("w1")), ("cid", None)]
        .iter()
        .map(|(session, id)| waits(&server, &token, &of(session, *id)))
        .collect();
    for one in &mut standing {
        one.next();
    }
    in_line(&server, 2);
    server.halt();
    for one in &mut standing {
        let (told, _) = one.answer();
        assert_eq!(
            told["structuredContent"]["error"]["code"], "server_stopping",
            "{told}"
        );
    }
    let waiters = server.locks.status(None).unwrap().waiters;
    let left: Vec<&str> = waiters
        .iter()
        .map(|waiter| waiter.session_id.as_str())
        .collect();
    assert_eq!(left, ["ann"]);
}

/// A client gives up a call of which nothing comes for a while, its head included.
#[test]
fn a_wait_for_a_task_tells_at_once_that_it_stands() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let session = server.ask("POST", "/api/gaia/sessions").token(&token);
    let added = session.json(&json!({"session_id": "ci"})).send();
    assert!((200..300).contains(&added.status), "{added:?}");
    let params =
        json!({"name": "take_task", "arguments": {"wait": "1m"}, "_meta": {"progressToken": 3}});
    let mut takes = Waits::at(ask(&server, &token, "tools/call", params).begin());
    let first = takes.next();
    assert_eq!(first["params"]["progressToken"], 3, "{first}");
    let second = takes.next();
    assert!(
        second["params"]["progress"].as_f64() > first["params"]["progress"].as_f64(),
        "{second}"
    );
}

#[test]
fn a_refusal_counts_whichever_way_it_was_asked_for() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let of =
        |session: &str| json!({"folder": server.folder("web"), "session": session, "limit": 0});
    call(&server, &token, "wait_for_folder", &of("ben"));
    call(&server, &token, "wait_for_folder", &of("ann"));
    let metrics = server.ask("GET", "/metrics").token(&token).send();
    let refusals = "gaia_refusals_total 1";
    assert!(
        metrics.body.lines().any(|line| line == refusals),
        "{metrics:?}"
    );
}

#[test]
fn refusals_and_waits_of_tools_are_counted_as_those_over_http() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let web = server.folder("web");
    let of = |session: &str| json!({"folder": web, "session": session});
    call(&server, &token, "acquire_folder", &of("ci/a"));
    assert_eq!(counted(&server, &token), ["0", "0"]);
    call(&server, &token, "acquire_folder", &of("ci/b"));
    assert_eq!(counted(&server, &token), ["1", "0"]);
    let short = json!({"folder": web, "session": "ci/b", "limit": 0.1});
    call(&server, &token, "wait_for_folder", &short);
    assert_eq!(counted(&server, &token), ["2", "1"]);
}

#[test]
fn a_place_that_somebody_else_left_is_told_to_be_gone() {
    let server = Server::start();
    let token = server.token("ci", Role::Agent);
    let web = server.folder("web");
    call(
        &server,
        &token,
        "acquire_folder",
        &json!({"folder": web, "session": "ci/a"}),
    );
    let waits_for = json!({"folder": web, "session": "ci/b", "limit": 40});
    let mut waiting = waits(&server, &token, &waits_for);
    in_line(&server, 1);
    let id = server.locks.status(None).unwrap().waiters[0].id;
    let leave = server.ask("DELETE", format!("/api/gaia/waiters/{}", id.0));
    assert_eq!(leave.token(&token).send().status, 200);
    let (told, _) = waiting.answer();
    assert_eq!(
        told["structuredContent"]["error"]["code"], "not_in_line",
        "{told}"
    );
}
