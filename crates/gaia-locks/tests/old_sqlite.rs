//! People's own programs may be old: all that is in the database can be read and
//! written with SQLite 3.31 (section 4), as Python's `sqlite3` loads it.
//!
//! `scripts/install sqlite` builds it; where it is missing that is said.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use gaia_locks::clock::ManualClock;
use gaia_locks::service::LockService;
use gaia_locks::store::HistoryFilter;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::{Locks, Scope};
use gaia_testkit::conformance::{StageWitness, ask, service_on};

fn library() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/sqlite-3.31");
    let there = place.join("libsqlite3.so.0").is_file();
    if !there {
        let missing = "SQLite 3.31 is not installed: scripts/install sqlite";
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("\n!!! NOT TESTED: {missing}\n");
    }
    there.then_some(place)
}

/// Runs a program with the database's path; gives what it prints.
fn python(library: &Path, program: &str, database: &Path) -> String {
    let done = Command::new("python3")
        .args(["-c", program])
        .arg(database)
        .env("LD_LIBRARY_PATH", library)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Reads every table, by every index too, and changes what others may change.
const PROGRAM: &str = r#"
import sqlite3, sys
assert sqlite3.sqlite_version == "3.31.1", sqlite3.sqlite_version
db = sqlite3.connect(sys.argv[1], timeout=20)
names = [n for n, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
for name in names:
    db.execute(f'SELECT * FROM "{name}"').fetchall()
assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
for statement in (
    "INSERT INTO prompts (content, priority) VALUES ('one', 3), ('two', 1)",
    "INSERT OR REPLACE INTO prompts (id, content, status) VALUES (2, 'two again', 'pending')",
    "UPDATE prompts SET lane = 'l', working_dir = '/a' WHERE id = 1",
    "UPDATE prompts SET working_dir = '/b' WHERE id = 1",
    "UPDATE prompts SET status = 'in_progress', deadline_ns = 7, lock_token = 9 WHERE id = 2",
    "INSERT OR REPLACE INTO prompts (id, content, status) VALUES (2, 'theirs', 'completed')",
    "INSERT INTO sessions (name, status) VALUES ('pane', 'idle')",
    "UPDATE sessions SET status = 'busy', updated_at = CURRENT_TIMESTAMP WHERE name = 'pane'",
    "INSERT INTO assignment_history (prompt_id, action) VALUES (1, 'created')",
    "INSERT INTO lock_history (folder_path, session_id, status) VALUES ('/old', 'old', 'released')",
    "DELETE FROM prompts WHERE id = 1",
):
    db.execute(statement)
db.commit()
print(db.execute("SELECT id, content, status, deadline_ns, lock_token FROM prompts").fetchall())
print(db.execute("SELECT folder_path, session_id, status FROM lock_history ORDER BY id").fetchall())
"#;

fn open(path: &Path) -> LockService {
    let store = SqliteStore::open(path, SqliteOptions::default()).unwrap();
    service_on(
        std::sync::Arc::new(store),
        Scope::local(),
        &StageWitness::new(ManualClock::new()),
    )
}

#[test]
fn an_old_sqlite_reads_and_writes_all_of_it() {
    let Some(library) = library() else { return };
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let service = open(&path);
    ask("A", "/held").at(&service).unwrap();
    let said = python(&library, PROGRAM, &path);
    let prompts = "[(2, 'theirs', 'completed', 7, 9)]";
    let history = "[('/held', 'A', 'active'), ('/old', 'old', 'released')]";
    assert_eq!(said, format!("{prompts}\n{history}"));
    let found = service.history(&HistoryFilter::default()).unwrap();
    assert_eq!(found.len(), 2);
    let next = ask("B", "/next").at(&service).unwrap();
    assert!(matches!(next, gaia_locks::wire::Answer::Granted(_)));
}
