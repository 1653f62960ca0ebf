//! [R8]: who stands in line is alive, and takes up what it is granted.

use gaia_locks::Error;
use gaia_locks::model::EndReason;
use gaia_locks::wire::Answer;

use super::{Stage, ask, seconds, session};

pub(super) fn r08_a_dead_process_leaves_the_line(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/r/a").granted(stage);
    ask("B", "/r").waiting_as(&process).queued(stage);
    stage.pass(3600);
    ask("C", "/r/c").refused(stage);
    stage.kill(&process);
    // The next request that meets nothing but the dead one does not wait for it.
    ask("C", "/r/c").granted(stage);
    assert_eq!(stage.locks.status(None).unwrap().waiters, []);
}

pub(super) fn r08_nobody_dead_is_granted(stage: &Stage) {
    let process = stage.process(1);
    let held = ask("A", "/r").granted(stage);
    ask("B", "/r").waiting_as(&process).queued(stage);
    let next = ask("C", "/r").waiting().queued(stage).waiter;
    stage.kill(&process);
    stage.release(&held);
    let granted = stage.take_up(next);
    assert_eq!(stage.active(), [granted.locks[0].id]);
}

pub(super) fn r08_one_elsewhere_lives_while_it_was_heard(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.pass(30);
    stage.release(&held);
    assert_eq!(stage.take_up(waiter).locks[0].session_id, session("B"));
}

pub(super) fn r08_one_elsewhere_is_dead_after_thirty_seconds_of_silence(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let silent = ask("B", "/r").waiting().queued(stage).waiter;
    stage.pass(31);
    let next = ask("C", "/r").waiting().queued(stage).waiter;
    stage.release(&held);
    stage.take_up(next);
    let gone = stage.locks.wait(silent, &mut Default::default());
    assert!(matches!(gone, Err(Error::NotInLine(_))), "{gone:?}");
}

pub(super) fn r08_asking_again_is_being_heard(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let request = ask("B", "/r").waiting().id("b");
    let waiter = request.queued(stage).waiter;
    for _ in 0..3 {
        stage.pass(25);
        assert_eq!(request.queued(stage).waiter, waiter);
    }
    stage.pass(25);
    stage.release(&held);
    stage.take_up(waiter);
}

pub(super) fn r08_a_grant_elsewhere_is_taken_up_within_thirty_seconds(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let late = ask("B", "/r").waiting().queued(stage).waiter;
    stage.release(&held);
    stage.pass(29);
    ask("C", "/r").refused(stage);
    stage.pass(2);
    ask("C", "/r").granted(stage);
    let gone = stage.locks.wait(late, &mut Default::default());
    assert!(matches!(gone, Err(Error::NotInLine(_))), "{gone:?}");
    assert_eq!(stage.active().len(), 1, "and C's lock is untouched");
}

pub(super) fn r08_a_grant_taken_up_has_its_whole_lease(stage: &Stage) {
    let process = stage.process(1);
    let held = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").ttl(600).waiting().queued(stage).waiter;
    let other = ask("A", "/q").granted(stage);
    let bound = ask("B", "/q")
        .ttl(600)
        .bound_to(&process)
        .waiting()
        .queued(stage)
        .waiter;
    stage.release(&held);
    stage.release(&other);
    stage.pass(20);
    let lock = stage.take_up(waiter).locks.remove(0);
    assert_eq!(lock.expires_in, Some(600.0));
    let lock_of_process = stage.take_up(bound).locks.remove(0);
    assert_eq!(lock_of_process.pid, Some(1));
    stage.pass(599);
    assert!(stage.is_active(lock.id));
    stage.kill(&process);
    assert!(!stage.is_active(lock_of_process.id));
}

pub(super) fn r08_a_grant_to_a_process_that_died_goes_on_to_the_next(stage: &Stage) {
    let process = stage.process(1);
    let held = ask("A", "/r").granted(stage);
    ask("B", "/r").waiting_as(&process).queued(stage);
    let next = ask("C", "/r").waiting().queued(stage).waiter;
    stage.release(&held);
    assert!(!stage.turn_has_come(next), "B was granted");
    stage.kill(&process);
    stage.locks.cleanup().unwrap();
    let granted = stage.take_up(next);
    let died = stage.lock(gaia_locks::LockId(granted.locks[0].id.0 - 1));
    assert_eq!(died.end_reason, Some(EndReason::Died));
}

pub(super) fn r08_a_grant_given_back_goes_on_to_the_next(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let called_off = ask("B", "/r").waiting().queued(stage).waiter;
    let next = ask("C", "/r").waiting().queued(stage).waiter;
    stage.release(&held);
    stage.locks.leave(called_off).unwrap();
    assert_eq!(stage.take_up(next).locks[0].session_id, session("C"));
    assert_eq!(stage.active().len(), 1);
}

pub(super) fn r08_patience_that_is_over_is_over_for_those_behind(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/r/a").granted(stage);
    let life = gaia_locks::model::WaiterLife::Process(process);
    ask("B", "/r")
        .standing(life, Some(seconds(10)), gaia_locks::model::Turn::Granted)
        .queued(stage);
    stage.pass(9);
    ask("C", "/r/c").refused(stage);
    stage.pass(1);
    ask("C", "/r/c").granted(stage);
}

/// Somebody else may clear the place away before its waiter comes to wait: that
/// is a wait that ran out, not a place that was lost.
pub(super) fn r08_patience_that_was_over_before_it_was_waited_for_is_a_refusal(stage: &Stage) {
    let life = gaia_locks::model::WaiterLife::Process(stage.process(1));
    ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r")
        .standing(life, Some(seconds(10)), gaia_locks::model::Turn::Granted)
        .queued(stage)
        .waiter;
    stage.pass(10);
    stage.locks.cleanup().unwrap();
    let mut patience = gaia_locks::service::Patience {
        limit: Some(seconds(10)),
        ..Default::default()
    };
    let answer = stage.locks.wait(waiter, &mut patience);
    assert!(matches!(answer, Ok(Answer::Refused(_))), "{answer:?}");
}

/// A grant that nobody has taken up yet is no lock that one "holds already":
/// whoever was told that it holds it would lose it with the waiter.
pub(super) fn r08_a_grant_is_the_waiters_though_its_session_asks_again(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let process = stage.process(1);
    let waiter = ask("B", "/r").waiting_as(&process).queued(stage).waiter;
    stage.release(&held);
    let Ok(Answer::Granted(told)) = ask("B", "/r").at(&*stage.locks) else {
        panic!("one's own lock is not in one's way");
    };
    stage.kill(&process);
    stage.locks.leave(waiter).unwrap();
    stage.locks.cleanup().unwrap();
    assert!(
        stage.is_active(told.locks[0].id),
        "it was acknowledged to B"
    );
}
