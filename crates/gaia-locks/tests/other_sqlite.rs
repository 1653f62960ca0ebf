//! Another copy of SQLite in the same process opens and closes the database
//! (section 4): GAIA's locks stay, in the middle of a write too.
//!
//! Proof from outside: while one of our transactions is in the middle of its
//! write, a process of its own must not be able to begin one. The control shows
//! that plain POSIX locks would have been lost, so the proof can fail.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};

use gaia_locks::clock::ManualClock;
use gaia_locks::service::Attempt;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;
use gaia_locks::{LockService, Locks, Scope};
use gaia_testkit::conformance::{StageWitness, ask, service_on};

fn open(path: &Path) -> LockService {
    let store = Arc::new(SqliteStore::open(path, SqliteOptions::default()).unwrap());
    service_on(
        store,
        Scope::local(),
        &StageWitness::new(ManualClock::new()),
    )
}

/// A process of its own, with Python's SQLite.
fn python(program: &str, path: &Path) -> Option<String> {
    let done = Command::new("python3")
        .args(["-c", program])
        .arg(path)
        .output()
        .ok()?;
    let said = String::from_utf8(done.stdout).unwrap();
    done.status.success().then(|| said.trim().to_owned())
}

const BEGIN: &str = "
import sqlite3, sys
try:
    db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
    db.execute('BEGIN IMMEDIATE')
    print('began')
except sqlite3.OperationalError as error:
    print(error)
";

/// Runs `meddle` in the middle of one of our write transactions and says what a
/// stranger could do then; `None` where there is no Python.
fn in_the_middle_of_a_write(meddle: impl FnOnce(&Path)) -> Option<String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("assigner.db");
    let service = open(&path);
    let first = ask("A", "/first").at(&service).unwrap();
    assert!(matches!(first, Answer::Granted(_)));
    assert_eq!(python(BEGIN, &path)?, "began", "nobody is writing yet");
    let (written, middle) = mpsc::channel();
    let (go_on, end) = mpsc::channel::<()>();
    let writing = service.clone();
    let writer = std::thread::spawn(move || {
        let request = ask("A", "/second").0;
        let want = writing.want(&request).unwrap();
        writing.transact(|tx| {
            let answer = tx.acquire(&Attempt {
                want: &want,
                request: &request,
            })?;
            written.send(()).unwrap();
            end.recv().unwrap();
            Ok(answer)
        })
    });
    middle.recv().unwrap();
    assert_eq!(python(BEGIN, &path)?, "database is locked");
    meddle(&path);
    let stranger = python(BEGIN, &path);
    go_on.send(()).unwrap();
    assert!(matches!(writer.join().unwrap(), Ok(Answer::Granted(_))));
    assert_eq!(service.status(None).unwrap().count, 2);
    assert_eq!(
        python(BEGIN, &path)?,
        "began",
        "and afterwards it is free again"
    );
    stranger
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn open_and_close(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(path, suffix);
        drop(File::options().read(true).write(true).open(&file).unwrap());
        fs::read(&file).unwrap();
    }
}

#[test]
fn r01_a_foreign_close_in_this_process_drops_no_lock() {
    match in_the_middle_of_a_write(open_and_close) {
        Some(stranger) => assert_eq!(stranger, "database is locked"),
        None => loudly("there is no python3 with sqlite3 here"),
    }
}

/// SQLite of the system, beside the one that is built in.
struct OtherCopy(*mut c_void);

impl OtherCopy {
    fn load() -> Option<Self> {
        let names = [c"libsqlite3.so.0", c"libsqlite3.dylib"];
        // SAFETY: names are C strings; loading SQLite runs no code that minds.
        let load =
            |name: &CStr| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        let library = names
            .into_iter()
            .map(load)
            .find(|library| !library.is_null())?;
        Some(Self(library))
    }

    fn function(&self, name: &CStr) -> *mut c_void {
        // SAFETY: the library stays loaded until the process ends.
        let found = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!found.is_null(), "{name:?}");
        found
    }

    /// Opens the database, reads in it, and closes it.
    fn read_in(&self, path: &Path) {
        type Open = unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int;
        type Exec = unsafe extern "C" fn(
            *mut c_void,
            *const c_char,
            *const c_void,
            *mut c_void,
            *mut c_void,
        ) -> c_int;
        type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let mut database = std::ptr::null_mut();
        // SAFETY: these are SQLite's own functions under its documented types.
        unsafe {
            let open: Open = std::mem::transmute(self.function(c"sqlite3_open"));
            let exec: Exec = std::mem::transmute(self.function(c"sqlite3_exec"));
            let close: Close = std::mem::transmute(self.function(c"sqlite3_close"));
            assert_ne!(
                open as usize,
                rusqlite::ffi::sqlite3_open as *const () as usize,
                "a copy of its own"
            );
            assert_eq!(open(name.as_ptr(), &raw mut database), 0);
            let look = c"SELECT count(*) FROM lock_history";
            assert_eq!(
                exec(
                    database,
                    look.as_ptr(),
                    std::ptr::null(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut()
                ),
                0
            );
            assert_eq!(close(database), 0);
        }
    }
}

#[test]
fn r01_another_copy_of_sqlite_in_this_process_drops_no_lock() {
    let Some(other) = OtherCopy::load() else {
        return loudly("there is no other copy of SQLite here");
    };
    match in_the_middle_of_a_write(|path| other.read_in(path)) {
        Some(stranger) => assert_eq!(stranger, "database is locked"),
        None => loudly("there is no python3 with sqlite3 here"),
    }
}

/// The control: what SQLite uses by itself, POSIX record locks, is lost when
/// anything in the process closes the file.
#[test]
fn r01_control_posix_locks_are_dropped_by_a_foreign_close() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("plain");
    fs::write(&path, "x").unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    // SAFETY: a record lock on an open file, described by a whole struct.
    let locked = unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as _;
        libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock)
    };
    assert_eq!(locked, 0);
    const LOCK: &str = "
import fcntl, sys
try:
    fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)
    print('locked by a stranger')
except OSError:
    print('held')
";
    let Some(before) = python(LOCK, &path) else {
        return loudly("there is no python3 here");
    };
    assert_eq!(before, "held");
    drop(File::open(&path).unwrap());
    assert_eq!(python(LOCK, &path).unwrap(), "locked by a stranger");
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn loudly(text: &str) {
    eprintln!("\n!!! NOT TESTED: {text}\n");
}
