//! Tasks that a dead assigner left, whose end cannot be recorded at once.

use std::process::Child;

use super::*;

fn sql(fleet: &Fleet) -> rusqlite::Connection {
    let sql = rusqlite::Connection::open(fleet.path("assigner.db")).unwrap();
    sql.busy_timeout(Duration::from_secs(10)).unwrap();
    sql
}

/// The number of the process that a column of a task's row names.
fn process(fleet: &Fleet, column: &str, id: TaskId) -> u32 {
    let query = format!("SELECT json_extract({column}, '$.pid') FROM prompts WHERE id = ?1");
    sql(fleet)
        .query_row(&query, [id.0], |row| row.get(0))
        .unwrap()
}

/// A task that came to its end while no assigner lived. Its keeper has left
/// its word and is gone.
fn done_alone(fleet: &Fleet) -> TaskId {
    let folder = fleet.folder("repo");
    let text = "echo ran >> ran; until [ -e go ]; do sleep 0.02; done";
    let id = fleet.send(text, Some(&folder));
    let mut assigner = fleet.start_assigner();
    fleet.running(id);
    let keeper = process(fleet, "keeper", id);
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    std::fs::write(fleet.path("repo/go"), "").unwrap();
    until("its keeper is gone", || !lives(keeper));
    id
}

/// An assigner that has picked a task up and cannot record its end.
fn stuck(fleet: &Fleet, id: TaskId) -> Child {
    let refuse = format!(
        "CREATE TRIGGER refuse BEFORE UPDATE OF status ON prompts
             WHEN OLD.id = {id} AND NEW.status = 'completed' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    );
    sql(fleet).execute_batch(&refuse).unwrap();
    let assigner = fleet.start_assigner();
    until("it has picked the task up", || {
        process(fleet, "assigner", id) == assigner.id()
    });
    // It assigns only after it has tried to end what it picked up.
    let other = fleet.send("true", None);
    assert_eq!(fleet.end_of(other).status, Status::Completed);
    assigner
}

fn assert_done_once(fleet: &Fleet, id: TaskId) {
    let task = fleet.tasks.show(id).unwrap();
    assert_eq!(
        (task.status, task.exit_status, task.retry_count),
        (Status::Completed, Some(0), 0),
        "{task:?}"
    );
    assert_eq!(read(&fleet.path("repo/ran")), "ran\n");
    // The other task's keeper may have left one: its assigner may have been
    // killed before it could tell it that its word was heard.
    let mut files = std::fs::read_dir(fleet.path("logs")).unwrap();
    let is_its_word = |name: std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.starts_with(&format!("task-{id}.")) && name.ends_with(".word")
    };
    assert!(
        !files.any(|file| is_its_word(file.unwrap().file_name())),
        "its keeper's word is left"
    );
    fleet.assert_at_rest();
}

#[test]
fn heavy_t08_an_end_that_cannot_be_recorded_when_a_task_is_picked_up_is_recorded_later() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    fleet.shell("other");
    let id = done_alone(&fleet);
    let mut assigner = stuck(&fleet, id);
    sql(&fleet).execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(assigner.wait().unwrap().success());
    assert_done_once(&fleet, id);
}

#[test]
fn heavy_t08_a_keepers_word_outlasts_an_assigner_that_could_not_record_it() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    fleet.shell("other");
    let id = done_alone(&fleet);
    let mut assigner = stuck(&fleet, id);
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    sql(&fleet).execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(fleet.start_assigner().wait().unwrap().success());
    assert_done_once(&fleet, id);
}

/// The number of a task's process, once it has said it and its assigner was
/// killed.
fn running_without_an_assigner(fleet: &Fleet, id: TaskId) -> u32 {
    let mut assigner = fleet.start_assigner();
    fleet.running(id);
    until("it says its number", || {
        read(&fleet.path("repo/pid")).ends_with('\n')
    });
    let pid = read(&fleet.path("repo/pid")).trim().parse().unwrap();
    assigner.kill().unwrap();
    assigner.wait().unwrap();
    pid
}

#[test]
fn t03_nothing_is_left_of_a_running_task_whose_row_was_deleted_while_no_assigner_lived() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let id = fleet.send("echo $$ > pid; sleep 300", Some(&folder));
    let pid = running_without_an_assigner(&fleet, id);
    sql(&fleet).execute("DELETE FROM prompts", []).unwrap();
    let _at_work = fleet.work();
    until("its session is free", || {
        fleet.tasks.sessions().unwrap().sessions[0].status == "idle"
    });
    assert!(!lives(pid));
    fleet.assert_at_rest();
}

#[test]
fn t04_the_time_limit_holds_while_no_assigner_lives() {
    let fleet = Fleet::new();
    fleet.shell("worker");
    let folder = fleet.folder("repo");
    let text = "trap 'exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done";
    let id = fleet.send_with(text, Some(&folder), |new| {
        new.time_limit = Duration::from_secs(2)
    });
    let pid = running_without_an_assigner(&fleet, id);
    until("it is stopped", || !lives(pid));
    let _at_work = fleet.work();
    let task = fleet.end_of(id);
    assert_eq!(
        (task.status, task.error.as_deref()),
        (Status::Failed, Some("timed out"))
    );
    fleet.assert_at_rest();
}
