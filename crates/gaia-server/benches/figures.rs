//! N10 and N11 of the figures: `cargo bench -p gaia-server`.
//!
//! N10: GET of the lock list with 100 locks over 32 connections, beside a bare
//! axum handler that returns the same bytes on the same kind of runtime; in
//! turn, in one run. N11: from just before a lock is asked for, through another
//! store, to the event at a reader.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Acquire, Config as LockConfig, Locks as _};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_server::{Accounts, App, Config, Role, Stop};

const LOCKS: usize = 100;
const CONNECTIONS: usize = 32;
const TURNS: usize = 9;
const TURN: Duration = Duration::from_secs(1);
const EVENTS: usize = 300;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let locks = open(dir.path());
    for n in 0..LOCKS {
        acquire(&locks, &format!("/srv/projects/number-{n}/work"));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accounts = Accounts::new(locks.clone());
    let (_, token) = accounts
        .create_token("eye", Role::Viewer, None, "bench")
        .unwrap();
    let app = App::new(locks, Config::new(address));
    let server = gaia_server::start(app, listener, &Stop::default()).unwrap();
    let ask = format!(
        "GET /api/gaia/locks HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
        token.reveal()
    );
    n10(address, &ask);
    n11(address, token.reveal(), dir.path());
    server.end().unwrap();
}

fn open(dir: &Path) -> LockService {
    let store = SqliteStore::open(&dir.join("assigner.db"), SqliteOptions::default()).unwrap();
    LockService::new(Arc::new(store), LockConfig::default())
}

fn acquire(locks: &LockService, path: &str) {
    let folder = Folder::clean(path).unwrap();
    let session = SessionId::new("bench").unwrap();
    locks
        .acquire(&Acquire::new(folder, session, TaskId::NONE))
        .unwrap();
}

fn n10(address: SocketAddr, ask: &str) {
    let body = one(address, ask);
    println!("N10: the list has {} bytes", body.len());
    let bare = bare(body);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ours.push(rate(address, ask));
        theirs.push(rate(bare, ask));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "N10: {ours:.0} answers/s beside {theirs:.0} of the bare handler: {:.2}x",
        ours / theirs
    );
}

/// A handler that returns the same bytes, on a runtime like the server's.
fn bare(body: Vec<u8>) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let body = axum::body::Bytes::from(body);
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
    let routes = Router::new().route("/api/gaia/locks", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let server = axum_server::from_tcp(listener).unwrap();
            server.serve(routes.into_make_service()).await.unwrap();
        });
    });
    address
}

/// Answers in a second, over all connections.
fn rate(address: SocketAddr, ask: &str) -> f64 {
    let began = Instant::now();
    let count = |_| {
        let ask = ask.to_owned();
        std::thread::spawn(move || {
            let mut wire = Wire::open(address);
            let mut answers = 0_u32;
            while began.elapsed() < TURN {
                wire.answer(&ask);
                answers += 1;
            }
            answers
        })
    };
    let all: Vec<_> = (0..CONNECTIONS).map(count).collect();
    let answers: u32 = all.into_iter().map(|one| one.join().unwrap()).sum();
    f64::from(answers) / began.elapsed().as_secs_f64()
}

fn one(address: SocketAddr, ask: &str) -> Vec<u8> {
    Wire::open(address).answer(ask)
}

/// A connection that is kept.
struct Wire(BufReader<TcpStream>);

impl Wire {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::with_capacity(128 * 1024, stream))
    }

    fn answer(&mut self, ask: &str) -> Vec<u8> {
        self.0.get_mut().write_all(ask.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        body
    }
}

fn n11(address: SocketAddr, token: &str, dir: &Path) {
    let mut reader = BufReader::new(TcpStream::connect(address).unwrap());
    let ask = format!(
        "GET /api/gaia/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    reader.get_mut().write_all(ask.as_bytes()).unwrap();
    until(&mut reader, "event: ready");
    let locks = open(dir);
    let mut took: Vec<f64> = Vec::new();
    for n in 0..EVENTS {
        let path = format!("/srv/event-{n}/end");
        let began = Instant::now();
        acquire(&locks, &path);
        until(&mut reader, &path);
        took.push(began.elapsed().as_secs_f64() * 1000.0);
        // Not in step with what the server does by itself.
        std::thread::sleep(Duration::from_millis(u64::try_from(n).unwrap() * 7 % 90));
    }
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    println!(
        "N11: event at a reader after {:.1} ms p50, {:.1} ms p99",
        at(50),
        at(99)
    );
}

fn until(reader: &mut BufReader<TcpStream>, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
