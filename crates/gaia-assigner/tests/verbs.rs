//! What can be done with tasks besides sending them, with real processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::TaskError;
use gaia_assigner::service::{Aim, Teller};
use gaia_assigner::task::{Status, Told};
use gaia_locks::Locks as _;
use gaia_locks::ids::TaskId;
use gaia_locks::model::EndReason;
use gaia_locks::store::HistoryFilter;

const STAYS: &str = "echo $$ > pid; until [ -e go ]; do sleep 0.02; done";

fn end_reason(fleet: &Fleet, id: TaskId) -> Option<EndReason> {
    let filter = HistoryFilter {
        task: Some(id),
        ..HistoryFilter::default()
    };
    fleet.tasks.locks().history(&filter).unwrap()[0].end_reason
}

/// A task that runs and whose assigner was killed.
fn orphan(fleet: &Fleet) -> (TaskId, u32) {
    let folder = fleet.folder("repo");
    let id = fleet.send(STAYS, Some(&folder));
    let mut assigner = fleet.start_assigner();
    fleet.running(id);
    until("it says its number", || {
        read(&fleet.path("repo/pid")).ends_with('\n')
    });
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    let pid = read(&fleet.path("repo/pid")).trim().parse().unwrap();
    assert!(lives(pid));
    (id, pid)
}

#[test]
fn t06_a_task_that_failed_is_pending_again_with_fresh_tries_and_so_are_those_that_need_it() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send_with("[ -e ok ] || exit 7", Some(&folder), |new| {
        new.retry = true;
        new.max_tries = 2;
    });
    let next = fleet.send_with("echo next", None, |new| new.after = vec![id]);
    let failed = fleet.end_of(id);
    assert_eq!((failed.status, failed.retry_count), (Status::Failed, 2));
    assert_eq!(fleet.tasks.show(next).unwrap().blocked_by, [id]);
    std::fs::write(fleet.path("repo/ok"), "").unwrap();
    let again = fleet.tasks.retry(id, "me").unwrap();
    assert_eq!(
        (again.status, again.retry_count, again.error),
        (Status::Pending, 0, None)
    );
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    assert_eq!(fleet.end_of(next).status, Status::Completed);
    let refused = fleet.tasks.retry(id, "me").unwrap_err();
    assert!(matches!(refused, TaskError::WrongState { .. }), "{refused}");
}

#[test]
fn all_that_failed_are_tried_again_and_nothing_else() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let work = fleet.work();
    let ids = ["exit 1", "true", "exit 2"].map(|text| fleet.send(text, None));
    for id in ids {
        fleet.end_of(id);
    }
    work.ask_to_end();
    work.join();
    let cancelled = fleet.send("true", None);
    fleet.tasks.cancel(cancelled, "me").unwrap();
    let list = fleet.tasks.retry_failed("me").unwrap();
    let again: Vec<TaskId> = list.tasks.iter().map(|task| task.id).collect();
    assert_eq!((list.count, again), (2, vec![ids[0], ids[2]]));
    assert_eq!(
        fleet.tasks.show(cancelled).unwrap().status,
        Status::Cancelled
    );
}

#[test]
fn t10_a_waiting_task_is_sent_elsewhere_and_a_running_one_is_stopped_first() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send(
        "[ $GAIA_SESSION = other ] || { echo $$ > pid; sleep 300; }",
        Some(&folder),
    );
    fleet.running(id);
    until("it says its number", || {
        read(&fleet.path("repo/pid")).ends_with('\n')
    });
    let nobody = Aim::Session("nobody".to_owned());
    let refused = fleet.tasks.reassign(id, &nobody, "me").unwrap_err();
    assert!(matches!(refused, TaskError::UnknownSession(_)), "{refused}");
    fleet.shell("other");
    let aim = Aim::Session("other".to_owned());
    fleet.tasks.reassign(id, &aim, "me").unwrap();
    let task = fleet.end_of(id);
    assert_eq!(
        (
            task.status,
            task.assigned_session.as_deref(),
            task.retry_count
        ),
        (Status::Completed, Some("other"), 0)
    );
    let pid: u32 = read(&fleet.path("repo/pid")).trim().parse().unwrap();
    assert!(!lives(pid));
    let refused = fleet.tasks.reassign(id, &aim, "me").unwrap_err();
    assert!(matches!(refused, TaskError::TaskIsOver { .. }), "{refused}");
    // One that waits for a provider that nobody is.
    let waits = fleet.send_with("true", None, |new| new.provider = Some("nobody".to_owned()));
    fleet.tasks.reassign(waits, &Aim::Anybody, "me").unwrap();
    assert_eq!(fleet.end_of(waits).status, Status::Completed);
    fleet.assert_at_rest();
}

#[test]
fn t11_a_process_is_not_talked_about_its_status_decides() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send(STAYS, Some(&folder));
    fleet.running(id);
    let teller = Teller {
        person: Some("me".to_owned()),
        ..Teller::default()
    };
    let refused = fleet
        .tasks
        .told(Some(id), &Told::Done(None), &teller)
        .unwrap_err();
    assert!(
        matches!(refused, TaskError::DecidedByStatus(_)),
        "{refused}"
    );
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    let late = fleet
        .tasks
        .told(Some(id), &Told::Done(None), &teller)
        .unwrap_err();
    assert!(matches!(late, TaskError::WrongState { .. }), "{late}");
    let nobody = fleet
        .tasks
        .told(None, &Told::Done(None), &Teller::default());
    assert!(
        matches!(nobody, Err(TaskError::InvalidRequest(_))),
        "{nobody:?}"
    );
}

#[test]
fn clearing_forgets_what_ended_and_keeps_what_is_needed_and_the_history_of_locks() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let done = fleet.send("echo done", Some(&folder));
    let failed = fleet.send("exit 1", None);
    let waits = fleet.send_with("true", None, |new| new.after = vec![done, failed]);
    for id in [done, failed] {
        fleet.end_of(id);
    }
    let other = fleet.end_of(fleet.send("echo other", Some(&folder)));
    let log = fleet.tasks.log(other.id).unwrap();
    let none = fleet.tasks.clear(Duration::from_secs(24 * 3600)).unwrap();
    assert_eq!(none.count, 0, "none is a day old");
    let cleared = fleet.tasks.clear(Duration::ZERO).unwrap();
    assert_eq!(cleared.tasks, [other.id]);
    assert!(!log.is_file());
    for kept in [done, failed, waits] {
        fleet.tasks.show(kept).unwrap();
    }
    assert_eq!(end_reason(&fleet, other.id), Some(EndReason::TaskEnded));
    fleet.tasks.cancel(waits, "me").unwrap();
    let cleared = fleet.tasks.clear(Duration::ZERO).unwrap();
    assert_eq!(cleared.tasks, [done, failed, waits]);
}

#[test]
fn heavy_t08_cancelling_ends_a_running_task_also_while_no_assigner_lives() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let (id, pid) = orphan(&fleet);
    let task = fleet.tasks.cancel(id, "me").unwrap();
    assert_eq!(task.status, Status::Cancelled);
    assert!(!lives(pid));
    fleet.assert_at_rest();
}

/// An orphan whose agent has ended, and whose keeper has left its word.
fn orphan_at_its_end(fleet: &Fleet) -> TaskId {
    let (id, _) = orphan(fleet);
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    until("its keeper has left its word", || words(fleet) == 1);
    id
}

/// How many words of keepers lie beside the logs.
fn words(fleet: &Fleet) -> usize {
    let files = std::fs::read_dir(fleet.path("logs")).unwrap();
    let is_word = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".word");
    files
        .filter(|file| is_word(file.as_ref().unwrap().file_name()))
        .count()
}

#[test]
fn heavy_t08_what_was_done_while_no_assigner_lived_is_not_done_again_elsewhere() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let id = orphan_at_its_end(&fleet);
    fleet.tasks.reassign(id, &Aim::Anybody, "me").unwrap();
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(
        (task.status, task.exit_status),
        (Status::Completed, Some(0)),
        "{task:?}"
    );
    assert_eq!(words(&fleet), 0, "its word was read");
    fleet.assert_at_rest();
}

#[test]
fn heavy_t08_what_is_called_off_while_no_assigner_lives_leaves_no_word_behind() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let (id, pid) = orphan(&fleet);
    let task = fleet.tasks.cancel(id, "me").unwrap();
    assert_eq!(task.status, Status::Cancelled);
    assert!(!lives(pid));
    assert_eq!(words(&fleet), 0);
}

#[test]
fn heavy_r07_an_admins_reason_is_kept_also_after_a_cancel_and_while_no_assigner_lives() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let (id, pid) = orphan(&fleet);
    let lock = fleet.tasks.show(id).unwrap().lock_token.unwrap();
    let ended = fleet
        .tasks
        .force_release(lock, "root", "disk full")
        .unwrap();
    assert_eq!(
        (
            ended.end_reason,
            ended.ended_by.as_deref(),
            ended.reason.as_deref()
        ),
        (Some(EndReason::Forced), Some("root"), Some("disk full"))
    );
    assert!(!lives(pid));
    let error = fleet.tasks.show(id).unwrap().error.unwrap();
    assert!(
        error.contains("root") && error.contains("disk full"),
        "{error}"
    );
    fleet.assert_at_rest();
}

#[test]
fn r07_force_release_after_a_cancel_keeps_the_admins_reason() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let mut config = fleet.config();
    config.grace = Duration::from_secs(1);
    let _at_work = fleet.work_with(config);
    let folder = fleet.folder("repo");
    let id = fleet.send(
        "trap '' TERM; echo up > up; while :; do sleep 0.05; done",
        Some(&folder),
    );
    let lock = fleet.running(id).lock_token.unwrap();
    until("it hears no TERM", || fleet.path("repo/up").is_file());
    fleet.tasks.cancel(id, "me").unwrap();
    let ended = fleet.tasks.force_release(lock, "root", "now").unwrap();
    assert_eq!(
        (ended.end_reason, ended.reason.as_deref()),
        (Some(EndReason::Forced), Some("now"))
    );
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Failed);
}

#[test]
fn a_task_that_printed_nothing_yet_has_no_output() {
    let fleet = Fleet::new();
    let id = fleet.send("true", None);
    let error = fleet.tasks.log(id).unwrap_err();
    assert!(matches!(error, TaskError::NoOutput { .. }), "{error}");
}
