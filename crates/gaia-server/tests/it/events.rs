//! Live events.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Acquire, Locks as _};
use gaia_server::Role;

use crate::server::Server;

/// A reader of a stream; keeps what it read of the pieces' sizes out.
struct Events(BufReader<TcpStream>);

#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    kind: String,
    data: String,
}

impl Events {
    fn follow(server: &Server, token: &str, last: Option<&str>) -> Self {
        let mut ask = server.ask("GET", "/api/gaia/events").token(token);
        if let Some(last) = last {
            ask = ask.header("Last-Event-ID", last);
        }
        Self(BufReader::new(ask.begin()))
    }

    fn field(&mut self, name: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(value) = line.strip_prefix(name) {
                return Some(value.trim_end().to_owned());
            }
        }
    }

    fn next(&mut self) -> Option<Event> {
        Some(Event {
            id: self.field("id: ")?,
            kind: self.field("event: ")?,
            data: self.field("data: ")?,
        })
    }
}

fn lock(server: &Server, name: &str) {
    let path = server.folder(name);
    let folder = Folder::resolve(path.as_ref(), "/".as_ref()).unwrap();
    let session = SessionId::new("somebody").unwrap();
    server
        .locks
        .acquire(&Acquire::new(folder, session, TaskId::NONE))
        .unwrap();
}

#[test]
fn what_others_do_is_told_and_a_reader_that_comes_back_misses_nothing() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let mut events = Events::follow(&server, &token, None);
    let ready = events.next().unwrap();
    assert_eq!(ready.kind, "ready");
    lock(&server, "one");
    let one = events.next().unwrap();
    assert_eq!(one.kind, "lock.granted");
    assert!(one.data.contains("/one\""), "{one:?}");
    drop(events);

    lock(&server, "two");
    server
        .locks
        .force_release(gaia_locks::LockId(1), "me", "done")
        .unwrap();
    let mut again = Events::follow(&server, &token, Some(&one.id));
    assert_eq!(again.next().unwrap().kind, "ready");
    let mut missed = [again.next().unwrap(), again.next().unwrap()];
    missed.sort_by(|a, b| b.kind.cmp(&a.kind));
    assert_eq!(
        (missed[0].kind.as_str(), missed[1].kind.as_str()),
        ("lock.granted", "lock.ended")
    );
    assert!(missed[0].data.contains("/two\"") && missed[1].data.contains("forced"));
}

#[test]
fn r03_a_lease_that_runs_out_is_told_whether_somebody_sweeps_or_not() {
    for server in [Server::start(), Server::without_cleanup()] {
        let token = server.token("eye", Role::Viewer);
        let mut events = Events::follow(&server, &token, None);
        assert_eq!(events.next().unwrap().kind, "ready");
        let folder = Folder::clean("/repo/short").unwrap();
        let session = SessionId::new("ivy").unwrap();
        let asked = Acquire {
            ttl: Some(Duration::from_secs(1)),
            ..Acquire::new(folder, session, TaskId::NONE)
        };
        server.locks.acquire(&asked).unwrap();
        assert_eq!(events.next().unwrap().kind, "lock.granted");
        let ended = events.next().unwrap();
        assert_eq!(ended.kind, "lock.ended", "{ended:?}");
        assert!(ended.data.contains("\"lapsed\""), "{ended:?}");
        let metrics = server.get("/metrics", &token).body;
        for figure in ["gaia_ends_total{reason=\"lapsed\"} 1", "gaia_locks 0"] {
            assert!(metrics.lines().any(|line| line == figure), "{metrics}");
        }
    }
}

#[test]
fn a_pause_is_told_and_its_end() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let mut events = Events::follow(&server, &token, None);
    assert_eq!(events.next().unwrap().kind, "ready");
    let folder = Folder::clean("/repo/site").unwrap();
    server.locks.pause(&folder, "ann", "deploy").unwrap();
    let paused = events.next().unwrap();
    assert_eq!(paused.kind, "pause.changed");
    assert!(paused.data.contains("deploy") && paused.data.contains("/repo/site"));
    server.locks.resume(&folder).unwrap();
    assert_eq!(events.next().unwrap().kind, "pause.gone");
}

#[test]
fn an_id_of_another_run_means_looking_anew() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    for id in ["00000000-5", "nonsense", "-1"] {
        let mut events = Events::follow(&server, &token, Some(id));
        assert_eq!(events.next().unwrap().kind, "reset", "{id}");
    }
}

#[test]
fn what_happens_is_told_in_order_and_the_end_is_an_end() {
    let mut server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let _others: Vec<Events> = (0..50)
        .map(|_| Events::follow(&server, &token, None))
        .collect();
    let mut events = Events::follow(&server, &token, None);
    events.next().unwrap();
    for n in 0..30 {
        lock(&server, &format!("f{n}"));
        let told = events.next().unwrap();
        assert!(told.data.contains(&format!("/f{n}\"")), "{told:?}");
    }
    server.halt();
    assert_eq!(events.next(), None);
}

#[test]
fn alone_a_slow_client_is_hung_up_on() {
    use std::io::{Read as _, Write as _};
    let server = Server::start();
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Sl")
        .unwrap();
    let mut answer = Vec::new();
    let began = SystemClock.now().moment;
    // It ends by itself: nothing more is sent. Reset or closed.
    let _ = stream.read_to_end(&mut answer);
    let stood = SystemClock.now().moment.since(began).as_secs();
    assert!((8..20).contains(&stood), "it stood for {stood} s");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.contains(" 408 "), "{answer}");
}

#[test]
fn tasks_beyond_those_that_are_compared_are_told_for_what_they_are() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let tasks = gaia_assigner::TaskService::new(server.locks.clone());
    let send = || {
        let new = gaia_assigner::service::Send::new("x");
        tasks.send(&new).unwrap().id
    };
    let ids: Vec<TaskId> = (0..515).map(|_| send()).collect();
    let mut events = Events::follow(&server, &token, None);
    assert_eq!(events.next().unwrap().kind, "ready");
    let mut until = |wanted: TaskId, status: &str| loop {
        let event = events.next().unwrap();
        assert_ne!(event.kind, "task.gone", "{event:?}");
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        if data["task"]["id"] == wanted.0 && data["task"]["status"] == status {
            break;
        }
    };
    let path = format!("/api/gaia/tasks/{}/cancel", ids[9]);
    let cancelled = server.ask("POST", path).token(&token).send();
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    until(ids[9], "cancelled");
    until(send(), "pending");
}

/// An end would say that this was all of it.
#[test]
fn a_log_that_is_followed_breaks_off_when_the_server_stops() {
    use std::io::Read as _;
    let mut server = Server::start();
    let token = server.token("root", Role::Admin);
    let tasks = gaia_assigner::TaskService::new(server.locks.clone());
    let task = tasks.send(&gaia_assigner::service::Send::new("x")).unwrap();
    let path = format!("/api/gaia/tasks/{}/log?follow=true", task.id);
    let mut log = BufReader::new(server.ask("GET", path).token(&token).begin());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "no answer");
    }
    server.halt();
    let mut rest = String::new();
    // Reset or closed, but not by the last piece, which has no bytes.
    let _ = log.read_to_string(&mut rest);
    assert_eq!(rest, "");
}
