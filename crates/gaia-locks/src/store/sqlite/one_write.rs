//! A commit's pages reach the log with one call instead of two for each page.
//!
//! In WAL mode SQLite appends a frame for each changed page: a header of 24
//! bytes, then the page, each with a `pwrite` of its own. A grant changes about
//! five pages, and those ten calls were a quarter of its time. So while a commit
//! runs ([`during`]), frames that follow each other are gathered and written
//! together.
//!
//! # Why this is safe
//! - Nothing is held back beyond the commit's last frame, which says that it is
//!   the last. Only afterwards does SQLite tell other processes of the frames,
//!   through shared memory, and sync the log where it is asked to.
//! - Until then no one else reads them: they lie behind the end of the log, and
//!   the transaction itself reads none while it commits.
//! - Whatever does not continue what was gathered is written after it, at once:
//!   the order of writes stays SQLite's.
//! - A process that dies in between leaves frames without a last one, as it
//!   could before: whoever opens the log next leaves them out.
//! - A write that fails is told to SQLite by the call that was to finish it, and
//!   SQLite takes the transaction back.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::io;

/// SQLite's WAL_FRAME_HDRSIZE.
const HEADER: usize = 24;

/// What is gathered at most. Large transactions are rare and need no help.
const AT_MOST: usize = 64 * 1024;

thread_local! {
    static COMMIT: RefCell<Option<Frames>> = const { RefCell::new(None) };
    /// Kept from commit to commit.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Gathers what `commit` writes to the log, on this thread only.
pub(super) fn during<T>(commit: impl FnOnce() -> T) -> T {
    let bytes = SPARE.take();
    COMMIT.set(Some(Frames::new(bytes)));
    let done = commit();
    if let Some(mut frames) = COMMIT.take() {
        // Something is left only where the commit failed.
        frames.bytes.clear();
        SPARE.set(frames.bytes);
    }
    done
}

/// In place of SQLite's `pwrite`.
///
/// # Safety
/// As for `pwrite`.
pub(super) unsafe extern "C" fn pwrite(
    fd: c_int,
    data: *const c_void,
    length: usize,
    offset: libc::off_t,
) -> isize {
    let gathered = COMMIT.try_with(|commit| {
        let mut commit = commit.try_borrow_mut().ok()?;
        let frames = commit.as_mut()?;
        // SAFETY: SQLite passes a buffer of that length.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
        Some(frames.write(&mut write_all, fd, bytes, offset))
    });
    match gathered {
        Ok(Some(written)) => written,
        // SAFETY: passed on as it came.
        _ => unsafe { libc::pwrite(fd, data, length, offset) },
    }
}

/// Writes all of it: what was written, or what the call that could not go on
/// said, its errno left as it was.
fn write_all(fd: c_int, bytes: &[u8], offset: i64) -> isize {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        let at = offset + i64::try_from(done).unwrap_or(i64::MAX);
        // SAFETY: the slice is as long as it says.
        let written = unsafe { libc::pwrite(fd, rest.as_ptr().cast(), rest.len(), at) };
        match usize::try_from(written) {
            Ok(more) if more > 0 => done += more,
            Err(_) if is_interrupted() => {}
            _ => return written,
        }
    }
    isize::try_from(bytes.len()).unwrap_or(isize::MAX)
}

/// SQLite would do the last call again, and not know of those before it.
fn is_interrupted() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

/// What comes next behind the gathered bytes.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Header,
    Page { is_last: bool },
}

/// Frames that lie behind each other in one file and are not yet written.
struct Frames {
    fd: c_int,
    start: i64,
    bytes: Vec<u8>,
    next: Next,
}

/// Writes bytes to a file at an offset; answers as `pwrite`.
type Write<'a> = &'a mut dyn FnMut(c_int, &[u8], i64) -> isize;

impl Frames {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            fd: -1,
            start: 0,
            bytes,
            next: Next::Header,
        }
    }

    /// Takes one write of SQLite's; answers as `pwrite` does.
    fn write(&mut self, out: Write<'_>, fd: c_int, bytes: &[u8], offset: i64) -> isize {
        let is_header = bytes.len() == HEADER;
        match self.next {
            Next::Header if is_header && self.goes_on(fd, offset) => self.header(bytes),
            Next::Page { is_last } if !is_header && self.goes_on(fd, offset) => {
                self.bytes.extend_from_slice(bytes);
                self.next = Next::Header;
                if is_last || self.bytes.len() > AT_MOST {
                    return self.flush(out, bytes.len());
                }
            }
            _ => return self.begin(out, fd, bytes, offset),
        }
        isize::try_from(bytes.len()).unwrap_or(isize::MAX)
    }

    /// A write that does not continue what was gathered. A last frame that is
    /// none's continuation is not held back: SQLite also writes such a header
    /// anew, alone, when it has changed a frame before it.
    fn begin(&mut self, out: Write<'_>, fd: c_int, bytes: &[u8], offset: i64) -> isize {
        let flushed = self.flush(out, bytes.len());
        if flushed < isize::try_from(bytes.len()).unwrap_or(isize::MAX) {
            return flushed;
        }
        if bytes.len() != HEADER || is_last(bytes) {
            return out(fd, bytes, offset);
        }
        (self.fd, self.start) = (fd, offset);
        self.header(bytes);
        flushed
    }

    fn header(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.next = Next::Page {
            is_last: is_last(bytes),
        };
    }

    fn goes_on(&self, fd: c_int, offset: i64) -> bool {
        let end = i64::try_from(self.bytes.len()).map(|length| self.start + length);
        !self.bytes.is_empty() && self.fd == fd && end == Ok(offset)
    }

    /// Writes what was gathered. Answers `length` for the call that led here, or
    /// why it failed, and forgets it in any case.
    fn flush(&mut self, out: Write<'_>, length: usize) -> isize {
        let all = isize::try_from(self.bytes.len()).unwrap_or(isize::MAX);
        let written = match all {
            0 => 0,
            _ => out(self.fd, &self.bytes, self.start),
        };
        self.bytes.clear();
        self.next = Next::Header;
        if written < all {
            // A part of it is as little a commit as nothing: 0 says that the
            // disk is full.
            return written.min(0);
        }
        isize::try_from(length).unwrap_or(isize::MAX)
    }
}

/// Whether a frame's header says that it ends a transaction: it then names the
/// size of the database after it (sqlite.org/fileformat2.html, section 4.1).
fn is_last(header: &[u8]) -> bool {
    header.get(4..8).is_some_and(|size| size != [0; 4])
}

#[cfg(test)]
mod tests;
