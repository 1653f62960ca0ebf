//! [R4] and [R14]: tokens rise, and what was acknowledged stays.

use gaia_locks::model::LockStatus;
use gaia_locks::wire::Answer;
use gaia_locks::{LockId, Locks};

use super::{Stage, ask, cannot, session};

pub(super) fn r04_tokens_rise_in_the_order_of_grants(stage: &Stage) {
    let mut last = LockId(0);
    for round in 0..50 {
        let lock = ask("A", &format!("/r/{}", round % 3)).own().granted(stage);
        assert!(lock.id > last, "{} after {last}", lock.id);
        last = lock.id;
        if round % 2 == 0 {
            stage.release(&lock);
        }
    }
}

pub(super) fn r04_a_grant_at_ones_turn_gets_the_highest_token(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    let beside = ask("C", "/beside").granted(stage);
    stage.release(&held);
    let turn = stage.take_up(waiter).locks[0].id;
    assert!(turn > beside.id, "granted later, though asked for earlier");
    assert!(ask("C", "/after").granted(stage).id > turn);
}

pub(super) fn r04_a_request_that_came_to_nothing_breaks_no_order(stage: &Stage) {
    let first = ask("A", "/r").granted(stage);
    ask("B", "/r").and("/free").refused(stage);
    let second = ask("B", "/free").granted(stage);
    assert!(second.id > first.id);
}

pub(super) fn r04_tokens_rise_over_pruning(stage: &Stage) {
    let mut highest = LockId(0);
    for _ in 0..3 {
        let lock = ask("A", "/r").granted(stage);
        assert!(lock.id > highest);
        highest = lock.id;
        stage.release(&lock);
        stage.pass(60);
        stage
            .locks
            .prune(lock.created_at.plus(super::seconds(60)))
            .unwrap();
    }
}

pub(super) fn r04_tokens_rise_over_a_restart(stage: &Stage) {
    let Some(reopen) = &stage.reopen else {
        return cannot("open its store again");
    };
    let held = ask("A", "/held").granted(stage);
    let last = ask("A", "/r").granted(stage);
    stage.release(&last);
    let again = reopen();
    assert!(again.verify(held.id).unwrap().active);
    let Ok(Answer::Granted(next)) = ask("B", "/r").at(&*again) else {
        panic!("it was free");
    };
    assert!(next.locks[0].id > last.id);
}

pub(super) fn r04_verify_says_whether_that_very_lock_is_active(stage: &Stage) {
    let first = ask("A", "/r").granted(stage);
    assert!(stage.is_active(first.id));
    stage.release(&first);
    let second = ask("A", "/r").granted(stage);
    let verified = stage.locks.verify(first.id).unwrap();
    assert!(
        !verified.active,
        "the same folder and holder, but not that lock"
    );
    assert_eq!(verified.lock.unwrap().status, LockStatus::Released);
    assert!(stage.is_active(second.id));
    for never in [0, -1, i64::MAX] {
        let verified = stage.locks.verify(LockId(never)).unwrap();
        assert!(!verified.active && verified.lock.is_none(), "{never}");
    }
}

pub(super) fn r14_what_was_granted_survives_a_crash(stage: &Stage) {
    let Some(reopen) = &stage.reopen else {
        return cannot("open its store again");
    };
    let one = ask("A", "/one").task(3).granted(stage);
    let two = ask("B", "/two")
        .and("/three")
        .shared()
        .ttl(90)
        .all_granted(stage);
    let gone = ask("C", "/gone").granted(stage);
    stage.release(&gone);
    let again = reopen();
    let mut before = vec![one];
    before.extend(two.locks);
    for lock in &before {
        assert_eq!(again.verify(lock.id).unwrap().lock.as_ref(), Some(lock));
    }
    assert_eq!(again.status(None).unwrap().count, before.len());
    let refused = ask("D", "/one").at(&*again);
    assert!(matches!(refused, Ok(Answer::Refused(_))), "{refused:?}");
}

pub(super) fn r14_the_line_survives_a_crash(stage: &Stage) {
    let Some(reopen) = &stage.reopen else {
        return cannot("open its store again");
    };
    let held = ask("A", "/r").granted(stage);
    let first = ask("B", "/r").waiting().id("b").queued(stage).waiter;
    ask("C", "/r").waiting().queued(stage);
    let again = reopen();
    let line = again.status(None).unwrap().waiters;
    let names: Vec<_> = line
        .iter()
        .map(|waiter| waiter.session_id.clone())
        .collect();
    assert_eq!(names, [session("B"), session("C")]);
    end(&*again, held.id);
    let Ok(Answer::Granted(granted)) = ask("B", "/r").waiting().id("b").at(&*again) else {
        panic!("waiter {first} kept its place");
    };
    assert_eq!(granted.locks[0].session_id, session("B"));
}

fn end(locks: &dyn Locks, token: LockId) {
    locks.force_release(token, "admin", "its turn").unwrap();
}
