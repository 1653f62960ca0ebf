//! [R16]: the same request again does no harm.

use gaia_locks::Error;
use gaia_locks::model::LockStatus;
use gaia_locks::wire::Answer;

use super::{Stage, ask};

const DAY: u64 = 86_400;

pub(super) fn r16_the_same_again_takes_no_second_lock(stage: &Stage) {
    let request = ask("A", "/a").and("/b").id("one");
    let first = request.all_granted(stage);
    let again = request.all_granted(stage);
    assert_eq!(again.locks, first.locks);
    assert!(again.held_before);
    assert_eq!(stage.active().len(), 2);
}

pub(super) fn r16_it_gives_the_lock_with_its_state_now(stage: &Stage) {
    let request = ask("A", "/r").id("one");
    let lock = request.granted(stage);
    stage.release(&lock);
    let again = request.granted(stage);
    assert_eq!((again.id, again.status), (lock.id, LockStatus::Released));
    assert_eq!(stage.active(), [], "and takes no new one");
}

pub(super) fn r16_it_gives_the_same_place_in_line(stage: &Stage) {
    ask("A", "/r").granted(stage);
    ask("X", "/r").waiting().queued(stage);
    let request = ask("B", "/r").waiting().id("one");
    let first = request.queued(stage);
    ask("C", "/r").waiting().queued(stage);
    let again = request.queued(stage);
    assert_eq!((again.waiter, again.place), (first.waiter, 2));
    assert_eq!(stage.locks.status(None).unwrap().waiters.len(), 3);
}

pub(super) fn r16_it_takes_up_a_grant(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let request = ask("B", "/r").ttl(600).waiting().id("one");
    request.queued(stage);
    stage.release(&held);
    let lock = request.granted(stage);
    assert_eq!(lock.expires_in, Some(600.0));
    assert_eq!(request.granted(stage).id, lock.id);
    stage.pass(599);
    assert!(stage.is_active(lock.id));
}

pub(super) fn r16_a_refusal_is_not_remembered(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let request = ask("B", "/r").id("one");
    request.refused(stage);
    stage.release(&held);
    request.granted(stage);
    // Nor is its content: nothing came of it.
    ask("A", "/q").granted(stage);
    ask("B", "/q").id("two").refused(stage);
    ask("B", "/other").id("two").granted(stage);
}

pub(super) fn r16_a_circle_is_not_remembered(stage: &Stage) {
    let a = ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    ask("A", "/b").waiting().queued(stage);
    let request = ask("B", "/a").waiting().id("one");
    request.refused(stage);
    stage.release(&a);
    request.granted(stage);
}

pub(super) fn r16_other_content_is_an_error(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").id("one").granted(stage);
    for other in [
        ask("A", "/q"),
        ask("A", "/r").and("/q"),
        ask("A", "/r").task(1),
        ask("A", "/r").shared(),
        ask("A", "/r").ttl(60),
        ask("A", "/r").own(),
        ask("A", "/r").bound_to(&process),
    ] {
        let error = other.id("one").fails(stage);
        assert!(matches!(error, Error::RequestIdReused { .. }), "{error}");
        assert!(error.to_string().contains("one"), "{error}");
    }
    assert_eq!(stage.active(), [lock.id]);
    // Whether it waits is not what is asked for.
    ask("A", "/r").id("one").waiting().granted(stage);
}

pub(super) fn r16_ids_are_the_sessions_own(stage: &Stage) {
    let a = ask("A", "/a").id("one").granted(stage);
    let b = ask("B", "/b").id("one").granted(stage);
    assert_ne!(a.id, b.id);
}

pub(super) fn r16_it_is_kept_for_a_day(stage: &Stage) {
    let request = ask("A", "/r").ttl(60).id("one");
    let lock = request.granted(stage);
    stage.pass(DAY - 1);
    stage.locks.cleanup().unwrap();
    let again = request.granted(stage);
    assert_eq!((again.id, again.status), (lock.id, LockStatus::Expired));
    stage.pass(2);
    let anew = request.granted(stage);
    assert!(anew.id > lock.id);
    stage.pass(DAY + 1);
    ask("A", "/other").id("one").granted(stage);
}

pub(super) fn r16_a_place_that_was_left_is_asked_for_anew(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let request = ask("B", "/r").waiting().id("one");
    let left = request.queued(stage).waiter;
    stage.locks.leave(left).unwrap();
    let anew = request.queued(stage).waiter;
    assert!(anew > left);
    stage.release(&held);
    let Ok(Answer::Granted(_)) = request.at(&*stage.locks) else {
        panic!("its turn came");
    };
}

pub(super) fn r16_a_scope_of_its_own_repeats_without_a_second_lock(stage: &Stage) {
    let request = ask("A", "/r").own().id("one");
    let lock = request.granted(stage);
    assert_eq!(request.granted(stage).id, lock.id);
    assert_eq!(stage.active(), [lock.id]);
}
