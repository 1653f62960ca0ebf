//! A database that was deleted, in whole or in part, while locks are held.

use std::path::PathBuf;

use crate::home::{Home, until};

fn file(home: &Home, suffix: &str) -> PathBuf {
    home.path(&format!(".gaia/locks/assigner.db{suffix}"))
}

/// The database's own files; markers stay.
fn delete_all(home: &Home) {
    for suffix in ["", "-wal", "-shm", "-gate", ".bell"] {
        std::fs::remove_file(file(home, suffix)).unwrap();
    }
}

fn said(home: &Home, words: &[&str]) -> (i32, String) {
    let output = home.output(words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

#[test]
fn r01_no_new_database_is_made_while_locks_of_the_deleted_one_are_live() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("work/a/b")).unwrap();
    assert_eq!(home.status(&["acquire", "a/b", "--session", "holder"]), 0);
    delete_all(&home);
    for folder in ["a/b", "a", "elsewhere"] {
        let (status, said) = said(&home, &["acquire", folder, "--session", "other"]);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("before it was deleted or replaced"), "{said}");
        assert!(
            said.contains(home.path("work/a/b").to_str().unwrap()),
            "{said}"
        );
        assert!(!file(&home, "").exists());
    }
    assert_eq!(
        home.status(&["run", "a", "--conflict-status", "77", "--", "true"]),
        77
    );
    let doctor = home.output(&["doctor"]);
    let found = String::from_utf8_lossy(&doctor.stdout);
    assert!(found.contains("problem  database"), "{found}");
    assert!(!file(&home, "").exists(), "the doctor makes none either");
}

#[test]
fn r01_a_live_marker_of_the_database_that_stood_here_refuses_its_folder() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("work/a")).unwrap();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    // All of the locks directory, so that only the folder's own marker is left.
    std::fs::remove_dir_all(home.path(".gaia")).unwrap();
    assert_eq!(home.status(&["acquire", "b", "--session", "other"]), 0);
    let (status, told) = said(&home, &["acquire", "a/in", "--session", "other"]);
    assert_eq!(status, 3, "{told}");
    let marker = home.path("work/a/.gaia");
    assert!(
        told.contains(marker.to_str().unwrap()),
        "it says what to delete: {told}"
    );
    // Neither a cleanup nor a release elsewhere touches what is not ours.
    assert_eq!(home.status(&["cleanup"]), 0);
    assert!(marker.exists());
    std::fs::remove_file(&marker).unwrap();
    assert_eq!(home.status(&["acquire", "a/in", "--session", "other"]), 0);
}

#[test]
fn a_backup_of_the_deleted_database_goes_on_as_that_one() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("work/a")).unwrap();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let backup = home.path("backup.db");
    let backup = backup.to_str().unwrap();
    assert_eq!(home.status(&["backup", backup]), 0);
    delete_all(&home);
    assert_eq!(home.status(&["restore", backup]), 0);
    let locks = home.locks();
    assert_eq!(locks.len(), 1, "{locks:?}");
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    assert_eq!(home.status(&["acquire", "a", "--session", "other"]), 3);
}

#[test]
fn r18_a_database_whose_log_alone_was_deleted_is_refused() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    std::fs::remove_file(file(&home, "-wal")).unwrap();
    let (status, said) = said(&home, &["acquire", "a", "--session", "other"]);
    assert_eq!(status, 5, "{said}");
    assert!(said.contains("its log (-wal) was deleted"), "{said}");
    assert_eq!(home.status(&["doctor"]), 1);
}

#[test]
fn r18_who_has_the_database_open_notices_that_its_log_was_deleted() {
    let home = Home::new();
    let run = ["run", "a", "--ttl", "3", "--", "sleep", "600"];
    let gaia = home.spawn(&run);
    until("it holds the lock", || home.locks().len() == 1);
    std::fs::remove_file(file(&home, "-wal")).unwrap();
    let (status, _, said) = gaia.end();
    assert_eq!(status, 4, "its lease cannot be renewed: {said}");
    assert!(said.contains("it or its log was deleted"), "{said}");
}

#[test]
fn a_backup_that_is_used_as_it_is_has_no_log_to_miss() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "b", "--session", "holder"]), 0);
    let backup = home.path("backup.db");
    assert_eq!(home.status(&["backup", backup.to_str().unwrap()]), 0);
    let url = format!("sqlite://{}", backup.display());
    let run = [
        "--database",
        &url,
        "run",
        "a",
        "--ttl",
        "3",
        "--",
        "sleep",
        "4",
    ];
    let output = home.output(&run);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(0), ""));
}
