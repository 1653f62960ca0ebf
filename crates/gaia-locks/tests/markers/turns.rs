//! Many at one folder, killed ones too.

use super::*;

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
            .args(["--exact", "turns::child_that_takes_turns", "--nocapture"])
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
