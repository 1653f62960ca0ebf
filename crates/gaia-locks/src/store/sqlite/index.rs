//! Whether anybody has changed the file, told without a lock and without a
//! call of the system.
//!
//! All processes that use the file share one index of its log in mapped memory
//! (`-shm`). A commit is seen by others from the moment that the index's header
//! says so, and whoever commits is answered after that. So a header that stands
//! as it stood means that nobody has committed since, in whichever process.
//!
//! The header stands there twice: whoever commits writes the second first, and
//! whoever reads reads the first first. Two that differ mean that somebody is
//! just committing. (sqlite.org/walformat.html)
//!
//! # Why not `PRAGMA data_version`
//! It needs the connection, of which there is one for each process: it would
//! wait behind whoever waits at the gate.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use rusqlite::Connection as Sqlite;
use rusqlite::ffi;

use crate::store::Version;

/// Words in one of the two headers.
const WORDS: usize = 12;
/// As SQLite maps it.
const REGION: i32 = 32 * 1024;

/// The two headers, as long as the connection is open.
pub(super) struct Index(NonNull<[[AtomicU32; WORDS]; 2]>);

// SAFETY: what it points to is read with atomic loads only.
unsafe impl Send for Index {}
// SAFETY: as above.
unsafe impl Sync for Index {}

impl Index {
    /// The index of a connection that has begun a transaction in WAL mode, and
    /// stays open and in that mode for as long as this is used.
    pub(super) fn of(sqlite: &Sqlite) -> Option<Self> {
        let file = file(sqlite)?;
        // SAFETY: SQLite gave this file, which is open.
        let methods = unsafe { (*file).pMethods.as_ref() }?;
        let map = methods.xShmMap.filter(|_| methods.iVersion >= 2)?;
        let mut region = std::ptr::null_mut();
        // SAFETY: the file's own function, called as SQLite calls it, for a
        // region that is mapped already and so stays where it is.
        let code = unsafe { map(file, 0, REGION, 0, &raw mut region) };
        let is_mapped = code == ffi::SQLITE_OK;
        NonNull::new(region.cast()).filter(|_| is_mapped).map(Self)
    }

    /// What the index says now; nothing while somebody is just committing.
    pub(super) fn version(&self) -> Option<Version> {
        // SAFETY: mapped, and longer than two headers; aligned, as all that is
        // mapped; other processes write there, so it is read as atomics.
        let [first, second] = unsafe { self.0.as_ref() };
        let first = read(first);
        fence(Ordering::Acquire);
        (first == read(second)).then_some(Version(first))
    }
}

fn read(header: &[AtomicU32; WORDS]) -> [u32; WORDS] {
    header.each_ref().map(|word| word.load(Ordering::Acquire))
}

/// SQLite's own handle of the file.
fn file(sqlite: &Sqlite) -> Option<*mut ffi::sqlite3_file> {
    let mut file: *mut ffi::sqlite3_file = std::ptr::null_mut();
    // SAFETY: the handle is that of an open connection, the name a C string,
    // and this command writes one pointer.
    let code = unsafe {
        ffi::sqlite3_file_control(
            sqlite.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        )
    };
    (code == ffi::SQLITE_OK && !file.is_null()).then_some(file)
}
