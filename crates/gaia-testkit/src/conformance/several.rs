//! [R9]: several folders at once.

use gaia_locks::Error;
use gaia_locks::wire::Answer;

use super::{Stage, ask};

pub(super) fn r09_all_together_or_none(stage: &Stage) {
    let held = ask("A", "/b").granted(stage);
    ask("B", "/a").and("/b").and("/c").refused(stage);
    assert_eq!(stage.active(), [held.id]);
    stage.release(&held);
    let granted = ask("B", "/a").and("/b").and("/c").all_granted(stage);
    let paths: Vec<&str> = granted
        .locks
        .iter()
        .map(|lock| lock.folder_path.as_str())
        .collect();
    assert_eq!(paths, ["/a", "/b", "/c"], "in the order asked");
    assert_eq!(stage.active().len(), 3);
}

pub(super) fn r09_nothing_is_held_while_waiting(stage: &Stage) {
    let held = ask("A", "/b").granted(stage);
    let both = ask("B", "/a").and("/b").waiting().queued(stage).waiter;
    assert_eq!(stage.active(), [held.id]);
    stage.locks.leave(both).unwrap();
    ask("C", "/a").granted(stage);
}

pub(super) fn r09_it_stands_in_line_on_all_from_one_moment(stage: &Stage) {
    let b = ask("A", "/b").granted(stage);
    let both = ask("B", "/a").and("/b").waiting().queued(stage).waiter;
    // Also where nothing but the place in line is in the way.
    ask("C", "/a").refused(stage);
    let late = ask("C", "/a").waiting().queued(stage).waiter;
    stage.release(&b);
    let granted = stage.take_up(both);
    assert!(!stage.turn_has_come(late));
    stage.release(&granted.locks[0]);
    stage.take_up(late);
}

pub(super) fn r09_all_are_granted_at_one_turn(stage: &Stage) {
    let a = ask("A", "/a").granted(stage);
    let b = ask("A", "/b").granted(stage);
    let both = ask("B", "/a").and("/b").waiting().queued(stage).waiter;
    stage.release(&a);
    assert!(!stage.turn_has_come(both));
    assert_eq!(stage.active(), [b.id]);
    stage.release(&b);
    assert_eq!(stage.take_up(both).locks.len(), 2);
    assert_eq!(stage.active().len(), 2);
}

pub(super) fn r09_one_folder_named_twice_is_one_lock(stage: &Stage) {
    let granted = ask("A", "/a").and("/a/").and("/a/./").all_granted(stage);
    assert_eq!(granted.locks.len(), 1);
    assert_eq!(stage.active().len(), 1);
}

pub(super) fn r09_a_folder_and_one_inside_it_are_two_locks(stage: &Stage) {
    let granted = ask("A", "/a").and("/a/inside").all_granted(stage);
    assert_eq!(stage.active().len(), 2);
    stage.release(&granted.locks[0]);
    ask("B", "/a/inside").refused(stage);
    ask("B", "/a/other").granted(stage);
}

pub(super) fn r09_held_before_only_when_all_were(stage: &Stage) {
    let a = ask("A", "/a").granted(stage);
    let both = ask("A", "/a").and("/b").all_granted(stage);
    assert!(!both.held_before);
    assert_eq!(both.locks[0].id, a.id, "what was held is the same lock");
    assert!(ask("A", "/b").and("/a").all_granted(stage).held_before);
    assert_eq!(stage.active().len(), 2);
}

pub(super) fn r09_at_least_one_folder(stage: &Stage) {
    let mut request = ask("A", "/a");
    request.0.folders.clear();
    let error = request.fails(stage);
    assert!(matches!(error, Error::InvalidRequest(_)), "{error}");
}

pub(super) fn r09_a_grant_that_lost_a_part_is_given_back(stage: &Stage) {
    let b = ask("A", "/b").granted(stage);
    let both = ask("B", "/a").and("/b").waiting().queued(stage).waiter;
    stage.release(&b);
    let claimed = stage.active();
    assert_eq!(claimed.len(), 2);
    stage
        .locks
        .force_release(claimed[0], "root", "mine")
        .unwrap();
    let answer = stage.look_once(both);
    assert!(
        !matches!(answer, Ok(Answer::Granted(_))),
        "half of it is nothing: {answer:?}"
    );
    assert_eq!(stage.active(), []);
}

pub(super) fn r09_who_is_behind_with_one_folder_is_not_served_for_the_other(stage: &Stage) {
    let held = ask("B", "/b/1").granted(stage);
    ask("B", "/b/2").granted(stage);
    ask("C", "/a").shared().granted(stage);
    ask("W1", "/b").and("/c").shared().waiting().queued(stage);
    ask("W2", "/a/b").waiting().queued(stage);
    let behind = ask("W3", "/c")
        .and("/a/b/c")
        .shared()
        .waiting()
        .queued(stage);
    assert_eq!(behind.place, 2);
    // What is freed concerns W1, who stands beside W3, who is behind W2.
    stage.release(&held);
    assert!(!stage.turn_has_come(behind.waiter));
}
