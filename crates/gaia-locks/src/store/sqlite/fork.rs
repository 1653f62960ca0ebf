//! What becomes of the database when a process forks (Python's
//! multiprocessing, servers that start their workers so).
//!
//! A child inherits SQLite's memory and descriptors. Locks of an open file
//! description belong to both then, and SQLite, which remembers what it holds by
//! the file's device and number, would open the file anew and go on with the
//! parent's locks: two processes would write at once. So two things are done:
//!
//! - Every generation of a process family sees another device number through
//!   SQLite's `fstat`. A child so finds nothing of its parent's, and takes
//!   descriptors and locks of its own. What it inherited is never used or freed.
//! - Where asked for ([`quiesce`]), a fork waits until no thread is inside the
//!   database: else the child would inherit SQLite's mutexes locked for ever,
//!   and hold on to a write lock of its parent's after the parent died.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{MutexGuard, Once};

use super::connection;

/// How many forks lie between the first process that opened a database and
/// this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);
static QUIESCE: AtomicBool = AtomicBool::new(false);

thread_local! {
    static HELD: RefCell<Vec<Held>> = const { RefCell::new(Vec::new()) };
}

/// What keeps others out of the database during a fork.
pub(super) enum Held {
    /// Nobody opens one.
    Registry(#[expect(dead_code, reason = "held, not read")] connection::RegistryGuard),
    /// Nobody is inside this one.
    Connection(
        #[expect(dead_code, reason = "held, not read")] MutexGuard<'static, rusqlite::Connection>,
    ),
}

/// From now on a fork waits until no thread is inside a database. For programs
/// that fork while other threads work; whoever forks inside a transaction of
/// its own must not ask for it.
pub fn quiesce() {
    notice();
    QUIESCE.store(true, Ordering::SeqCst);
}

/// From now on forks are counted.
pub(super) fn notice() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the three functions live as long as the program and unwind
        // into nobody. Out of memory, the one failure, leaves forks uncounted.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// The number of a device as this generation's SQLite sees it. Real numbers
/// use low bits, generations count from the top.
pub(super) fn device(real: libc::dev_t) -> libc::dev_t {
    let generation = GENERATION.load(Ordering::Relaxed);
    real ^ (generation as libc::dev_t).reverse_bits()
}

extern "C" fn before() {
    if QUIESCE.load(Ordering::SeqCst) {
        // A thread that is about to end has nothing to hold with, and forks
        // nothing.
        let _ = HELD.try_with(|held| held.replace(connection::hold_all()));
    }
}

extern "C" fn in_parent() {
    let _ = HELD.try_with(RefCell::take);
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    in_parent();
}
