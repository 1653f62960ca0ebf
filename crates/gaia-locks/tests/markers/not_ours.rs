//! Links and files of others.

use super::*;

#[test]
fn what_is_not_ours_is_never_touched() {
    let world = World::new();
    let db = world.database("home");
    let text = world.dir("text");
    fs::write(text.join(".gaia"), "my own notes").unwrap();
    let other_json = world.dir("json");
    fs::write(other_json.join(".gaia"), "{\"token\": 1}").unwrap();
    let directory = world.dir("directory");
    fs::create_dir(directory.join(".gaia")).unwrap();
    let pipe = world.dir("pipe");
    let status = Command::new("mkfifo").arg(pipe.join(".gaia")).status();
    assert!(status.unwrap().success());

    for work in [&text, &other_json, &directory, &pipe] {
        let lock = db.lock(work, "alice");
        assert!(db.file_of(work.to_str().unwrap()).is_some());
        db.service.cleanup().unwrap();
        db.release(&lock);
        db.service.cleanup().unwrap();
    }
    assert_eq!(
        fs::read_to_string(text.join(".gaia")).unwrap(),
        "my own notes"
    );
    assert_eq!(
        fs::read_to_string(other_json.join(".gaia")).unwrap(),
        "{\"token\": 1}"
    );
    assert!(directory.join(".gaia").is_dir());
    let kind = fs::symlink_metadata(pipe.join(".gaia"))
        .unwrap()
        .file_type();
    assert!(kind.is_fifo());
}

#[test]
fn a_planted_link_leads_nowhere() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let victim = world.root.join("victim");
    fs::write(&victim, "precious").unwrap();

    // In the folder, and under the very name that is to come in the locks directory.
    symlink(&victim, work.join(".gaia")).unwrap();
    let lock = db.lock(&work, "alice");
    let file = db.files().remove(0);
    db.release(&lock);
    symlink(&victim, &file).unwrap();
    symlink(&victim, db.locks_dir.join(".gaia_new")).unwrap();

    let lock = db.lock(&work, "alice");
    db.service.cleanup().unwrap();
    db.release(&lock);
    db.service.cleanup().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(work.join(".gaia").is_symlink() && file.is_symlink());
}

#[test]
fn a_marker_behind_a_link_is_not_ours_to_remove_or_to_obey() {
    let world = World::new();
    let (ours, theirs) = (world.database("ours"), world.database("theirs"));
    let (work, elsewhere) = (world.dir("work"), world.dir("elsewhere"));
    theirs.lock(&elsewhere, "bob");
    symlink(elsewhere.join(".gaia"), work.join(".gaia")).unwrap();
    let lock = ours.lock(&work, "alice");
    ours.release(&lock);
    assert!(has_marker(&elsewhere));
}

#[test]
fn a_folder_that_was_turned_into_a_link_gets_no_marker_behind_it() {
    let world = World::new();
    let (db, work, victim) = (
        world.database("home"),
        world.dir("work"),
        world.dir("victim"),
    );
    let request = request(&work, "alice");
    fs::remove_dir(&work).unwrap();
    symlink(&victim, &work).unwrap();
    let lock = db.ask(&request).unwrap();
    assert!(!has_marker(&victim));
    db.release(&lock);

    // And what is there behind it is not removed: the very token, the very database.
    fs::remove_file(&work).unwrap();
    fs::create_dir(&work).unwrap();
    let lock = db.ask(&request).unwrap();
    fs::rename(&work, world.root.join("moved")).unwrap();
    symlink(world.root.join("moved"), &work).unwrap();
    db.release(&lock);
    assert!(has_marker(&world.root.join("moved")));
}

#[test]
fn a_stale_file_that_names_another_folder_removes_nothing_there() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    db.lock(&work, "alice");
    let planted = db.locks_dir.join(".gaia_0123456789abcdef.lock");
    fs::copy(work.join(".gaia"), &planted).unwrap();
    db.service.cleanup().unwrap();
    assert!(has_marker(&work) && path_of(&db, &work).exists());
}
