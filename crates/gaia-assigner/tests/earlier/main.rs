//! Beside an earlier assigner on one database: its program is imitated in
//! Python, with Python's own SQLite (section 4).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../fleet/mod.rs"]
mod fleet;
mod left;
#[path = "../terminal/mod.rs"]
mod terminal;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::service::Aim;
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;
use gaia_locks::ids::TaskId;
use gaia_locks::store::sqlite::SqliteOptions;
use serde_json::{Value, json};

const EARLIER: &str = "
    CREATE TABLE prompts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, source TEXT DEFAULT 'api',
        priority INTEGER DEFAULT 0, status TEXT DEFAULT 'pending', assigned_session TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, assigned_at TIMESTAMP, completed_at TIMESTAMP,
        response TEXT, error TEXT, metadata TEXT, target_session TEXT, target_provider TEXT,
        retry_count INTEGER DEFAULT 0, max_retries INTEGER DEFAULT 3, timeout_minutes INTEGER DEFAULT 30,
        FOREIGN KEY (assigned_session) REFERENCES sessions (name));
    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT DEFAULT 'unknown', last_activity TIMESTAMP,
        current_task_id INTEGER, working_dir TEXT, is_claude BOOLEAN DEFAULT 0, provider TEXT, last_output TEXT,
        updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE assignment_history (id INTEGER PRIMARY KEY AUTOINCREMENT, prompt_id INTEGER, session_name TEXT,
        action TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, details TEXT);
    INSERT INTO sessions (name, status, last_activity, updated_at)
        VALUES ('pane-1', 'idle', '2026-01-02 03:04:05', '2026-01-02 03:04:05');";
const QUIET: Duration = Duration::from_secs(2);

fn python(database: &Path, words: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/earlier/assigner.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(database).args(words);
    command
}

fn sql(database: &Path, script: &str) {
    let mut child = python(database, &["sql"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{script}");
}

fn rows(database: &Path, query: &str) -> Value {
    let output = python(database, &["rows", query]).output().unwrap();
    assert!(output.status.success(), "{query}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A fleet on a database that an earlier assigner made.
fn fleet(script: &str) -> Fleet {
    let home = tempfile::tempdir().unwrap();
    sql(
        &home.path().join("assigner.db"),
        &format!("{EARLIER}{script}"),
    );
    Fleet::at(home, SqliteOptions::default(), Duration::from_secs(7200))
}

fn database(fleet: &Fleet) -> PathBuf {
    fleet.path("assigner.db")
}

fn work(fleet: &Fleet) -> fleet::AtWork {
    let mut config = fleet.config();
    config.quiet = QUIET;
    fleet.work_with(config)
}

/// An earlier assigner at work; it ends when its file is there.
struct Another(Child, PathBuf);

impl Another {
    fn at_work(fleet: &Fleet) -> Self {
        Self::doing("work", fleet)
    }

    fn doing(verb: &str, fleet: &Fleet) -> Self {
        let stop = fleet.path("stop");
        let child = python(&database(fleet), &[verb, stop.to_str().unwrap()]).spawn();
        Self(child.unwrap(), stop)
    }
}

impl Drop for Another {
    fn drop(&mut self) {
        std::fs::write(&self.1, "").unwrap();
        self.0.wait().unwrap();
    }
}

fn the_copy(fleet: &Fleet) -> PathBuf {
    let entries = std::fs::read_dir(fleet.home.path()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.to_str().unwrap().contains(".before-gaia."))
        .unwrap()
}

/// The old rows and those that a script queues meanwhile are tasks, each done
/// once; the script reads what became of them.
#[test]
fn both_sides_work_on_one_file_at_once() {
    let fleet = fleet("INSERT INTO prompts (content) VALUES ('echo one'), ('echo two');");
    fleet.shell("a");
    fleet.shell("b");
    let at_work = work(&fleet);
    let mut scripts: Vec<Child> = (0..3)
        .map(|_| {
            python(&database(&fleet), &["insert", "20"])
                .spawn()
                .unwrap()
        })
        .collect();
    for script in &mut scripts {
        assert!(script.wait().unwrap().success());
    }
    for id in 1..=62 {
        assert_eq!(
            fleet.end_of(TaskId(id)).status,
            Status::Completed,
            "task {id}"
        );
    }
    at_work.ask_to_end();
    at_work.join();
    let database = database(&fleet);
    let seen = rows(
        &database,
        "SELECT count(*), count(completed_at), sum(retry_count) FROM prompts WHERE status = 'completed' AND trim(response, char(10)) = substr(content, 6)",
    );
    assert_eq!(seen, json!([[62, 62, 0]]));
    let runs = rows(
        &database,
        "SELECT max(n) FROM (SELECT count(*) n FROM assignment_history WHERE action = 'assigned' GROUP BY prompt_id)",
    );
    assert_eq!(runs, json!([[1]]), "none was given twice");
    let theirs = "SELECT id, content, source, priority, created_at, metadata, max_retries, timeout_minutes FROM prompts WHERE id <= 2";
    assert_eq!(rows(&database, theirs), rows(&the_copy(&fleet), theirs));
    let pane = "SELECT name, last_activity, working_dir, is_claude, updated_at FROM sessions WHERE name = 'pane-1'";
    assert_eq!(rows(&database, pane), rows(&the_copy(&fleet), pane));
    fleet
        .tasks
        .locks()
        .status(None)
        .map(|status| assert_eq!(status.locks, []))
        .unwrap();
}

#[test]
fn a_folder_among_the_metadata_is_the_tasks_folder() {
    let fleet = fleet("");
    fleet.shell("a");
    let folder = fleet.folder("repo");
    let insert = format!(
        "INSERT INTO prompts (content, metadata) VALUES ('pwd; sleep 300', '{}')",
        json!({"working_dir": folder.path()})
    );
    sql(&database(&fleet), &insert);
    let shown = fleet.tasks.show(TaskId(1)).unwrap();
    assert_eq!(
        shown.working_dir.as_deref(),
        Some(folder.path()),
        "before anybody works"
    );
    let _at_work = work(&fleet);
    fleet.running(TaskId(1));
    let locks = fleet.tasks.locks().status(None).unwrap().locks;
    assert_eq!(locks[0].lock.folder_path, folder.path());
    until("it says where it is", || {
        let log = fleet.tasks.show(TaskId(1)).unwrap().log_file;
        log.is_some_and(|log| read(Path::new(&log)).trim() == folder.path())
    });
    let theirs = rows(
        &database(&fleet),
        "SELECT working_dir, lock_status FROM prompts",
    );
    assert_eq!(theirs, json!([[folder.path(), "active"]]));
}

/// Whatever another program sets: its agent is gone first, then its lock, and
/// the state stays as it was set.
#[test]
fn t03_a_state_that_another_program_sets_ends_the_tasks_locks() {
    let table = [
        (
            "UPDATE prompts SET status = 'completed', response = 'theirs' WHERE id = 1",
            json!([["completed"]]),
        ),
        (
            "UPDATE prompts SET status = 'failed', error = 'theirs' WHERE id = 1",
            json!([["failed"]]),
        ),
        (
            "UPDATE prompts SET status = 'cancelled' WHERE id = 1",
            json!([["cancelled"]]),
        ),
        (
            "UPDATE prompts SET assigned_session = 'pane-1' WHERE id = 1",
            json!([["in_progress"]]),
        ),
        (
            "INSERT OR REPLACE INTO prompts (id, content, status, response) VALUES (1, 'theirs', 'completed', 'theirs')",
            json!([["completed"]]),
        ),
        (
            "UPDATE prompts SET status = NULL, error = 'theirs' WHERE id = 1",
            json!([[null]]),
        ),
        ("DELETE FROM prompts WHERE id = 1", json!([])),
    ];
    for (statement, state) in table {
        let fleet = fleet("");
        fleet.shell("a");
        let folder = fleet.folder("repo");
        let id = fleet.send("echo $$ > pid; sleep 300", Some(&folder));
        let next = fleet.send_with("true", None, |new| new.after = vec![id]);
        let _at_work = work(&fleet);
        fleet.running(id);
        until("it says its number", || {
            read(&fleet.path("repo/pid")).ends_with('\n')
        });
        let pid = read(&fleet.path("repo/pid")).trim().parse().unwrap();
        sql(&database(&fleet), statement);
        until("its lock ends", || {
            let status = fleet.tasks.locks().status(None).unwrap();
            status.locks.is_empty()
        });
        assert!(!lives(pid), "its agent was gone before: {statement}");
        let state_now = rows(&database(&fleet), "SELECT status FROM prompts WHERE id = 1");
        assert_eq!(state_now, state);
        until("its session is free", || {
            let sessions = fleet.tasks.sessions().unwrap().sessions;
            sessions
                .iter()
                .any(|session| session.name == "a" && session.status == "idle")
        });
        if state == json!([["completed"]]) {
            assert_eq!(fleet.end_of(next).status, Status::Completed);
        }
    }
}

/// One that was not in GAIA's hands, whatever it was in.
#[test]
fn t07_a_task_that_another_program_completes_lets_go_who_waits_for_it() {
    for statement in [
        "UPDATE prompts SET status = 'completed' WHERE id = 1",
        "INSERT OR REPLACE INTO prompts (id, content, status) VALUES (1, 'theirs', 'completed')",
    ] {
        let fleet = fleet("");
        fleet.shell("a");
        let first = fleet.send_with("true", None, |new| new.session = Some("nobody".to_owned()));
        let next = fleet.send_with("echo next", None, |new| new.after = vec![first]);
        sql(&database(&fleet), statement);
        let _at_work = work(&fleet);
        let next = fleet.end_of(next);
        assert_eq!(next.response.as_deref(), Some("next\n"), "{statement}");
    }
}

#[test]
fn a_task_that_another_program_sends_back_is_run_again_and_not_twice_at_once() {
    let fleet = fleet("");
    fleet.shell("a");
    fleet.shell("b");
    let id = fleet.send("echo begin >> runs; [ -e go ] && exit 0; sleep 300", None);
    let _at_work = work(&fleet);
    fleet.running(id);
    until("it has begun", || !read(&fleet.path("runs")).is_empty());
    std::fs::write(fleet.path("go"), "").unwrap();
    sql(
        &database(&fleet),
        "UPDATE prompts SET status = 'pending', assigned_session = NULL, retry_count = 1 WHERE id = 1",
    );
    until("it has completed", || {
        fleet.tasks.show(id).unwrap().status == Status::Completed
    });
    assert_eq!(read(&fleet.path("runs")), "begin\nbegin\n");
}

#[test]
fn what_a_waiting_task_wants_may_be_changed_by_others() {
    let fleet = fleet("");
    fleet.shell("a");
    fleet.shell("b");
    let id = fleet.send_with("true", None, |new| new.session = Some("nobody".to_owned()));
    let _at_work = work(&fleet);
    until("it is in the queue", || {
        rows(&database(&fleet), "SELECT lane IS NOT NULL FROM prompts") == json!([[1]])
    });
    sql(
        &database(&fleet),
        "UPDATE prompts SET target_session = 'b' WHERE id = 1",
    );
    assert_eq!(fleet.end_of(id).assigned_session.as_deref(), Some("b"));
}

#[test]
fn while_an_earlier_assigner_is_at_work_nothing_is_assigned() {
    let fleet = fleet("");
    fleet.shell("a");
    let another = Another::at_work(&fleet);
    let sees_it = || {
        rows(
            &database(&fleet),
            "SELECT others_ns IS NOT NULL FROM gaia_state",
        ) == json!([[1]])
    };
    let at_work = work(&fleet);
    until("it is noticed", sees_it);
    let ids: Vec<TaskId> = (0..5)
        .map(|n| fleet.send(&format!("echo {n}"), None))
        .collect();
    for id in &ids {
        let task = fleet.end_of(*id);
        assert_eq!(
            task.response.as_deref(),
            Some("by the earlier one"),
            "{task:?}"
        );
    }
    let remote = rows(
        &database(&fleet),
        "SELECT count(*) FROM assignment_history WHERE action = 'assigned'",
    );
    assert_eq!(remote, json!([[0]]));
    drop(another);
    let id = fleet.send("echo ours", None);
    assert_eq!(fleet.end_of(id).response.as_deref(), Some("ours\n"));
    at_work.ask_to_end();
    at_work.join();
}

/// Before anything was seen to change, the times that it left tell.
#[test]
fn one_that_was_there_a_moment_ago_is_waited_for_and_an_old_one_is_not() {
    let fresh = fleet("UPDATE sessions SET last_activity = datetime('now');");
    fresh.shell("a");
    let id = fresh.send("true", None);
    let _at_work = work(&fresh);
    until("it is noticed", || {
        rows(
            &database(&fresh),
            "SELECT others_ns IS NOT NULL FROM gaia_state",
        ) == json!([[1]])
    });
    assert_eq!(fresh.tasks.show(id).unwrap().status, Status::Pending);
    assert_eq!(fresh.end_of(id).status, Status::Completed);
    let old = fleet("");
    old.shell("a");
    let id = old.send("true", None);
    let _at_work = work(&old);
    old.end_of(id);
    assert_eq!(
        rows(&database(&old), "SELECT others_ns FROM gaia_state"),
        json!([[null]])
    );
}

#[test]
fn rows_of_odd_types_are_shown_and_hold_nothing_up() {
    let fleet = fleet(
        "INSERT INTO prompts (content, priority, retry_count, max_retries, timeout_minutes, metadata, created_at, status) VALUES
             (x'6563686f20626c6f62', 'high', 'x', NULL, 'soon', '[1', 12, 'pending'),
             ('sleeping', NULL, NULL, NULL, NULL, '{\"working_dir\": 5}', NULL, 'sleeping'),
             ('echo last', 1.5, 0.0, '3', '1', NULL, '', 'pending'),
             ('without a state', 0, 0, 3, 1, NULL, NULL, NULL),
             ('a state of bytes', 0, 0, 3, 1, NULL, NULL, x'ff'),
             ('needs those', 0, 0, 3, 1, NULL, NULL, 'pending');",
    );
    sql(
        &database(&fleet),
        "INSERT INTO task_needs (task_id, needs_id) VALUES (6, 4), (6, 5); UPDATE prompts SET held = 'after' WHERE id = 6",
    );
    fleet.shell("a");
    let list = fleet
        .tasks
        .list(&gaia_assigner::service::Filter::default())
        .unwrap();
    assert_eq!(list.count, 6);
    let pending = (Status::Pending, 3);
    assert_eq!(fleet.tasks.counts().unwrap(), [pending]);
    for odd in [TaskId(4), TaskId(5)] {
        fleet.tasks.show(odd).unwrap();
        fleet.tasks.cancel(odd, "me").unwrap_err();
    }
    let needs = fleet.tasks.show(TaskId(6)).unwrap();
    assert_eq!(needs.blocked_by, [TaskId(4), TaskId(5)]);
    let _at_work = work(&fleet);
    assert_eq!(fleet.end_of(TaskId(3)).response.as_deref(), Some("last\n"));
    let first = fleet.end_of(TaskId(1));
    assert_eq!(first.response.as_deref(), Some("blob\n"), "{first:?}");
    assert_eq!(
        rows(&database(&fleet), "SELECT status FROM prompts WHERE id = 2"),
        json!([["sleeping"]])
    );
}

#[test]
fn a_session_of_its_can_be_taken_over_under_its_name() {
    let fleet = fleet("UPDATE sessions SET working_dir = '/tmp', provider = 'claude';");
    let id = fleet.send_with("true", None, |new| new.session = Some("pane-1".to_owned()));
    fleet.shell("pane-1");
    let sessions = fleet.tasks.sessions().unwrap().sessions;
    assert_eq!(
        (sessions.len(), sessions[0].provider.as_deref()),
        (1, Some("claude"))
    );
    let _at_work = work(&fleet);
    assert_eq!(fleet.end_of(id).status, Status::Completed);
    let refused = fleet
        .tasks
        .reassign(id, &Aim::Session("nobody".to_owned()), "me");
    assert!(refused.is_err());
}
