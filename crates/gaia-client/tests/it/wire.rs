//! What a bad connection does to nobody: cut anywhere, slow, silent; wrong
//! tokens, other servers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gaia_assigner::Tasks as _;
use gaia_assigner::service::{Filter, Send as NewTask};
use gaia_locks::clock::{BootId, Clock as _, SystemClock};
use gaia_locks::error::ServerError;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Line, Patience, Release, Released, Renew};
use gaia_locks::wire::{Answer, LockInfo};
use gaia_locks::{Error, Locks};
use gaia_server::Role;

use crate::proxy::Proxy;
use crate::server::{Server, client, secret};

pub fn request(folder: &str, session: &str) -> Acquire {
    let session = SessionId::new(session).unwrap();
    Acquire::new(Folder::clean(folder).unwrap(), session, TaskId::NONE)
}

pub fn granted(answer: Answer) -> LockInfo {
    match answer {
        Answer::Granted(mut granted) => granted.locks.remove(0),
        other => panic!("{other:?}"),
    }
}

pub fn release(lock: &LockInfo) -> Release {
    Release {
        folder: None,
        session: lock.session_id.clone(),
        task: None,
        token: Some(lock.id),
    }
}

/// Where a wire can be cut: in the request, and in the answer to it.
const POINTS: [(u64, u64); 9] = [
    (0, u64::MAX),
    (1, u64::MAX),
    (60, u64::MAX),
    (250, u64::MAX),
    (u64::MAX, 0),
    (u64::MAX, 1),
    (u64::MAX, 40),
    (u64::MAX, 300),
    (u64::MAX, 700),
];

#[test]
fn r16_a_wire_cut_anywhere_takes_no_second_lock_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let mut cuts = 0;
    for (n, (requests, answers)) in POINTS.into_iter().enumerate() {
        let proxy = Proxy::to(server.address);
        let client = client(&proxy.url(), Some(token.clone()), Some("local"));
        assert_eq!(client.status(None).unwrap().count, 0);
        let own = Acquire {
            own: true,
            ..request(&format!("/w/{n}"), "ann")
        };

        // Each of these meets a connection of its own that is cut.
        let again = || crate::server::client(&proxy.url(), Some(token.clone()), Some("local"));
        let cut = || {
            proxy.cut_after(requests, answers);
            let client = again();
            // It was reached before: who was never there is not tried for long.
            client.hello().ok();
            proxy.cut_after(requests, answers);
            client
        };
        let lock = granted(cut().acquire(&own).unwrap());
        cuts += usize::from(proxy.was_cut());
        assert_eq!(server.locks.status(None).unwrap().count, 1, "point {n}");

        let renew = Renew {
            token: lock.id,
            session: lock.session_id.clone(),
            task: None,
            folder: None,
            ttl: Some(Duration::from_secs(99)),
        };
        assert_eq!(cut().renew(&renew).unwrap().id, lock.id);
        cuts += usize::from(proxy.was_cut());

        let ended = cut().release(&release(&lock)).unwrap();
        cuts += usize::from(proxy.was_cut());
        assert!(matches!(ended, Released::Ended(_)), "point {n}: {ended:?}");
        assert_eq!(server.locks.status(None).unwrap().count, 0, "point {n}");
    }
    assert!(cuts > POINTS.len() * 2, "{cuts} cuts were met");
}

#[test]
fn r08_a_place_in_line_outlives_a_wire_that_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let proxy = Proxy::to(server.address);
    let held = granted(server.locks.acquire(&request("/w", "ann")).unwrap());
    let waiting = client(&proxy.url(), Some(token), Some("local"));
    let waiter = std::thread::spawn(move || {
        let mut patience = Patience::default();
        waiting.acquire_waiting(&request("/w", "ben"), &mut patience)
    });
    let waiters = || server.locks.status(None).unwrap().waiters;
    until(|| waiters().len() == 1);
    let place = waiters()[0].id;
    // The very answer that brings the grant is lost.
    proxy.cut_after(u64::MAX, 0);
    server.locks.release(&release(&held)).unwrap();
    let lock = granted(waiter.join().unwrap().unwrap());
    assert!(proxy.was_cut());
    assert_eq!(lock.session_id.as_str(), "ben");
    assert!(server.locks.verify(lock.id).unwrap().active);
    assert!(waiters().iter().all(|waiter| waiter.id != place));
    assert_eq!(server.locks.status(None).unwrap().count, 1);
}

#[test]
fn a_task_whose_answer_was_lost_is_not_queued_twice_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let proxy = Proxy::to(server.address);
    let client = client(&proxy.url(), Some(token), Some("local"));
    client.hello().ok();
    proxy.cut_after(u64::MAX, 0);
    let error = client.send(&NewTask::new("once")).unwrap_err();
    assert!(error.to_string().contains("not known"), "{error}");
    assert_eq!(client.list(&Filter::default()).unwrap().count, 1);
}

/// As one is that nobody could hear for long: the server was away, and others
/// swept.
#[test]
fn r08_who_was_taken_for_dead_while_the_server_was_away_stands_in_line_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let (url, address, locks) = (server.url(), server.address, server.locks.clone());
    let held = granted(locks.acquire(&request("/w", "ann")).unwrap());
    let waits = std::thread::spawn(move || {
        let far = client(&url, Some(token), Some("local"));
        let stands = Acquire {
            line: Line::Stand {
                life: WaiterLife::Heartbeat,
                limit: None,
                turn: Turn::Granted,
            },
            ..request("/w", "far")
        };
        let Answer::Queued(queued) = far.acquire(&stands).unwrap() else {
            panic!("ann holds it");
        };
        granted(Locks::wait(&far, queued.waiter, &mut Patience::default()).unwrap())
    });
    let line = || locks.status(None).unwrap().waiters;
    until(|| line().len() == 1);
    server.end();
    let first = line()[0].id;
    locks.transact(|tx| tx.leave(first)).unwrap();
    // It has noticed that the server is away.
    let listener = TcpListener::bind(address).unwrap();
    drop(listener.accept().unwrap());
    let _again = Server::at(locks.clone(), listener);
    until(|| line().first().is_some_and(|waiter| waiter.id != first));
    locks.release(&release(&held)).unwrap();
    assert_eq!(waits.join().unwrap().session_id.as_str(), "far");
}

#[test]
fn a_slow_server_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let proxy = Proxy::to(server.address);
    proxy.cut.slow.store(1500, Ordering::SeqCst);
    let token = server.token("root", Role::Admin);
    let client = client(&proxy.url(), Some(token), Some("local"));
    let lock = granted(client.acquire(&request("/w", "ann")).unwrap());
    assert!(client.verify(lock.id).unwrap().active);
    assert_eq!(server.locks.status(None).unwrap().count, 1, "asked once");
}

#[test]
fn ending_a_lock_is_waited_for_although_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let proxy = Proxy::to(server.address);
    let token = server.token("root", Role::Admin);
    let client = client(&proxy.url(), Some(token), Some("local"));
    let lock = granted(server.locks.acquire(&request("/w", "ann")).unwrap());
    // Longer than any answer takes that stops nothing first.
    proxy.cut.slow.store(9000, Ordering::SeqCst);
    let ended = Locks::force_release(&client, lock.id, "root", "stuck").unwrap();
    assert_eq!(ended.id, lock.id);
    assert!(!server.locks.verify(lock.id).unwrap().active);
}

#[test]
fn r11_a_process_that_the_server_cannot_see_goes_by_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let client = server.client(Some("local"));
    let here = ProcessIdentity::current().unwrap();
    let mut other_boot = here.clone();
    other_boot.boot = BootId("another machine's".into());
    let mut other_namespace = here.clone();
    other_namespace.pid_namespace += 1;
    let mut earlier = here.clone();
    earlier.start_time -= 1;
    for (n, (process, bound)) in [
        (here, true),
        (other_boot, false),
        (other_namespace, false),
        (earlier, false),
    ]
    .into_iter()
    .enumerate()
    {
        let wanted = Acquire {
            process: Some(process),
            ..request(&format!("/w/{n}"), "ann")
        };
        let lock = granted(client.acquire(&wanted).unwrap());
        assert_eq!(lock.pid.is_some(), bound, "{n}: {lock:?}");
        assert!(server.locks.verify(lock.id).unwrap().active, "{n}");
    }
}

#[test]
fn r12_a_folder_of_another_machine_is_no_tasks_folder_here() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let (here, elsewhere) = (server.client(None), server.client(Some("machine-b")));
    assert_eq!(here.scope(), gaia_locks::Scope::local(), "the same files");
    let task = NewTask {
        folder: Some(Folder::clean("/w").unwrap()),
        ..NewTask::new("tidy")
    };
    assert!(here.send(&task).is_ok());
    let error = elsewhere.send(&task).unwrap_err();
    assert!(error.to_string().contains("machine-b"), "{error}");
    // The same path, two folders: nobody is in the other's way.
    granted(here.acquire(&request("/x", "ann")).unwrap());
    granted(elsewhere.acquire(&request("/x", "ben")).unwrap());
}

#[test]
fn a_server_that_is_not_there_is_told_soon() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let url = format!("http://{}", nobody.unwrap());
    let began = SystemClock.now().moment;
    let error = client(&url, None, None).status(None).unwrap_err();
    let took = SystemClock.now().moment.since(began);
    assert!(
        matches!(&error, Error::Server(ServerError::Unreachable { server, .. }) if *server == url),
        "{error:?}"
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_wrong_token_and_none_are_refused_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    for token in [None, Some(secret("gaia_wrong"))] {
        let error = client(&server.url(), token, None).status(None).unwrap_err();
        assert!(
            matches!(&error, Error::Server(ServerError::TokenRefused { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn what_is_no_gaia_server_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let error = client(&url, None, None).status(None).unwrap_err();
    assert!(
        matches!(&error, Error::Server(ServerError::OtherVersion { .. })),
        "{error:?}"
    );
}

#[test]
fn an_agents_token_acts_only_for_its_own_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("ci", Role::Agent);
    let agent = client(&server.url(), Some(token), Some("local"));
    let mine = granted(agent.acquire(&request("/mine", "ci/1")).unwrap());
    let theirs = granted(server.locks.acquire(&request("/theirs", "ann")).unwrap());
    let refused = |what: &str, error: Error| {
        assert!(
            matches!(&error, Error::Server(ServerError::Said { code, .. }) if code == "forbidden"),
            "{what}: {error:?}"
        );
    };
    refused("acquire", agent.acquire(&request("/x", "ann")).unwrap_err());
    refused("release", agent.release(&release(&theirs)).unwrap_err());
    let renew = Renew {
        token: theirs.id,
        session: theirs.session_id.clone(),
        task: None,
        folder: None,
        ttl: None,
    };
    refused("renew", agent.renew(&renew).unwrap_err());
    refused("cleanup", agent.cleanup().unwrap_err());
    refused(
        "force-release",
        Locks::force_release(&agent, theirs.id, "ci", "mine now").unwrap_err(),
    );
    let queued = server
        .locks
        .acquire(&request("/theirs", "ben").queued(None))
        .unwrap();
    let Answer::Queued(place) = queued else {
        panic!("{queued:?}");
    };
    refused("leave", agent.leave(place.waiter).unwrap_err());
    let mut patience = Patience::default();
    patience.cancel.cancel();
    let waited = Locks::wait(&agent, place.waiter, &mut patience);
    refused("wait", waited.unwrap_err());
    assert!(agent.verify(theirs.id).unwrap().active, "reading is free");
    assert!(matches!(
        agent.release(&release(&mine)).unwrap(),
        Released::Ended(_)
    ));
    let viewer = client(
        &server.url(),
        Some(server.token("eve", Role::Viewer)),
        Some("local"),
    );
    refused("viewer", viewer.acquire(&request("/x", "eve")).unwrap_err());
    assert!(viewer.status(None).is_ok());
}

/// Awaits a condition.
pub fn until(condition: impl Fn() -> bool) {
    let began = SystemClock.now().moment;
    while !condition() {
        let waited = SystemClock.now().moment.since(began);
        assert!(waited < Duration::from_secs(30), "it never came true");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
