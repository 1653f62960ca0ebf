//! They follow locks that are shared, waited for, renewed, lapsed; cleanup mends them.

use super::*;

#[test]
fn holders_who_share_a_folder_share_a_file() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let first = db.share(&work, "alice");
    let second = db.share(&work, "bob");
    let third = db.share(&work, "carol");
    let tokens = |content: &Value| {
        let others = content["others"].as_array().cloned().unwrap_or_default();
        let others = others.iter().map(|other| other["token"].as_i64().unwrap());
        let first = content["token"].as_i64().unwrap();
        std::iter::once(first).chain(others).collect::<Vec<_>>()
    };
    assert_eq!(
        tokens(&marker(&work)),
        [third.id.0, second.id.0, first.id.0]
    );
    assert_eq!(marker(&work)["others"][0]["session_id"], "bob");

    db.release(&third);
    assert_eq!(tokens(&marker(&work)), [second.id.0, first.id.0]);
    db.release(&first);
    assert_eq!(tokens(&marker(&work)), [second.id.0]);
    assert_eq!(json(&db.files().remove(0)), marker(&work));
    // The upgrade stands beside the shared one.
    let upgrade = db.lock(&work, "bob");
    assert_eq!(tokens(&marker(&work)), [upgrade.id.0, second.id.0]);
    db.release(&second);
    db.release(&upgrade);
    assert!(!has_marker(&work));
    assert_eq!(db.files(), Vec::<PathBuf>::new());
}

#[test]
fn a_waiter_whose_turn_comes_is_named() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");
    let waiting = db
        .service
        .acquire(&request(&work, "bob").queued(None))
        .unwrap();
    assert!(matches!(waiting, Answer::Queued(_)));
    db.release(&lock);
    assert_eq!(marker(&work)["session_id"], "bob");
    assert!(marker(&work)["token"].as_i64().unwrap() > lock.id.0);
    assert_eq!(db.files().len(), 1);
}

#[test]
fn a_waiter_who_was_quicker_than_the_file_leaves_none() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");
    let granted = db.service.look(|tx| tx.store().locks()).unwrap();
    db.release(&lock);
    let changes = Changes {
        granted,
        handed_on: true,
        ..Changes::default()
    };
    let clock = Arc::new(world.clock.clone());
    let markers = Markers::new(
        Choice::On,
        &db.locks_dir,
        db.file.clone(),
        Scope::local(),
        clock,
    );
    markers.follow(&changes, &db.service);
    assert!(!has_marker(&work));
}

#[test]
fn a_lapsed_lock_gives_way_to_the_next() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    db.lock(&work, "alice");
    world.clock.advance(Duration::from_secs(7201));
    let lock = db.lock(&work, "bob");
    assert_eq!(marker(&work)["token"], lock.id.0);
    assert_eq!(json(&db.files().remove(0)), marker(&work));
}

#[test]
fn a_renewal_is_seen() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let lock = db.lock(&work, "alice");
    world.clock.advance(Duration::from_secs(60));
    let renew = Renew {
        token: lock.id,
        session: lock.session_id.clone(),
        task: None,
        folder: None,
        ttl: None,
    };
    db.service.renew(&renew).unwrap();
    assert_eq!(marker(&work)["expires_at"], "2026-11-23T09:41:00.000000Z");
    assert_eq!(json(&db.files().remove(0)), marker(&work));
}

#[test]
fn files_follow_the_scope_of_this_machine_only() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let scope = Scope::new("elsewhere").unwrap();
    let config = Config {
        scope,
        markers: Markers::new(
            Choice::On,
            &db.locks_dir,
            db.file.clone(),
            Scope::local(),
            Arc::new(world.clock.clone()),
        ),
        ..Config::default()
    };
    let elsewhere = LockService::new(db.service.store().clone(), config);
    elsewhere.acquire(&request(&work, "alice")).unwrap();
    elsewhere.cleanup().unwrap();
    assert_eq!(db.files(), Vec::<PathBuf>::new());
    assert!(!has_marker(&work));
}

#[test]
fn cleanup_makes_files_and_database_agree() {
    let world = World::new();
    let db = world.database("home");
    let (held, free, edited, lapsed) = (
        world.dir("held"),
        world.dir("free"),
        world.dir("edited"),
        world.dir("lapsed"),
    );
    let short = Acquire {
        ttl: Some(Duration::from_secs(1)),
        ..request(&lapsed, "alice")
    };
    db.ask(&short).unwrap();
    let kept = db.lock(&held, "alice");
    let gone = db.lock(&free, "bob");
    let mended = db.lock(&edited, "carol");
    // As if nobody had followed the release, and somebody had tidied up elsewhere.
    let (stale, file) = (fs::read(free.join(".gaia")).unwrap(), path_of(&db, &free));
    db.release(&gone);
    fs::write(&file, &stale).unwrap();
    fs::write(free.join(".gaia"), &stale).unwrap();
    fs::remove_file(held.join(".gaia")).unwrap();
    fs::remove_file(path_of(&db, &held)).unwrap();
    let text = fs::read_to_string(edited.join(".gaia")).unwrap();
    fs::write(edited.join(".gaia"), text.replace("carol", "mallory")).unwrap();
    fs::write(db.locks_dir.join(".gaia_new"), "left by the dead").unwrap();
    fs::write(db.locks_dir.join(".gaia_notes.lock"), "not ours").unwrap();
    world.clock.advance(Duration::from_secs(2));

    db.service.cleanup().unwrap();
    assert_eq!(marker(&held)["token"], kept.id.0);
    assert_eq!(json(&path_of(&db, &held)), marker(&held));
    assert_eq!(marker(&edited)["session_id"], "carol");
    assert_eq!(marker(&edited)["token"], mended.id.0);
    assert!(!has_marker(&free) && !file.exists());
    assert!(!has_marker(&lapsed));
    assert_eq!(db.files().len(), 3); // Two locks and the notes.
    assert_eq!(
        fs::read(db.locks_dir.join(".gaia_notes.lock")).unwrap(),
        b"not ours"
    );
}
