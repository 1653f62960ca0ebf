//! A store that cannot be trusted is refused clearly, and nobody is granted
//! anything [R18]; a full disk leaves the old state [R14].

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, ManualClock, SystemClock};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use gaia_locks::{Error, LockService, Locks, Scope, StoreError};
use gaia_testkit::conformance::{StageWitness, ask, service_on};
use rusqlite::Connection;

fn open(path: &Path) -> Result<LockService, StoreError> {
    let clock = ManualClock::new();
    let options = SqliteOptions {
        clock: Arc::new(clock.clone()),
        ..SqliteOptions::default()
    };
    let store = Arc::new(SqliteStore::open(path, options)?);
    Ok(service_on(store, Scope::local(), &StageWitness::new(clock)))
}

fn refusal(path: &Path) -> StoreError {
    match open(path) {
        Err(error) => error,
        Ok(service) => unreachable!("{} was opened: {:?}", path.display(), service.status(None)),
    }
}

/// A database with two locks in it, one plain file that nobody has open.
fn made_in(home: &Path, name: &str) -> PathBuf {
    let first = home.join(format!("{name}.first"));
    let service = open(&first).unwrap();
    for who in 0..40 {
        let answer = ask(&format!("S{who}"), &format!("/r/{who}"))
            .at(&service)
            .unwrap();
        assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    }
    let path = home.join(name);
    service.store().backup(&path).unwrap();
    path
}

fn change(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn r18_a_file_of_another_program_is_refused_and_not_touched() {
    let home = tempfile::tempdir().unwrap();
    let (text, foreign) = (home.path().join("notes.txt"), home.path().join("theirs.db"));
    fs::write(&text, "Dear diary, this is no database.\n".repeat(100)).unwrap();
    change(
        &foreign,
        "CREATE TABLE recipes (id INTEGER); INSERT INTO recipes VALUES (1)",
    );
    for path in [&text, &foreign] {
        let before = fs::read(path).unwrap();
        let error = refusal(path);
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_eq!(fs::read(path).unwrap(), before);
    }
    assert!(
        refusal(&foreign).to_string().contains("recipes"),
        "it says what was found"
    );
}

#[test]
fn r18_a_directory_is_no_database() {
    let home = tempfile::tempdir().unwrap();
    let error = refusal(home.path());
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
    assert!(
        error.to_string().contains(home.path().to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn r18_a_database_of_another_application_id_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = made_in(home.path(), "other.db");
    change(&path, "PRAGMA application_id = 1234");
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
}

#[test]
fn r18_each_release_works_beside_the_one_before() {
    let home = tempfile::tempdir().unwrap();
    let path = made_in(home.path(), "newer.db");
    change(
        &path,
        "PRAGMA user_version = 999; ALTER TABLE active_locks ADD COLUMN from_the_future TEXT",
    );
    let service = open(&path).unwrap();
    let answer = ask("A", "/new").at(&service).unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    drop(service);
    let seen: i64 = Connection::open(made_in(home.path(), "control.db"))
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert!(seen < 999, "and its version is left as it was");
}

#[test]
fn r18_a_file_that_needs_a_newer_release_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = made_in(home.path(), "newer.db");
    change(
        &path,
        "PRAGMA user_version = 999; UPDATE gaia_state SET oldest_schema = 998",
    );
    let error = refusal(&path);
    assert!(
        matches!(error, StoreError::TooNew { oldest: 998, .. }),
        "{error}"
    );
}

/// Whatever is broken, and whether it shows at the opening or later: an error
/// that names the file, and no grant.
fn nobody_is_granted(path: &Path) {
    let error = match open(path) {
        Err(error) => error,
        Ok(service) => match ask("A", "/r/5/x").at(&service) {
            Err(Error::Store(error)) => error,
            other => unreachable!("a damaged file answers {other:?}"),
        },
    };
    let told = matches!(
        error,
        StoreError::Damaged { .. } | StoreError::Foreign { .. }
    );
    assert!(told, "{}: {error:?}", path.display());
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn r18_a_damaged_file_grants_nothing() {
    let home = tempfile::tempdir().unwrap();
    let sound = fs::read(made_in(home.path(), "sound.db")).unwrap();
    let damaged = |name: &str, damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        let path = home.path().join(name);
        fs::write(&path, bytes).unwrap();
        nobody_is_granted(&path);
    };
    damaged("header.db", &|bytes| bytes[..16].fill(7));
    damaged("truncated.db", &|bytes| bytes.truncate(bytes.len() / 3));
    damaged("garbage.db", &|bytes| bytes[1024..].fill(0xEE));
    damaged("zeroes.db", &|bytes| bytes[1024..].fill(0));
    damaged("schema.db", &|bytes| bytes[100..1024].fill(0x55));
}

#[test]
#[cfg(target_os = "linux")]
fn r18_a_read_only_folder_is_refused() {
    in_own_mounts("r18_a_read_only_folder_is_refused", || {
        let home = tempfile::tempdir().unwrap();
        let disk = home.path().to_str().unwrap();
        assert!(run("mount", &["-t", "tmpfs", "tmpfs", disk]));
        fs::create_dir(home.path().join("locks")).unwrap();
        // A file made elsewhere, so that nothing in here is open.
        let elsewhere = tempfile::tempdir().unwrap();
        let there = home.path().join("there.db");
        fs::copy(made_in(elsewhere.path(), "made.db"), &there).unwrap();
        assert!(run("mount", &["-o", "remount,ro", disk]));
        for path in [
            home.path().join("locks/new.db"),
            home.path().join("new/folder/x.db"),
            there,
        ] {
            let error = refusal(&path);
            assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(disk), "it names the place: {text}");
        }
        assert!(run("umount", &["-l", disk]));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn r14_a_full_disk_leaves_the_old_state_and_works_again_with_space() {
    in_own_mounts(
        "r14_a_full_disk_leaves_the_old_state_and_works_again_with_space",
        || {
            let home = tempfile::tempdir().unwrap();
            let disk = home.path().to_str().unwrap();
            assert!(run(
                "mount",
                &["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
            ));
            let service = open(&home.path().join("assigner.db")).unwrap();
            let held = ask("A", "/held").at(&service).unwrap();
            assert!(matches!(held, Answer::Granted(_)));
            let filler = home.path().join("filler");
            fill(&filler);
            let (granted, error) = grants_until_it_fails(&service);
            assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
            assert!(
                error.to_string().contains(disk),
                "it names the database: {error}"
            );
            let seen = service.status(None).unwrap();
            assert_eq!(seen.count, granted + 1, "nothing is half done");
            fs::remove_file(&filler).unwrap();
            let again = ask("B", "/full").and("/again").at(&service).unwrap();
            assert!(matches!(again, Answer::Granted(_)), "{again:?}");
            assert_eq!(service.status(None).unwrap().count, granted + 3);
            assert!(run("umount", &["-l", disk]));
        },
    );
}

#[cfg(target_os = "linux")]
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[cfg(target_os = "linux")]
fn grants_until_it_fails(service: &LockService) -> (usize, StoreError) {
    for round in 0..20_000 {
        match ask("A", &format!("/full/{round}")).at(service) {
            Ok(Answer::Granted(_)) => {}
            Err(Error::Store(error)) => return (round, error),
            other => unreachable!("a full disk answers {other:?}"),
        }
    }
    unreachable!("the disk does not fill up");
}

/// Plays a case in a mount namespace of its own, or says that it cannot.
#[cfg(target_os = "linux")]
#[expect(
    clippy::disallowed_methods,
    reason = "how a test speaks to itself in another process"
)]
fn in_own_mounts(test: &str, case: impl Fn()) {
    if std::env::var_os("GAIA_TEST_OWN_MOUNTS").is_some() {
        return case();
    }
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    let allowed = |way: &&&[&str]| {
        run(
            "unshare",
            &[**way, &["mount", "-t", "tmpfs", "tmpfs", "/mnt"]].concat(),
        )
    };
    let Some(way) = ways.iter().find(allowed) else {
        return loudly("no mounts allowed here, so no small and no read-only disk");
    };
    let mut inside = Command::new("unshare");
    inside.args(*way).arg(std::env::current_exe().unwrap());
    inside
        .args([test, "--exact", "--nocapture"])
        .env("GAIA_TEST_OWN_MOUNTS", "1");
    assert!(
        inside.status().unwrap().success(),
        "failed inside its own mount namespace"
    );
}

#[cfg(target_os = "linux")]
fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .output()
        .is_ok_and(|done| done.status.success())
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}

/// Asked until it is refused; the file is looked for once a second.
fn refused_in_the_end(service: &LockService) -> Error {
    let until = SystemClock.now().moment.plus(Duration::from_secs(30));
    loop {
        match service.status(None) {
            Err(error) => return error,
            Ok(_) => assert!(
                SystemClock.now().moment < until,
                "the old file goes on being used"
            ),
        }
    }
}

#[test]
fn r18_a_database_that_was_replaced_while_in_use_grants_nothing_more() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("locks.db");
    let old = open(&path).unwrap();
    let answer = ask("A", "/r").at(&old).unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(home.path().join(format!("locks.db{suffix}"))).unwrap();
    }
    let new = open(&path).unwrap();
    let error = refused_in_the_end(&old).to_string();
    assert!(error.contains("replaced while it was in use"), "{error}");
    assert!(ask("B", "/r/x").at(&old).is_err(), "nor is it granted in");
    let answer = ask("B", "/r/x").at(&new).unwrap();
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
}

#[test]
fn r18_a_pipe_in_place_of_the_gate_is_refused_and_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("locks.db");
    let gate = home.path().join("locks.db-gate");
    let made = Command::new("mkfifo").arg(&gate).status().unwrap();
    assert!(made.success());
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Unusable { .. }), "{error}");
    assert!(
        error.to_string().contains(gate.to_str().unwrap()),
        "{error}"
    );
}
