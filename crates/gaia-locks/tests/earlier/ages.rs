//! Files of three ages, and what their programs do with them afterwards.

use super::*;

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

#[test]
fn an_index_is_known_by_what_it_is_of_however_it_is_written() {
    let with = |index: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("assigner.db");
        let mut made = LATE.replace(
            "CREATE INDEX idx_lock_history_folder ON lock_history(folder_path);",
            "",
        );
        assert_ne!(made, LATE);
        made += index;
        write(&path, &made);
        survey(&path, &Earlier::default()).is_ok()
    };
    for form in [
        "CREATE INDEX IF NOT EXISTS idx_lock_history_folder\nON lock_history(folder_path)",
        "CREATE INDEX idx_lock_history_folder On lock_history (\"folder_path\" ASC)",
        "CREATE INDEX idx_lock_history_folder ON lock_history(folder_path) -- by folder",
    ] {
        assert!(with(form), "{form}");
    }
    for other in [
        "CREATE INDEX idx_lock_history_folder ON lock_history(session_id)",
        "CREATE INDEX idx_lock_history_folder ON lock_history(folder_path DESC)",
        "CREATE UNIQUE INDEX idx_lock_history_folder ON lock_history(folder_path)",
        "CREATE INDEX idx_lock_history_folder ON lock_history(folder_path) WHERE id > 7",
        "CREATE INDEX idx_lock_history_folder ON prompts(content)",
    ] {
        assert!(!with(other), "{other}");
    }
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

/// Its program may count its own versions there, and higher than GAIA does.
#[test]
fn a_version_that_its_program_set_says_nothing_of_what_gaia_has_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assigner.db");
    write(&path, MIDDLE);
    drop(open(&path, &ManualClock::new()));
    // As a release before the hooks left it.
    let older = dir.path().join("older.db");
    write(&path, &format!("VACUUM INTO '{}'", older.display()));
    write(
        &older,
        "DROP TABLE agent_sessions; DROP TABLE agent_events; DROP TABLE replaced_prompts;
         DROP TRIGGER gaia_prompts_replaced; DROP TRIGGER gaia_prompts_put_back;
         DROP TRIGGER gaia_prompts_completed; DROP TRIGGER gaia_prompts_completed_anew; DROP INDEX idx_prompts_stateless;
         UPDATE gaia_state SET adopted = 10; PRAGMA user_version = 99;",
    );
    let locks = open(&older, &ManualClock::new());
    assert!(matches!(
        acquire(&locks, dir.path(), "s"),
        Answer::Granted(_)
    ));
    let made = rows(&older, "sqlite_master", "sum(name = 'agent_sessions')");
    assert_eq!(made, [[Value::Integer(1)]]);
    // Where nothing is to be done it is left as its program set it.
    let same = dir.path().join("same.db");
    write(&path, &format!("VACUUM INTO '{}'", same.display()));
    write(&same, "PRAGMA user_version = 99");
    drop(open(&same, &ManualClock::new()));
    let version = rows(&same, "pragma_user_version", "user_version");
    assert_eq!(version, [[Value::Integer(99)]]);
}
