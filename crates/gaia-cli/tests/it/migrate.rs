//! `gaia migrate`, and a database of an earlier assigner under every command.

use crate::home::Home;

const EARLIER: &str = "
    CREATE TABLE prompts (id INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL, source TEXT DEFAULT 'api',
        priority INTEGER DEFAULT 0, status TEXT DEFAULT 'pending', assigned_session TEXT,
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, assigned_at TIMESTAMP, completed_at TIMESTAMP,
        response TEXT, error TEXT, metadata TEXT);
    CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT, last_activity TIMESTAMP);
    INSERT INTO prompts (content) VALUES ('one'), ('two');";

fn earlier(home: &Home, sql: &str) -> std::path::PathBuf {
    let file = home.path(".gaia/locks/assigner.db");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    file
}

#[test]
fn it_is_told_shown_and_done_and_doctor_does_not_do_it() {
    let home = Home::new();
    let file = earlier(&home, EARLIER);
    let before = std::fs::read(&file).unwrap();
    let found = home.json(&["doctor"]);
    let checks = found["checks"].as_array().unwrap();
    let check = checks
        .iter()
        .find(|check| check["name"] == "earlier assigner")
        .unwrap();
    assert_eq!(check["state"], "warning");
    assert!(
        check["finding"].as_str().unwrap().contains("2 prompts"),
        "{check}"
    );
    assert_eq!(home.status(&["doctor", "--fix"]), 0);
    let shown = home.json(&["migrate", "--dry-run"]);
    assert_eq!(shown["migrated"], false);
    let columns = shown["changes"]["columns"].as_array().unwrap();
    assert!(columns.contains(&"prompts.working_dir".into()), "{shown}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "only looked at");
    let done = home.json(&["migrate"]);
    assert_eq!(done["migrated"], true, "{done}");
    let copy = done["copy"].as_str().unwrap();
    let kept = rusqlite::Connection::open(copy).unwrap();
    let count: i64 = kept
        .query_row("SELECT count(*) FROM prompts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 2);
    assert_eq!(home.json(&["tasks"])["count"], 2);
    assert!(home.json(&["migrate"]).get("changes").is_none());
    assert_eq!(home.json(&["doctor"])["ok"], true);
}

#[test]
fn any_command_does_it_and_what_is_in_the_way_is_named() {
    let home = Home::new();
    earlier(&home, EARLIER);
    assert_eq!(home.json(&["tasks"])["count"], 2);
    let home = Home::new();
    let file = earlier(
        &home,
        "CREATE TABLE todo (id INTEGER); CREATE TABLE mail (id INTEGER)",
    );
    let before = std::fs::read(&file).unwrap();
    for words in [
        &["migrate"][..],
        &["migrate", "--dry-run"],
        &["acquire", "a", "--session", "s"],
    ] {
        let refused = home.json(words);
        assert_eq!(refused["error"]["code"], "foreign_database", "{refused}");
        assert!(
            refused["error"]["message"]
                .as_str()
                .unwrap()
                .contains("mail"),
            "{refused}"
        );
        assert_eq!(home.status(words), 5);
    }
    assert_eq!(home.status(&["doctor"]), 1);
    assert_eq!(std::fs::read(&file).unwrap(), before);
}
