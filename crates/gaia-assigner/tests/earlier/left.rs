//! Tasks that an earlier assigner left running.

use gaia_assigner::task::Status;
use gaia_locks::ids::TaskId;
use serde_json::json;

use crate::fleet::{AtWork, Fleet};
use crate::terminal::Terminal;
use crate::{Another, QUIET, database, fleet, rows, sql, work};

#[test]
fn t04_what_it_left_running_ends_when_its_time_is_up_or_when_it_is_called_off() {
    let fleet = fleet(
        "INSERT INTO prompts (content, status, assigned_session, assigned_at) VALUES
             ('late', 'in_progress', 'pane-1', '2026-01-02 03:04:05'),
             ('runs', 'in_progress', 'pane-1', datetime('now', '-20 minutes')),
             ('called off', 'assigned', 'pane-1', datetime('now', '-20 minutes'));
         UPDATE sessions SET current_task_id = 1;",
    );
    fleet.tasks.cancel(TaskId(3), "me").unwrap();
    let _another = Another::doing("hold", &fleet);
    let _at_work = work(&fleet);
    let late = fleet.end_of(TaskId(1));
    assert_eq!(
        (late.status, late.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    assert_eq!(fleet.end_of(TaskId(3)).status, Status::Cancelled);
    assert_eq!(
        fleet.tasks.show(TaskId(2)).unwrap().status,
        Status::InProgress,
        "left to it"
    );
    let session = rows(
        &database(&fleet),
        "SELECT current_task_id, status FROM sessions WHERE name = 'pane-1'",
    );
    assert_eq!(session, json!([[null, "unknown"]]));
    let id = fleet.send("true", None);
    fleet.shell("a");
    let waits = fleet.tasks.show(id).unwrap();
    assert_eq!(
        waits.status,
        Status::Pending,
        "the one that runs holds no lock"
    );
    fleet.tasks.cancel(TaskId(2), "me").unwrap();
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    assert_eq!(fleet.end_of(TaskId(2)).status, Status::Cancelled);
}

/// A task that it works on for long changes nothing in the tables, and holds no
/// lock on its folder.
#[test]
fn r01_nothing_is_assigned_while_a_task_of_its_may_still_run() {
    let fleet = fleet(
        "INSERT INTO prompts (content, status, assigned_session, assigned_at, timeout_minutes) VALUES
             ('long', 'in_progress', 'pane-1', datetime('now', '-20 minutes'), 30),
             ('short', 'in_progress', 'pane-1', datetime('now', '-20 minutes'), 0.05);",
    );
    fleet.shell("a");
    let id = fleet.send("true", None);
    let _another = Another::doing("hold", &fleet);
    let at_work = work(&fleet);
    // By then the queue could have been looked at for seconds.
    assert_eq!(fleet.end_of(TaskId(2)).status, Status::Failed);
    assert_eq!(fleet.tasks.show(id).unwrap().status, Status::Pending);
    sql(
        &database(&fleet),
        "UPDATE prompts SET status = 'completed' WHERE id = 1",
    );
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    at_work.ask_to_end();
    at_work.join();
}

/// In which time zone it writes nobody knows.
#[test]
fn t04_its_time_is_up_in_every_zone_or_once_it_was_seen_for_so_long() {
    let fleet = fleet(
        "INSERT INTO prompts (content, status, assigned_session, assigned_at, timeout_minutes) VALUES
             ('west of here', 'in_progress', 'pane-1', datetime('now', '-12 hours'), 30),
             ('late everywhere', 'in_progress', 'pane-1', datetime('now', '-15 hours'), 30),
             ('short', 'in_progress', 'pane-1', datetime('now', '-12 hours'), 0.05);",
    );
    let _another = Another::doing("hold", &fleet);
    let _at_work = work(&fleet);
    for over in [TaskId(2), TaskId(3)] {
        let task = fleet.end_of(over);
        assert_eq!(task.error.as_deref(), Some("timed out"), "{task:?}");
    }
    let west = fleet.tasks.show(TaskId(1)).unwrap();
    assert_eq!(west.status, Status::InProgress);
}

/// Rows that it left a while ago, and one whose time is up some quiet times
/// later: by then the others would have been taken for orphaned.
fn left() -> Fleet {
    let fleet = fleet(
        "INSERT INTO prompts (content, status, assigned_session, assigned_at, timeout_minutes, retry_count) VALUES
             ('echo again', 'in_progress', 'pane-1', datetime('now', '-20 minutes'), 60, 0),
             ('its last try', 'in_progress', 'pane-1', datetime('now', '-20 minutes'), 60, 2),
             ('short', 'in_progress', 'pane-1', datetime('now', '-20 minutes'), 0.13, 0);
         UPDATE sessions SET current_task_id = 1, status = 'busy';",
    );
    fleet.shell("a");
    fleet
}

/// Its tmux sessions are looked for in a folder of the test's own.
fn work_among(fleet: &Fleet) -> AtWork {
    let mut config = fleet.config();
    config.quiet = QUIET;
    config.tmux_sockets = fleet.home.path().to_owned();
    fleet.work_with(config)
}

#[test]
fn t08_what_it_left_is_tried_again_once_it_is_seen_to_be_gone() {
    let fleet = left();
    let next = fleet.send("echo next", None);
    let at_work = work_among(&fleet);
    let again = fleet.end_of(TaskId(1));
    assert_eq!(again.response.as_deref(), Some("again\n"), "{again:?}");
    assert_eq!(again.retry_count, 1);
    let last = fleet.end_of(TaskId(2));
    let gone = "the earlier assigner that took it is gone, and so is its session";
    assert_eq!(
        (last.status, last.error.as_deref()),
        (Status::Failed, Some(gone))
    );
    assert_eq!(fleet.end_of(next).status, Status::Completed);
    at_work.ask_to_end();
    at_work.join();
    let noted = rows(
        &database(&fleet),
        "SELECT action, details FROM assignment_history WHERE prompt_id < 3 AND action IN ('retry', 'failed') ORDER BY prompt_id",
    );
    let why = format!("left by an earlier assigner: {gone}");
    assert_eq!(noted, json!([["retry", why], ["failed", why]]));
    let theirs = rows(
        &database(&fleet),
        "SELECT current_task_id, status FROM sessions WHERE name = 'pane-1'",
    );
    assert_eq!(theirs, json!([[null, "unknown"]]));
}

/// Whether it has the file open all the time, or opens it each time it looks.
#[test]
fn t08_nothing_is_taken_from_one_that_looks_at_the_file_or_whose_session_is_there() {
    for signs in ["hold", "poll", "tmux"] {
        let fleet = left();
        let terminal = Terminal::new(&fleet);
        let _another = match signs {
            "tmux" => {
                terminal.session("pane-1", "cat");
                None
            }
            verb => Some(Another::doing(verb, &fleet)),
        };
        let _at_work = work_among(&fleet);
        assert_eq!(fleet.end_of(TaskId(3)).error.as_deref(), Some("timed out"));
        for id in [TaskId(1), TaskId(2)] {
            let task = fleet.tasks.show(id).unwrap();
            assert_eq!(
                (task.status, task.retry_count),
                (Status::InProgress, u32::from(id.0 == 2) * 2),
                "{signs}"
            );
        }
    }
}

/// An old file may hold thousands, and others write meanwhile.
#[test]
fn t04_many_that_it_left_are_ended_some_at_a_time() {
    let fleet = fleet(
        "WITH RECURSIVE n(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 250)
             INSERT INTO prompts (content, status, assigned_session, assigned_at)
             SELECT 'late', 'in_progress', 'pane-1', '2026-01-02 03:04:05' FROM n;",
    );
    fleet.shell("a");
    let id = fleet.send("true", None);
    let at_work = work(&fleet);
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    for late in 1..=250 {
        assert_eq!(fleet.end_of(TaskId(late)).status, Status::Failed);
    }
    at_work.ask_to_end();
    at_work.join();
    let most = rows(
        &database(&fleet),
        "SELECT max(n) FROM (SELECT count(*) n FROM assignment_history WHERE action = 'failed' GROUP BY created_at)",
    );
    assert_eq!(most, json!([[100]]));
}
