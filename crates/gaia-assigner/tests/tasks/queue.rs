//! Which task is next, and to whom it goes.

use super::*;

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
