//! `gaia serve` as a process: killed in the midst of work, over TLS, its log.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::home::{Guard, Home, loudly, until};

/// A server at work, and where it is.
struct Served {
    gaia: Guard,
    address: String,
}

fn serve(home: &Home, words: &[&str]) -> Served {
    let mut gaia = home.spawn(&[&["serve"], words].concat());
    let mut said = BufReader::new(gaia.0.stderr.take().unwrap()).lines();
    let started = said.find(|line| line.as_ref().unwrap().contains("server started"));
    let line = started.unwrap().unwrap();
    let (_, after) = line.split_once("://").unwrap();
    let address = after.split('"').next().unwrap().to_owned();
    // What it says further is read, or it would stand still one day.
    std::thread::spawn(move || said.for_each(drop));
    Served { gaia, address }
}

fn token(home: &Home) -> String {
    let made = home.json(&["token", "create", "root", "--role", "admin"]);
    made["token"].as_str().unwrap().to_owned()
}

fn head(method: &str, path: &str, address: &str, token: &str, body: &str) -> String {
    let length = body.len();
    let who = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{who}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A whole answer; none when the server went away.
fn ask(served: &str, method: &str, path: &str, token: &str, body: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(served).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    stream
        .write_all(head(method, path, served, token, body).as_bytes())
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

/// What was answered is there, whatever was in the midst.
#[test]
fn heavy_r14_what_a_server_granted_survives_its_kill() {
    let home = Home::new();
    let token = token(&home);
    for round in 0..5 {
        let mut served = serve(&home, &[]);
        let least = home.locks().len() + 40;
        let killed = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (address, token, killed) =
                    (served.address.clone(), token.clone(), killed.clone());
                std::thread::spawn(move || {
                    let mut granted = Vec::new();
                    for n in 0.. {
                        let body = format!(
                            "{{\"folder_path\": \"/r{round}/w{writer}/f{n}\", \"session_id\": \"s{writer}\"}}"
                        );
                        let answer = ask(&address, "POST", "/api/gaia/locks", &token, &body);
                        let Some(answer) = answer.filter(|_| !killed.load(Ordering::SeqCst)) else {
                            return granted;
                        };
                        assert_eq!(answer["granted"], true, "{answer}");
                        granted.push(answer["locks"][0]["id"].as_i64().unwrap());
                    }
                    granted
                })
            })
            .collect();
        until("many locks are held", || home.locks().len() >= least);
        served.gaia.0.kill().unwrap();
        killed.store(true, Ordering::SeqCst);
        served.gaia.0.wait().unwrap();
        let granted: Vec<i64> = writers
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect();
        let held: Vec<i64> = home
            .locks()
            .iter()
            .map(|lock| lock["id"].as_i64().unwrap())
            .collect();
        let lost: Vec<_> = granted.iter().filter(|id| !held.contains(id)).collect();
        assert!(
            lost.is_empty() && granted.len() > 10,
            "lost {lost:?} of {granted:?}"
        );
    }
    assert_eq!(home.json(&["doctor"])["ok"], true);
    // The next one answers at once, and no token comes twice.
    let served = serve(&home, &[]);
    let newest = home
        .locks()
        .iter()
        .map(|lock| lock["id"].as_i64().unwrap())
        .max();
    let body = "{\"folder_path\": \"/next\"}";
    let next = ask(&served.address, "POST", "/api/gaia/locks", &token, body).unwrap();
    assert!(next["locks"][0]["id"].as_i64() > newest, "{next}");
}

#[test]
fn a_program_learns_on_stdout_where_it_serves() {
    let home = Home::new();
    let mut gaia = home.spawn(&["serve", "--json", "--listen", "127.0.0.1:0"]);
    let mut said = BufReader::new(gaia.0.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&told["serving"], &told["pid"]),
        (&true.into(), &gaia.0.id().into())
    );
    let url = told["server"]["url"].as_str().unwrap();
    let link = told["server"]["link"].as_str().unwrap();
    assert!(link.starts_with(url), "{told}");
    let address = url.strip_prefix("http://").unwrap();
    assert!(!address.ends_with(":0"), "{told}");
    assert!(ask(address, "GET", "/healthz", "", "").is_some());
}

#[test]
fn beyond_this_machine_it_wants_tls_or_the_words() {
    let home = Home::new();
    let mut gaia = home.gaia(&["serve", "--json"]);
    let refused = gaia.env("GAIA_LISTEN", "0.0.0.0:0").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stdout).unwrap();
    assert!(
        said.contains("--insecure-http") && said.contains("--tls-cert"),
        "{said}"
    );
    let missing = home.output(&["serve", "--tls-cert", "no.pem", "--tls-key", "no.pem"]);
    let said = String::from_utf8(missing.stderr).unwrap();
    assert!(
        missing.status.code() == Some(1) && said.contains("no.pem"),
        "{said}"
    );
    for name in ["http://gaia.test", "gaia.test:8420", "gaia.test/"] {
        let unfit = home.output(&["serve", "--name", name]);
        let said = String::from_utf8(unfit.stderr).unwrap();
        assert!(
            unfit.status.code() == Some(2) && said.contains("https://NAME"),
            "{said}"
        );
    }
    let plain = serve(&home, &["--listen", "0.0.0.0:0", "--insecure-http"]);
    let address = plain.address.replace("localhost", "127.0.0.1");
    assert_eq!(
        ask(&address, "GET", "/healthz", "", ""),
        Some(serde_json::json!({"status": "ok"}))
    );
}

#[test]
fn up_looks_at_its_certificate_before_it_says_that_it_is_up() {
    let home = Home::new();
    let words = ["up", "--json", "--listen", "127.0.0.1:0"];
    let files = ["--tls-cert", "nothere.pem", "--tls-key", "nothere.pem"];
    let output = home.gaia(&[&words[..], &files].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("nothere.pem") && !told.contains("\"up\""),
        "{told}"
    );
}

/// With curl, which checks the certificate against the one that was made.
#[test]
fn over_tls_it_is_reached_by_its_name_and_its_cookie_is_for_tls_alone() {
    let home = Home::new();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-days",
            "2",
            "-subj",
            "/CN=gaia.test",
        ])
        .args(["-addext", "subjectAltName=DNS:gaia.test"])
        .current_dir(home.path("work"))
        .output();
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl || !made.is_ok_and(|output| output.status.success()) {
        return loudly("TLS: there is no openssl or no curl");
    }
    let add = home.gaia(&["user", "add", "ann", "--role", "admin"]);
    assert!(given(add, "correct horse\n"));
    let served = serve(
        &home,
        &[
            "--tls-cert",
            "cert.pem",
            "--tls-key",
            "key.pem",
            "--name",
            "gaia.test",
        ],
    );
    let (_, port) = served.address.rsplit_once(':').unwrap();
    let curl = |words: &[&str]| {
        let output = Command::new("curl")
            .args(["--silent", "--include", "--cacert", "cert.pem"])
            .args(["--resolve", &format!("gaia.test:{port}:127.0.0.1")])
            .args(words)
            .current_dir(home.path("work"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let url = format!("https://gaia.test:{port}");
    let health = curl(&[&format!("{url}/healthz")]);
    assert!(
        health.contains("strict-transport-security: max-age="),
        "{health}"
    );
    let body = "{\"name\": \"ann\", \"password\": \"correct horse\"}";
    let signed_in = curl(&["--json", body, &format!("{url}/api/gaia/session")]);
    let cookie = signed_in
        .lines()
        .find(|line| line.starts_with("set-cookie: "))
        .unwrap();
    assert!(
        cookie.contains("__Host-gaia_session=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    let other = curl(&["--header", "Host: gaia.evil", &format!("{url}/healthz")]);
    assert!(other.contains(" 421"), "{other}");
    assert_eq!(
        ask(&format!("127.0.0.1:{port}"), "GET", "/healthz", "", ""),
        None
    );
}

/// Runs it with a text on stdin.
fn given(mut gaia: Command, text: &str) -> bool {
    let mut child = gaia.stdin(std::process::Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap().status.success()
}

#[test]
fn its_log_for_machines_bears_the_number_that_the_answer_bears_and_no_secret() {
    let home = Home::new();
    let token = token(&home);
    let mut gaia = home.gaia(&["serve"]);
    let mut gaia = Guard(
        gaia.env("GAIA_LOG_FORMAT", "json")
            .env("GAIA_LOG", "debug")
            .spawn()
            .unwrap(),
    );
    let mut said = BufReader::new(gaia.0.stderr.take().unwrap()).lines();
    let mut line_with = |words: &str| loop {
        let line = said.next().unwrap().unwrap();
        assert!(!line.contains(&token), "{line}");
        if line.contains(words) {
            return serde_json::from_str::<Value>(&line).unwrap();
        }
    };
    let started = line_with("server started");
    let url = started["fields"]["url"].as_str().unwrap().to_owned();
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let asked = head("GET", "/api/gaia/locks", address, &token, "");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, number) = text.split_once("x-request-id: ").unwrap();
    let number: i64 = number.lines().next().unwrap().parse().unwrap();
    let answered = line_with("answered");
    assert_eq!(answered["span"]["id"], number, "{answered}");
    assert_eq!(answered["fields"]["status"], 200, "{answered}");
    gaia.signal("TERM");
    line_with("server ended");
    assert_eq!(gaia.end().0, 0);
}
