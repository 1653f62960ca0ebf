//! Marker files: they follow the database, harm nothing, and keep two databases apart.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests, with children that are told by their environment what to do"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::ManualClock;
use gaia_locks::folder::Folder;
use gaia_locks::markers::{Changes, Markers};
use gaia_locks::model::Mode;
use gaia_locks::service::{Acquire, Config, LockService, Locks, Release, Released, Renew};
use gaia_locks::settings::Markers as Choice;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::{Answer, FolderNow, LockInfo};
use gaia_locks::{Error, LockId, Scope, SessionId, TaskId};
use serde_json::Value;
use tempfile::TempDir;

struct World {
    _there: TempDir,
    root: PathBuf,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let there = tempfile::tempdir().unwrap();
        let root = there.path().canonicalize().unwrap();
        let clock = ManualClock::new();
        Self {
            _there: there,
            root,
            clock,
        }
    }

    fn dir(&self, inside: &str) -> PathBuf {
        let path = self.root.join(inside);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn database(&self, name: &str) -> Database {
        self.database_with(name, &self.root.join(name), Choice::On)
    }

    fn database_with(&self, name: &str, locks_dir: &Path, choice: Choice) -> Database {
        let file = self.root.join(name).join("assigner.db");
        let options = SqliteOptions {
            clock: Arc::new(self.clock.clone()),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&file, options).unwrap();
        let clock = Arc::new(self.clock.clone());
        let file = file.to_str().unwrap().to_owned();
        let markers = Markers::new(choice, locks_dir, file.clone(), Scope::local(), clock);
        let config = Config {
            markers,
            ..Config::default()
        };
        Database {
            service: LockService::new(Arc::new(store), config),
            locks_dir: locks_dir.to_owned(),
            file,
        }
    }
}

struct Database {
    service: LockService,
    locks_dir: PathBuf,
    file: String,
}

fn folder(path: &Path) -> Folder {
    Folder::resolve(path, Path::new("/")).unwrap()
}

fn request(path: &Path, session: &str) -> Acquire {
    Acquire::new(folder(path), SessionId::new(session).unwrap(), TaskId::NONE)
}

impl Database {
    fn ask(&self, request: &Acquire) -> Result<LockInfo, Error> {
        match self.service.acquire(request)? {
            Answer::Granted(mut granted) => Ok(granted.locks.remove(0)),
            other => panic!("not granted: {other:?}"),
        }
    }

    fn lock(&self, path: &Path, session: &str) -> LockInfo {
        self.ask(&request(path, session)).unwrap()
    }

    fn share(&self, path: &Path, session: &str) -> LockInfo {
        let mode = Mode::Shared;
        let request = Acquire {
            mode,
            ..request(path, session)
        };
        self.ask(&request).unwrap()
    }

    fn release(&self, lock: &LockInfo) {
        let request = Release {
            folder: None,
            session: lock.session_id.clone(),
            task: None,
            token: Some(lock.id),
        };
        let released = self.service.release(&request).unwrap();
        assert!(matches!(released, Released::Ended(_)), "{released:?}");
    }

    /// The files in the locks directory that are no database.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.locks_dir).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = paths
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .as_encoded_bytes()
                    .starts_with(b".gaia")
            })
            .collect();
        found.sort();
        found
    }

    fn file_of(&self, folder_path: &str) -> Option<Value> {
        let read = |path: PathBuf| json(&path);
        let mut all = self.files().into_iter().map(read);
        all.find(|content| content["folder_path"] == folder_path)
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn marker(folder: &Path) -> Value {
    json(&folder.join(".gaia"))
}

fn has_marker(folder: &Path) -> bool {
    folder.join(".gaia").symlink_metadata().is_ok()
}

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

fn path_of(db: &Database, folder: &Path) -> PathBuf {
    let is_it = |path: &PathBuf| {
        serde_json::from_slice::<Value>(&fs::read(path).unwrap())
            .is_ok_and(|content| content["folder_path"] == folder.to_str().unwrap())
    };
    db.files().into_iter().find(is_it).unwrap()
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

#[test]
fn many_threads_at_one_folder_see_their_own_marker_while_they_hold_it() {
    let world = World::new();
    let (first, second) = (world.database("home"), world.database("home"));
    let work = world.dir("work");
    std::thread::scope(|threads| {
        for (name, db) in [("a", &first), ("b", &second), ("c", &first), ("d", &second)] {
            let work = &work;
            threads.spawn(move || take_turns(db, work, name, 100));
        }
    });
    assert!(!has_marker(&work));
    assert_eq!(first.files(), Vec::<PathBuf>::new());
}

/// Takes and releases the folder so many times; as long as it is held, both
/// files name this lock and no other.
fn take_turns(db: &Database, work: &Path, session: &str, rounds: usize) {
    let mut held = 0;
    while held < rounds {
        let Answer::Granted(granted) = db.service.acquire(&request(work, session)).unwrap() else {
            std::thread::yield_now();
            continue;
        };
        let lock = &granted.locks[0];
        let named = [0; 3].map(|_| {
            let file = db.file_of(work.to_str().unwrap());
            let marker = has_marker(work).then(|| marker(work));
            [file, marker].map(|content| content.map(|content| content["token"].as_i64().unwrap()))
        });
        // Released before it is judged: a failure must not keep the others waiting.
        db.release(lock);
        assert_eq!(named, [[Some(lock.id.0); 2]; 3], "{session}");
        held += 1;
    }
}

/// Role of a child: takes turns until it is told to end or killed, and says so.
#[test]
fn child_that_takes_turns() {
    let Ok(root) = std::env::var("GAIA_TEST_ROOT") else {
        return;
    };
    let session = std::env::var("GAIA_TEST_SESSION").unwrap();
    let rounds = std::env::var("GAIA_TEST_ROUNDS").unwrap();
    let db = World::at(Path::new(&root)).database("home");
    for _ in 0..rounds.parse::<usize>().unwrap() {
        take_turns(&db, &Path::new(&root).join("work"), &session, 1);
        println!("turn");
    }
}

impl World {
    /// Another process in a world that is there already.
    fn at(root: &Path) -> Self {
        Self {
            _there: tempfile::tempdir().unwrap(),
            root: root.to_owned(),
            clock: ManualClock::new(),
        }
    }

    fn child(&self, session: &str, rounds: usize) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_takes_turns", "--nocapture"])
            .env("GAIA_TEST_ROOT", &self.root)
            .env("GAIA_TEST_SESSION", session)
            .env("GAIA_TEST_ROUNDS", rounds.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

#[test]
fn heavy_processes_at_one_folder_see_their_own_marker_while_they_hold_it() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    let children: Vec<Child> = ["a", "b", "c"].map(|name| world.child(name, 100)).into();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert!(!has_marker(&work));
    assert_eq!(db.files(), Vec::<PathBuf>::new());
}

#[test]
fn heavy_what_the_killed_leave_is_mended_by_cleanup() {
    let world = World::new();
    let (db, work) = (world.database("home"), world.dir("work"));
    for turns in 1..=20 {
        let mut child = world.child(&format!("child-{turns}"), usize::MAX);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let turned = lines.filter(|line| line.as_ref().is_ok_and(|line| line.ends_with("turn")));
        assert_eq!(turned.take(turns).count(), turns);
        child.kill().unwrap();
        child.wait().unwrap();

        db.service.cleanup().unwrap();
        let held = db.service.status(None).unwrap().locks.pop();
        let token = held.map(|held| held.lock.id);
        let named = has_marker(&work).then(|| LockId(marker(&work)["token"].as_i64().unwrap()));
        assert_eq!(named, token, "both or neither");
        assert_eq!(db.files().len(), usize::from(token.is_some()));
        if let Some(token) = token {
            db.service
                .force_release(token, "test", "its holder was killed")
                .unwrap();
        }
        assert!(!has_marker(&work));
    }
}

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
