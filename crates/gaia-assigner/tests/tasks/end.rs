//! How a task ends.

use super::*;

#[test]
fn t03_what_a_task_left_behind_is_gone_before_its_lock_is() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    // One child in the group, one that left it, one that hears no TERM; and
    // the task itself ends with 0 at once.
    let text = "sleep 300 & echo $! > a
        setsid sh -c 'echo $$ > b; exec sleep 300' &
        setsid sh -c 'trap \"\" TERM; echo $$ > c; while :; do sleep 1; done' >/dev/null 2>&1 &
        until [ -s a ] && [ -s b ] && [ -s c ]; do sleep 0.02; done";
    let task = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!(task.status, Status::Completed, "{task:?}");
    for name in ["a", "b", "c"] {
        let pid: u32 = read(&fleet.path("repo").join(name)).trim().parse().unwrap();
        assert!(!lives(pid), "{name} ({pid}) outlived its task's lock");
    }
    fleet.assert_at_rest();
}

#[test]
fn t03_one_who_waits_for_the_folder_gets_it_only_after_the_last_of_the_task_is_gone() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "setsid sh -c 'trap \"\" TERM; echo $$ > stray; while :; do sleep 0.1; done' >/dev/null 2>&1 &
        until [ -s stray ]; do sleep 0.02; done; until [ -e go ]; do sleep 0.02; done";
    let id = fleet.send(text, Some(&folder));
    let stray = fleet.path("repo").join("stray");
    until("the stray runs", || !read(&stray).is_empty());
    let pid: u32 = read(&stray).trim().parse().unwrap();
    let waiter = {
        let (locks, folder) = (fleet.tasks.locks().clone(), folder.clone());
        std::thread::spawn(move || {
            let request = Acquire::new(folder, SessionId::new("person").unwrap(), TaskId::NONE);
            let answer =
                locks.acquire_waiting(&request, &mut gaia_locks::service::Patience::default());
            (lives(pid), answer.unwrap())
        })
    };
    until("it waits", || {
        !fleet.tasks.locks().status(None).unwrap().waiters.is_empty()
    });
    std::fs::write(fleet.path("repo").join("go"), "").unwrap();
    let (stray_lived, answer) = waiter.join().unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    assert!(
        !stray_lived,
        "the folder was given away while the task's stray lived"
    );
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    assert_eq!(
        history(&fleet, id)[0].end_reason,
        Some(EndReason::TaskEnded)
    );
}

#[test]
fn t04_past_its_time_it_is_stopped_fails_with_timed_out_and_keeps_its_output() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "trap '' TERM; echo so far; echo $$ > pid; while :; do sleep 0.1; done";
    let id = fleet.send_with(text, Some(&folder), |new| {
        new.time_limit = Duration::from_millis(300)
    });
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    assert_eq!(task.response.as_deref(), Some("so far\n"));
    let pid: u32 = read(&fleet.path("repo/pid")).trim().parse().unwrap();
    assert!(!lives(pid));
    fleet.assert_at_rest();
}

#[test]
fn t04_one_that_ends_with_status_0_when_it_is_told_to_end_has_timed_out_all_the_same() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let text = "trap 'exit 0' TERM; while :; do sleep 0.05; done";
    let id = fleet.send_with(text, None, |new| {
        new.time_limit = Duration::from_millis(300)
    });
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    assert_eq!(task.exit_status, Some(0));
}

#[test]
fn cancelling_takes_a_waiting_task_out_and_stops_a_running_one() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let waiting = fleet.send("true", Some(&folder));
    assert_eq!(
        fleet.tasks.cancel(waiting, "me").unwrap().status,
        Status::Cancelled
    );
    let _at_work = fleet.work();
    let id = fleet.send("echo $$ > pid; exec sleep 300", Some(&folder));
    until("it runs", || !read(&fleet.path("repo/pid")).is_empty());
    fleet.tasks.cancel(id, "me").unwrap();
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Cancelled);
    let pid: u32 = read(&fleet.path("repo/pid")).trim().parse().unwrap();
    assert!(!lives(pid));
    fleet.assert_at_rest();
    let again = fleet.tasks.cancel(id, "me");
    assert!(
        matches!(
            again,
            Err(TaskError::TaskIsOver {
                status: "cancelled",
                ..
            })
        ),
        "{again:?}"
    );
}

#[test]
fn r07_ending_a_tasks_lock_stops_and_fails_the_task() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    for by_the_door_of_tasks in [true, false] {
        let pid_file = fleet.path("repo/pid");
        let _ = std::fs::remove_file(&pid_file);
        let id = fleet.send("echo $$ > pid; exec sleep 300", Some(&folder));
        until("it runs", || !read(&pid_file).trim().is_empty());
        let pid: u32 = read(&pid_file).trim().parse().unwrap();
        let token = fleet.tasks.show(id).unwrap().lock_token.unwrap();
        if by_the_door_of_tasks {
            let ended = fleet.tasks.force_release(token, "root", "needed").unwrap();
            assert!(
                !lives(pid),
                "the lock was freed before the task was stopped"
            );
            assert_eq!(
                (ended.end_reason, ended.reason.as_deref()),
                (Some(EndReason::Forced), Some("needed"))
            );
        } else {
            fleet
                .tasks
                .locks()
                .force_release(token, "root", "needed")
                .unwrap();
        }
        let task = fleet.end_of(id);
        assert_eq!(task.status, Status::Failed);
        let error = task.error.unwrap();
        assert!(
            error.contains("root") && error.contains("needed"),
            "{error}"
        );
        assert!(!lives(pid));
    }
    fleet.assert_at_rest();
}

#[test]
fn t06_a_status_other_than_0_fails_and_is_tried_again_only_if_asked_for() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let text = "echo try >> tries; [ $(wc -l < tries) -ge 3 ]";
    let once = fleet.end_of(fleet.send(text, Some(&folder)));
    assert_eq!((once.status, once.exit_status), (Status::Failed, Some(1)));
    assert_eq!(once.error.as_deref(), Some("it ended with status 1"));
    std::fs::remove_file(fleet.path("repo/tries")).unwrap();
    let again = fleet.end_of(fleet.send_with(text, Some(&folder), |new| new.retry = true));
    assert_eq!(
        (again.status, again.retry_count, again.error),
        (Status::Completed, 2, None)
    );
    assert_eq!(read(&fleet.path("repo/tries")).lines().count(), 3);
    fleet.assert_at_rest();
}

#[test]
fn t08_the_word_that_an_earlier_try_left_is_not_taken_for_this_ones() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let config = fleet.config();
    let stale = config.logs.join("task-1.word");
    std::fs::create_dir_all(&config.logs).unwrap();
    std::fs::write(&stale, r#"{"ended":{"code":7}}"#).unwrap();
    let _at_work = fleet.work_with(config);
    let id = fleet.send("true", None);
    assert_eq!(id, TaskId(1));
    assert_eq!(fleet.end_of(id).status, Status::Completed);
}

#[test]
fn output_may_be_binary_and_is_kept_whole_in_the_log() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let id = fleet.send(
        r"printf 'a\000\377\376b\n'; head -c 5000000 /dev/zero",
        None,
    );
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Completed);
    assert!(task.response.unwrap().len() <= 3 * 64 * 1024);
    let log = fleet.tasks.log(id).unwrap();
    let bytes = std::fs::read(&log).unwrap();
    assert_eq!(
        (bytes.len(), &bytes[..6]),
        (5_000_006, &b"a\0\xff\xfeb\n"[..])
    );
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(
        std::fs::metadata(log).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
