//! What is shown of tasks and sessions, and what others write.

use super::*;

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
    std::fs::write(fleet.path("file"), "").unwrap();
    for (folder, why) in [("nowhere", "does not exist"), ("file", "is a file")] {
        let bad = AddProcess {
            name: SessionId::new("x").unwrap(),
            folder: Some(fleet.path(folder)),
            ..again.clone()
        };
        let refused = fleet.tasks.add_process(&bad).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
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
