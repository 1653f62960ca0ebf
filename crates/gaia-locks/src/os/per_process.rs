//! What a process remembers of its surroundings, safe across fork.
//!
//! A child after a fork inherits the memory of its parent, but not its pid, its threads, nor
//! always its namespaces. What was remembered may be wrong for it, and a mutex that another thread
//! held at that instant stays locked for ever. So every process has its own copy, behind its own
//! mutex, and a child begins with an empty one.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A value that each process makes for itself.
pub(crate) struct PerProcess<T: Send + 'static> {
    current: AtomicPtr<Owned<T>>,
}

struct Owned<T> {
    pid: u32,
    value: Mutex<T>,
}

impl<T: Default + Send + 'static> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        let current = AtomicPtr::new(std::ptr::null_mut());
        Self { current }
    }

    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.hold())
    }

    pub(crate) fn hold(&self) -> MutexGuard<'static, T> {
        let value = &self.own().value;
        value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> &'static Owned<T> {
        let pid = std::process::id();
        let found = self.current.load(Ordering::Acquire);
        // SAFETY: it is null, or came from `Box::leak` below and is never freed.
        match unsafe { found.as_ref() } {
            Some(owned) if owned.pid == pid => owned,
            _ => self.make(pid, found),
        }
    }

    // Never freed, since others may be using it: one small value per process that asks.
    fn make(&self, pid: u32, instead_of: *mut Owned<T>) -> &'static Owned<T> {
        let value = Mutex::new(T::default());
        let made = Box::into_raw(Box::new(Owned { pid, value }));
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let current = match self
            .current
            .compare_exchange(instead_of, made, order.0, order.1)
        {
            Ok(_) => made,
            Err(others) => others, // Another thread of this process was quicker.
        };
        // SAFETY: both come from `Box::into_raw` here and are never freed.
        unsafe { &*current }
    }
}
