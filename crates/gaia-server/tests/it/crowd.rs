//! Many at once, and slow ones.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Acquire, Locks as _};
use gaia_locks::wire::Answer;
use gaia_server::Role;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::client::read;
use crate::server::Server;

/// Reads until a text has come.
fn until(stream: &mut TcpStream, text: &str) {
    let (mut read, mut piece) = (String::new(), [0; 4096]);
    while !read.contains(text) {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the stream ended: {read}");
        read.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
}

/// Both ends of two thousand connections are in this process.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(8192).min(8192);
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
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
fn heavy_a_thousand_readers_hear_of_a_lock() {
    allow_many_files();
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let follow = server.ask("GET", "/api/gaia/events").token(&token);
    let mut readers: Vec<TcpStream> = (0..1000).map(|_| follow.begin()).collect();
    readers
        .iter_mut()
        .for_each(|reader| until(reader, "event: ready"));
    for n in 0..20 {
        lock(&server, &format!("f{n}"));
    }
    readers.iter_mut().for_each(|reader| until(reader, "/f19"));
    assert_eq!(server.get("/api/gaia/locks", &token).json()["count"], 20);
}

/// What it does not read fills what the system keeps for a connection, and then
/// what the server keeps for those that come back.
#[test]
fn heavy_a_reader_that_never_reads_is_left_behind_and_told_to_look_anew() {
    let server = Server::start();
    let token = server.token("eye", Role::Viewer);
    let follow = server.ask("GET", "/api/gaia/events").token(&token);
    let (mut deaf, mut other) = (follow.begin(), BufReader::new(follow.begin()));
    until(&mut deaf, "event: ready");
    let long = format!("{}/", "deep".repeat(60)).repeat(14);
    let session = SessionId::new("somebody").unwrap();
    let came_and_went = |n: u32| {
        let folder = Folder::clean(&format!("/{long}{n}")).unwrap();
        let asked = Acquire::new(folder, session.clone(), TaskId::NONE);
        let Answer::Granted(granted) = server.locks.acquire(&asked).unwrap() else {
            panic!("nobody else holds it");
        };
        let id = granted.locks[0].id;
        server.locks.force_release(id, "test", "over").unwrap();
    };
    let (mut told, mut line) = (0, String::new());
    // The system keeps 10 MB at most (4 to send, 6 received), the server 4.
    for hundred in 0.. {
        (0..100).for_each(|n| came_and_went(hundred * 100 + n));
        let end = format!("/{}\"", hundred * 100 + 99);
        while !(line.contains(&end) && line.contains("forced")) {
            line.clear();
            assert!(other.read_line(&mut line).unwrap() > 0, "it is over");
            told += line.len();
        }
        if told > 20 << 20 {
            break;
        }
    }
    assert_eq!(server.get("/healthz", &token).status, 200);
    until(&mut deaf, "event: reset");
}

#[test]
fn heavy_who_sends_slowly_is_cut_off_and_others_are_answered_meanwhile() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    // The beginning of a head, and then nothing.
    let mut heads: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(50)))
                .unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: loc")
                .unwrap();
            stream
        })
        .collect();
    // A body that is announced and does not come.
    let ask = server.ask("POST", "/api/gaia/locks").token(&token);
    let body = ask.body("application/json", b"{");
    let mut bodies: Vec<TcpStream> = (0..50).map(|_| body.clone().lying(100).begin()).collect();
    assert_eq!(server.get("/api/gaia/locks", &token).status, 200);
    for stream in &mut heads {
        let mut rest = Vec::new();
        // Reset or closed: it is over.
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    }
    for stream in &mut bodies {
        let reply = read(stream);
        assert_eq!((reply.status, reply.code().as_str()), (408, "too_slow"));
    }
    assert_eq!(server.get("/api/gaia/locks", &token).status, 200);
}

/// Until the first bytes nobody knows which version of HTTP it will be.
#[test]
fn heavy_who_sends_nothing_or_only_a_beginning_is_cut_off() {
    let server = Server::start();
    let token = server.token("root", Role::Admin);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let beginnings = [&b""[..], b"P", &preface[..14], preface];
    let streams: Vec<TcpStream> = beginnings
        .map(|beginning| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            let patience = Some(Duration::from_secs(50));
            stream.set_read_timeout(patience).unwrap();
            stream.write_all(beginning).unwrap();
            stream
        })
        .into();
    for (mut stream, beginning) in streams.into_iter().zip(beginnings) {
        // Reset or closed: it is over; only our own patience is not.
        let end = stream.read_to_end(&mut Vec::new());
        let kind = end.map_err(|error| error.kind());
        assert!(
            !matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "{beginning:?} still holds a connection"
        );
    }
    assert_eq!(server.get("/api/gaia/locks", &token).status, 200);
}

#[test]
fn one_connection_too_many_is_hung_up_on_and_a_place_that_gets_free_is_given() {
    let server = Server::with_places(8);
    let token = server.token("eye", Role::Viewer);
    let follow = server.ask("GET", "/api/gaia/events").token(&token);
    let mut inside: Vec<TcpStream> = (0..8).map(|_| follow.begin()).collect();
    inside
        .iter_mut()
        .for_each(|reader| until(reader, "event: ready"));
    let ask = server.ask("GET", "/healthz");
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        // Reset or closed, where it is not let in.
        let _ = stream.read_to_string(&mut text);
        text
    };
    assert_eq!(answer(ask.begin()), "");
    inside.pop();
    // The server hears of it a little later.
    while answer(ask.begin()).is_empty() {}
}
