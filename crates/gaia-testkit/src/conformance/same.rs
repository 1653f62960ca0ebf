//! [R2]: asking again, locks of one's own, upgrade and downgrade.

use super::{Stage, ask};

pub(super) fn r02_asking_again_extends_the_same_lock(stage: &Stage) {
    let first = ask("A", "/r").ttl(60).all_granted(stage);
    assert!(!first.held_before);
    stage.pass(30);
    let again = ask("A", "/r").ttl(60).all_granted(stage);
    assert!(again.held_before);
    assert_eq!(again.locks[0].id, first.locks[0].id);
    assert_eq!(again.locks[0].created_at, first.locks[0].created_at);
    assert_eq!(again.locks[0].expires_in, Some(60.0));
    stage.pass(59);
    assert!(stage.is_active(first.locks[0].id));
    assert_eq!(stage.active().len(), 1);
}

pub(super) fn r02_asking_again_never_shortens(stage: &Stage) {
    let first = ask("A", "/r").ttl(3600).granted(stage);
    let again = ask("A", "/r").ttl(1).granted(stage);
    assert_eq!((again.id, again.expires_in), (first.id, Some(3600.0)));
    stage.pass(3599);
    assert!(stage.is_active(first.id));
    ask("B", "/r").refused(stage);
}

pub(super) fn r02_another_task_or_folder_is_another_lock(stage: &Stage) {
    let first = ask("A", "/r").granted(stage);
    for other in [ask("A", "/r/inside"), ask("A", "/r").task(3), ask("A", "/")] {
        let answer = other.all_granted(stage);
        assert!(!answer.held_before);
        assert_ne!(answer.locks[0].id, first.id);
    }
}

pub(super) fn r02_a_scope_of_its_own_has_a_lock_beside(stage: &Stage) {
    let plain = ask("A", "/r").granted(stage);
    let one = ask("A", "/r").own().all_granted(stage);
    let two = ask("A", "/r").own().all_granted(stage);
    assert!(!one.held_before && !two.held_before);
    assert_eq!(stage.active(), [plain.id, one.locks[0].id, two.locks[0].id]);
    let process = stage.process(1);
    let bound = ask("A", "/r").bound_to(&process).all_granted(stage);
    assert!(
        !bound.held_before,
        "a lock bound to a process is a scope's own"
    );
    assert_eq!(bound.locks[0].pid, Some(1));
}

pub(super) fn r02_nobody_shares_a_lock_of_its_own(stage: &Stage) {
    let own = ask("A", "/r").own().granted(stage);
    let plain = ask("A", "/r").all_granted(stage);
    assert!(!plain.held_before);
    assert_ne!(plain.locks[0].id, own.id);
}

pub(super) fn r02_a_scope_of_its_own_ends_only_its_own(stage: &Stage) {
    let plain = ask("A", "/r").granted(stage);
    let own = ask("A", "/r").own().granted(stage);
    let other = ask("A", "/r").own().granted(stage);
    stage.release(&own);
    assert_eq!(stage.active(), [plain.id, other.id]);
    stage.release(&plain);
    ask("B", "/r").refused(stage);
    stage.release(&other);
    ask("B", "/r").granted(stage);
}

pub(super) fn r02_exclusive_beside_shared_is_the_upgrade(stage: &Stage) {
    let shared = ask("A", "/r").shared().granted(stage);
    let exclusive = ask("A", "/r").all_granted(stage);
    assert!(!exclusive.held_before);
    assert_eq!(stage.active(), [shared.id, exclusive.locks[0].id]);
    ask("B", "/r").shared().refused(stage);
}

pub(super) fn r02_an_upgrade_waits_for_other_readers_and_gives_nothing_up(stage: &Stage) {
    let mine = ask("A", "/r").shared().granted(stage);
    let other = ask("B", "/r").shared().granted(stage);
    let upgrade = ask("A", "/r").waiting().queued(stage).waiter;
    assert!(
        stage.is_active(mine.id),
        "the shared one is kept while waiting"
    );
    stage.release(&other);
    let upgraded = stage.take_up(upgrade).locks;
    assert_eq!(stage.active(), [mine.id, upgraded[0].id]);
}

pub(super) fn r02_the_downgrade_lets_readers_in(stage: &Stage) {
    let exclusive = ask("A", "/r").granted(stage);
    let shared = ask("A", "/r").shared().all_granted(stage);
    assert!(!shared.held_before, "another mode is another lock");
    ask("B", "/r").shared().refused(stage);
    stage.release(&exclusive);
    assert_eq!(stage.active(), [shared.locks[0].id]);
    ask("B", "/r").shared().granted(stage);
    ask("C", "/r").refused(stage);
}

pub(super) fn r02_nothing_held_is_given_up_while_waiting(stage: &Stage) {
    let held = ask("A", "/mine").granted(stage);
    ask("B", "/other").granted(stage);
    ask("A", "/other").waiting().queued(stage);
    assert!(stage.is_active(held.id));
    ask("C", "/mine").refused(stage);
}

pub(super) fn r02_parent_and_child_end_by_themselves(stage: &Stage) {
    let parent = ask("A", "/r").granted(stage);
    let child = ask("A", "/r/child").granted(stage);
    stage.release(&parent);
    assert_eq!(stage.active(), [child.id]);
    ask("B", "/r/other").granted(stage);
    let parent = ask("C", "/q").granted(stage);
    let child = ask("C", "/q/child").granted(stage);
    stage.release(&child);
    assert!(stage.is_active(parent.id));
    ask("B", "/q/child").refused(stage);
}
