//! A reverse proxy that lets a call be done and answers 502 in the server's
//! place: what was done is neither done twice nor taken for undone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gaia_assigner::service::{Aim, Filter, Send as NewTask, Teller};
use gaia_assigner::task::{Status, Told};
use gaia_assigner::{TaskError, Tasks as _};
use gaia_client::Client;
use gaia_locks::error::ServerError;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Acquire, Release, Released};
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{Error, Locks as _};
use gaia_server::Role;

use crate::server::{Server, client};

const BAD: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n\
    content-length: 11\r\nconnection: close\r\n\r\nBad Gateway";

/// Names of tokens are given once.
static NAMES: AtomicUsize = AtomicUsize::new(0);

/// Passes whole calls on, one to a connection.
struct Gateway {
    address: SocketAddr,
    /// How many answers of the server are still thrown away.
    bad: Arc<AtomicUsize>,
    /// How many calls came.
    calls: Arc<AtomicUsize>,
}

impl Gateway {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (bad, calls) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (spoils, counts) = (bad.clone(), calls.clone());
        std::thread::spawn(move || {
            for mut from in listener.incoming().flatten() {
                let Some(call) = whole_call(&mut from) else {
                    continue;
                };
                counts.fetch_add(1, Ordering::SeqCst);
                let answer = answer_of(server, &call);
                let less = |bad: usize| bad.checked_sub(1);
                let spoilt = spoils.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
                let answer = spoilt.map_or(answer.as_slice(), |_| BAD);
                let _ = from.write_all(answer);
            }
        });
        Self {
            address,
            bad,
            calls,
        }
    }

    /// A client that reached the server before, and whose next call is done but
    /// answered with 502.
    fn spoilt_for(&self, server: &Server) -> Client {
        let nth = NAMES.fetch_add(1, Ordering::SeqCst);
        let token = server.token(&format!("root{nth}"), Role::Admin);
        let url = format!("http://{}", self.address);
        let client = client(&url, Some(token), Some("local"));
        client.hello().unwrap();
        self.calls.store(0, Ordering::SeqCst);
        self.bad.store(1, Ordering::SeqCst);
        client
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Head and body of a call.
fn whole_call(from: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut call, mut bytes) = (Vec::new(), [0_u8; 4096]);
    loop {
        let read = from.read(&mut bytes).ok().filter(|read| *read > 0)?;
        call.extend_from_slice(bytes.get(..read)?);
        let text = String::from_utf8_lossy(&call).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
            return Some(call);
        }
    }
}

fn answer_of(server: SocketAddr, call: &[u8]) -> Vec<u8> {
    let mut to = TcpStream::connect(server).unwrap();
    let line = call.windows(2).position(|two| two == b"\r\n").unwrap();
    let (first, rest) = call.split_at(line);
    let mut answer = Vec::new();
    to.write_all(&[first, b"\r\nconnection: close", rest].concat())
        .unwrap();
    to.read_to_end(&mut answer).unwrap();
    answer
}

fn request(folder: &str) -> Acquire {
    let session = SessionId::new("ann").unwrap();
    Acquire::new(Folder::clean(folder).unwrap(), session, TaskId::NONE)
}

fn granted(answer: Answer) -> LockInfo {
    match answer {
        Answer::Granted(mut granted) => granted.locks.remove(0),
        other => panic!("{other:?}"),
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Server(ServerError::AnswerLost { .. }))
}

#[test]
fn a_task_that_a_proxy_answers_with_502_is_not_queued_twice() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let client = gateway.spoilt_for(&server);
    let error = client.send(&NewTask::new("once")).unwrap_err();
    assert!(
        matches!(&error, TaskError::Locks(error) if is_lost(error)),
        "{error:?}"
    );
    assert_eq!(gateway.calls(), 1);
    assert_eq!(client.list(&Filter::default()).unwrap().count, 1);
}

#[test]
fn a_release_that_a_proxy_answers_with_502_is_known_to_have_been_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let lock = granted(server.locks.acquire(&request("/w")).unwrap());
    let release = Release {
        folder: None,
        session: lock.session_id.clone(),
        task: None,
        token: Some(lock.id),
    };
    let ended = gateway.spoilt_for(&server).release(&release).unwrap();
    assert!(matches!(ended, Released::Ended(_)), "{ended:?}");
    assert!(gateway.calls() > 1);
}

#[test]
fn a_lock_that_a_proxy_answers_with_502_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let own = Acquire {
        own: true,
        ..request("/w")
    };
    let lock = granted(gateway.spoilt_for(&server).acquire(&own).unwrap());
    assert!(server.locks.verify(lock.id).unwrap().active);
    assert_eq!(server.locks.status(None).unwrap().count, 1);
    assert_eq!(gateway.calls(), 2);
}

#[test]
fn r06_a_release_by_folder_whose_answer_was_lost_ends_no_later_lock() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let lock = granted(server.locks.acquire(&request("/w")).unwrap());
    let release = Release {
        folder: Some(Folder::clean("/w").unwrap()),
        session: lock.session_id.clone(),
        task: None,
        token: None,
    };
    let error = gateway.spoilt_for(&server).release(&release).unwrap_err();
    assert!(is_lost(&error), "{error:?}");
    assert_eq!(gateway.calls(), 1);
    assert_eq!(server.locks.status(None).unwrap().count, 0, "it was done");
}

#[test]
fn a_task_is_tried_again_or_sent_elsewhere_once_only() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let direct = server.client(Some("local"));
    let task = direct.send(&NewTask::new("tidy")).unwrap();
    let once = |error: TaskError| {
        assert!(
            matches!(&error, TaskError::Locks(error) if is_lost(error)),
            "{error:?}"
        );
        assert_eq!(gateway.calls(), 1);
    };
    let client = gateway.spoilt_for(&server);
    once(client.reassign(task.id, &Aim::Anybody, "root").unwrap_err());
    direct.cancel(task.id, "root").unwrap();
    let client = gateway.spoilt_for(&server);
    once(client.retry(task.id, "root").unwrap_err());
    let status = direct.show(task.id).unwrap().status;
    assert_eq!(status, Status::Pending, "it was done");
}

#[test]
fn who_tells_of_its_task_without_naming_it_does_not_end_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let gateway = Gateway::to(server.address);
    let teller = Teller {
        session: Some(SessionId::new("ann").unwrap()),
        ..Teller::default()
    };
    let client = gateway.spoilt_for(&server);
    let error = client.told(None, &Told::Done(None), &teller).unwrap_err();
    assert!(
        matches!(&error, TaskError::Locks(error) if is_lost(error)),
        "{error:?}"
    );
    assert_eq!(gateway.calls(), 1);
}
