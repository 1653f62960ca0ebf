//! [R3] and [R5]: leases end, and are renewed.

use std::time::Duration;

use gaia_locks::model::{EndReason, LockStatus};
use gaia_locks::service::Renew;
use gaia_locks::store::HistoryFilter;
use gaia_locks::{Error, TaskId};

use super::{Stage, ask, folder, session};

pub(super) fn r03_a_lease_is_two_hours_by_default(stage: &Stage) {
    let lock = ask("A", "/r").granted(stage);
    assert_eq!(lock.expires_in, Some(7200.0));
    assert_eq!(
        lock.expires_at,
        Some(lock.created_at.plus(Duration::from_secs(7200)))
    );
    stage.pass(7199);
    ask("B", "/r").refused(stage);
    stage.pass(1);
    ask("B", "/r").granted(stage);
}

pub(super) fn r03_from_that_instant_the_folder_is_free(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.clock.advance(Duration::from_nanos(59_999_999_999));
    assert!(stage.is_active(lock.id));
    ask("B", "/r").refused(stage);
    stage.clock.advance(Duration::from_nanos(1));
    assert!(!stage.is_active(lock.id), "without any cleanup");
    assert_eq!(stage.active(), []);
    ask("B", "/r/inside").granted(stage);
}

pub(super) fn r03_the_history_says_when_it_lapsed(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(500);
    ask("B", "/r").granted(stage);
    let past = stage.locks.history(&HistoryFilter::default()).unwrap();
    let lapsed = past.iter().find(|row| row.id == lock.id).unwrap();
    assert_eq!(lapsed.status, LockStatus::Expired);
    assert_eq!(lapsed.end_reason, Some(EndReason::Lapsed));
    assert_eq!(lapsed.expired_at, lock.expires_at);
    assert_eq!(lapsed.released_at, None);
}

pub(super) fn r03_a_waiter_gets_it_without_any_cleanup(stage: &Stage) {
    ask("A", "/r").ttl(10).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.pass(10);
    // Whoever asks first after the end meets the line, not a free folder.
    ask("C", "/r").refused(stage);
    assert_eq!(stage.take_up(waiter).locks[0].session_id, session("B"));
}

pub(super) fn r03_a_lease_lasts_from_one_second_to_thirty_days(stage: &Stage) {
    let month = 30 * 24 * 3600;
    for wrong in [0, month + 1] {
        let error = ask("A", "/r").ttl(wrong).fails(stage);
        assert!(
            matches!(error, Error::InvalidRequest(_)),
            "{wrong}: {error}"
        );
        assert!(
            error.to_string().contains("1 s"),
            "it says what is allowed: {error}"
        );
    }
    assert_eq!(stage.active(), []);
    let short = ask("A", "/r").ttl(1).granted(stage);
    ask("A", "/long").ttl(month).granted(stage);
    let error = stage.renew(&short, Some(month + 1)).unwrap_err();
    assert!(matches!(error, Error::InvalidRequest(_)), "{error}");
    assert!(stage.renew(&short, Some(0)).is_err());
}

pub(super) fn r03_a_sweep_ends_what_lapsed_and_grants_to_the_line(stage: &Stage) {
    ask("A", "/r").ttl(10).granted(stage);
    ask("A", "/q").ttl(10).granted(stage);
    let stays = ask("A", "/stays").ttl(11).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    assert_eq!(stage.locks.cleanup().unwrap(), 0);
    stage.pass(10);
    assert_eq!(stage.locks.cleanup().unwrap(), 2);
    assert!(stage.is_active(stays.id));
    stage.take_up(waiter);
    assert_eq!(stage.locks.cleanup().unwrap(), 0);
}

pub(super) fn r05_a_renewal_runs_from_its_own_moment(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(50);
    let renewed = stage.renew(&lock, None).unwrap();
    assert_eq!((renewed.id, renewed.expires_in), (lock.id, Some(60.0)));
    let longer = stage.renew(&lock, Some(600)).unwrap();
    assert_eq!(longer.expires_in, Some(600.0));
    stage.pass(599);
    assert!(stage.is_active(lock.id));
    assert_eq!(
        stage.renew(&lock, None).unwrap().expires_in,
        Some(600.0),
        "its own length by now"
    );
}

pub(super) fn r05_a_shorter_renewal_shortens_neither_the_lease_nor_later_ones(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    let shorter = stage.renew(&lock, Some(5)).unwrap();
    assert_eq!(shorter.expires_in, Some(60.0));
    stage.pass(50);
    assert_eq!(stage.renew(&lock, Some(1)).unwrap().expires_in, Some(10.0));
    assert_eq!(stage.renew(&lock, None).unwrap().expires_in, Some(60.0));
}

pub(super) fn r05_only_the_holder_renews(stage: &Stage) {
    let lock = ask("A", "/r").task(4).ttl(60).granted(stage);
    let mut request = Renew {
        token: lock.id,
        session: session("B"),
        task: None,
        folder: None,
        ttl: None,
    };
    let error = stage.locks.renew(&request).unwrap_err();
    assert!(matches!(error, Error::NotAllowed(_)), "{error}");
    assert!(
        error.to_string().contains("session A"),
        "it says whose it is: {error}"
    );
    request.session = session("A");
    request.task = Some(TaskId(5));
    let error = stage.locks.renew(&request).unwrap_err();
    assert!(
        matches!(error, Error::NotAllowed(_)),
        "another task is another holder: {error}"
    );
    stage.pass(59);
    assert!(stage.renew(&lock, None).is_ok());
}

pub(super) fn r05_a_lapsed_lease_is_acquired_anew_with_a_new_token(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(60);
    let error = stage.renew(&lock, None).unwrap_err();
    assert!(matches!(error, Error::NotHeld(_)), "{error}");
    assert!(
        error.to_string().contains("lapsed"),
        "it says how it ended: {error}"
    );
    let anew = ask("A", "/r").all_granted(stage);
    assert!(!anew.held_before);
    assert!(anew.locks[0].id > lock.id);
    assert!(matches!(stage.renew(&lock, None), Err(Error::NotHeld(_))));
}

pub(super) fn r05_a_released_one_cannot_be_renewed(stage: &Stage) {
    let lock = ask("A", "/r").granted(stage);
    stage.release(&lock);
    assert!(matches!(stage.renew(&lock, None), Err(Error::NotHeld(_))));
    assert_eq!(stage.active(), []);
}

pub(super) fn r05_a_renewal_names_its_own_folder(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    let mut request = Renew {
        token: lock.id,
        session: session("A"),
        task: None,
        folder: Some(folder("/r/inside")),
        ttl: None,
    };
    let error = stage.locks.renew(&request).unwrap_err();
    assert!(matches!(error, Error::NotHeld(_)), "{error}");
    request.folder = Some(folder("/r"));
    assert!(stage.locks.renew(&request).is_ok());
}
