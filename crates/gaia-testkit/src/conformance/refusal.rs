//! [R17]: a refusal tells what a person or an agent needs.

use gaia_locks::liveness::Liveness;
use gaia_locks::{LockId, TaskId};

use super::{Stage, ask, folder, seconds, session};

pub(super) fn r17_who_holds_what_since_when_until_when(stage: &Stage) {
    let held = ask("A", "/r").task(7).ttl(600).granted(stage);
    stage.pass(60);
    let refusal = ask("B", "/r").refused(stage);
    assert_eq!(refusal.conflicts.len(), 1);
    let lock = refusal.conflicts[0].lock.clone().unwrap();
    assert_eq!(
        (lock.id, lock.session_id, lock.task_id),
        (held.id, session("A"), TaskId(7))
    );
    assert_eq!(
        (lock.created_at, lock.expires_at),
        (held.created_at, held.expires_at)
    );
    assert_eq!(lock.expires_in, Some(540.0));
}

pub(super) fn r17_which_folder_overlaps(stage: &Stage) {
    ask("A", "/r/deep").granted(stage);
    let refusal = ask("B", "/free").and("/r").refused(stage);
    let conflict = &refusal.conflicts[0];
    assert_eq!(conflict.folder_path, "/r", "the one that was asked for");
    assert_eq!(
        conflict.lock.as_ref().unwrap().folder_path,
        "/r/deep",
        "the one that is held"
    );
}

pub(super) fn r17_whether_the_holder_lives_and_when_last(stage: &Stage) {
    let process = stage.process(1);
    let bound = ask("A", "/r").bound_to(&process).granted(stage);
    let lease = ask("B", "/q").ttl(600).granted(stage);
    stage.pass(100);
    stage.renew(&lease, None).unwrap();
    stage.pass(50);
    let about = |path: &str| ask("C", path).refused(stage).conflicts.remove(0);
    assert_eq!(about("/r").alive, Some(true));
    assert_eq!(
        about("/r").last_seen,
        Some(bound.created_at.plus(seconds(150))),
        "it lives now"
    );
    assert_eq!(about("/q").alive, None, "nobody can tell");
    assert_eq!(
        about("/q").last_seen,
        Some(lease.created_at.plus(seconds(100))),
        "its last renewal"
    );
    stage.witness.set(&process, Liveness::CannotTell);
    assert_eq!(about("/r").alive, None);
    assert_eq!(
        about("/r").last_seen,
        Some(bound.created_at),
        "as far as is known"
    );
}

pub(super) fn r17_signs_of_life_are_never_of_the_future(stage: &Stage) {
    let lock = ask("A", "/r").ttl(3600).granted(stage);
    stage.pass(10);
    stage.renew(&lock, Some(5)).unwrap();
    let now = lock.created_at.plus(seconds(10));
    let seen = ask("B", "/r")
        .refused(stage)
        .conflicts
        .remove(0)
        .last_seen
        .unwrap();
    assert!(seen <= now, "{seen} is later than {now}");
    // A grant that waits to be taken up was not seen before it was made.
    let held = ask("A", "/q").granted(stage);
    ask("B", "/q").waiting().queued(stage);
    stage.release(&held);
    let claim = ask("C", "/q").refused(stage).conflicts.remove(0);
    let (seen, made) = (claim.last_seen.unwrap(), claim.lock.unwrap().created_at);
    assert!(seen >= made, "{seen} is earlier than {made}");
}

pub(super) fn r17_how_many_wait(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    assert_eq!(ask("B", "/r").refused(stage).conflicts[0].waiting, 0);
    ask("B", "/r").waiting().queued(stage);
    ask("C", "/r/inside").waiting().queued(stage);
    assert_eq!(ask("D", "/r").refused(stage).conflicts[0].waiting, 2);
    assert_eq!(stage.locks.waiting_for(held.id).unwrap(), 2);
    assert_eq!(stage.locks.waiting_for(LockId(999)).unwrap(), 0);
}

pub(super) fn r17_the_earlier_waiter_is_named(stage: &Stage) {
    ask("A", "/r/a").granted(stage);
    ask("B", "/r").task(2).waiting().queued(stage);
    let refusal = ask("C", "/r/c").refused(stage);
    assert_eq!(refusal.conflicts.len(), 1);
    let earlier = refusal.conflicts[0].waiter.clone().unwrap();
    assert_eq!(
        (earlier.session_id, earlier.task_id),
        (session("B"), TaskId(2))
    );
    assert_eq!(
        (earlier.folder_paths, earlier.place),
        (vec!["/r".to_owned()], 1)
    );
    assert_eq!(refusal.conflicts[0].lock, None);
}

pub(super) fn r17_the_pause_is_named(stage: &Stage) {
    stage
        .locks
        .pause(&folder("/r"), "root", "a backup runs")
        .unwrap();
    let refusal = ask("B", "/r/b").refused(stage);
    let pause = refusal.conflicts[0].paused.clone().unwrap();
    assert_eq!(
        (pause.by.as_str(), pause.reason.as_str()),
        ("root", "a backup runs")
    );
    assert_eq!(pause.folder_path, "/r");
    assert_eq!(stage.locks.status(None).unwrap().paused, [pause]);
    assert!(
        stage.locks.pause(&folder("/q"), "root", " ").is_err(),
        "a pause has a reason"
    );
}

pub(super) fn r17_everything_in_the_way_is_named(stage: &Stage) {
    ask("A", "/r/a").granted(stage);
    ask("B", "/r/b").shared().granted(stage);
    ask("W", "/r/b").waiting().queued(stage);
    stage.locks.pause(&folder("/r/c"), "root", "why").unwrap();
    let conflicts = ask("C", "/r").refused(stage).conflicts;
    let locks = conflicts.iter().filter(|one| one.lock.is_some()).count();
    let waiters = conflicts.iter().filter(|one| one.waiter.is_some()).count();
    let pauses = conflicts.iter().filter(|one| one.paused.is_some()).count();
    assert_eq!((locks, waiters, pauses), (2, 1, 1));
    assert!(conflicts[0].lock.is_some(), "locks first");
}

pub(super) fn r17_status_shows_holders_and_waiters(stage: &Stage) {
    let process = stage.process(1);
    let held = ask("A", "/r").bound_to(&process).granted(stage);
    ask("A", "/q").granted(stage);
    ask("B", "/r/b").waiting().queued(stage);
    ask("C", "/r").waiting().queued(stage);
    let all = stage.locks.status(None).unwrap();
    assert_eq!((all.count, all.locks.len(), all.waiters.len()), (2, 2, 2));
    assert_eq!(all.database, stage.locks.database());
    let here = stage.locks.status(Some(&folder("/r/b/deep"))).unwrap();
    assert_eq!(here.count, 1);
    assert_eq!(
        (
            &here.locks[0].lock,
            here.locks[0].alive,
            here.locks[0].waiting
        ),
        (&held, Some(true), 2)
    );
    assert_eq!(here.waiters[1].place, 2);
    assert_eq!(here.waiters[1].since, held.created_at);
}

pub(super) fn r17_of_very_many_fifty_are_told_and_the_rest_counted(stage: &Stage) {
    for one in 0..53 {
        ask("A", &format!("/r/{one}")).granted(stage);
    }
    let refusal = ask("B", "/r").refused(stage);
    assert_eq!((refusal.conflicts.len(), refusal.more), (50, 3));
    let refusal = ask("B", "/r/7").refused(stage);
    assert_eq!((refusal.conflicts.len(), refusal.more), (1, 0));
}
