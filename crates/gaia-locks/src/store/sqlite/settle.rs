//! A log that short-lived processes keep short for each other.
//!
//! Whoever opens a database that nobody else has open reads its whole log
//! again, to make the index of it that all processes share: 0.9 ms for a
//! thousand frames. Commands leave the log as it is, because the last closer's
//! checkpoint would cost each of them two syncs; so the log grows, and with it
//! what each next command pays. Who had to read a long one empties it when its
//! work is done: once in some thirty commands, and nobody waits for it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection as Sqlite;
use rusqlite::ffi;

use super::connection::Connection;
use super::open::BUSY;

/// From how many frames on a log is worth emptying: about where two syncs, now
/// and then, cost less than what they save.
const LONG: u64 = 256;

/// How many frames this process had to read again.
static RECOVERED: AtomicU64 = AtomicU64::new(0);

/// Has SQLite tell of what it recovers. To be called before SQLite is first
/// used; later it changes nothing, and no log is emptied.
pub(super) fn hear_of_recovery() {
    static INSTALL: Once = Once::new();
    let hear: unsafe extern "C" fn(*mut c_void, c_int, *const c_char) = heard;
    let nothing = std::ptr::null_mut::<c_void>();
    // SAFETY: for this option SQLite takes a function of that type and a
    // pointer that is passed back to it, which is not used.
    INSTALL.call_once(|| unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_LOG, hear, nothing);
    });
}

unsafe extern "C" fn heard(_: *mut c_void, code: c_int, message: *const c_char) {
    if code != ffi::SQLITE_NOTICE_RECOVER_WAL || message.is_null() {
        return;
    }
    // SAFETY: not null, and SQLite's messages are C strings.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    RECOVERED.fetch_add(frames(&message), Ordering::Relaxed);
}

/// "recovered 29 frames from WAL file …"
fn frames(message: &str) -> u64 {
    let number = message.split(' ').find_map(|word| word.parse::<u64>().ok());
    number.unwrap_or(0)
}

/// Empties a log that this process had to read and found long, unless somebody
/// is in the way: then it is left to the next.
pub(super) fn settle(connection: &Connection) {
    if RECOVERED.swap(0, Ordering::Relaxed) < LONG {
        return;
    }
    let sqlite = connection.lock();
    let _turn = connection.gate.pass();
    if let Err(error) = empty(&sqlite) {
        tracing::debug!(%error, "the log could not be emptied");
    }
}

fn empty(sqlite: &Sqlite) -> rusqlite::Result<()> {
    sqlite.busy_timeout(Duration::ZERO)?;
    let emptied = sqlite.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    sqlite.busy_timeout(BUSY)?;
    emptied
}

#[cfg(test)]
mod tests {
    use super::frames;

    #[test]
    fn how_many_frames_were_recovered_stands_in_the_message() {
        let message = "recovered 29 frames from WAL file /a 7/assigner.db-wal";
        assert_eq!(frames(message), 29);
        assert_eq!(frames("something else"), 0);
    }
}
