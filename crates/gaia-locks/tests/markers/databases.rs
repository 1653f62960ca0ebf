//! Two databases that meet at one folder.

use super::*;

fn refused(answer: Result<LockInfo, Error>) -> (String, String, String) {
    match answer {
        Err(Error::OtherDatabase {
            folder,
            ours,
            theirs,
        }) => (folder, ours, theirs),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_live_marker_of_another_database_refuses_and_names_both() {
    let world = World::new();
    let (ours, theirs) = (world.database("ours"), world.database("theirs"));
    let (work, inside) = (world.dir("work"), world.dir("work/a/b"));
    let lock = theirs.lock(&work, "bob");

    for path in [&work, &inside, &work.join("not/yet")] {
        let expected = (
            path.to_str().unwrap().to_owned(),
            ours.file.clone(),
            theirs.file.clone(),
        );
        assert_eq!(refused(ours.ask(&request(path, "alice"))), expected);
    }
    assert_eq!(ours.service.status(None).unwrap().count, 0);
    assert_eq!(marker(&work)["token"], lock.id.0);

    theirs.release(&lock);
    ours.lock(&inside, "alice");
}

#[test]
fn an_ended_lease_of_another_database_refuses_nobody() {
    let world = World::new();
    let (ours, theirs) = (world.database("ours"), world.database("theirs"));
    let work = world.dir("work");
    theirs.lock(&work, "bob");
    world.clock.advance(Duration::from_secs(7199));
    refused(ours.ask(&request(&work, "alice")));
    world.clock.advance(Duration::from_secs(1));
    let lock = ours.lock(&work, "alice");
    assert_eq!(marker(&work)["database"], ours.file.as_str());
    // The other one notices too late; what is there now is not its own.
    theirs.service.cleanup().unwrap();
    assert_eq!(marker(&work)["token"], lock.id.0);
}

#[test]
fn databases_that_share_a_locks_directory_see_each_other_there() {
    let world = World::new();
    let (dir, work, inside) = (world.dir("locks"), world.dir("work"), world.dir("work/in"));
    let ours = world.database_with("ours", &dir, Choice::Locks);
    let theirs = world.database_with("theirs", &dir, Choice::Locks);
    let lock = theirs.lock(&work, "bob");
    for path in [&work, &inside] {
        assert_eq!(refused(ours.ask(&request(path, "alice"))).2, theirs.file);
    }
    ours.service.cleanup().unwrap();
    assert_eq!(theirs.files().len(), 1);
    theirs.release(&lock);
    ours.lock(&work, "alice");
}

#[test]
fn markers_that_are_off_refuse_nobody() {
    let world = World::new();
    let (theirs, work) = (world.database("theirs"), world.dir("work"));
    theirs.lock(&work, "bob");
    let ours = world.database_with("ours", &world.root.join("ours"), Choice::Off);
    ours.lock(&work, "alice");
    assert_eq!(marker(&work)["session_id"], "bob");
}

#[test]
fn one_database_under_two_paths_is_one() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let alias = world.root.join("alias");
    symlink(world.root.join("home"), &alias).unwrap();
    let again = world.database_with("alias", &alias, Choice::On);
    let lock = db.lock(&work, "alice");
    assert_ne!(db.file, again.file);
    assert_eq!(again.lock(&work, "alice").id, lock.id);
    again.release(&lock);
    assert!(!has_marker(&work));
    assert_eq!(db.files(), Vec::<PathBuf>::new());
}
