use std::ffi::c_int;

use proptest::prelude::*;

use super::{AT_MOST, Frames, HEADER};

const LOG: c_int = 7;
const DATABASE: c_int = 8;
const PAGE: usize = 64;

/// Files as they would be on disk, and how often they were written to. The
/// write number `fails_at` finds the disk full.
#[derive(Default)]
struct Disk {
    log: Vec<u8>,
    database: Vec<u8>,
    calls: usize,
    fails_at: Option<usize>,
}

impl Disk {
    fn write(&mut self, fd: c_int, bytes: &[u8], offset: i64) -> isize {
        self.calls += 1;
        if self.fails_at == Some(self.calls) {
            return -1;
        }
        let file = match fd {
            LOG => &mut self.log,
            _ => &mut self.database,
        };
        let start = usize::try_from(offset).unwrap();
        let end = start + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(bytes);
        isize::try_from(bytes.len()).unwrap()
    }
}

type Written = (c_int, Vec<u8>, i64);

fn header(is_last: bool, mark: u8) -> Vec<u8> {
    let mut header = vec![mark; HEADER];
    header[4..8].copy_from_slice(&u32::from(is_last).to_be_bytes());
    header
}

fn frame_at(number: usize) -> i64 {
    i64::try_from(32 + number * (HEADER + PAGE)).unwrap()
}

/// What SQLite writes in one commit that begins at frame `first`: pages, some
/// of them over frames that it had written before, whose headers, and all
/// behind them, it then writes anew; after it perhaps a checkpoint.
fn commit(first: usize, pages: usize, rewritten: Option<usize>, checkpoint: bool) -> Vec<Written> {
    let mut all = Vec::new();
    if let Some(old) = rewritten {
        let page_of = frame_at(old) + i64::try_from(HEADER).unwrap();
        all.push((LOG, vec![9; PAGE], page_of));
    }
    for at in 0..pages {
        let is_last = at + 1 == pages;
        let number = first + at;
        let mark = u8::try_from(number % 200).unwrap();
        all.push((LOG, header(is_last, mark), frame_at(number)));
        let page = frame_at(number) + i64::try_from(HEADER).unwrap();
        all.push((LOG, vec![mark; PAGE], page));
    }
    for number in rewritten.into_iter().flat_map(|old| old..first + pages) {
        let is_last = number + 1 == first + pages;
        all.push((LOG, header(is_last, 201), frame_at(number)));
    }
    if checkpoint {
        all.push((DATABASE, vec![3; PAGE], 0));
    }
    all
}

fn run(disk: &mut Disk, writes: &[Written]) -> bool {
    let mut frames = Frames::new(Vec::new());
    writes.iter().all(|(fd, bytes, offset)| {
        let out = &mut |fd, bytes: &[u8], offset| disk.write(fd, bytes, offset);
        frames.write(out, *fd, bytes, *offset) == isize::try_from(bytes.len()).unwrap()
    })
}

fn directly(writes: &[Written]) -> Disk {
    let mut disk = Disk::default();
    for (fd, bytes, offset) in writes {
        disk.write(*fd, bytes, *offset);
    }
    disk
}

#[test]
fn r14_a_commit_is_one_write() {
    let mut disk = Disk::default();
    assert!(run(&mut disk, &commit(0, 5, None, false)));
    assert_eq!(disk.calls, 1);
}

#[test]
fn r14_a_large_commit_is_written_in_pieces() {
    let writes = commit(0, 3 * AT_MOST / PAGE, None, false);
    let mut disk = Disk::default();
    assert!(run(&mut disk, &writes));
    assert_eq!(disk.log, directly(&writes).log);
    assert!((3..10).contains(&disk.calls), "{}", disk.calls);
}

proptest! {
    /// When SQLite has made the last write of a commit, everything is in the
    /// file, whatever it wrote.
    #[test]
    fn r14_a_commit_is_all_there(
        first in 0..4usize,
        pages in 1..6usize,
        old in proptest::option::of(0..4usize),
        checkpoint: bool,
    ) {
        let writes = commit(first, pages, old.filter(|old| *old < first), checkpoint);
        let mut disk = Disk::default();
        prop_assert!(run(&mut disk, &writes));
        let plain = directly(&writes);
        prop_assert_eq!(&disk.log, &plain.log);
        prop_assert_eq!(&disk.database, &plain.database);
        prop_assert!(disk.calls <= plain.calls);
    }

    /// A write that fails is told to SQLite before the commit is over.
    #[test]
    fn r14_a_write_that_fails_is_told(
        pages in 1..6usize,
        old in proptest::option::of(0..2usize),
        fails_at in 1..9usize,
    ) {
        let writes = commit(2, pages, old, false);
        let mut disk = Disk { fails_at: Some(fails_at), ..Disk::default() };
        let done = run(&mut disk, &writes);
        prop_assert_eq!(done, disk.calls < fails_at);
    }
}
