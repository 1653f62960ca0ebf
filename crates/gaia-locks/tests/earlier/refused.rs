//! What stands in the way.

use super::*;

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
