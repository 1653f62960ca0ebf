//! How a task comes to its agent.

use super::*;

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
