//! Backups and restores.

use super::*;

#[test]
fn r04_tokens_rise_over_backup_and_restore() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    let kept = service.status(None).unwrap().count;
    service.store().backup(&backup).unwrap();
    assert!(
        service.store().backup(&backup).is_err(),
        "a backup is never overwritten"
    );
    let after_backup = grant(&service, "/later");
    restore(&backup, &scene.path).unwrap();
    assert_eq!(
        service.status(None).unwrap().count,
        kept,
        "as it was backed up"
    );
    assert!(!service.verify(after_backup).unwrap().active);
    assert!(grant(&service, "/0") > after_backup);
}

/// Whoever finds the gate shut for long goes past it, and may be given tokens
/// while the backup is being prepared.
#[test]
fn r04_a_restore_leaves_out_tokens_that_may_be_given_meanwhile() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    service.store().backup(&backup).unwrap();
    let sqlite = rusqlite::Connection::open(&scene.path).unwrap();
    let before = next_token(&sqlite);
    restore(&backup, &scene.path).unwrap();
    let left_out = next_token(&sqlite) - before;
    assert!(left_out > 1_000_000, "{left_out}");
}

#[test]
fn r18_a_restore_waits_for_one_who_keeps_the_database_locked_but_not_for_ever() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    service.store().backup(&backup).unwrap();
    let other = rusqlite::Connection::open(&scene.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = restore(&backup, &scene.path).unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    restore(&backup, &scene.path).unwrap();
}

/// Whoever restores may be killed at any instant: there is none at which the
/// file would give a token that was given before.
#[test]
fn r04_at_no_instant_of_a_restore_would_a_token_be_given_again() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    service.store().backup(&backup).unwrap();
    let given = grant(&service, "/later");
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let watcher = threads.spawn(|| {
            let sqlite = rusqlite::Connection::open(&scene.path).unwrap();
            let mut lowest = i64::MAX;
            while !over.load(Ordering::SeqCst) {
                lowest = lowest.min(next_token(&sqlite));
            }
            lowest
        });
        for _ in 0..100 {
            restore(&backup, &scene.path).unwrap();
        }
        over.store(true, Ordering::SeqCst);
        assert!(watcher.join().unwrap() > given.0);
    });
}

fn next_token(sqlite: &rusqlite::Connection) -> i64 {
    let sql = "SELECT max(token_floor, (SELECT coalesce(max(id), 0) + 1 FROM lock_history))
                 FROM gaia_state";
    sqlite.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn r04_tokens_rise_over_a_restore_where_nothing_is_left() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    service.store().backup(&backup).unwrap();
    let unknown: Vec<LockId> = (0..5000)
        .step_by(100)
        .map(|n| grant(&service, &format!("/x{n}")))
        .collect();
    for (name, content) in [
        ("missing.db", None),
        ("damaged.db", Some(b"this is no database at all".to_vec())),
    ] {
        let target = scene.home.path().join(name);
        if let Some(content) = &content {
            fs::write(&target, content).unwrap();
        }
        restore(&backup, &target).unwrap();
        let restored = normal(&target, &scene.clock);
        assert!(
            grant(&restored, "/new") > *unknown.last().unwrap(),
            "{name}"
        );
        assert_eq!(
            restored.status(None).unwrap().count,
            scene.acknowledged.len() + 1
        );
        let aside = beside(&target, ".damaged");
        assert_eq!(
            fs::read(aside).ok(),
            content,
            "{name}: what was there is kept"
        );
    }
}

#[test]
fn r04_a_backup_of_a_backup_and_a_restore_twice_repeat_nothing() {
    let scene = scene();
    let backup = scene.home.path().join("backup.db");
    let service = normal(&scene.path, &scene.clock);
    service.store().backup(&backup).unwrap();
    let mut highest = *scene.acknowledged.last().unwrap();
    for _ in 0..3 {
        restore(&backup, &scene.path).unwrap();
        let token = grant(&service, "/again");
        assert!(token > highest, "{token} after {highest}");
        highest = token;
    }
}

/// An adopted database keeps the pages that its first program gave it.
fn adopted(home: &TempDir, clock: &ManualClock) -> PathBuf {
    let path = home.path().join("adopted.db");
    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sqlite
        .execute_batch(
            "PRAGMA page_size=4096;
             CREATE TABLE prompts (id INTEGER PRIMARY KEY, content TEXT, status TEXT);
             CREATE TABLE sessions (name TEXT PRIMARY KEY, status TEXT);
             CREATE TABLE assignment_history (id INTEGER PRIMARY KEY, prompt_id INTEGER);
             CREATE VIEW broken AS SELECT * FROM no_such_table;
             INSERT INTO prompts VALUES (7, 'theirs', 'completed');",
        )
        .unwrap();
    drop(sqlite);
    grant(&normal(&path, clock), "/adopted");
    path
}

fn page_size(path: &Path) -> i64 {
    let sqlite = rusqlite::Connection::open(path).unwrap();
    sqlite
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .unwrap()
}

fn contents(path: &Path) -> Vec<String> {
    let sqlite = rusqlite::Connection::open(path).unwrap();
    let mut statement = sqlite.prepare("SELECT content FROM prompts").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn r04_a_backup_is_restored_also_where_pages_are_of_another_size() {
    let scene = scene();
    let in_home = |name: &str| scene.home.path().join(name);
    let adopted = adopted(&scene.home, &scene.clock);
    let native = normal(&scene.path, &scene.clock);
    let theirs = normal(&adopted, &scene.clock);
    assert_ne!(page_size(&adopted), page_size(&scene.path));
    let (of_native, of_adopted) = (in_home("native.backup"), in_home("adopted.backup"));
    native.store().backup(&of_native).unwrap();
    theirs.store().backup(&of_adopted).unwrap();

    let missing = in_home("missing.db");
    restore(&of_adopted, &missing).unwrap();
    assert_eq!(contents(&missing), ["theirs"], "over nothing");
    let damaged = in_home("damaged.db");
    fs::write(&damaged, "no database").unwrap();
    restore(&of_adopted, &damaged).unwrap();
    assert_eq!(contents(&damaged), ["theirs"], "over a damaged one");

    let before = grant(&native, "/before");
    restore(&of_adopted, &scene.path).unwrap();
    assert_eq!(contents(&scene.path), ["theirs"], "over a native one");
    assert!(grant(&native, "/after") > before, "which is still in use");

    let before = grant(&theirs, "/before");
    restore(&of_native, &adopted).unwrap();
    assert!(contents(&adopted).is_empty(), "a native one over it");
    assert!(grant(&theirs, "/after") > before);
    assert_eq!(
        theirs.status(None).unwrap().count,
        scene.acknowledged.len() + 1
    );
}

#[test]
fn r18_only_a_sound_backup_is_restored() {
    let scene = scene();
    let not_one = scene.home.path().join("text");
    fs::write(&not_one, "not a database").unwrap();
    let error = restore(&not_one, &scene.path).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    let missing = restore(&scene.home.path().join("missing"), &scene.path);
    assert!(missing.is_err());
    let service = normal(&scene.path, &scene.clock);
    assert_eq!(
        service.status(None).unwrap().count,
        scene.acknowledged.len(),
        "nothing was touched"
    );
}
