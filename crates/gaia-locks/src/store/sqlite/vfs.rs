//! Locks that survive another copy of SQLite in the same process.
//!
//! POSIX record locks belong to the process: when any code in it closes any
//! descriptor of the file, they are all gone, in silence. A Python program that
//! opens the same database with its own `sqlite3` does exactly that. Locks of
//! an open file description belong to the descriptor instead. SQLite's VFS lets
//! its `fcntl` be replaced, which is done here once, before the first file is
//! opened.
//!
//! SQLite shares one set of locks among all its connections of a process to
//! one file, but takes and gives them back through whichever descriptor is at
//! hand. With locks that belong to a descriptor this works only while there is
//! a single connection to a file: see [`super::connection`].

use std::ffi::{CStr, c_int, c_void};
use std::sync::Once;

use rusqlite::ffi;

use super::{fork, one_write};

static INSTALL: Once = Once::new();

/// Makes SQLite take open-file-description locks from now on, forget after a
/// fork what it held before, and write a commit at once.
pub(super) fn replace_calls() {
    INSTALL.call_once(|| {
        fork::notice();
        // SAFETY: a null name asks for the default VFS, which lives as long as
        // the process.
        let vfs = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        // SAFETY: SQLite calls the replacements only as fcntl(fd, command,
        // argument), which is what `fcntl` below is by the platform's
        // convention for the variadic argument, as fstat(fd, buffer), and as
        // pwrite(fd, buffer, length, offset).
        unsafe {
            replace(
                vfs,
                c"fcntl",
                std::mem::transmute::<Fcntl, Call>(REPLACEMENT),
            );
            replace(vfs, c"fstat", std::mem::transmute::<Fstat, Call>(fstat));
            replace(
                vfs,
                c"pwrite",
                std::mem::transmute::<Pwrite, Call>(one_write::pwrite),
            );
        }
    });
}

type Call = unsafe extern "C" fn();
type Fstat = unsafe extern "C" fn(c_int, *mut libc::stat) -> c_int;
type Pwrite = unsafe extern "C" fn(c_int, *const c_void, usize, libc::off_t) -> isize;

/// # Safety
/// `vfs` is null or valid, and `call` may be called as SQLite calls `name`.
unsafe fn replace(vfs: *mut ffi::sqlite3_vfs, name: &CStr, call: Call) {
    // SAFETY: either null or a valid VFS; its fields are plain data.
    let set = unsafe { vfs.as_ref() }.and_then(|vfs| vfs.xSetSystemCall);
    if let Some(set) = set {
        // SAFETY: the name is a C string; the caller answers for the rest.
        unsafe { set(vfs, name.as_ptr(), Some(call)) };
    }
}

/// SQLite knows again by device and number what this process has open: see
/// [`fork`].
unsafe extern "C" fn fstat(fd: c_int, found: *mut libc::stat) -> c_int {
    // SAFETY: passed on as it came.
    let code = unsafe { libc::fstat(fd, found) };
    // SAFETY: SQLite passes a pointer to a value of its own.
    if let (0, Some(found)) = (code, unsafe { found.as_mut() }) {
        found.st_dev = fork::device(found.st_dev);
    }
    code
}

/// On most platforms a variadic integer or pointer argument is passed like any
/// other.
#[cfg(not(all(target_vendor = "apple", target_arch = "aarch64")))]
type Fcntl = unsafe extern "C" fn(c_int, c_int, usize) -> c_int;
#[cfg(not(all(target_vendor = "apple", target_arch = "aarch64")))]
const REPLACEMENT: Fcntl = fcntl;

/// On Apple's arm64 variadic arguments always lie on the stack. Stable Rust
/// cannot define variadic functions, but the ninth integer argument lies at the
/// very same place, when the first eight have filled the registers.
#[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
type Fcntl =
    unsafe extern "C" fn(c_int, c_int, usize, usize, usize, usize, usize, usize, usize) -> c_int;
#[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
const REPLACEMENT: Fcntl = fcntl_on_stack;

#[cfg(all(target_vendor = "apple", target_arch = "aarch64"))]
unsafe extern "C" fn fcntl_on_stack(
    fd: c_int,
    command: c_int,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    _: usize,
    argument: usize,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe { fcntl(fd, command, argument) }
}

unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    let command = match command {
        libc::F_SETLK => OFD_SETLK,
        libc::F_SETLKW => OFD_SETLKW,
        libc::F_GETLK => OFD_GETLK,
        // SAFETY: passed on as it came.
        _ => return unsafe { libc::fcntl(fd, command, argument) },
    };
    // SAFETY: for these commands SQLite passes a pointer to a flock of its own.
    if let Some(lock) = unsafe { (argument as *mut libc::flock).as_mut() } {
        // The kernel insists on it for these commands, and SQLite leaves it unset.
        lock.l_pid = 0;
    }
    // SAFETY: as above; the commands take the same argument.
    unsafe { libc::fcntl(fd, command, argument) }
}

#[cfg(target_os = "linux")]
const OFD_SETLK: c_int = libc::F_OFD_SETLK;
#[cfg(target_os = "linux")]
const OFD_SETLKW: c_int = libc::F_OFD_SETLKW;
#[cfg(target_os = "linux")]
const OFD_GETLK: c_int = libc::F_OFD_GETLK;

// <sys/fcntl.h>; not in the libc crate.
#[cfg(target_os = "macos")]
const OFD_SETLK: c_int = 90;
#[cfg(target_os = "macos")]
const OFD_SETLKW: c_int = 91;
#[cfg(target_os = "macos")]
const OFD_GETLK: c_int = 92;
