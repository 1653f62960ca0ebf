//! What `status` says of the folder itself.

use super::*;

#[test]
fn r12_status_says_when_the_folder_is_gone_or_another_one() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let aside = world.root.join("aside");
    let lock = db.lock(&work, "alice");
    let state = || {
        let status = db.service.status(Some(&folder(&work))).unwrap();
        assert_eq!(status.locks[0].lock.id, lock.id);
        status.locks[0].folder_state
    };
    assert_eq!(state(), FolderNow::Present);
    fs::rename(&work, &aside).unwrap();
    assert_eq!(state(), FolderNow::Gone);
    fs::create_dir(&work).unwrap();
    assert_eq!(state(), FolderNow::Replaced);
    // Extending the lease does not make it the same folder again.
    assert_eq!(db.lock(&work, "alice").id, lock.id);
    assert_eq!(state(), FolderNow::Replaced);
    fs::remove_dir_all(&work).unwrap();
    fs::rename(&aside, &work).unwrap();
    assert_eq!(state(), FolderNow::Present);
}

#[test]
fn r12_a_folder_that_came_after_its_lock_is_present() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.root.join("later"));
    db.lock(&work, "alice");
    let state = || db.service.status(None).unwrap().locks[0].folder_state;
    assert_eq!(state(), FolderNow::Gone);
    fs::create_dir(&work).unwrap();
    assert_eq!(state(), FolderNow::Present);
    db.service.cleanup().unwrap();
    assert!(
        has_marker(&work),
        "cleanup writes what could not be written then"
    );
}

#[test]
fn r12_a_lock_handed_on_knows_its_folder_too() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");
    db.service
        .acquire(&request(&work, "bob").queued(None))
        .unwrap();
    db.release(&lock);
    fs::rename(&work, world.root.join("aside")).unwrap();
    fs::create_dir(&work).unwrap();
    let status = db.service.status(None).unwrap();
    assert_eq!(status.locks[0].folder_state, FolderNow::Replaced);
}

#[test]
fn r12_what_was_found_is_no_part_of_a_folder() {
    let world = World::new();
    let work = world.dir("work");
    let before = folder(&work);
    fs::rename(&work, world.root.join("aside")).unwrap();
    fs::create_dir(&work).unwrap();
    let after = folder(&work);
    assert_ne!(before.found(), after.found());
    assert_eq!(before, after);
    assert_eq!(folder(&world.root.join("none")).found(), None);
    let linked = world.root.join("link");
    symlink(&work, &linked).unwrap();
    assert_eq!(folder(&linked).found(), after.found());
}
