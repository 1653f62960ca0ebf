//! [R6] and [R7]: who may end a lock.

use gaia_locks::model::{EndReason, LockStatus};
use gaia_locks::service::{LONGEST_REASON, Release, Released};
use gaia_locks::{Error, LockId};

use super::{ASSIGNER, Stage, ask, cannot, folder, session};

fn ended(released: Released) -> Vec<LockId> {
    match released {
        Released::Ended(locks) => locks.iter().map(|lock| lock.id).collect(),
        other => panic!("should be released, but: {other:?}"),
    }
}

pub(super) fn r06_releasing_is_the_holders_right_alone(stage: &Stage) {
    let lock = ask("A", "/r").task(2).granted(stage);
    assert_eq!(stage.release_folder("B", None, "/r"), Released::NotHeld);
    let mut request = Release {
        folder: Some(folder("/r")),
        session: session("B"),
        task: None,
        token: Some(lock.id),
    };
    let Released::NotAllowed(whose) = stage.locks.release(&request).unwrap() else {
        panic!("a stranger who knows the token may not either");
    };
    assert_eq!((whose.id, whose.session_id), (lock.id, session("A")));
    request.session = session("A");
    request.task = Some(gaia_locks::TaskId(3));
    let other_task = stage.locks.release(&request).unwrap();
    assert!(!matches!(other_task, Released::Ended(_)), "{other_task:?}");
    assert!(stage.is_active(lock.id));
}

pub(super) fn r06_a_token_ends_that_very_lock(stage: &Stage) {
    let plain = ask("A", "/r").granted(stage);
    let own = ask("A", "/r").own().granted(stage);
    let ended = stage.release(&plain);
    assert_eq!(ended.status, LockStatus::Released);
    assert_eq!(ended.end_reason, Some(EndReason::Released));
    assert_eq!(ended.ended_by.as_deref(), Some("A"));
    assert_eq!(stage.active(), [own.id]);
}

pub(super) fn r06_without_token_or_task_every_lock_of_the_session_ends(stage: &Stage) {
    let mine = [
        ask("A", "/r").shared().granted(stage).id,
        ask("A", "/r").shared().own().granted(stage).id,
        ask("A", "/r").shared().task(1).granted(stage).id,
        ask("A", "/r").shared().task(2).granted(stage).id,
    ];
    let other = ask("B", "/r").shared().granted(stage);
    assert_eq!(ended(stage.release_folder("A", None, "/r")), mine);
    assert_eq!(stage.active(), [other.id]);
}

pub(super) fn r06_with_a_task_only_that_tasks_lock_ends(stage: &Stage) {
    let bare = ask("A", "/r").granted(stage);
    let task = ask("A", "/r").task(1).granted(stage);
    assert_eq!(ended(stage.release_folder("A", Some(1), "/r")), [task.id]);
    assert_eq!(stage.release_folder("A", Some(2), "/r"), Released::NotHeld);
    assert_eq!(ended(stage.release_folder("A", Some(0), "/r")), [bare.id]);
}

pub(super) fn r06_only_exactly_that_folder(stage: &Stage) {
    let parent = ask("A", "/r").granted(stage);
    let child = ask("A", "/r/child").granted(stage);
    assert_eq!(
        stage.release_folder("A", None, "/r/other"),
        Released::NotHeld
    );
    assert_eq!(stage.release_folder("A", None, "/"), Released::NotHeld);
    assert_eq!(
        ended(stage.release_folder("A", None, "/r/child")),
        [child.id]
    );
    assert_eq!(stage.active(), [parent.id]);
}

pub(super) fn r06_a_second_release_answers_not_held(stage: &Stage) {
    let lock = ask("A", "/r").granted(stage);
    let request = Release {
        folder: None,
        session: session("A"),
        task: None,
        token: Some(lock.id),
    };
    assert_eq!(ended(stage.locks.release(&request).unwrap()), [lock.id]);
    assert_eq!(stage.locks.release(&request).unwrap(), Released::NotHeld);
    assert_eq!(stage.release_folder("A", None, "/r"), Released::NotHeld);
    let lapsed = ask("A", "/r").ttl(5).granted(stage);
    stage.pass(5);
    assert_eq!(stage.release_folder("A", None, "/r"), Released::NotHeld);
    assert_eq!(stage.lock(lapsed.id).end_reason, Some(EndReason::Lapsed));
}

pub(super) fn r06_a_stale_token_frees_no_later_lock(stage: &Stage) {
    let first = ask("A", "/r").ttl(5).granted(stage);
    stage.pass(5);
    let later = ask("A", "/r").granted(stage);
    let request = Release {
        folder: Some(folder("/r")),
        session: session("A"),
        task: None,
        token: Some(first.id),
    };
    assert_eq!(stage.locks.release(&request).unwrap(), Released::NotHeld);
    let elsewhere = Release {
        folder: Some(folder("/elsewhere")),
        token: Some(later.id),
        ..request
    };
    assert_eq!(
        stage.locks.release(&elsewhere).unwrap(),
        Released::NotHeld,
        "that token is on another folder"
    );
    assert_eq!(stage.active(), [later.id]);
}

pub(super) fn r06_the_assigners_lock_is_not_the_holders_to_end(stage: &Stage) {
    if stage.service.is_none() {
        return cannot(ASSIGNER);
    }
    let kept = ask("A", "/r").task(9).for_the_assigner().granted(stage);
    for task in [None, Some(9)] {
        let Released::NotAllowed(whose) = stage.release_folder("A", task, "/r") else {
            panic!("it ends with its task");
        };
        assert_eq!(whose.id, kept.id);
    }
    let request = Release {
        folder: None,
        session: session("A"),
        task: Some(gaia_locks::TaskId(9)),
        token: Some(kept.id),
    };
    let by_token = stage.locks.release(&request).unwrap();
    assert!(matches!(by_token, Released::NotAllowed(_)), "{by_token:?}");
    assert_eq!(stage.active(), [kept.id]);
    // Its own lock beside it is the holder's to end.
    let own = ask("A", "/r").granted(stage);
    assert_eq!(ended(stage.release_folder("A", None, "/r")), [own.id]);
    assert_eq!(stage.active(), [kept.id]);
}

pub(super) fn r06_a_release_names_a_folder_or_a_token(stage: &Stage) {
    let request = Release {
        folder: None,
        session: session("A"),
        task: None,
        token: None,
    };
    let error = stage.locks.release(&request).unwrap_err();
    assert!(matches!(error, Error::InvalidRequest(_)), "{error}");
}

pub(super) fn r07_an_admin_ends_any_lock_and_says_why(stage: &Stage) {
    let process = stage.process(5);
    let plain = ask("A", "/r").granted(stage);
    let bound = ask("B", "/q").bound_to(&process).granted(stage);
    let mut locks = vec![plain, bound];
    match stage.service {
        Some(_) => locks.push(ask("C", "/s").task(1).for_the_assigner().granted(stage)),
        None => cannot(ASSIGNER),
    }
    for lock in locks {
        let forced = stage
            .locks
            .force_release(lock.id, "root", "it hangs")
            .unwrap();
        assert_eq!(forced, stage.lock(lock.id), "as the history has it");
        assert_eq!(forced.end_reason, Some(EndReason::Forced));
        assert_eq!(forced.status, LockStatus::Released);
        assert_eq!(forced.ended_by.as_deref(), Some("root"));
        assert_eq!(forced.reason.as_deref(), Some("it hangs"));
    }
    assert_eq!(stage.active(), []);
}

pub(super) fn r07_unknown_and_ended_ones_are_told_apart(stage: &Stage) {
    let error = stage
        .locks
        .force_release(LockId(4711), "root", "why")
        .unwrap_err();
    assert!(matches!(error, Error::UnknownLock(LockId(4711))), "{error}");
    let lock = ask("A", "/r").granted(stage);
    stage.release(&lock);
    let lapsed = ask("A", "/q").ttl(1).granted(stage);
    stage.pass(1);
    for id in [lock.id, lapsed.id] {
        let error = stage.locks.force_release(id, "root", "why").unwrap_err();
        assert!(
            matches!(error, Error::AlreadyEnded { id: which, .. } if which == id),
            "{error}"
        );
    }
}

pub(super) fn r07_a_reason_is_asked_for(stage: &Stage) {
    let lock = ask("A", "/r").granted(stage);
    let longest = "x".repeat(LONGEST_REASON);
    for unfit in ["", "  ", &format!("{longest}x")] {
        let ended = stage.locks.force_release(lock.id, "root", unfit);
        let error = ended.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest(_)), "{error}");
        let paused = stage.locks.pause(&folder("/r"), "root", unfit);
        let error = paused.unwrap_err();
        assert!(matches!(error, Error::InvalidRequest(_)), "{error}");
    }
    stage.locks.pause(&folder("/r"), "root", &longest).unwrap();
    assert!(stage.is_active(lock.id));
}

pub(super) fn r07_the_next_in_line_gets_it(stage: &Stage) {
    let lock = ask("A", "/r").granted(stage);
    let waiter = ask("B", "/r").waiting().queued(stage).waiter;
    stage
        .locks
        .force_release(lock.id, "root", "its turn")
        .unwrap();
    assert_eq!(stage.take_up(waiter).locks[0].session_id, session("B"));
}
