//! Waking a waiter in another process.
//!
//! A waiter learns of its grant by notification, not by its next poll [R8]. A doorbell has many
//! slots; a waiter listens on one, whoever grants it a lock rings there. A ring carries nothing
//! and proves nothing: the row in the database is the truth, wakes without a reason are allowed,
//! and a lost one (a killed process, a replaced file) costs the time to the next slow poll.
//!
//! The order that loses nothing: listen first, then look at the row, then wait. A ring between
//! listening and waiting is kept, and the wait returns at once.

#[cfg(target_os = "linux")]
pub mod futex;
pub mod local;
pub mod sockets;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use local::LocalDoorbell;

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Somebody rang, perhaps for somebody else in the same slot.
    Rung,
    /// Nobody rang in the time given.
    TimedOut,
}

/// Rings one listener from inside its process, for Ctrl-C and for
/// [`ProcessWatch`](super::watch::ProcessWatch).
pub type Handle = Arc<dyn Fn() + Send + Sync>;

/// A bell that processes ring for each other.
pub trait Doorbell: Send + Sync {
    /// Begins to listen. Rings from now on are not lost.
    fn listen(&self, slot: u32) -> io::Result<Box<dyn Listener>>;
    /// Wakes whoever listens on this slot. Never waits, and cannot fail: a ring is a hint.
    fn ring(&self, slot: u32);
}

/// One who listens, until dropped.
pub trait Listener: Send + Sync {
    /// Waits for a ring since [`Doorbell::listen`] or since the wait before this one.
    fn wait(&self, timeout: Duration) -> Wake;
    /// Rings this listener.
    fn handle(&self) -> Handle;
}

/// The best doorbell that this system has. All processes that give the same path share it; the
/// file or directory made there has a name that begins with it.
pub fn open_doorbell(path_base: &Path) -> io::Result<Arc<dyn Doorbell>> {
    #[cfg(target_os = "linux")]
    return Ok(Arc::new(futex::FutexDoorbell::open(path_base)?));
    #[cfg(not(target_os = "linux"))]
    return Ok(Arc::new(sockets::SocketDoorbell::open(path_base)?));
}

// The path with this ending put behind its last component.
fn beside(path_base: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = path_base.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
