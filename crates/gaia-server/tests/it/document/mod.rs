//! The API against its own document, and a scanner against the API: tools of
//! others, as `scripts/install python` puts them into `.tools`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gaia_server::Role;
use serde_json::json;

use crate::server::Server;

/// A tool; none where it was not installed, and that is said loudly, and on CI
/// fails.
#[expect(clippy::disallowed_methods, reason = "whether this is CI")]
fn tool(name: &str) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".tools/scan/bin").join(name);
    if !program.is_file() {
        let place = program.display();
        eprintln!("\n!!! NOT TESTED: {place} is not there; scripts/install python brings it\n");
        assert!(std::env::var_os("CI").is_none(), "{place} is missing on CI");
        return None;
    }
    Some(Command::new(program))
}

/// A server with something of everything, and an admin's token.
fn furnished() -> (Server, String) {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    server
        .accounts
        .add_user("ann", Role::Admin, Some("correct horse battery"), "test")
        .unwrap();
    let post = |path: &str, body: serde_json::Value| {
        let reply = server.ask("POST", path).token(&admin).json(&body).send();
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    };
    let (web, docs) = (server.folder("web"), server.folder("docs"));
    post("/api/gaia/locks", json!({"folder_path": web}));
    post(
        "/api/gaia/locks",
        json!({"folder_path": docs, "mode": "shared", "session_id": "far"}),
    );
    post(
        "/api/gaia/locks",
        json!({"folder_path": server.folder("old"), "ttl": 1}),
    );
    post(
        "/api/gaia/sessions",
        json!({"session_id": "far", "lease": "1h"}),
    );
    post(
        "/api/gaia/tasks",
        json!({"text": "mend it", "folder_path": web}),
    );
    post(
        "/api/gaia/tasks",
        json!({"text": "read it", "read_only": true}),
    );
    post("/api/gaia/sessions/take", json!({"session_id": "far"}));
    (server, admin)
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// Another one tries other things: GAIA_DOCUMENT_SEED=7.
#[expect(clippy::disallowed_methods, reason = "a choice of whoever runs it")]
fn seed() -> String {
    std::env::var("GAIA_DOCUMENT_SEED").unwrap_or_else(|_| "1".to_owned())
}

/// What schemathesis makes of the API with this token in so many seconds. All
/// checks but two: what lies between bounds that no schema tells (a lease has at
/// most 30 days, however it is written) is refused although it fits the schema;
/// and a GET below `/api/gaia/locks/` is a folder, whatever follows. Events do
/// not end by themselves.
fn try_as(server: &Server, mut tool: Command, token: &str, seconds: &str, without: &[&str]) {
    let hooks: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/it/document"]
        .iter()
        .collect();
    let without = without.iter().chain(&["/api/gaia/events"]);
    let output = tool
        .args(["run", "--max-time", seconds, "--phases"])
        .args(["coverage,fuzzing", "--warnings", "off"])
        .args(["--seed", &seed(), "--no-shrink", "--request-timeout", "90"])
        .args([
            "--exclude-checks",
            "positive_data_acceptance,unsupported_method",
        ])
        .args(without.flat_map(|path| ["--exclude-path", *path]))
        .arg("--header")
        .arg(format!("Authorization: Bearer {token}"))
        .arg(format!("http://{}/api/openapi.json", server.address))
        .env("PYTHONPATH", &hooks)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .current_dir(server.dir.path())
        .output()
        .unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let answered = server.get("/api/gaia/status", token);
    assert_eq!(
        answered.status, 200,
        "the run ended its own sign-in: {said}"
    );
}

#[test]
fn heavy_p11_the_api_does_what_its_document_says_for_an_admin() {
    let Some(tool) = tool("schemathesis") else {
        return;
    };
    let (server, admin) = furnished();
    // It learns ids and names from answers, and would revoke the token that it shows, or
    // remove the account that has the token's name.
    let without = ["/api/gaia/tokens/{id}", "/api/gaia/users/{name}"];
    try_as(&server, tool, &admin, "40", &without);
}

/// Who is refused much: here those routes are asked too that end an admin's run.
#[test]
fn heavy_p11_the_api_does_what_its_document_says_for_an_agent() {
    let Some(tool) = tool("schemathesis") else {
        return;
    };
    let (server, _) = furnished();
    let agent = server.token("far", Role::Agent);
    try_as(&server, tool, &agent, "20", &[]);
}

/// What the scanner tries, each for a few seconds. Not those of its modules that
/// ask a host elsewhere (ssrf, xxe) or look for other products, nor `backup`, which
/// breaks off at a URL with a port.
const MODULES: [&str; 12] = [
    "cookieflags",
    "crlf",
    "csp",
    "csrf",
    "exec",
    "file",
    "http_headers",
    "methods",
    "permanentxss",
    "redirect",
    "sql",
    "xss",
];

/// A signed-in admin's browser, as a scanner drives it: it follows links, fills
/// forms, and looks for what comes back changed. It is kept from signing out.
#[test]
fn heavy_a_scanner_finds_nothing() {
    let Some(mut tool) = tool("wapiti") else {
        return;
    };
    let (server, _) = furnished();
    let given = json!({"name": "ann", "password": "correct horse battery"});
    let signed_in = server.ask("POST", "/api/gaia/session").json(&given).send();
    let report = server.dir.path().join("report.json");
    let url = format!("http://{}/", server.address);
    let locks = format!("{url}api/gaia/locks?session=a&limit=1");
    let output = tool
        .args(["--url", &url, "--scope", "domain", "--flush-session"])
        .args(["--start", &format!("{url}api/docs"), "--start", &locks])
        .args([
            "--start",
            &format!("{url}api/gaia/history?since=1h&format=csv"),
        ])
        .args(["--start", &format!("{url}api/gaia/tasks?status=pending")])
        .args(["--start", &format!("{url}account")])
        .args(["--exclude", &format!("{url}sign-out")])
        .args(["--header", &format!("Cookie: {}", signed_in.cookie())])
        .args(["--verbose", "2"])
        .args(["--module", &MODULES.join(",")])
        .args([
            "--max-scan-time",
            "30",
            "--max-attack-time",
            "6",
            "--timeout",
            "10",
        ])
        .args([
            "--no-bugreport",
            "--format",
            "json",
            "--output",
            report.to_str().unwrap(),
        ])
        .arg("--store-session")
        .arg(server.dir.path())
        .env("HOME", server.dir.path())
        .output()
        .unwrap();
    let said = said(&output);
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}: {said}"));
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let crawled = found["infos"]["crawled_pages_nbr"].as_i64();
    assert!(crawled > Some(50), "{text}");
    for module in MODULES {
        let tried = format!("Launching module {module}");
        assert!(said.contains(&tried), "{module}: {said}");
    }
    assert!(
        said.contains("/account"),
        "the account page was seen: {said}"
    );
    for what in ["vulnerabilities", "anomalies"] {
        for (kind, all) in found[what].as_object().unwrap() {
            assert_eq!(all, &json!([]), "{kind}");
        }
    }
}
