//! Ctrl-C and its like: they end the demo as a whole, not this process alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::Failure;

/// Ctrl-C and its like.
pub struct Interrupt {
    signal: Arc<AtomicI32>,
}

impl Interrupt {
    /// From here on such a signal is only taken note of.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn watch() -> Result<Self, Failure> {
        let signal = Arc::new(AtomicI32::new(0));
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let seen = signal.clone();
        std::thread::Builder::new()
            .name("gaia-signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    seen.store(signal, Ordering::SeqCst);
                }
            })?;
        Ok(Self { signal })
    }

    /// The exit status that a shell expects after that signal.
    pub fn status(&self) -> Option<u8> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            signal => u8::try_from(128 + signal).ok(),
        }
    }
}
