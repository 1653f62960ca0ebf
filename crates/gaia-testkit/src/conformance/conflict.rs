//! [R1]: which locks exclude each other.

use std::sync::Arc;

use gaia_locks::wire::Answer;

use super::{Stage, ask, cannot};

pub(super) fn r01_equal_folders_conflict(stage: &Stage) {
    let held = ask("A", "/r").granted(stage);
    ask("B", "/r").refused(stage);
    assert_eq!(stage.active(), [held.id]);
}

pub(super) fn r01_an_ancestor_and_a_descendant_conflict(stage: &Stage) {
    ask("A", "/r/src").granted(stage);
    ask("B", "/r").refused(stage);
    ask("B", "/r/src/deep/down").refused(stage);
    ask("B", "/r/src/x").shared().refused(stage);
}

pub(super) fn r01_siblings_and_namesakes_do_not_conflict(stage: &Stage) {
    for (who, path) in [
        "/r/a", "/r/ab", "/r/a b", "/r/a.b", "/r/A", "/r/a-", "/r/a0",
    ]
    .iter()
    .enumerate()
    {
        ask(&format!("S{who}"), path).granted(stage);
    }
    ask("B", "/r/a/").refused(stage);
}

pub(super) fn r01_the_root_overlaps_everything(stage: &Stage) {
    let root = ask("A", "/").granted(stage);
    ask("B", "/some/where").refused(stage);
    stage.release(&root);
    ask("B", "/some/where").granted(stage);
    ask("A", "/").refused(stage);
}

pub(super) fn r01_shared_locks_stand_side_by_side(stage: &Stage) {
    ask("A", "/r").shared().granted(stage);
    ask("B", "/r").shared().granted(stage);
    ask("C", "/r/inside").shared().granted(stage);
    assert_eq!(stage.active().len(), 3);
}

pub(super) fn r01_shared_and_exclusive_conflict_both_ways(stage: &Stage) {
    ask("A", "/one").shared().granted(stage);
    ask("B", "/one").refused(stage);
    ask("A", "/two").granted(stage);
    ask("B", "/two").shared().refused(stage);
}

pub(super) fn r01_two_tasks_of_one_session_exclude_each_other(stage: &Stage) {
    ask("A", "/r").task(1).granted(stage);
    ask("A", "/r").task(2).refused(stage);
    ask("A", "/r/inside").task(2).shared().refused(stage);
}

pub(super) fn r01_no_task_and_a_task_of_one_session_are_one_worker(stage: &Stage) {
    let bare = ask("A", "/r").granted(stage);
    let task = ask("A", "/r").task(7).granted(stage);
    assert_ne!(bare.id, task.id, "another holder's lock is another lock");
    ask("A", "/r/inside").granted(stage);
    ask("A", "/r").task(8).refused(stage);
    ask("B", "/r").task(7).refused(stage);
}

pub(super) fn r01_scopes_never_overlap(stage: &Stage) {
    let Some(elsewhere) = &stage.elsewhere else {
        return cannot("ask in another scope");
    };
    let here = ask("A", "/r").granted(stage);
    let Ok(Answer::Granted(there)) = ask("B", "/r").at(&**elsewhere) else {
        panic!("another machine's /r is another folder");
    };
    assert_ne!(here.scope, there.locks[0].scope);
    assert!(there.locks[0].id > here.id, "tokens are one series");
    let refused = matches!(ask("C", "/r/x").at(&**elsewhere), Ok(Answer::Refused(_)));
    assert!(refused, "within that scope it excludes");
}

pub(super) fn r01_many_at_once_get_one_grant(stage: &Stage) {
    let begin = Arc::new(std::sync::Barrier::new(8));
    let asking: Vec<_> = (0..8)
        .map(|who| {
            let (begin, locks) = (begin.clone(), stage.locks.clone());
            std::thread::spawn(move || {
                let paths = ["/r", "/r/a", "/r/a/b"];
                let request = ask(&format!("S{who}"), paths[who % paths.len()]);
                begin.wait();
                matches!(request.at(&*locks), Ok(Answer::Granted(_)))
            })
        })
        .collect();
    let granted = asking
        .into_iter()
        .filter_map(|one| one.join().ok())
        .filter(|granted| *granted)
        .count();
    assert_eq!(granted, 1, "all of them conflict");
}
