//! Tasks from their sending to their end, with real processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fleet;

use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::TaskError;
use gaia_assigner::service::{AddProcess, Filter, Send};
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::EndReason;
use gaia_locks::service::Acquire;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{Answer, LockInfo};

fn history(fleet: &Fleet, task: TaskId) -> Vec<LockInfo> {
    let filter = HistoryFilter {
        task: Some(task),
        ..HistoryFilter::default()
    };
    fleet.tasks.locks().history(&filter).unwrap()
}

/// A person takes a folder.
fn hold(fleet: &Fleet, folder: &gaia_locks::folder::Folder) -> LockId {
    let person = SessionId::new("person").unwrap();
    let request = Acquire::new(folder.clone(), person, TaskId::NONE);
    match fleet.tasks.locks().acquire(&request).unwrap() {
        Answer::Granted(granted) => granted.locks[0].id,
        other => panic!("{other:?}"),
    }
}

fn let_go(fleet: &Fleet, token: LockId) {
    let release = gaia_locks::service::Release {
        folder: None,
        session: SessionId::new("person").unwrap(),
        task: None,
        token: Some(token),
    };
    fleet.tasks.locks().release(&release).unwrap();
}

#[test]
fn a_task_runs_in_its_folder_under_its_lock_and_its_answer_is_kept() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send("pwd; echo to stderr >&2", Some(&folder));
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Completed, "{task:?}");
    assert_eq!(
        task.response.as_deref(),
        Some(format!("{folder}\nto stderr\n").as_str())
    );
    assert_eq!(
        (task.exit_status, task.lock_status.as_deref()),
        (Some(0), Some("released"))
    );
    assert_eq!(task.assigned_session.as_deref(), Some("worker"));
    let locks = history(&fleet, id);
    assert_eq!(locks.len(), 1);
    assert_eq!(Some(locks[0].id), task.lock_token);
    assert_eq!(locks[0].end_reason, Some(EndReason::TaskEnded));
    fleet.assert_at_rest();
}

#[test]
fn the_text_comes_as_one_argument_or_on_stdin_whatever_is_in_it() {
    let fleet = Fleet::new();
    fleet.session("argument", "printf %s {prompt}");
    fleet.session("inside", "printf %s 'text: {prompt}.'");
    fleet.session("stdin", "cat");
    let _at_work = fleet.work();
    let text = "two\nlines; $(id) 'quotes' \"\" \\ * trailing;";
    for (session, expected) in [
        ("argument", text.to_owned()),
        ("inside", format!("text: {text}.")),
        ("stdin", text.to_owned()),
    ] {
        let id = fleet.send_with(text, None, |new| new.session = Some(session.to_owned()));
        assert_eq!(fleet.end_of(id).response, Some(expected), "{session}");
    }
    let long = "x".repeat(300_000);
    let id = fleet.send_with(&long, None, |new| new.session = Some("stdin".to_owned()));
    let task = fleet.end_of(id);
    assert_eq!(task.response.unwrap().len(), 64 * 1024);
    let id = fleet.send_with(&long, None, |new| {
        new.session = Some("argument".to_owned());
        new.max_tries = 1;
    });
    let task = fleet.end_of(id);
    assert!(
        task.error.as_ref().unwrap().contains("on stdin"),
        "{task:?}"
    );
}

#[test]
fn t15_an_agent_finds_session_task_and_token_in_its_environment() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let mut config = fleet.config();
    config.environment = vec![("GAIA_HOME".to_owned(), "/its/home".to_owned())];
    let _at_work = fleet.work_with(config);
    let say = "echo $GAIA_SESSION $GAIA_TASK ${GAIA_LOCK_TOKEN-none} $GAIA_HOME";
    let with = fleet.end_of(fleet.send(say, Some(&fleet.folder("repo"))));
    let token = with.lock_token.unwrap();
    assert_eq!(
        with.response,
        Some(format!("worker {} {token} /its/home\n", with.id))
    );
    let without = fleet.end_of(fleet.send(say, None));
    assert_eq!(
        without.response,
        Some(format!("worker {} none /its/home\n", without.id))
    );
}

#[test]
fn t01_without_a_folder_it_runs_unlocked_in_its_sessions_folder() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let task = fleet.end_of(fleet.send("pwd", None));
    let home = std::fs::read_link("/proc/self/cwd").map_or(fleet.home.path().to_owned(), |_| {
        fleet.home.path().to_owned()
    });
    assert_eq!(task.response, Some(format!("{}\n", home.display())));
    assert_eq!((task.lock_token, task.lock_status), (None, None));
    assert_eq!(history(&fleet, task.id), []);
}

#[test]
fn t01_a_folder_that_does_not_exist_at_its_turn_fails_the_task_at_once() {
    let fleet = Fleet::new();
    let folder = fleet.folder("vanishing");
    let id = fleet.send("true", Some(&folder));
    std::fs::remove_dir(folder.path()).unwrap();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(task.status, Status::Failed);
    assert_eq!(
        task.error,
        Some(format!("its folder {folder} does not exist"))
    );
    assert_eq!((task.assigned_session, task.lock_token), (None, None));
    fleet.assert_at_rest();
}

#[test]
fn t02_lock_task_and_session_change_together_and_a_failed_start_gives_all_back() {
    let fleet = Fleet::new();
    fleet.session("broken", "/no/such/program {prompt}");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let id = fleet.send("hello", Some(&folder));
    let task = fleet.end_of(id);
    // Three tries in all, each with a lock of its own that ended with it.
    assert_eq!(
        (task.status, task.retry_count),
        (Status::Failed, 3),
        "{task:?}"
    );
    assert!(
        task.error.as_ref().unwrap().contains("/no/such/program"),
        "{task:?}"
    );
    let locks = history(&fleet, id);
    assert_eq!(locks.len(), 3);
    assert!(
        locks
            .iter()
            .all(|lock| lock.end_reason == Some(EndReason::TaskEnded)),
        "{locks:?}"
    );
    let status = fleet.tasks.locks().status(None).unwrap();
    assert_eq!(status.locks, [], "locks are left");
    // And it is set aside, for longer each time.
    let broken = fleet.tasks.sessions().unwrap().sessions.remove(0);
    assert_eq!(broken.status, "unknown");
    let reason = broken.aside_reason.unwrap();
    assert!(reason.contains("/no/such/program"), "{reason}");
}

#[test]
fn t02_a_session_that_cannot_be_started_is_set_aside_and_others_go_before_it() {
    let fleet = Fleet::new();
    fleet.session("broken", "/no/such/program {prompt}");
    let mut config = fleet.config();
    config.first_pause = Duration::from_millis(100);
    let _at_work = fleet.work_with(config);
    let first = fleet.send_with("true", None, |new| new.max_tries = 5);
    until("it is set aside", || {
        fleet.tasks.sessions().unwrap().sessions[0].status == "unknown"
    });
    fleet.shell("worker");
    let others: Vec<TaskId> = (0..20).map(|_| fleet.send("true", None)).collect();
    let mut spent = 0;
    for id in others.into_iter().chain([first]) {
        let task = fleet.end_of(id);
        assert_eq!(task.status, Status::Completed, "{task:?}");
        assert_eq!(task.assigned_session.as_deref(), Some("worker"));
        spent += task.retry_count;
    }
    // It is given another chance only after 0.1 s, 0.4 s, 1.6 s …
    assert!(spent <= 4, "{spent} tries were spent on it");
}

#[test]
fn t02_while_it_runs_the_rows_of_lock_task_and_session_agree() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    let go = fleet.path("go");
    let id = fleet.send(
        &format!("until [ -e {} ]; do sleep 0.02; done", go.display()),
        Some(&folder),
    );
    until("it runs", || {
        fleet.tasks.show(id).unwrap().status == Status::InProgress
    });
    let task = fleet.tasks.show(id).unwrap();
    let status = fleet.tasks.locks().status(Some(&folder)).unwrap();
    assert_eq!(status.count, 1);
    let lock = &status.locks[0].lock;
    assert_eq!(
        (Some(lock.id), lock.task_id, lock.session_id.as_str()),
        (task.lock_token, id, "worker")
    );
    assert_eq!(task.lock_status.as_deref(), Some("active"));
    let session = &fleet.tasks.sessions().unwrap().sessions[0];
    assert_eq!(
        (session.status.as_str(), session.current_task_id),
        ("busy", Some(id))
    );
    // Its holder's own release is not allowed: it ends with its task [R6].
    let release = gaia_locks::service::Release {
        folder: None,
        session: lock.session_id.clone(),
        task: None,
        token: Some(lock.id),
    };
    let released = fleet.tasks.locks().release(&release).unwrap();
    assert!(
        matches!(released, gaia_locks::service::Released::NotAllowed(_)),
        "{released:?}"
    );
    std::fs::write(go, "").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    fleet.assert_at_rest();
}

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
fn t07_a_locked_folder_holds_up_nobody_and_is_taken_as_soon_as_it_is_free() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let (held, other) = (fleet.folder("held"), fleet.folder("other"));
    let token = hold(&fleet, &held);
    let first = fleet.send_with("true", Some(&fleet.folder("held/inside")), |new| {
        new.priority = 9
    });
    let second = fleet.send("true", Some(&other));
    let _at_work = fleet.work();
    assert_eq!(fleet.end_of(second).status, Status::Completed);
    assert_eq!(fleet.tasks.show(first).unwrap().status, Status::Pending);
    assert!(fleet.tasks.show(first).unwrap().passed_over);
    let_go(&fleet, token);
    assert_eq!(fleet.end_of(first).status, Status::Completed);
}

#[test]
fn t07_passed_over_too_long_it_stands_in_line_and_is_not_overtaken() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let token = hold(&fleet, &folder);
    let mut config = fleet.config();
    config.patience = Duration::from_millis(50);
    let _at_work = fleet.work_with(config);
    let id = fleet.send("true", Some(&folder));
    until("it stands in line", || {
        fleet.tasks.show(id).unwrap().in_line
    });
    let status = fleet.tasks.locks().status(None).unwrap();
    assert_eq!((status.waiters.len(), status.waiters[0].task_id), (1, id));
    // Somebody who comes later stands behind it.
    let late = Acquire::new(
        folder.clone(),
        SessionId::new("late").unwrap(),
        TaskId::NONE,
    );
    let answer = fleet.tasks.locks().acquire(&late.queued(None)).unwrap();
    let Answer::Queued(queued) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(queued.place, 2);
    // A later task with a higher priority, in the same lane, does not either.
    let eager = fleet.send_with("true", Some(&folder), |new| new.priority = 9);
    let_go(&fleet, token);
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    let granted = fleet
        .tasks
        .locks()
        .wait(queued.waiter, &mut Default::default())
        .unwrap();
    let Answer::Granted(granted) = granted else {
        panic!("{granted:?}")
    };
    assert!(granted.locks[0].id > fleet.tasks.show(id).unwrap().lock_token.unwrap());
    assert_eq!(fleet.tasks.show(eager).unwrap().status, Status::Pending);
    let release = gaia_locks::service::Release {
        folder: Some(folder),
        session: SessionId::new("late").unwrap(),
        task: None,
        token: None,
    };
    fleet.tasks.locks().release(&release).unwrap();
    assert_eq!(fleet.end_of(eager).status, Status::Completed);
    fleet.assert_at_rest();
}

#[test]
fn t07_a_task_that_fails_in_line_holds_nobody_back() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let (folder, inner) = (fleet.folder("repo"), fleet.folder("repo/inner"));
    let beside = fleet.folder("repo/beside");
    let token = hold(&fleet, &inner);
    let mut config = fleet.config();
    config.patience = Duration::from_millis(50);
    let _at_work = fleet.work_with(config);
    let id = fleet.send("true", Some(&folder));
    until("it stands in line", || {
        fleet.tasks.show(id).unwrap().in_line
    });
    let late = Acquire::new(beside, SessionId::new("late").unwrap(), TaskId::NONE);
    let late = fleet.tasks.locks().acquire(&late.queued(None)).unwrap();
    assert!(matches!(late, Answer::Queued(_)), "{late:?}");
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Failed);
    let status = fleet.tasks.locks().status(None).unwrap();
    let in_line: Vec<_> = status.waiters.iter().map(|one| one.task_id).collect();
    assert!(!in_line.contains(&id), "{in_line:?}");
    assert!(status.waiters.iter().all(|one| one.granted), "{status:?}");
    let_go(&fleet, token);
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
fn t07_a_task_waits_for_those_it_names_and_shows_when_they_failed() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let first = fleet.send("false", None);
    let second = fleet.send("true", None);
    let after_good = fleet.send_with("true", None, |new| new.after = vec![second]);
    let after_bad = fleet.send_with("true", None, |new| new.after = vec![first, second]);
    assert_eq!(
        fleet.tasks.show(after_bad).unwrap().waits_for,
        [first, second]
    );
    let mut config = fleet.config();
    config.until_idle = true;
    fleet.work_with(config).join();
    assert_eq!(
        fleet.tasks.show(after_good).unwrap().status,
        Status::Completed
    );
    let blocked = fleet.tasks.show(after_bad).unwrap();
    assert_eq!(
        (blocked.status, blocked.blocked_by),
        (Status::Pending, vec![first])
    );
    let unknown = fleet.tasks.send(&Send {
        after: vec![TaskId(999)],
        ..Send::new("x")
    });
    assert!(
        matches!(unknown, Err(TaskError::UnknownTask(TaskId(999)))),
        "{unknown:?}"
    );
}

#[test]
fn t10_a_task_goes_to_the_session_or_provider_that_it_names() {
    let fleet = Fleet::new();
    for (name, provider) in [("a", "claude"), ("b", "codex")] {
        let add = AddProcess {
            name: SessionId::new(name).unwrap(),
            command: "sh".to_owned(),
            provider: Some(provider.to_owned()),
            folder: Some(fleet.home.path().to_owned()),
        };
        fleet.tasks.add_process(&add).unwrap();
    }
    let _at_work = fleet.work();
    let takers = |change: &dyn Fn(&mut Send)| {
        let task = fleet.end_of(fleet.send_with("true", None, change));
        task.assigned_session.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(takers(&|new| new.session = Some("b".to_owned())), "b");
        assert_eq!(takers(&|new| new.provider = Some("claude".to_owned())), "a");
        assert_eq!(
            takers(&|new| new.preferred = vec!["gemini".to_owned(), "codex".to_owned()]),
            "b"
        );
        let fallback = |new: &mut Send| {
            new.provider = Some("gemini".to_owned());
            new.fallbacks = vec!["claude".to_owned()];
        };
        assert_eq!(takers(&fallback), "a");
    }
    // Who was in the folder before gets its next task there.
    let folder = fleet.folder("repo");
    fleet.end_of(fleet.send_with("true", Some(&folder), |new| {
        new.session = Some("b".to_owned())
    }));
    let task = fleet.end_of(fleet.send("true", Some(&folder)));
    assert_eq!(task.assigned_session.as_deref(), Some("b"));
}

#[test]
fn t12_tasks_that_only_read_share_a_folder() {
    let fleet = Fleet::new();
    fleet.shell("a");
    fleet.shell("b");
    let _at_work = fleet.work();
    let folder = fleet.folder("repo");
    // Each ends only when it has seen the other beside it.
    let text = "touch $GAIA_SESSION; until [ -e a ] && [ -e b ]; do sleep 0.02; done";
    let ids: Vec<TaskId> = (0..2)
        .map(|_| fleet.send_with(text, Some(&folder), |new| new.read_only = true))
        .collect();
    for id in ids {
        assert_eq!(fleet.end_of(id).status, Status::Completed);
        assert_eq!(history(&fleet, id)[0].mode, gaia_locks::model::Mode::Shared);
    }
}

#[test]
fn a_paused_folder_is_given_no_task_until_it_is_resumed() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    fleet
        .tasks
        .locks()
        .pause(&folder, "me", "release day")
        .unwrap();
    let _at_work = fleet.work();
    let id = fleet.send("true", Some(&folder));
    let other = fleet.send("true", Some(&fleet.folder("other")));
    assert_eq!(fleet.end_of(other).status, Status::Completed);
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Pending);
    fleet.tasks.locks().resume(&folder).unwrap();
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

#[test]
fn sessions_are_unique_and_one_that_works_is_not_removed() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let again = AddProcess {
        name: SessionId::new("worker").unwrap(),
        command: "sh".to_owned(),
        provider: None,
        folder: None,
    };
    assert!(matches!(
        fleet.tasks.add_process(&again),
        Err(TaskError::SessionExists(_))
    ));
    for command in ["", "   ", "sh 'open", "''"] {
        let bad = AddProcess {
            command: command.to_owned(),
            name: SessionId::new("x").unwrap(),
            ..again.clone()
        };
        assert!(
            matches!(
                fleet.tasks.add_process(&bad),
                Err(TaskError::InvalidRequest(_))
            ),
            "{command}"
        );
    }
    let _at_work = fleet.work();
    let id = fleet.send("touch up; until [ -e go ]; do sleep 0.02; done", None);
    until("it runs", || fleet.path("up").is_file());
    assert!(matches!(
        fleet.tasks.remove_session("worker"),
        Err(TaskError::SessionBusy { .. })
    ));
    std::fs::write(fleet.path("go"), "").unwrap();
    fleet.end_of(id);
    fleet.tasks.remove_session("worker").unwrap();
    assert_eq!(fleet.tasks.sessions().unwrap().count, 0);
    assert!(matches!(
        fleet.tasks.remove_session("worker"),
        Err(TaskError::UnknownSession(_))
    ));
}

#[test]
fn lists_show_what_runs_then_what_waits_in_its_order() {
    let fleet = Fleet::new();
    let low = fleet.send("low", None);
    let high = fleet.send_with("high", None, |new| new.priority = 5);
    let gone = fleet.send("gone", None);
    fleet.tasks.cancel(gone, "me").unwrap();
    let ids = |filter: &Filter| {
        fleet
            .tasks
            .list(filter)
            .unwrap()
            .tasks
            .iter()
            .map(|task| task.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&Filter::default()), [high, low, gone]);
    assert_eq!(
        ids(&Filter {
            statuses: vec![Status::Cancelled],
            ..Filter::default()
        }),
        [gone]
    );
    assert_eq!(
        ids(&Filter {
            limit: Some(1),
            ..Filter::default()
        }),
        [high]
    );
}

#[test]
fn rows_that_another_program_writes_are_tasks() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let other = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    other
        .execute(
            "INSERT INTO prompts (content, working_dir) VALUES ('pwd', ?1)",
            [folder.path()],
        )
        .unwrap();
    let id = TaskId(other.last_insert_rowid());
    let _at_work = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.response),
        (Status::Completed, Some(format!("{folder}\n")))
    );
}

/// R1: a session with and without a task is one worker. What it holds for
/// itself keeps its own task out of the folder no more than it would itself,
/// and others' tasks stay out.
#[test]
fn t10_a_sessions_own_lock_does_not_keep_its_own_task_out() {
    let fleet = Fleet::new();
    fleet.shell("owner");
    fleet.shell("other");
    let folder = fleet.folder("repo");
    let own = Acquire::new(
        folder.clone(),
        SessionId::new("owner").unwrap(),
        TaskId::NONE,
    );
    let answer = fleet.tasks.locks().acquire(&own).unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    let _at_work = fleet.work();
    for _ in 0..3 {
        let task = fleet.end_of(fleet.send("true", Some(&folder)));
        assert_eq!(task.status, Status::Completed);
        assert_eq!(task.assigned_session.unwrap(), "owner");
    }
}
