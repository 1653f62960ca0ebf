//! Linux: a counter per slot in a mapped file, and the kernel's wait on a changed word.
//!
//! Ringing adds one to the slot's counter, and makes a system call only if somebody listens there.
//! A listener that is killed leaves its slot's count of listeners too high for ever; that costs
//! ringers a needless call in one slot of 4096 and nothing else.
//!
//! The file only ever grows, to one fixed size: a page that vanished under a mapping would kill
//! the process that touches it. It is filled before it gets its name, so that no page of it is
//! missing on a full disk either.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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

const SLOTS: usize = 4096;
const SIZE: usize = 2 * SLOTS * size_of::<AtomicU32>();
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
        mapped.listeners(slot).fetch_add(1, Ordering::SeqCst);
        let seen = AtomicU32::new(mapped.rings(slot).load(Ordering::SeqCst));
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
        let rings = self.mapped.rings(self.slot);
        loop {
            let seen = self.seen.load(Ordering::SeqCst);
            let now = rings.load(Ordering::SeqCst);
            if now != seen {
                self.seen.store(now, Ordering::SeqCst);
                return Wake::Rung;
            }
            let left = moment().until(end);
            if left.is_zero() || !sleep_while(rings, seen, left) {
                return Wake::TimedOut;
            }
        }
    }

    fn handle(&self) -> Handle {
        let (mapped, slot) = (Arc::clone(&self.mapped), self.slot);
        Arc::new(move || mapped.ring(slot))
    }
}

impl Drop for FutexListener {
    fn drop(&mut self) {
        self.mapped
            .listeners(self.slot)
            .fetch_sub(1, Ordering::SeqCst);
    }
}

// False when the time is over, or the kernel cannot wait so: then the caller polls.
fn sleep_while(rings: &AtomicU32, seen: u32, left: Duration) -> bool {
    let timeout = Timespec::try_from(left).ok();
    // Not private: the word is shared between processes.
    match futex::wait(rings, futex::Flags::empty(), seen, timeout.as_ref()) {
        Ok(()) | Err(Errno::AGAIN | Errno::INTR) => true,
        Err(_) => false,
    }
}

/// The file in memory: a counter of rings for each slot, then a count of listeners for each.
#[derive(Debug)]
struct Mapped {
    words: *const AtomicU32,
    device: u64,
    inode: u64,
}

// SAFETY: the memory stays mapped as long as this lives, and is only used through atomics.
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
        })
    }

    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }

    fn rings(&self, slot: usize) -> &AtomicU32 {
        self.word(slot % SLOTS)
    }

    fn listeners(&self, slot: usize) -> &AtomicU32 {
        self.word(SLOTS + slot % SLOTS)
    }

    fn word(&self, place: usize) -> &AtomicU32 {
        debug_assert!(place < 2 * SLOTS, "both callers stay within the file");
        // SAFETY: the place lies within the mapping, which begins at a page and so is aligned.
        unsafe { &*self.words.add(place) }
    }

    fn ring(&self, slot: usize) {
        let rings = self.rings(slot);
        rings.fetch_add(1, Ordering::SeqCst);
        if self.listeners(slot).load(Ordering::SeqCst) > 0 {
            // The counter has changed: who is about to sleep will not, even if this fails.
            let _ = futex::wake(rings, futex::Flags::empty(), i32::MAX as u32);
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
