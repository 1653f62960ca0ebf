//! What a server that is silent does to nobody: nothing is refused, nothing is
//! answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, SystemClock};
use gaia_locks::error::ServerError;
use gaia_locks::lease::{Kept, LeaseKeeper, News};
use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Cancel, Line, Patience, Released};
use gaia_locks::wire::Answer;
use gaia_locks::{Error, Locks};
use gaia_server::Role;

use crate::proxy::Proxy;
use crate::server::{Server, client};
use crate::wire::{granted, release, request, until};

#[test]
fn r16_an_answer_that_never_comes_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let proxy = Proxy::to(server.address);
    let token = server.token("root", Role::Admin);
    let client = client(&proxy.url(), Some(token), Some("local"));
    client.hello().unwrap();
    let own = Acquire {
        own: true,
        ..request("/w", "ann")
    };
    proxy.lose_after(u64::MAX, 0);
    let lock = granted(client.acquire(&own).unwrap());
    assert!(proxy.was_cut());
    assert_eq!(server.locks.status(None).unwrap().count, 1);
    proxy.lose_after(u64::MAX, 0);
    let ended = client.release_within(&release(&lock), Duration::from_secs(4));
    assert!(proxy.was_cut());
    assert!(matches!(ended, Ok(Released::Ended(_))), "{ended:?}");
    assert_eq!(server.locks.status(None).unwrap().count, 0);
}

#[test]
fn what_may_have_been_done_is_not_told_as_a_server_that_was_not_reached() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let proxy = Proxy::to(server.address);
    let token = server.token("root", Role::Admin);
    let client = client(&proxy.url(), Some(token), Some("local"));
    let lock = granted(client.acquire(&request("/w", "ann")).unwrap());
    proxy.fall_silent();
    let error = client.release(&release(&lock)).unwrap_err();
    assert!(
        matches!(&error, Error::Server(ServerError::AnswerLost { .. })),
        "{error:?}"
    );
}

#[test]
fn alone_whoever_ends_does_not_wait_for_a_server_that_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let proxy = Proxy::to(server.address);
    let holder: Arc<dyn Locks> = Arc::new(client(&proxy.url(), Some(token), Some("local")));
    let asked_at = SystemClock.now().moment;
    let lock = granted(holder.acquire(&request("/w", "ann")).unwrap());
    let kept = Kept {
        token: lock.id,
        session: lock.session_id.clone(),
        ttl: Duration::from_secs(600),
        asked_at,
    };
    let (tell, news) = channel();
    let heard = move |what: News| drop(tell.send(what));
    let keeper = LeaseKeeper::start(holder.clone(), kept, heard).unwrap();
    proxy.fall_silent();
    let lost = || proxy.cut.unheard.load(Ordering::SeqCst);
    until(|| lost() == 1);
    keeper.look_now();
    until(|| lost() == 2);
    let began = SystemClock.now().moment;
    drop(keeper);
    let took = SystemClock.now().moment.since(began);
    assert!(took < Duration::from_secs(1), "its end took {took:?}");
    let released = holder.release_within(&release(&lock), Duration::from_secs(1));
    let took = SystemClock.now().moment.since(began);
    assert!(
        matches!(released, Err(Error::Server(ServerError::AnswerLost { .. }))),
        "{released:?}"
    );
    assert!(took < Duration::from_secs(3), "releasing took {took:?}");
    // What comes of the call that still stood is told to nobody.
    assert!(news.recv_timeout(Duration::from_secs(20)).is_err());
}

#[test]
fn alone_a_holder_that_cannot_reach_the_server_is_told_before_its_lease_is_given_away() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let token = server.token("root", Role::Admin);
    let proxy = Proxy::to(server.address);
    let holder: Arc<dyn Locks> = Arc::new(client(&proxy.url(), Some(token), Some("local")));
    let ttl = Duration::from_secs(5);
    let asked_at = SystemClock.now().moment;
    let wanted = Acquire {
        ttl: Some(ttl),
        ..request("/w", "ann")
    };
    let lock = granted(holder.acquire(&wanted).unwrap());
    let (tell, news) = channel();
    let kept = Kept {
        token: lock.id,
        session: lock.session_id.clone(),
        ttl,
        asked_at,
    };
    let heard = move |what: News| {
        let _ = tell.send((what, SystemClock.now().moment));
    };
    let keeper = LeaseKeeper::start(holder, kept, heard).unwrap();
    // It renews as long as it can, and longer than the first lease.
    let first_end = asked_at.plus(ttl);
    until(|| SystemClock.now().moment > first_end);
    assert!(server.locks.verify(lock.id).unwrap().active);
    proxy.fall_silent();
    let (what, when) = news.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(what, News::Lost(_)), "{what:?}");
    // Server and holder are on one machine here, and read one clock.
    let row = server.locks.look(|tx| tx.store().lock(lock.id)).unwrap();
    let expires = row.unwrap().expires;
    assert!(
        when < expires,
        "told at {when:?}, given away at {expires:?}"
    );
    drop(keeper);
}

#[test]
fn a_wait_with_a_limit_ends_soon_after_it_although_the_server_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::in_folder(folder.path());
    let proxy = Proxy::to(server.address);
    let token = server.token("root", Role::Admin);
    let client = client(&proxy.url(), Some(token), Some("local"));
    granted(server.locks.acquire(&request("/w", "ann")).unwrap());
    let limit = Duration::from_secs(1);
    let waits = Acquire {
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: Some(limit),
            turn: Turn::Granted,
        },
        ..request("/w", "bob")
    };
    let Answer::Queued(queued) = client.acquire(&waits).unwrap() else {
        panic!("granted");
    };
    proxy.fall_silent();
    let began = SystemClock.now().moment;
    let mut patience = Patience {
        limit: Some(limit),
        ..Patience::default()
    };
    let waited = Locks::wait(&client, queued.waiter, &mut patience);
    assert!(
        matches!(waited, Err(Error::Server(ServerError::Unreachable { .. }))),
        "{waited:?}"
    );
    let took = SystemClock.now().moment.since(began);
    assert!(took < Duration::from_secs(15), "it waited {took:?}");
    // Called off, it does not hear a silent server out either.
    let cancel = Cancel::default();
    cancel.cancel();
    let mut patience = Patience {
        cancel,
        ..Patience::default()
    };
    let began = SystemClock.now().moment;
    drop(Locks::wait(&client, queued.waiter, &mut patience));
    let took = SystemClock.now().moment.since(began);
    assert!(took < Duration::from_secs(6), "leaving took {took:?}");
}
