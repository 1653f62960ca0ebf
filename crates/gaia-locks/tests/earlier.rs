//! Files of earlier assigners, of three ages, extended in place; lock files of
//! an earlier manager (section 4).
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock, ManualClock, Wall};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::service::{Acquire, Config, LockService, Locks};
use gaia_locks::store::HistoryFilter;
use gaia_locks::store::sqlite::{Earlier, SqliteOptions, SqliteStore, survey};
use gaia_locks::wire::Answer;
use rusqlite::Connection as Sqlite;
use rusqlite::types::Value;

/// As the first assigners made it: hardly more than the text.
const FIRST: &str = "
    CREATE TABLE prompts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, source TEXT DEFAULT 'manual',
        priority INTEGER DEFAULT 0, status TEXT DEFAULT 'pending', assigned_session TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, assigned_at TIMESTAMP, completed_at TIMESTAMP,
        response TEXT, error TEXT);
    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT DEFAULT 'unknown', last_activity TIMESTAMP,
        current_task_id INTEGER, working_dir TEXT);
    INSERT INTO prompts (content, status, created_at) VALUES
        ('one', 'pending', '2026-01-02 03:04:05'), ('two', 'assigned', '2026-01-02 03:04:05.123456'),
        ('three', 'in_progress', '2026-01-02T03:04:05'), ('four', 'completed', 'yesterday'),
        ('five', 'failed', NULL), ('six', 'cancelled', '2026-01-02 03:04:05'), ('seven', 'sleeping', NULL);
    INSERT INTO sessions (name, status) VALUES ('pane-1', 'busy'), ('', 'odd');";

/// As most have it.
const MIDDLE: &str = "
    CREATE TABLE prompts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, source TEXT NOT NULL DEFAULT 'api',
        priority INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT 'pending', assigned_session TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, assigned_at TIMESTAMP, completed_at TIMESTAMP,
        response TEXT, error TEXT, metadata TEXT, target_session TEXT, target_provider TEXT,
        retry_count INTEGER DEFAULT 0, max_retries INTEGER DEFAULT 3, timeout_minutes INTEGER DEFAULT 30,
        FOREIGN KEY (assigned_session) REFERENCES sessions (name));
    CREATE INDEX idx_prompts_status ON prompts (status, priority DESC, created_at);
    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT DEFAULT 'unknown', last_activity TIMESTAMP,
        current_task_id INTEGER, working_dir TEXT, is_claude BOOLEAN DEFAULT 0, provider TEXT, last_output TEXT,
        updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, FOREIGN KEY (current_task_id) REFERENCES prompts (id));
    CREATE TABLE assignment_history (id INTEGER PRIMARY KEY AUTOINCREMENT, prompt_id INTEGER, session_name TEXT,
        action TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, details TEXT,
        FOREIGN KEY (prompt_id) REFERENCES prompts (id));
    INSERT INTO prompts (content, metadata) VALUES ('one', '{\"working_dir\": \"/srv/app\"}'), ('two', 'no json');
    INSERT INTO assignment_history (prompt_id, action) VALUES (1, 'created');
    PRAGMA user_version = 3;";

/// With what people added by hand, and another program's things beside it.
const LATE: &str = "
    CREATE TABLE prompts (
        id INTEGER PRIMARY KEY, content TEXT, source TEXT, priority INTEGER, status TEXT, assigned_session TEXT,
        created_at TEXT, assigned_at TEXT, completed_at TEXT, response TEXT, error TEXT, metadata TEXT,
        target_session TEXT, target_provider TEXT, retry_count INTEGER, max_retries INTEGER,
        timeout_minutes INTEGER, working_dir TEXT, lock_status TEXT);
    CREATE TABLE sessions (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT, last_activity TEXT,
        current_task_id INTEGER, working_dir TEXT, is_claude INTEGER, provider TEXT, last_output TEXT,
        updated_at TEXT, current_dir TEXT, git_branch TEXT, last_context_update TEXT, env_vars TEXT);
    CREATE TABLE assignment_history (id INTEGER PRIMARY KEY, prompt_id INTEGER, session_name TEXT, action TEXT,
        created_at TEXT, details TEXT);
    CREATE TABLE lock_history (id INTEGER PRIMARY KEY AUTOINCREMENT, folder_path TEXT NOT NULL,
        session_id TEXT NOT NULL, task_id INTEGER, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        released_at TIMESTAMP, expired_at TIMESTAMP, status TEXT DEFAULT 'active');
    CREATE INDEX idx_lock_history_folder ON lock_history(folder_path);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE audit (x);
    CREATE VIEW broken AS SELECT * FROM no_such_table;
    CREATE TRIGGER remember AFTER INSERT ON prompts BEGIN INSERT INTO notes (text) VALUES (NEW.content); END;
    INSERT INTO prompts (id, content, status) VALUES (7, 'seven', 'pending');
    INSERT INTO notes (text) VALUES ('mine');";

fn write(path: &Path, sql: &str) {
    let file = Sqlite::open(path).unwrap();
    file.execute_batch(sql).unwrap();
}

/// All rows of some columns, as they are.
fn rows(path: &Path, table: &str, columns: &str) -> Vec<Vec<Value>> {
    let file = Sqlite::open(path).unwrap();
    let mut statement = file
        .prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1"))
        .unwrap();
    let count = statement.column_count();
    let read = statement.query_map([], |row| (0..count).map(|at| row.get(at)).collect());
    read.unwrap().map(Result::unwrap).collect()
}

fn columns(path: &Path, table: &str) -> String {
    let file = Sqlite::open(path).unwrap();
    let names: String = file
        .query_row(
            "SELECT group_concat(name) FROM pragma_table_info(?1)",
            [table],
            |row| row.get(0),
        )
        .unwrap();
    names
}

fn copies(path: &Path) -> Vec<PathBuf> {
    let begin = format!(
        "{}.before-gaia.",
        path.file_name().unwrap().to_str().unwrap()
    );
    let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with(&begin)
        })
        .collect()
}

fn options(clock: &ManualClock, locks_dir: &Path) -> SqliteOptions {
    SqliteOptions {
        clock: Arc::new(clock.clone()),
        earlier: Earlier {
            locks_dir: Some(locks_dir.to_owned()),
            ..Earlier::default()
        },
        ..SqliteOptions::default()
    }
}

fn open(path: &Path, clock: &ManualClock) -> LockService {
    let store = SqliteStore::open(path, options(clock, path.parent().unwrap())).unwrap();
    LockService::new(Arc::new(store), Config::default())
}

fn acquire(locks: &LockService, folder: &Path, session: &str) -> Answer {
    let folder = Folder::resolve(folder, Path::new("/")).unwrap();
    let session = SessionId::new(session).unwrap();
    locks
        .acquire(&Acquire::new(folder, session, TaskId::NONE))
        .unwrap()
}

fn held(locks: &LockService) -> BTreeMap<i64, (String, i64, f64)> {
    let status = locks.status(None).unwrap();
    let lock = |held: &gaia_locks::wire::LockInfo| {
        (
            held.id.0,
            (
                held.session_id.to_string(),
                held.task_id.0,
                held.expires_in.unwrap_or(0.0),
            ),
        )
    };
    status.locks.iter().map(|held| lock(&held.lock)).collect()
}

#[test]
fn files_of_three_ages_are_copied_aside_and_extended_and_nothing_is_lost() {
    for sql in [FIRST, MIDDLE, LATE] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("assigner.db");
        write(&path, sql);
        let tables = ["prompts", "sessions"];
        let before: Vec<_> = tables.map(|table| columns(&path, table)).into();
        let locks = open(&path, &ManualClock::new());
        assert!(matches!(
            acquire(&locks, dir.path(), "s"),
            Answer::Granted(_)
        ));
        let [copy] = &copies(&path)[..] else {
            panic!("one copy: {:?}", copies(&path));
        };
        for (table, columns) in tables.iter().zip(&before) {
            assert_eq!(
                rows(&path, table, columns),
                rows(copy, table, columns),
                "{table}"
            );
        }
        // Read again, it is as it should be, and is not copied once more.
        drop(locks);
        assert_eq!(
            survey(&path, &Earlier::default()).unwrap().map(|_| ()),
            None
        );
        open(&path, &ManualClock::new());
        assert_eq!(copies(&path).len(), 1);
        // The other program's own statements go on working.
        write(
            &path,
            "INSERT INTO prompts (content) VALUES ('new'); UPDATE sessions SET status = 'idle'",
        );
    }
}

#[test]
fn what_would_be_done_is_told_and_the_file_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assigner.db");
    write(&path, LATE);
    let before = std::fs::read(&path).unwrap();
    let told = survey(&path, &Earlier::default()).unwrap().unwrap();
    assert!(
        told.columns
            .contains(&"prompts.lock_acquired_at".to_owned()),
        "{told:?}"
    );
    assert!(
        !told.columns.contains(&"prompts.working_dir".to_owned()),
        "{told:?}"
    );
    assert_eq!(
        told.others,
        [
            "table notes",
            "table users",
            "table audit",
            "view broken",
            "trigger remember"
        ]
    );
    assert!(told.tables.contains(&"active_locks".to_owned()));
    assert!(told.indexes.contains(&"idx_sessions_name".to_owned()));
    assert!(!told.indexes.contains(&"idx_lock_history_folder".to_owned()));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

fn sql_time(clock: &ManualClock, minutes_ago: i64) -> String {
    Wall(clock.now().wall.0 - minutes_ago * 60_000_000).to_sql()
}

#[test]
fn active_rows_of_a_history_made_by_hand_are_default_leases_from_their_grant_on() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let clock = ManualClock::new();
    let path = at("assigner.db");
    write(&path, LATE);
    let folder = |name: &str| at(name).to_str().unwrap().to_owned();
    let whole_seconds = &sql_time(&clock, 60)[..19];
    write(
        &path,
        &format!(
            "INSERT INTO lock_history (id, folder_path, session_id, task_id, created_at, released_at, status) VALUES
                 (10, '{a}', 'one', 7, '{hour}', NULL, 'active'),
                 (11, '{b}', 'two', NULL, '{long}', NULL, 'active'),
                 (12, '{c}', 'three', 1, '{hour}', '{hour}', 'released'),
                 (13, 'relative', 'four', 1, '{hour}', NULL, 'active'),
                 (14, '{d}', 'five', 0, 'nonsense', NULL, 'active'),
                 (15, '{e}', 'old', 0, '{hour}', NULL, 'active'),
                 (16, '{e}/inner', 'new', 0, '{hour}', NULL, 'active'),
                 (20, '{c}', 'gone', 0, '{hour}', NULL, 'active');
             DELETE FROM lock_history WHERE id = 20;",
            a = folder("a"), b = folder("b"), c = folder("c"), d = folder("d"), e = folder("e"),
            hour = whole_seconds, long = sql_time(&clock, 121),
        ),
    );
    let locks = open(&path, &clock);
    let held = held(&locks);
    assert_eq!(
        held.keys().copied().collect::<Vec<_>>(),
        [10, 14, 16],
        "{held:?}"
    );
    assert_eq!((held[&10].0.as_str(), held[&10].1), ("one", 7));
    assert!(
        (held[&10].2 - 3600.0).abs() < 1.0,
        "an hour is left: {held:?}"
    );
    assert!((held[&14].2 - 7200.0).abs() < 1.0, "from now on: {held:?}");
    assert!(matches!(
        acquire(&locks, &at("a/inner"), "stranger"),
        Answer::Refused(_)
    ));
    assert!(matches!(
        acquire(&locks, &at("c"), "stranger"),
        Answer::Granted(_)
    ));
    let history = locks.history(&HistoryFilter::default()).unwrap();
    let status = |id: i64| {
        let lock = history.iter().find(|lock| lock.id.0 == id).unwrap();
        (
            format!("{:?}", lock.status).to_lowercase(),
            lock.end_reason.map(|reason| reason.word()),
        )
    };
    assert_eq!(status(11), ("expired".to_owned(), Some("lapsed")));
    assert_eq!(status(12), ("released".to_owned(), Some("released")));
    assert_eq!(status(15), ("expired".to_owned(), Some("lapsed")));
    assert_eq!(status(13).0, "active", "left alone");
    let newest = history.iter().map(|lock| lock.id.0).max();
    assert!(
        newest > Some(20),
        "above every id that was ever given: {newest:?}"
    );
    clock.advance(Duration::from_secs(3601));
    assert!(matches!(
        acquire(&locks, &at("a"), "stranger"),
        Answer::Granted(_)
    ));
}

fn lock_file(dir: &Path, name: &str, json: &str) -> PathBuf {
    let place = dir.join(format!(".gaia_{name}.lock"));
    std::fs::write(&place, json).unwrap();
    place
}

#[test]
fn lock_files_of_an_earlier_manager_are_held_on_for_what_is_left_of_them() {
    for is_new in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let path = dir.path().join("assigner.db");
        if !is_new {
            write(&path, MIDDLE);
        }
        let iso = |ago: i64| sql_time(&clock, ago).replace(' ', "T");
        let seconds = clock.now().wall.0 as f64 / 1e6;
        let file = |name: &str, folder: &str, rest: &str| {
            let folder = dir.path().join(folder);
            let json = format!("{{\"folder_path\": {folder:?}, {rest}}}");
            lock_file(dir.path(), name, &json)
        };
        let active = file(
            "0011",
            "a",
            &format!(
                "\"session_id\": \"s\", \"task_id\": 5, \"created_at\": \"{}\", \"expires_at\": \"{}\", \"status\": \"active\"",
                iso(30),
                iso(-90),
            ),
        );
        let unix = file(
            "0022",
            "b",
            &format!("\"session_id\": \"t\", \"expires_at\": {}", seconds + 60.0),
        );
        let over = file(
            "0033",
            "c",
            &format!("\"session_id\": \"u\", \"expires_at\": \"{}\"", iso(1)),
        );
        let released = file(
            "0044",
            "d",
            &format!(
                "\"session_id\": \"v\", \"expires_at\": \"{}\", \"status\": \"released\"",
                iso(-90)
            ),
        );
        let odd = lock_file(
            dir.path(),
            "0055",
            "{\"folder_path\": \"relative\", \"session_id\": \"w\"}",
        );
        let other = lock_file(dir.path(), "0066", "no json");
        let locks = open(&path, &clock);
        let held: Vec<_> = held(&locks).into_values().collect();
        assert_eq!(held.len(), 2, "{held:?}");
        assert_eq!((held[0].0.as_str(), held[0].1), ("s", 5));
        assert!((held[0].2 - 5400.0).abs() < 1.0, "{held:?}");
        assert!((held[1].2 - 60.0).abs() < 1.0, "{held:?}");
        assert!(matches!(
            acquire(&locks, &dir.path().join("a"), "other"),
            Answer::Refused(_)
        ));
        for gone in [active, unix, over, released] {
            assert!(!gone.exists(), "{gone:?}");
        }
        assert!(
            odd.exists() && other.exists(),
            "what cannot be understood is left alone"
        );
        // Only at first start.
        let late = file(
            "0077",
            "z",
            &format!("\"session_id\": \"x\", \"expires_at\": \"{}\"", iso(-90)),
        );
        drop(locks);
        assert_eq!(self::held(&open(&path, &clock)).len(), 2);
        assert!(late.exists());
    }
}

fn refusal(path: &Path) -> String {
    let before = std::fs::read(path).unwrap();
    let opened = SqliteStore::open(path, SqliteOptions::default());
    let why = opened.err().unwrap().to_string();
    assert!(copies(path).is_empty());
    assert_eq!(std::fs::read(path).unwrap(), before, "left as it is: {why}");
    why
}

#[test]
fn what_stands_in_the_way_is_named_and_the_file_is_left_as_it_is() {
    let table = [
        (
            "CREATE TABLE todo (id INTEGER PRIMARY KEY); CREATE TABLE mail (x)".to_owned(),
            "another program's tables",
        ),
        (
            "CREATE TABLE prompts (text TEXT)".to_owned(),
            "no column id",
        ),
        (
            "CREATE TABLE prompts (id TEXT PRIMARY KEY, content, status)".to_owned(),
            "no INTEGER PRIMARY KEY",
        ),
        (
            format!("{MIDDLE} CREATE TABLE waiters (name TEXT)"),
            "waiters is another program's",
        ),
        (
            FIRST
                .replace(
                    "'pending', assigned_session",
                    "'pending' CHECK (status <> 'cancelled'), assigned_session",
                )
                .replace("('six', 'cancelled'", "('six', 'failed'"),
            "the state cancelled of a task",
        ),
        (
            format!(
                "{FIRST} CREATE TRIGGER t AFTER INSERT ON prompts BEGIN SELECT no_such_function(1); END"
            ),
            "a new task",
        ),
        (
            format!("{LATE} INSERT INTO sessions (name) VALUES ('twice'), ('twice')"),
            "several rows",
        ),
        (
            format!("{LATE} DROP TABLE sessions; CREATE VIEW sessions AS SELECT 1 AS name"),
            "must be a table",
        ),
    ];
    for (sql, word) in table {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("assigner.db");
        write(&path, &sql);
        let why = refusal(&path);
        assert!(why.contains(word), "{why}");
        assert!(why.contains(path.to_str().unwrap()), "{why}");
    }
}

/// Not a test by itself: what [`killed_anywhere_it_is_as_it_was_or_as_it_will_be`]
/// starts and kills.
#[test]
fn opens_what_it_is_told_to() {
    if let Ok(path) = std::env::var("GAIA_TEST_OPENS") {
        SqliteStore::open(Path::new(&path), SqliteOptions::default()).unwrap();
    }
}

fn opener(path: &Path) -> std::process::Child {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "opens_what_it_is_told_to"])
        .env("GAIA_TEST_OPENS", path);
    command.stdout(std::process::Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_anywhere_it_is_as_it_was_or_as_it_will_be() {
    const ROUNDS: u32 = 12;
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original.db");
    write(
        &original,
        &format!(
            "{MIDDLE} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
             INSERT INTO prompts (content) SELECT 'number ' || i FROM n"
        ),
    );
    let columns = columns(&original, "prompts");
    let before = rows(&original, "prompts", &columns);
    let place = |round: u32| {
        let place = dir.path().join(round.to_string());
        std::fs::create_dir(&place).unwrap();
        let path = place.join("assigner.db");
        std::fs::copy(&original, &path).unwrap();
        path
    };
    let whole = {
        let path = place(ROUNDS);
        let started = std::time::Instant::now();
        assert!(opener(&path).wait().unwrap().success());
        started.elapsed()
    };
    let (mut old, mut new) = (0, 0);
    for round in 0..ROUNDS {
        let path = place(round);
        let mut child = opener(&path);
        std::thread::sleep(whole * (round + 1) / ROUNDS);
        child.kill().unwrap();
        child.wait().unwrap();
        // Another program looks first: it must not need GAIA to read it.
        let tables = rows(
            &path,
            "sqlite_master",
            "count(*), sum(name = 'gaia_state'), sum(name = 'idx_prompts_wrested')",
        );
        match &tables[0][1..] {
            [Value::Integer(0), Value::Integer(0)] => old += 1,
            [Value::Integer(1), Value::Integer(1)] => new += 1,
            half => panic!("half done: {half:?}"),
        }
        assert!(opener(&path).wait().unwrap().success());
        assert_eq!(rows(&path, "prompts", &columns), before);
    }
    assert!(old > 0, "killed in time: {old} as before, {new} as after");
}

#[test]
fn its_program_may_set_the_version_back_and_make_what_it_always_makes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assigner.db");
    write(&path, MIDDLE);
    drop(open(&path, &ManualClock::new()));
    write(
        &path,
        "PRAGMA user_version = 3; CREATE TABLE IF NOT EXISTS prompts (id INTEGER)",
    );
    // Another process: this one has its connection already.
    let id = rows(&path, "gaia_state", "database_id");
    let fresh = dir.path().join("moved.db");
    write(&path, &format!("VACUUM INTO '{}'", fresh.display()));
    let locks = open(&fresh, &ManualClock::new());
    assert!(matches!(
        acquire(&locks, dir.path(), "s"),
        Answer::Granted(_)
    ));
    assert_eq!(rows(&fresh, "gaia_state", "database_id"), id);
    assert!(copies(&fresh).is_empty(), "it was taken over already");
}
