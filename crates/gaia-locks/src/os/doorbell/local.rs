//! A doorbell within one process, for the store in memory.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Doorbell, Handle, Listener, Wake};

const SLOTS: u32 = 64;

/// Rings threads of this process. Clones are one bell.
#[derive(Debug, Clone)]
pub struct LocalDoorbell {
    slots: Arc<[Slot]>,
}

#[derive(Debug, Default)]
struct Slot {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Default for LocalDoorbell {
    fn default() -> Self {
        Self::new()
    }
}

impl LocalDoorbell {
    /// A bell that nobody else has.
    #[must_use]
    pub fn new() -> Self {
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Self { slots }
    }

    fn slot(&self, slot: u32) -> &Slot {
        &self.slots[(slot % SLOTS) as usize]
    }
}

impl Slot {
    fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }
}

impl Doorbell for LocalDoorbell {
    fn listen(&self, slot: u32) -> io::Result<Box<dyn Listener>> {
        let seen = *self
            .slot(slot)
            .rings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(Box::new(LocalListener {
            bell: self.clone(),
            slot,
            seen: Mutex::new(seen),
        }))
    }

    fn ring(&self, slot: u32) {
        self.slot(slot).ring();
    }
}

struct LocalListener {
    bell: LocalDoorbell,
    slot: u32,
    seen: Mutex<u64>,
}

impl Listener for LocalListener {
    fn wait(&self, timeout: Duration) -> Wake {
        let slot = self.bell.slot(self.slot);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let rings = slot.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = slot
            .rung
            .wait_timeout_while(rings, timeout, |rings| *rings == *seen);
        let (rings, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let woken = *rings != *seen;
        *seen = *rings;
        if woken { Wake::Rung } else { Wake::TimedOut }
    }

    fn handle(&self) -> Handle {
        let (bell, slot) = (self.bell.clone(), self.slot);
        Arc::new(move || bell.ring(slot))
    }
}
