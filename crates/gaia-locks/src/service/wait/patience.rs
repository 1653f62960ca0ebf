//! How long somebody waits, what it sees meanwhile, and calling it off.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::os::Listener;
use crate::wire::Queued;

/// Called off from another thread or a signal handler's thread.
#[derive(Clone, Default)]
pub struct Cancel {
    inner: Arc<CancelInner>,
}

#[derive(Default)]
struct CancelInner {
    cancelled: AtomicBool,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl Cancel {
    /// Calls the wait off; it leaves the line and ends at once.
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::SeqCst);
        let wake = self
            .inner
            .wake
            .lock()
            .map(|wake| wake.clone())
            .unwrap_or_default();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::SeqCst)
    }

    /// Calling off rings this listener; for whoever waits at a door.
    pub fn wakes(&self, listener: &dyn Listener) {
        if let Ok(mut wake) = self.inner.wake.lock() {
            *wake = Some(listener.handle());
        }
    }
}

/// What a waiter sees each time it looks.
#[derive(Clone, Debug)]
pub struct Look {
    /// Its place, and what is in its way now.
    pub queued: Queued,
}

/// How long somebody waits, and what it does meanwhile.
#[derive(Default)]
pub struct Patience<'a> {
    /// `None`: until it is granted or called off.
    pub limit: Option<Duration>,
    /// Calls it off.
    pub cancel: Cancel,
    /// Shown what is in the way, when it starts and whenever it looks.
    pub on_look: Option<&'a mut dyn FnMut(&Look)>,
}

impl std::fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patience")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
