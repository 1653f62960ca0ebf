//! [R10]: nobody waits in a circle.

use gaia_locks::WaiterId;
use gaia_locks::service::Patience;
use gaia_locks::wire::{Answer, Refusal};

use super::{Stage, ask};

fn circle_of(refusal: &Refusal) -> Vec<String> {
    let circle = refusal.cycle.as_ref().unwrap();
    let name =
        |holder: &gaia_locks::wire::HolderInfo| format!("{}/{}", holder.session_id, holder.task_id);
    circle.iter().map(name).collect()
}

pub(super) fn r10_two_who_wait_for_each_other_are_refused(stage: &Stage) {
    ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    ask("A", "/b").waiting().queued(stage);
    let refusal = ask("B", "/a").waiting().refused(stage);
    assert_eq!(circle_of(&refusal), ["B/0", "A/0"]);
    assert!(
        !refusal.conflicts.is_empty(),
        "who is in the way is said too"
    );
}

pub(super) fn r10_a_longer_circle_names_everyone(stage: &Stage) {
    for who in 0..5 {
        ask(&format!("S{who}"), &format!("/{who}"))
            .task(who)
            .granted(stage);
    }
    for who in 0..4 {
        ask(&format!("S{who}"), &format!("/{}", who + 1))
            .task(who)
            .waiting()
            .queued(stage);
    }
    let refusal = ask("S4", "/0").task(4).waiting().refused(stage);
    assert_eq!(
        circle_of(&refusal),
        ["S4/4", "S0/0", "S1/1", "S2/2", "S3/3"]
    );
}

pub(super) fn r10_two_readers_who_both_upgrade_are_a_circle(stage: &Stage) {
    ask("A", "/r").shared().granted(stage);
    let b = ask("B", "/r").shared().granted(stage);
    let upgrade = ask("A", "/r").waiting().queued(stage).waiter;
    let refusal = ask("B", "/r").waiting().refused(stage);
    assert_eq!(circle_of(&refusal), ["B/0", "A/0"]);
    stage.release(&b);
    stage.take_up(upgrade);
}

pub(super) fn r10_waiting_behind_an_earlier_waiter_counts(stage: &Stage) {
    ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    // C waits for /a and /b2, and holds nothing; B waits behind C.
    let c = ask("C", "/a").and("/x").waiting().queued(stage).waiter;
    ask("B", "/x").waiting().queued(stage);
    // A would wait for B, who waits behind C, who waits for A.
    let refusal = ask("A", "/b").waiting().refused(stage);
    assert_eq!(circle_of(&refusal), ["A/0", "B/0", "C/0"]);
    stage.locks.leave(c).unwrap();
    ask("A", "/b").waiting().queued(stage);
}

pub(super) fn r10_a_refused_wait_leaves_no_place_behind(stage: &Stage) {
    let a = ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    ask("A", "/b").waiting().queued(stage);
    ask("B", "/a").waiting().refused(stage);
    assert_eq!(stage.locks.status(None).unwrap().waiters.len(), 1);
    stage.release(&a);
    ask("C", "/a").granted(stage);
}

pub(super) fn r10_a_chain_is_no_circle(stage: &Stage) {
    ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    ask("B", "/a").waiting().queued(stage);
    ask("C", "/b").waiting().queued(stage);
    ask("C", "/a").waiting().queued(stage);
    ask("D", "/a").and("/b").waiting().queued(stage);
}

pub(super) fn r10_asking_without_waiting_closes_no_circle(stage: &Stage) {
    ask("A", "/a").granted(stage);
    ask("B", "/b").granted(stage);
    ask("A", "/b").waiting().queued(stage);
    assert_eq!(ask("B", "/a").refused(stage).cycle, None);
}

pub(super) fn r10_the_dead_close_no_circle(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/a").bound_to(&process).granted(stage);
    ask("B", "/b").granted(stage);
    ask("A", "/b").waiting().queued(stage);
    stage.kill(&process);
    // A's lock died with its process: /a is free.
    ask("B", "/a").waiting().granted(stage);
}

pub(super) fn r10_tasks_of_one_session_can_close_a_circle(stage: &Stage) {
    ask("S", "/a").task(1).granted(stage);
    ask("S", "/b").task(2).granted(stage);
    ask("S", "/b").task(1).waiting().queued(stage);
    let refusal = ask("S", "/a").task(2).waiting().refused(stage);
    assert_eq!(circle_of(&refusal), ["S/2", "S/1"]);
}

/// What a waiter is told that waits on.
fn told(stage: &Stage, waiter: WaiterId) -> Refusal {
    match stage.locks.wait(waiter, &mut Patience::default()).unwrap() {
        Answer::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// A's wait for /y passes E, which waits for A's /a. When A gives that up, it is
/// behind E, who waits for K, who waits for A's /x.
pub(super) fn r10_a_circle_without_a_new_wait_refuses_its_youngest(stage: &Stage) {
    let exempts = ask("A", "/a").granted(stage);
    ask("A", "/x").granted(stage);
    ask("K", "/k").granted(stage);
    let held = ask("Z", "/y").granted(stage);
    let k = ask("K", "/x").waiting().queued(stage).waiter;
    let e = ask("E", "/a")
        .and("/k")
        .and("/y")
        .waiting()
        .queued(stage)
        .waiter;
    let a = ask("A", "/y").waiting().queued(stage).waiter;
    stage.release(&exempts);
    let refusal = told(stage, a);
    assert_eq!(circle_of(&refusal), ["A/0", "E/0", "K/0"]);
    assert!(!refusal.conflicts.is_empty());
    let left: Vec<WaiterId> = stage
        .locks
        .status(None)
        .unwrap()
        .waiters
        .iter()
        .map(|waiter| waiter.id)
        .collect();
    assert_eq!(left, [k, e], "the others stand on");
    stage.release(&held);
    assert_eq!(stage.locks.status(None).unwrap().waiters.len(), 2);
}

pub(super) fn r10_asked_again_by_its_request_id_the_youngest_is_told(stage: &Stage) {
    let exempts = ask("A", "/a").granted(stage);
    ask("A", "/x").granted(stage);
    ask("K", "/k").granted(stage);
    ask("Z", "/y").granted(stage);
    ask("K", "/x").waiting().queued(stage);
    ask("E", "/a").and("/k").and("/y").waiting().queued(stage);
    ask("A", "/y").id("again").waiting().queued(stage);
    stage.release(&exempts);
    let refusal = ask("A", "/y").id("again").waiting().refused(stage);
    assert_eq!(circle_of(&refusal), ["A/0", "E/0", "K/0"]);
    assert_eq!(stage.locks.status(None).unwrap().waiters.len(), 2);
}
