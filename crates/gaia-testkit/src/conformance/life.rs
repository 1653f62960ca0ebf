//! [R11] and [R13]: processes that die, clocks that are set, machines that
//! start anew.

use gaia_locks::liveness::{Liveness, ProcessIdentity};
use gaia_locks::model::{EndReason, LockStatus};
use gaia_locks::service::Patience;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::Answer;
use gaia_locks::{Error, LockId};

use super::{ASSIGNER, Stage, ask, cannot, session};

const DAY: i64 = 86_400;

pub(super) fn r11_a_living_process_keeps_its_lock_past_the_lease(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").ttl(60).bound_to(&process).granted(stage);
    stage.pass(3600);
    ask("B", "/r").refused(stage);
    assert!(stage.is_active(lock.id));
    assert_eq!(
        stage.lock(lock.id).expires_in,
        Some(60.0),
        "extended by whoever found it"
    );
    stage.pass(3600);
    assert_eq!(stage.locks.cleanup().unwrap(), 0, "by the sweeper too");
    assert!(stage.renew(&lock, None).is_ok());
}

pub(super) fn r11_a_dead_process_frees_at_the_next_request(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").bound_to(&process).granted(stage);
    ask("B", "/r/inside").refused(stage);
    stage.kill(&process);
    assert!(!stage.is_active(lock.id));
    ask("B", "/r/inside").granted(stage);
}

/// A command that has ended, and whoever started it is about to release its
/// lock: who waits gives it a moment, who does not wait is granted at once.
pub(super) fn r11_who_waits_gives_a_release_on_its_way_a_moment(stage: &Stage) {
    let (command, parent) = (stage.process(1), stage.process(2));
    let bound = command.clone().released_by(parent.clone());
    let kill = |whom: &ProcessIdentity| {
        stage.kill(whom);
        stage.kill(&whom.clone().released_by(parent.clone()));
    };
    stage.witness.set(&bound, Liveness::Alive);
    let released = ask("A", "/r").bound_to(&bound).granted(stage);
    kill(&command);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.release(&released);
    let end = stage.lock(released.id).end_reason;
    assert_eq!(end, Some(EndReason::Released), "not died");
    let taken = stage.take_up(waiter);
    stage.release(&taken.locks[0]);

    stage.witness.set(&bound, Liveness::Alive);
    let forgotten = ask("A", "/r").bound_to(&bound).granted(stage);
    kill(&command);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.pass(1);
    let taken = match stage.locks.wait(waiter, &mut Patience::default()).unwrap() {
        Answer::Granted(granted) => granted,
        other => panic!("not granted: {other:?}"),
    };
    let end = stage.lock(forgotten.id).end_reason;
    assert_eq!(end, Some(EndReason::Died), "a moment and no longer");
    stage.release(&taken.locks[0]);

    stage.witness.set(&bound, Liveness::Alive);
    ask("A", "/r").bound_to(&bound).granted(stage);
    kill(&command);
    ask("B", "/r").granted(stage);
}

/// Of one that is gone with whoever started it nobody waits for a word.
pub(super) fn r11_nobody_is_left_to_release_it(stage: &Stage) {
    let (command, parent) = (stage.process(1), stage.process(2));
    let bound = command.released_by(parent.clone());
    stage.witness.set(&bound, Liveness::Alive);
    ask("A", "/r").bound_to(&bound).granted(stage);
    stage.kill(&bound);
    stage.kill(&parent);
    ask("B", "/r").waiting().granted(stage);
}

/// What a killed keeper left is as good as the keeper, but only for the lock of
/// a task: a person's lock ends with the process that it was bound to.
pub(super) fn t03_a_tasks_lock_stands_while_anything_of_the_task_lives(stage: &Stage) {
    if stage.service.is_none() {
        return cannot(ASSIGNER);
    }
    let (keeper, other) = (stage.process(1), stage.process(2));
    let task = ask("A", "/r")
        .task(5)
        .for_the_assigner()
        .ttl(60)
        .bound_to(&keeper);
    let lock = task.granted(stage);
    ask("A", "/s").bound_to(&other).granted(stage);
    for process in [&keeper, &other] {
        stage.witness.set_leftovers(process, true);
        stage.kill(process);
    }
    ask("B", "/r/inside").refused(stage);
    ask("B", "/s").granted(stage);
    stage.pass(3600);
    ask("B", "/r/inside").refused(stage);
    assert!(stage.is_active(lock.id), "past its lease as well");
    stage.witness.set_leftovers(&keeper, false);
    ask("B", "/r/inside").granted(stage);
    assert_eq!(stage.lock(lock.id).end_reason, Some(EndReason::Died));
}

pub(super) fn r11_a_dead_process_is_swept(stage: &Stage) {
    let process = stage.process(1);
    ask("A", "/r").bound_to(&process).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.kill(&process);
    assert_eq!(stage.locks.cleanup().unwrap(), 1);
    stage.take_up(waiter);
}

pub(super) fn r11_the_history_says_that_the_holder_died(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").bound_to(&process).granted(stage);
    stage.pass(100);
    stage.kill(&process);
    stage.locks.cleanup().unwrap();
    let past = stage.lock(lock.id);
    assert_eq!(past.end_reason, Some(EndReason::Died));
    assert_eq!(past.status, LockStatus::Expired);
    assert_eq!(
        past.expired_at,
        Some(lock.created_at.plus(super::seconds(100)))
    );
}

pub(super) fn r11_who_cannot_tell_goes_by_the_lease(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").ttl(60).bound_to(&process).granted(stage);
    stage.witness.set(&process, Liveness::CannotTell);
    stage.pass(59);
    ask("B", "/r").refused(stage);
    assert_eq!(stage.locks.cleanup().unwrap(), 0);
    stage.pass(1);
    ask("B", "/r").granted(stage);
    assert_eq!(stage.lock(lock.id).end_reason, Some(EndReason::Lapsed));
}

pub(super) fn r11_a_lock_can_be_bound_later(stage: &Stage) {
    let Some(service) = &stage.service else {
        return cannot("bind a lock after its grant");
    };
    let process = stage.process(1);
    let lock = ask("A", "/r").own().ttl(60).granted(stage);
    let bound = service.transact(|tx| tx.bind(lock.id, &process)).unwrap();
    assert_eq!((bound.id, bound.pid), (lock.id, Some(1)));
    stage.pass(600);
    ask("B", "/r").refused(stage);
    stage.kill(&process);
    ask("B", "/r").granted(stage);
    let error = service
        .transact(|tx| tx.bind(lock.id, &process))
        .unwrap_err();
    assert!(matches!(error, Error::NotHeld(_)), "{error}");
}

pub(super) fn r11_a_dead_process_cannot_renew(stage: &Stage) {
    let process = stage.process(1);
    let lock = ask("A", "/r").bound_to(&process).granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage.kill(&process);
    assert!(matches!(stage.renew(&lock, None), Err(Error::NotHeld(_))));
    stage.take_up(waiter);
}

pub(super) fn r13_setting_the_wall_clock_back_holds_nothing_longer(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.clock.step_wall(-DAY);
    stage.pass(59);
    assert!(stage.is_active(lock.id));
    stage.pass(1);
    assert!(!stage.is_active(lock.id));
    ask("B", "/r").granted(stage);
}

pub(super) fn r13_setting_the_wall_clock_forward_frees_nothing(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.clock.step_wall(400 * DAY);
    assert!(stage.is_active(lock.id));
    ask("B", "/r").refused(stage);
    assert_eq!(stage.locks.cleanup().unwrap(), 0);
    assert_eq!(stage.renew(&lock, None).unwrap().expires_in, Some(60.0));
}

pub(super) fn r13_expires_at_is_computed_when_asked(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(10);
    assert_eq!(stage.lock(lock.id).expires_at, lock.expires_at);
    stage.clock.step_wall(DAY);
    let moved = stage.lock(lock.id);
    let later = lock.expires_at.unwrap().plus(super::seconds(86_400));
    assert_eq!(
        (moved.expires_at, moved.expires_in),
        (Some(later), Some(50.0))
    );
    let shown = stage.locks.history(&HistoryFilter::default()).unwrap();
    assert_eq!(shown[0].expires_at, Some(later));
}

pub(super) fn r13_after_a_reboot_process_bound_locks_are_over(stage: &Stage) {
    let process = stage.process(1);
    let bound = ask("A", "/r").bound_to(&process).granted(stage);
    stage.clock.reboot();
    assert!(!stage.is_active(bound.id));
    ask("B", "/r").granted(stage);
    assert_eq!(stage.lock(bound.id).end_reason, Some(EndReason::Died));
}

pub(super) fn r13_after_a_reboot_leases_start_anew_once(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.pass(50);
    stage.clock.reboot();
    ask("B", "/r").refused(stage);
    stage.pass(59);
    ask("B", "/r").refused(stage);
    assert!(stage.is_active(lock.id));
    stage.pass(1);
    assert!(!stage.is_active(lock.id), "anew once, not at every sight");
    let next = ask("B", "/r").granted(stage);
    assert!(next.id > lock.id);
}

pub(super) fn r13_after_a_reboot_looking_is_first_sight(stage: &Stage) {
    let lock = ask("A", "/r").ttl(60).granted(stage);
    stage.clock.reboot();
    assert_eq!(stage.lock(lock.id).expires_in, Some(60.0));
    stage.pass(20);
    assert_eq!(
        stage.lock(lock.id).expires_in,
        Some(40.0),
        "a look counts as first sight"
    );
    stage.pass(40);
    ask("B", "/r").granted(stage);
}

pub(super) fn r13_after_a_reboot_waiting_processes_are_gone(stage: &Stage) {
    let process = stage.process(1);
    let held = ask("A", "/r").granted(stage);
    ask("B", "/r").waiting_as(&process).queued(stage);
    let elsewhere = ask("C", "/r").waiting().queued(stage).waiter;
    stage.clock.reboot();
    stage.pass(29);
    stage.release(&held);
    let granted = stage.take_up(elsewhere);
    assert_eq!(granted.locks[0].session_id, session("C"));
    assert_eq!(stage.active(), [granted.locks[0].id]);
}

pub(super) fn r13_after_a_reboot_a_grant_is_still_to_be_taken_up_in_time(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    ask("B", "/r").waiting().queued(stage);
    stage.release(&held);
    assert_ne!(
        stage.active(),
        Vec::<LockId>::new(),
        "granted to B, who has not taken it up"
    );
    stage.clock.reboot();
    ask("C", "/r").refused(stage);
    stage.pass(31);
    ask("C", "/r").granted(stage);
}
