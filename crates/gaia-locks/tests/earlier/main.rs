//! Files of earlier assigners, of three ages, extended in place; lock files of
//! an earlier manager (section 4).
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod ages;
mod killed;
mod locks;
mod refused;

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

fn sql_time(clock: &ManualClock, minutes_ago: i64) -> String {
    Wall(clock.now().wall.0 - minutes_ago * 60_000_000).to_sql()
}
