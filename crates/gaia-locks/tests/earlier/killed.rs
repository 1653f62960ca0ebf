//! Killed while it is being extended.

use super::*;

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
        .args(["--exact", "killed::opens_what_it_is_told_to"])
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

/// As its program leaves it when it is killed in the midst of a large change.
#[test]
fn a_file_whose_journal_must_be_rolled_back_is_looked_at_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assigner.db");
    write(&path, MIDDLE);
    let at_work = rusqlite::Connection::open(&path).unwrap();
    let spilled = "PRAGMA journal_mode=DELETE; PRAGMA cache_size=2; BEGIN;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO prompts (content) SELECT 'text ' || i FROM n";
    at_work.execute_batch(spilled).unwrap();
    let left = dir.path().join("left.db");
    std::fs::copy(&path, &left).unwrap();
    let journal = |path: &Path| std::path::PathBuf::from(format!("{}-journal", path.display()));
    std::fs::copy(journal(&path), journal(&left)).unwrap();
    let told = survey(&left, &Earlier::default()).unwrap().unwrap();
    let before = survey(&before_it(&dir), &Earlier::default())
        .unwrap()
        .unwrap();
    let rows = |told: &gaia_locks::store::sqlite::Takeover| format!("{:?}", told.rows);
    assert_eq!(
        rows(&told),
        rows(&before),
        "what was not committed is not there"
    );
}

fn before_it(dir: &tempfile::TempDir) -> std::path::PathBuf {
    let path = dir.path().join("before.db");
    write(&path, MIDDLE);
    path
}
