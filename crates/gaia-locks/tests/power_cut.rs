//! What a power cut, a backup and a restore do to tokens and to what was
//! acknowledged [R4, R14].
//!
//! A power cut is simulated by the files as they were when they were last
//! synced: everything written later is lost, wholly or in part, and the machine
//! starts anew. The synced state is caught inside a transaction: its work runs
//! again right after a block of tokens was reserved on disk.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gaia_locks::clock::ManualClock;
use gaia_locks::service::{Acquire, Attempt};
use gaia_locks::settings::Durability;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore, restore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockId, LockService, Locks, Scope, StoreError};
use gaia_testkit::conformance::{StageWitness, ask, service_on};
use tempfile::TempDir;

fn open(path: &Path, clock: &ManualClock, durability: Durability) -> LockService {
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        durability,
        ..SqliteOptions::default()
    };
    let store = Arc::new(SqliteStore::open(path, options).unwrap());
    service_on(store, Scope::local(), &StageWitness::new(clock.clone()))
}

fn normal(path: &Path, clock: &ManualClock) -> LockService {
    open(path, clock, Durability::Normal)
}

fn grant(service: &LockService, path: &str) -> LockId {
    let answer = ask("A", path).own().at(service).unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    granted.locks[0].id
}

/// The database file and its log.
#[derive(Clone)]
struct Disk {
    main: Vec<u8>,
    log: Vec<u8>,
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

impl Disk {
    fn of(path: &Path) -> Self {
        Self {
            main: fs::read(path).unwrap(),
            log: fs::read(beside(path, "-wal")).unwrap(),
        }
    }

    fn put(&self, home: &TempDir, name: &str) -> PathBuf {
        let path = home.path().join(name);
        fs::write(&path, &self.main).unwrap();
        fs::write(beside(&path, "-wal"), &self.log).unwrap();
        path
    }
}

/// Grants one lock; gives its token and what was on disk for certain when a
/// block of tokens had to be reserved for it.
fn grant_caught(service: &LockService, path: &Path) -> (LockId, Option<Disk>) {
    let request: Acquire = ask("A", "/caught").own().0;
    let want = service.want(&request).unwrap();
    let runs = RefCell::new(Vec::new());
    let answer = service
        .transact(|tx| {
            runs.borrow_mut().push(Disk::of(path));
            tx.acquire(&Attempt {
                want: &want,
                request: &request,
            })
        })
        .unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    let mut runs = runs.into_inner();
    let synced = if runs.len() > 1 { runs.pop() } else { None };
    (granted.locks[0].id, synced)
}

/// A database that has just reserved tokens, used a little, and what a power
/// cut would leave of it.
struct Scene {
    home: TempDir,
    path: PathBuf,
    clock: ManualClock,
    synced: Disk,
    acknowledged: Vec<LockId>,
}

fn scene() -> Scene {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let service = normal(&path, &clock);
    let (first, synced) = grant_caught(&service, &path);
    let mut acknowledged = vec![first];
    acknowledged.extend((0..50).map(|n| grant(&service, &format!("/{n}"))));
    Scene {
        synced: synced.unwrap(),
        home,
        path,
        clock,
        acknowledged,
    }
}

#[test]
fn r04_no_token_is_given_twice_after_a_power_cut() {
    let scene = scene();
    let last = *scene.acknowledged.last().unwrap();
    let left = scene.synced.put(&scene.home, "after.db");
    scene.clock.reboot();
    let after = normal(&left, &scene.clock);
    assert_eq!(
        after.status(None).unwrap().count,
        0,
        "the grants were lost indeed"
    );
    let next = grant(&after, "/0");
    assert!(next > last, "{next} after {last}");
}

/// The control: without the new boot nothing tells that grants were lost, and
/// the same tokens come again. So the test above can fail.
#[test]
fn r04_control_the_simulated_cut_loses_tokens() {
    let scene = scene();
    let left = scene.synced.put(&scene.home, "after.db");
    let repeated = grant(&normal(&left, &scene.clock), "/0");
    assert!(scene.acknowledged.contains(&repeated), "{repeated}");
}

#[test]
fn r14_a_log_torn_anywhere_opens_clean() {
    let scene = scene();
    let last = *scene.acknowledged.last().unwrap();
    let whole = Disk::of(&scene.path);
    assert!(whole.log.len() > scene.synced.log.len());
    scene.clock.reboot();
    let cuts = (scene.synced.log.len()..whole.log.len()).step_by(997);
    for (turn, cut) in cuts.enumerate() {
        let mut torn = Disk {
            main: scene.synced.main.clone(),
            log: whole.log[..cut].to_vec(),
        };
        if turn % 2 == 1 {
            // Blocks that were never written hold anything.
            torn.log.resize(whole.log.len(), 0xA5);
        }
        let after = normal(
            &torn.put(&scene.home, &format!("torn-{turn}.db")),
            &scene.clock,
        );
        let held = after.status(None).unwrap().count;
        assert!(held <= scene.acknowledged.len(), "cut at {cut}");
        let next = grant(&after, "/next");
        assert!(next > last, "cut at {cut}: {next} after {last}");
    }
}

#[test]
fn r04_tokens_rise_over_two_power_cuts_and_many_blocks() {
    let home = tempfile::tempdir().unwrap();
    let mut path = home.path().join("0.db");
    let clock = ManualClock::new();
    let mut highest = LockId(0);
    for round in 1..4 {
        let service = normal(&path, &clock);
        let mut on_disk = None;
        // More than one block: the second is reserved in the middle.
        for _ in 0..4100 {
            let (token, synced) = grant_caught_cheaply(&service, &path);
            assert!(token > highest, "{token} after {highest}");
            highest = token;
            on_disk = synced.or(on_disk);
        }
        clock.reboot();
        path = on_disk.unwrap().put(&home, &format!("{round}.db"));
    }
}

/// As [`grant_caught`], but the files are read only when the work runs again.
fn grant_caught_cheaply(service: &LockService, path: &Path) -> (LockId, Option<Disk>) {
    let request: Acquire = ask("A", "/caught").own().0;
    let want = service.want(&request).unwrap();
    let (mut runs, mut synced) = (0, None);
    let answer = service
        .transact(|tx| {
            runs += 1;
            if runs > 1 {
                synced = Some(Disk::of(path));
            }
            let answer = tx.acquire(&Attempt {
                want: &want,
                request: &request,
            })?;
            if let Answer::Granted(granted) = &answer {
                let lock = tx.store().lock(granted.locks[0].id)?;
                tx.end_task_locks(&[granted.locks[0].id], "test")?;
                assert!(lock.is_some());
            }
            Ok(answer)
        })
        .unwrap();
    let Answer::Granted(granted) = answer else {
        unreachable!("one's own lock is in nobody's way: {answer:?}");
    };
    (granted.locks[0].id, synced)
}

#[test]
fn r04_the_first_request_after_a_reboot_may_be_a_grant() {
    let scene = scene();
    scene.clock.reboot();
    let same = normal(&scene.path, &scene.clock);
    assert!(grant(&same, "/next") > *scene.acknowledged.last().unwrap());
}

#[test]
fn r14_with_full_durability_the_log_holds_every_acknowledged_grant() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let clock = ManualClock::new();
    let service = open(&path, &clock, Durability::Full);
    for round in 0..10 {
        let token = grant(&service, &format!("/{round}"));
        // Synced before the answer: what is in the files now is on disk.
        let left = Disk::of(&path).put(&home, &format!("after-{round}.db"));
        let after = normal(&left, &clock);
        assert!(after.verify(token).unwrap().active);
        assert_eq!(after.status(None).unwrap().count, round + 1);
    }
}

/// Run by the test below, under strace.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how a test speaks to itself in another process"
)]
fn child_that_grants_twenty() {
    let Some(kind) = std::env::var_os("GAIA_TEST_DURABILITY") else {
        return;
    };
    let full = kind == "full";
    let home = tempfile::tempdir().unwrap();
    let durability = if full {
        Durability::Full
    } else {
        Durability::Normal
    };
    let service = open(
        &home.path().join("assigner.db"),
        &ManualClock::new(),
        durability,
    );
    for round in 0..20 {
        grant(&service, &format!("/{round}"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn r14_full_durability_syncs_each_grant_and_normal_does_not() {
    let home = tempfile::tempdir().unwrap();
    let syncs = |durability: &str| -> Option<usize> {
        let trace = home.path().join(durability);
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&trace);
        strace
            .arg(std::env::current_exe().unwrap())
            .args(["child_that_grants_twenty", "--exact"]);
        let done = strace
            .env("GAIA_TEST_DURABILITY", durability)
            .output()
            .ok()?;
        done.status
            .success()
            .then(|| fs::read_to_string(&trace).unwrap().matches("sync(").count())
    };
    let (Some(full), Some(normal)) = (syncs("full"), syncs("normal")) else {
        return loudly("strace cannot be used here, so syncs were not counted");
    };
    assert!(full >= 20 + normal / 2, "20 grants, {full} syncs");
    assert!(
        normal < 20,
        "20 grants, {normal} syncs: only tokens and the file's making"
    );
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}

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
