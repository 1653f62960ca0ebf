//! [R8]: order in the line.

use gaia_locks::wire::Answer;

use super::{Stage, ask, folder, session};

pub(super) fn r08_waiters_are_served_in_order(stage: &Stage) {
    let mut held = ask("A", "/r").granted(stage);
    let waiters: Vec<_> = ["B", "C", "D"]
        .iter()
        .map(|who| ask(who, "/r").waiting().queued(stage))
        .collect();
    let places: Vec<usize> = waiters.iter().map(|queued| queued.place).collect();
    assert_eq!(places, [1, 2, 3]);
    for (turn, queued) in waiters.iter().enumerate() {
        stage.release(&held);
        for (behind, later) in waiters[turn + 1..].iter().enumerate() {
            assert_eq!(stage.place_of(later.waiter), Some(behind + 1));
        }
        held = stage.take_up(queued.waiter).locks.remove(0);
    }
    assert_eq!(held.session_id, session("D"));
}

pub(super) fn r08_a_later_request_does_not_overtake(stage: &Stage) {
    let held = ask("A", "/r/a").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    ask("C", "/r/b").refused(stage);
    ask("C", "/r/b").shared().refused(stage);
    let behind = ask("C", "/r/b").waiting().queued(stage);
    assert_eq!(behind.place, 2);
    stage.release(&held);
    assert_eq!(stage.place_of(behind.waiter), Some(1), "B holds it now");
    let granted = stage.take_up(waiter).locks.remove(0);
    stage.release(&granted);
    stage.take_up(behind.waiter);
}

pub(super) fn r08_the_whole_repository_is_not_starved_by_its_parts(stage: &Stage) {
    let parts = [
        ask("P0", "/r/0").granted(stage),
        ask("P1", "/r/1").granted(stage),
    ];
    let whole = ask("W", "/r").waiting().queued(stage).waiter;
    let [first, second] = parts;
    stage.release(&first);
    ask("P2", "/r/0").refused(stage);
    assert!(!stage.turn_has_come(whole));
    stage.release(&second);
    let granted = stage.take_up(whole);
    assert_eq!(stage.active(), [granted.locks[0].id]);
}

pub(super) fn r08_others_pass_beside_the_line(stage: &Stage) {
    ask("A", "/r/a").granted(stage);
    ask("B", "/r/a").waiting().queued(stage);
    ask("C", "/r/b").granted(stage);
    ask("D", "/q").granted(stage);
}

pub(super) fn r08_readers_behind_a_writer_wait(stage: &Stage) {
    let reader = ask("A", "/r").shared().granted(stage);
    let writer = ask("B", "/r").waiting().queued(stage).waiter;
    ask("C", "/r").shared().refused(stage);
    let late = ask("C", "/r").shared().waiting().queued(stage).waiter;
    stage.release(&reader);
    let written = stage.take_up(writer).locks.remove(0);
    assert!(!stage.turn_has_come(late));
    stage.release(&written);
    stage.take_up(late);
}

pub(super) fn r08_readers_are_granted_together(stage: &Stage) {
    let writer = ask("A", "/r").granted(stage);
    let one = ask("B", "/r").shared().waiting().queued(stage);
    let two = ask("C", "/r/deep").shared().waiting().queued(stage);
    assert_eq!(
        (one.place, two.place),
        (1, 1),
        "they do not wait for each other"
    );
    let next = ask("D", "/r").waiting().queued(stage).waiter;
    stage.release(&writer);
    stage.take_up(one.waiter);
    stage.take_up(two.waiter);
    assert!(!stage.turn_has_come(next));
}

pub(super) fn r08_who_is_waited_for_is_not_held_back(stage: &Stage) {
    ask("A", "/r/a").granted(stage);
    ask("B", "/r/b").granted(stage);
    // W waits for A's and B's locks; so A and B may go on, C may not.
    ask("W", "/r").waiting().queued(stage);
    ask("C", "/r/c").refused(stage);
    ask("A", "/r/c").granted(stage);
    ask("B", "/r/d").task(1).granted(stage);
}

pub(super) fn r08_inside_ones_own_lock_all_is_granted_at_once(stage: &Stage) {
    ask("A", "/r").granted(stage);
    ask("B", "/r/a").waiting().queued(stage);
    ask("A", "/r/a").granted(stage);
    ask("A", "/r/a/deep").shared().granted(stage);
    ask("A", "/r").task(1).granted(stage);
    ask("A", "/r/x").and("/r/y").all_granted(stage);
}

pub(super) fn r08_inside_ones_own_shared_lock_only_shared_is_granted_at_once(stage: &Stage) {
    ask("A", "/r").shared().granted(stage);
    ask("X", "/r/other").shared().granted(stage);
    ask("B", "/r/a").waiting().queued(stage);
    ask("A", "/r/a").shared().granted(stage);
    // B waits for A's own lock, so that A may even write there.
    ask("A", "/r/a").granted(stage);
    ask("X", "/r/a").shared().refused(stage);
    ask("A", "/r/other").refused(stage);
}

pub(super) fn r08_a_waiter_that_gives_up_leaves_the_line(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    let gives_up = ask("B", "/r").waiting().queued(stage).waiter;
    let next = ask("C", "/r").waiting().queued(stage).waiter;
    stage.locks.leave(gives_up).unwrap();
    assert_eq!(stage.place_of(next), Some(1));
    stage.locks.leave(gives_up).unwrap();
    stage.release(&held);
    stage.take_up(next);
    assert_eq!(stage.active().len(), 1);
}

pub(super) fn r08_giving_up_lets_those_behind_through(stage: &Stage) {
    ask("A", "/r/a").granted(stage);
    let whole = ask("B", "/r").waiting().queued(stage).waiter;
    let part = ask("C", "/r/c").waiting().queued(stage).waiter;
    assert!(!stage.turn_has_come(part));
    stage.locks.leave(whole).unwrap();
    stage.take_up(part);
}

pub(super) fn r08_a_pause_holds_back_and_a_resume_grants(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    stage.locks.pause(&folder("/r"), "root", "backup").unwrap();
    let waiter = ask("B", "/r/b").waiting().queued(stage).waiter;
    assert!(
        ask("A", "/r").all_granted(stage).held_before,
        "what runs may finish"
    );
    stage.release(&held);
    assert!(!stage.turn_has_come(waiter));
    ask("C", "/").refused(stage);
    ask("C", "/q").granted(stage);
    assert!(
        !stage.locks.resume(&folder("/q")).unwrap(),
        "it was not paused"
    );
    assert!(stage.locks.resume(&folder("/r")).unwrap());
    stage.take_up(waiter);
    let answer = ask("D", "/r/d").at(&*stage.locks);
    assert!(matches!(answer, Ok(Answer::Granted(_))), "{answer:?}");
}

/// Tasks of one session are two holders, its task 0 is one with both.
pub(super) fn r08_a_new_lock_lets_ones_own_waiter_pass(stage: &Stage) {
    ask("C", "/a").task(2).granted(stage);
    ask("B", "/").waiting().queued(stage);
    let held_back = ask("C", "/c").task(1).waiting().queued(stage).waiter;
    ask("C", "/b").granted(stage);
    // Now B waits for a lock of C's own, so that C is not behind B any more.
    stage.take_up(held_back);
}
