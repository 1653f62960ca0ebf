//! `gaia up`: one for each database, what it says when it starts, and its
//! server.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{ChildStderr, Stdio};

use crate::home::{Guard, Home, line_of, until};

/// At work, with what it says.
struct Up {
    gaia: Guard,
    said: BufReader<ChildStderr>,
}

fn up(home: &Home, words: &[&str]) -> Up {
    let mut gaia = home.spawn(words);
    let said = BufReader::new(gaia.0.stderr.take().unwrap());
    Up { gaia, said }
}

impl Up {
    /// What it said up to the line that holds these words.
    fn said_until(&mut self, words: &str) -> String {
        let mut said = String::new();
        loop {
            let from = said.len();
            let read = self.said.read_line(&mut said).unwrap();
            assert!(read > 0, "it ended before it said {words:?}: {said}");
            if said[from..].contains(words) {
                return said;
            }
        }
    }

    /// Told to end, it does.
    fn end(mut self) {
        self.gaia.signal("TERM");
        self.said_until("assigner ended");
        assert_eq!(self.gaia.end().0, 0);
    }
}

#[test]
fn it_says_what_it_works_on_and_what_is_missing() {
    let home = Home::new();
    let mut first = up(&home, &["up"]);
    let said = first.said_until("assigner started");
    let place = |name: &str| home.path(name).to_str().unwrap().to_owned();
    for words in [
        "gaia up gives tasks to sessions until Ctrl-C",
        &place(".gaia/locks/assigner.db"),
        &place(".gaia/logs"),
        "0: 0 idle, 0 busy",
        "0 pending, 0 running",
        "no session yet",
        "gaia session add NAME",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    first.end();
    let add = ["session", "add", "ivy", "--process", "sh"];
    assert_eq!(home.status(&add), 0);
    let mut second = up(&home, &["up"]);
    let said = second.said_until("assigner started");
    assert!(said.contains("1: 1 idle, 0 busy"), "{said}");
    assert!(said.contains("no task yet"), "{said}");
    second.end();
}

#[test]
fn a_second_one_is_told_of_the_first_and_an_assigner_may_run_beside_it() {
    let home = Home::new();
    let mut first = up(&home, &["up"]);
    first.said_until("assigner started");
    let second = home.output(&["up"]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    let who = format!("runs already as process {}, since ", first.gaia.pid());
    assert!(said.contains(&who), "{said}");
    assert!(
        said.contains(&format!("kill {}", first.gaia.pid())),
        "{said}"
    );
    assert_eq!(home.json(&["up"])["error"]["code"], "up_already");
    let beside = up(&home, &["assigner"]);
    let other = up(
        &home,
        &["up", "--locks-dir", home.path("other").to_str().unwrap()],
    );
    for mut at_work in [beside, other] {
        at_work.said_until("assigner started");
        at_work.end();
    }
    first.end();
    let mut third = up(&home, &["up"]);
    third.said_until("assigner started");
    third.end();
}

/// A keeper outlives it and must not keep the next one out.
#[test]
fn t08_killed_while_a_task_runs_it_can_be_started_again_and_takes_it_over() {
    let home = Home::new();
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    let (began, end) = (home.path("began"), home.path("end"));
    let text = format!(
        "echo yes > {}; while [ ! -e {} ]; do sleep 0.02; done",
        began.display(),
        end.display()
    );
    assert_eq!(home.status(&["send", &text, "--dir", "."]), 0);
    let mut first = up(&home, &["up"]);
    first.said_until("task assigned");
    line_of(&began);
    first.gaia.signal("KILL");
    drop(first);
    let mut second = up(&home, &["up"]);
    let said = second.said_until("running task taken over");
    assert!(said.contains("0 pending, 1 running"), "{said}");
    std::fs::write(&end, "").unwrap();
    second.said_until("task completed");
    second.end();
}

#[test]
fn programs_are_told_on_stdout_and_in_the_log_of_machines() {
    let home = Home::new();
    let mut gaia = home.gaia(&["up", "--json", "--until-idle"]);
    let output = gaia
        .env("GAIA_LOG_FORMAT", "json")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let start: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(start["up"], true);
    assert_eq!(start["sessions"]["count"], 0);
    let log = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| &line["fields"]["message"])
        .collect();
    assert_eq!(
        said,
        [
            "gaia up",
            "server started",
            "assigner started",
            "assigner ended",
            "server ended"
        ]
    );
    assert_eq!(lines[0]["fields"]["database"], start["database"]);
    assert_eq!(lines[0]["fields"]["server"], start["server"]["url"]);
    let link = start["server"]["link"].as_str().unwrap();
    assert!(!log.contains(link.split_once("once=").unwrap().1), "{log}");
}

/// Only where a person starts the main job: an agent's repository must not
/// choose the database.
#[test]
fn it_reads_the_settings_of_the_folder_it_is_started_in() {
    let home = Home::new();
    std::fs::write(home.path("work/.env"), "GAIA_LOCKS_DIR=here\n").unwrap();
    assert_eq!(home.status(&["up", "--until-idle"]), 0);
    until("its database is there", || {
        home.path("work/here/assigner.db").exists()
    });
    assert!(!home.path(".gaia/locks").exists());
}

/// The link that it showed.
fn link(said: &str) -> &str {
    let mut words = said.split_whitespace();
    let link = words.find(|word| word.contains("/sign-in/link?once="));
    link.unwrap_or_else(|| panic!("no link in {said}"))
}

/// What a URL answers: status line and headers, and what follows them.
fn answer(url: &str, cookie: &str) -> (String, String) {
    let (address, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let ask = format!(
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// The cookie that an answer sets.
fn cookie(head: &str) -> &str {
    let (_, after) = head.split_once("set-cookie: ").unwrap();
    after.split_once(';').unwrap().0
}

#[test]
fn its_link_signs_in_once_and_shows_what_is_locked() {
    let home = Home::new();
    let mut gaia = up(&home, &["up"]);
    let said = gaia.said_until("assigner started");
    let (head, _) = answer(link(&said), "");
    assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    let take = ["acquire", ".", "--session", "ann"];
    assert_eq!(home.status(&take), 0);
    let (base, _) = link(&said).split_once("/sign-in").unwrap();
    let (_, locks) = answer(&format!("{base}/api/gaia/locks"), cookie(&head));
    assert!(locks.contains(r#""session_id":"ann""#), "{locks}");
    let (again, _) = answer(link(&said), "");
    assert!(again.starts_with("HTTP/1.1 401"), "{again}");
    gaia.end();
}

/// Agents elsewhere say through the server how their tasks ended.
#[test]
fn its_server_answers_until_nothing_runs_any_more() {
    let home = Home::new();
    let add = ["session", "add", "ivy", "--process", "sh"];
    assert_eq!(home.status(&add), 0);
    let end = home.path("end");
    let text = format!("while [ ! -e {} ]; do sleep 0.02; done", end.display());
    assert_eq!(home.status(&["send", &text]), 0);
    let mut gaia = up(&home, &["up"]);
    let said = gaia.said_until("task assigned");
    gaia.gaia.signal("TERM");
    gaia.said_until("waiting for what runs");
    let (base, _) = link(&said).split_once("/sign-in").unwrap();
    let (head, _) = answer(&format!("{base}/readyz"), "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    std::fs::write(&end, "").unwrap();
    gaia.said_until("task completed");
    gaia.said_until("server ended");
    assert_eq!(gaia.gaia.end().0, 0);
}

#[test]
fn a_port_that_is_taken_is_named_and_it_goes_on_without_a_server_only_if_told() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = home.output(&["up", "--until-idle", "--listen", &address]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let words = format!("cannot listen on {address}: another program listens there");
    assert!(
        said.contains(&words) && said.contains("--no-server"),
        "{said}"
    );
    let mut gaia = home.gaia(&["up", "--until-idle", "--no-server", "--json"]);
    let output = gaia.env("GAIA_LISTEN", &address).output().unwrap();
    let start: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(start["server"], serde_json::Value::Null);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("assigner ended") && !said.contains("server"),
        "{said}"
    );
}

/// A thousand readers of live events are a thousand files; an agent that it
/// starts has no more than it would have without.
#[cfg(target_os = "linux")]
#[test]
fn it_may_have_many_files_open_and_its_agents_as_many_as_it_was_started_with() {
    let home = Home::new();
    let add = ["session", "add", "ivy", "--process", "sh"];
    assert_eq!(home.status(&add), 0);
    let seen = home.path("seen");
    let text = format!("ulimit -S -n; cat /proc/$PPID/limits > {}", seen.display());
    assert_eq!(home.status(&["send", &text]), 0);
    let gaia = home.gaia(&["up"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg("ulimit -S -n 300; exec \"$@\"")
        .arg("sh");
    shell.arg(gaia.get_program()).args(gaia.get_args());
    shell.env_clear();
    for (name, value) in gaia.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.current_dir(home.path("work")).stderr(Stdio::piped());
    let mut child = Guard(shell.spawn().unwrap());
    let said = BufReader::new(child.0.stderr.take().unwrap());
    let mut up = Up { gaia: child, said };
    up.said_until("task completed");
    let task = home.json(&["task", "show", "1"]);
    assert_eq!(task["task"]["response"], "300\n", "{task}");
    assert_eq!(files(&std::fs::read_to_string(&seen).unwrap()).0, "300");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", up.gaia.pid())).unwrap();
    let (soft, hard) = files(&limits);
    assert_eq!(soft, hard);
    assert_ne!(soft, "300");
    up.end();
}

/// The soft and the hard limit of open files.
#[cfg(target_os = "linux")]
fn files(limits: &str) -> (&str, &str) {
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap().split_whitespace().skip(3);
    (words.next().unwrap(), words.next().unwrap())
}
