//! Linux: a counter per slot in a mapped file, and the kernel's wait on a changed word.
//!
//! # Why nothing here touches the mapped memory
//! Anybody may cut the file off while it is in use (`> assigner.db.bell`), and a load or a store in
//! a page that the file no longer has kills the process with SIGBUS. No check of the length comes
//! before that in time. So the memory is only named to the kernel, which answers EFAULT where the
//! page is gone: it waits on a word ([`futex::wait`]), and adds one and wakes all who wait in one
//! call ([`futex::wake_op`]). The counter itself is read from the file.
//!
//! Who finds the file cut off makes it whole again. Who slept on it meanwhile is still known to the
//! kernel by file and place, and is woken by the next ring; what was counted is lost, so that every
//! wake counts as a ring, whatever the counter says.
//!
//! It is filled before it gets its name, so that no page of it is missing on a full disk either.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::futex;
use rustix::time::Timespec;

use super::{Doorbell, Handle, Listener, Wake, beside};
use crate::os::moment;

const SLOTS: usize = 8192;
const WORD: usize = size_of::<AtomicU32>();
const SIZE: usize = SLOTS * WORD;
/// Where the file cannot be made whole, who waits looks so often by itself.
const WITHOUT_A_BELL: Duration = Duration::from_millis(20);
const LOOK_FOR_THE_FILE_EVERY: Duration = Duration::from_secs(1);

/// The doorbell in a mapped file.
#[derive(Debug)]
pub struct FutexDoorbell {
    path: PathBuf,
    mapped: RwLock<Arc<Mapped>>,
    looked: AtomicI64,
}

impl FutexDoorbell {
    /// Opens or makes the file `<path_base>.bell`.
    pub fn open(path_base: &Path) -> io::Result<Self> {
        let path = beside(path_base, ".bell");
        let mapped = RwLock::new(Arc::new(Mapped::open(&path)?));
        let looked = AtomicI64::new(moment().0);
        Ok(Self {
            path,
            mapped,
            looked,
        })
    }

    fn mapped(&self) -> Arc<Mapped> {
        Arc::clone(&self.mapped.read().unwrap_or_else(PoisonError::into_inner))
    }

    // Somebody may have deleted the file, and others made a new one: who still rings the old one is
    // not heard. Listeners look each time, ringers now and then.
    fn follow_the_file(&self) -> io::Result<()> {
        if self.mapped().is_at(&self.path) {
            return Ok(());
        }
        let fresh = Arc::new(Mapped::open(&self.path)?);
        *self.mapped.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn look_now_and_then(&self) {
        let now = moment().0;
        let looked = self.looked.load(Ordering::Relaxed);
        let pause = i64::try_from(LOOK_FOR_THE_FILE_EVERY.as_nanos()).unwrap_or(i64::MAX);
        if now.saturating_sub(looked) > pause {
            self.looked.store(now, Ordering::Relaxed);
            // If it cannot be opened the old one goes on serving whoever has it.
            let _ = self.follow_the_file();
        }
    }
}

impl Doorbell for FutexDoorbell {
    fn listen(&self, slot: u32) -> io::Result<Box<dyn Listener>> {
        self.follow_the_file()?;
        let (mapped, slot) = (self.mapped(), slot as usize % SLOTS);
        let seen = AtomicU32::new(mapped.rings(slot)?);
        Ok(Box::new(FutexListener { mapped, slot, seen }))
    }

    fn ring(&self, slot: u32) {
        self.look_now_and_then();
        self.mapped().ring(slot as usize % SLOTS);
    }
}

struct FutexListener {
    mapped: Arc<Mapped>,
    slot: usize,
    seen: AtomicU32,
}

impl Listener for FutexListener {
    fn wait(&self, timeout: Duration) -> Wake {
        let end = moment().plus(timeout);
        loop {
            let seen = self.seen.load(Ordering::SeqCst);
            let left = moment().until(end);
            match self.mapped.sleep_while(self.slot, seen, left) {
                Slept::Rung(now) => {
                    self.seen.store(now, Ordering::SeqCst);
                    return Wake::Rung;
                }
                Slept::TimedOut => return Wake::TimedOut,
                Slept::Disturbed => {}
            }
        }
    }

    fn handle(&self) -> Handle {
        let (mapped, slot) = (Arc::clone(&self.mapped), self.slot);
        Arc::new(move || mapped.ring(slot))
    }
}

/// How a sleep ended.
enum Slept {
    /// Somebody rang; the counter now.
    Rung(u32),
    TimedOut,
    /// For no reason that matters: to be tried again.
    Disturbed,
}

/// Sleeps without a bell: nobody rings this word.
fn nap(left: Duration) -> Slept {
    let timeout = Timespec::try_from(left.min(WITHOUT_A_BELL)).ok();
    let nobodys = AtomicU32::new(0);
    let _ = futex::wait(&nobodys, futex::Flags::PRIVATE, 0, timeout.as_ref());
    if left > WITHOUT_A_BELL {
        Slept::Disturbed
    } else {
        Slept::TimedOut
    }
}

/// The file in memory: a counter of rings for each slot.
#[derive(Debug)]
struct Mapped {
    file: File,
    words: *const AtomicU32,
    device: u64,
    inode: u64,
}

// SAFETY: the memory stays mapped as long as this lives, and only the kernel looks into it.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open_or_make(path)?;
        let found = file.metadata()?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at a place that the kernel chooses.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                SIZE,
                access,
                MapFlags::SHARED,
                &file,
                0,
            )
        }?;
        Ok(Self {
            words: start.cast_const().cast(),
            device: found.dev(),
            inode: found.ino(),
            file,
        })
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }

    /// The counter, from the file: what it no longer has is made again.
    fn rings(&self, slot: usize) -> io::Result<u32> {
        let mut word = [0; WORD];
        let place = (slot % SLOTS * WORD) as u64;
        match self.file.read_exact_at(&mut word, place) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.make_whole()?;
                self.file.read_exact_at(&mut word, place)?;
            }
            read => read?,
        }
        Ok(u32::from_ne_bytes(word))
    }

    fn make_whole(&self) -> io::Result<()> {
        match self.file.metadata()?.len() {
            cut_off if cut_off < SIZE as u64 => self.file.set_len(SIZE as u64),
            _ => Ok(()),
        }
    }

    /// The word, to be named to the kernel and never to be read here.
    fn word(&self, slot: usize) -> &AtomicU32 {
        // SAFETY: the place lies within the mapping, which begins at a page and so is aligned. The
        // page may be gone; whoever holds the reference passes it to the kernel and does not load.
        unsafe { &*self.words.add(slot % SLOTS) }
    }

    fn sleep_while(&self, slot: usize, seen: u32, left: Duration) -> Slept {
        match self.rings(slot) {
            Ok(now) if now != seen => return Slept::Rung(now),
            Ok(_) if left.is_zero() => return Slept::TimedOut,
            Ok(_) => {}
            Err(_) => return nap(left),
        }
        let timeout = Timespec::try_from(left).ok();
        // Not private: the word is shared between processes.
        match futex::wait(
            self.word(slot),
            futex::Flags::empty(),
            seen,
            timeout.as_ref(),
        ) {
            // Cut off and rung, the counter may be what it was.
            Ok(()) => Slept::Rung(self.rings(slot).unwrap_or(seen)),
            Err(Errno::AGAIN | Errno::INTR) => Slept::Disturbed,
            Err(Errno::TIMEDOUT) => Slept::TimedOut,
            Err(Errno::FAULT) if self.make_whole().is_ok() => Slept::Disturbed,
            Err(_) => nap(left),
        }
    }

    /// Adds one and wakes all who sleep on it, in one call.
    fn ring(&self, slot: usize) {
        let (word, all) = (self.word(slot), i32::MAX as u32);
        let (add, never) = (futex::WakeOp::Add, futex::WakeOpCmp::Lt);
        let rung = || futex::wake_op(word, futex::Flags::empty(), all, 0, word, add, never, 1, 0);
        if rung() == Err(Errno::FAULT) && self.make_whole().is_ok() {
            // A ring is a hint: who cannot be rung looks by itself.
            let _ = rung();
        }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped in `open` with this size; every reference into it borrows from self.
        let _ = unsafe { munmap(self.words.cast_mut().cast(), SIZE) };
    }
}

fn open_or_make(path: &Path) -> io::Result<File> {
    match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            open(path)
        }
        opened => opened,
    }
}

fn open(path: &Path) -> io::Result<File> {
    let no_link = libc::O_NOFOLLOW;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(no_link)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > SIZE as u64 {
        let text = format!("{} is not a doorbell file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    if found.len() < SIZE as u64 {
        fill(&mut file, found.len())?; // Cut off by somebody: made whole, for all who have it.
    }
    Ok(file)
}

// Made under another name and linked when it is whole, so that two processes can do it at once.
fn make(path: &Path) -> io::Result<()> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    let whole = beside(path, &format!(".{}.{count}", std::process::id()));
    make_whole(&whole)?;
    let linked = fs::hard_link(&whole, path);
    fs::remove_file(&whole)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // No hard links here (exFAT). Who opens it in between fills it as well, with the same.
        Err(_) => make_whole(path),
        Ok(()) => Ok(()),
    }
}

fn make_whole(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    fill(&mut file, 0)
}

fn fill(file: &mut File, from: u64) -> io::Result<()> {
    use std::io::Seek;
    let missing = SIZE.saturating_sub(usize::try_from(from).unwrap_or(SIZE));
    file.seek(io::SeekFrom::Start(from))?;
    file.write_all(&vec![0; missing])
}
