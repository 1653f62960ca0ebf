//! Where markers are, and where none can be.

use super::*;

#[test]
fn a_grant_is_seen_in_both_places_and_a_release_in_neither() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");

    let seen = marker(&work);
    assert_eq!(seen["folder_path"], work.to_str().unwrap());
    assert_eq!(seen["session_id"], "alice");
    assert_eq!(
        (&seen["task_id"], &seen["status"]),
        (&0.into(), &"active".into())
    );
    assert_eq!(seen["token"], lock.id.0);
    assert_eq!(seen["created_at"], "2026-11-23T07:40:00.000000Z");
    assert_eq!(seen["expires_at"], "2026-11-23T09:40:00.000000Z");
    assert_eq!(seen["database"], db.file.as_str());
    assert_eq!(seen.get("others"), None);
    assert_eq!(db.files().len(), 1);
    let file = db.files().remove(0);
    assert_eq!(json(&file), seen);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&file), inode(&work.join(".gaia")));

    db.release(&lock);
    assert!(!has_marker(&work));
    assert_eq!(db.files(), Vec::<PathBuf>::new());
}

#[test]
fn the_file_is_named_after_the_paths_digest() {
    let world = World::new();
    let db = world.database("home");
    db.lock(Path::new("/nowhere/at/all"), "alice");
    let name = db.files().remove(0);
    // printf %s /nowhere/at/all | sha256sum
    assert_eq!(name.file_name().unwrap(), ".gaia_a25a698472e8845f.lock");
}

#[test]
fn the_setting_decides_where_they_are() {
    let world = World::new();
    let work = world.dir("work");
    let dir = world.dir("locks");
    let db = world.database_with("one", &dir, Choice::Locks);
    let lock = db.lock(&work, "alice");
    assert_eq!((db.files().len(), has_marker(&work)), (1, false));
    db.release(&lock);
    assert_eq!(db.files().len(), 0);

    let db = world.database_with("two", &dir, Choice::Off);
    db.lock(&work, "alice");
    assert_eq!((db.files().len(), has_marker(&work)), (0, false));
}

#[test]
fn folders_that_can_hold_no_marker_are_locked_without_one() {
    let world = World::new();
    let db = world.database("home");
    let file = world.root.join("a file");
    fs::write(&file, "text").unwrap();
    let mut odd = vec![file.clone(), world.root.join("not/yet/there")];
    if cfg!(target_os = "linux") {
        odd.push("/proc".into()); // Nobody can write there, root neither.
    }
    for path in &odd {
        let lock = db.lock(path, "alice");
        assert!(db.file_of(path.to_str().unwrap()).is_some());
        db.release(&lock);
    }
    assert_eq!(db.files(), Vec::<PathBuf>::new());
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

#[test]
fn a_read_only_folder_is_locked_all_the_same() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let mode =
        |mode| fs::set_permissions(&work, std::os::unix::fs::PermissionsExt::from_mode(mode));
    mode(0o555).unwrap();
    let lock = db.lock(&work, "alice");
    if !rustix::process::geteuid().is_root() {
        assert!(!has_marker(&work));
    }
    db.release(&lock);
    assert!(!has_marker(&work));
    mode(0o755).unwrap();
}

#[test]
fn a_folder_that_vanishes_takes_its_marker_along() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");
    fs::remove_dir_all(&work).unwrap();
    db.release(&lock);
    assert_eq!(db.files(), Vec::<PathBuf>::new());
}

#[test]
fn no_failure_of_a_file_fails_a_lock() {
    let world = World::new();
    let work = world.dir("work");
    let not_a_dir = world.root.join("locks");
    fs::write(&not_a_dir, "in the way").unwrap();
    let db = world.database_with("home", &not_a_dir, Choice::On);
    let lock = db.lock(&work, "alice");
    db.service.cleanup().unwrap();
    db.release(&lock);
}

#[test]
fn a_locks_directory_that_was_deleted_is_made_again() {
    let world = World::new();
    let (work, dir) = (world.dir("work"), world.dir("locks"));
    let db = world.database_with("home", &dir, Choice::On);
    db.release(&db.lock(&work, "alice"));
    fs::remove_dir_all(&dir).unwrap();
    db.lock(&work, "alice");
    assert_eq!(db.files().len(), 1);
    assert!(has_marker(&work));
}
