//! The one-time sign-in link: whoever started the server on this machine is
//! its admin and needs no password for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::AccountError;
use crate::accounts::secret::{Hash, Secret};

/// How long a link counts.
const COUNTS: Duration = Duration::from_secs(3600);

/// The link that counts now, if any.
#[derive(Default)]
pub struct Link {
    now: Mutex<Option<(Hash, Instant)>>,
}

impl Link {
    /// A new one; the one before it counts no more.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn make(&self) -> Result<Secret, AccountError> {
        let secret = Secret::short()?;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Some((secret.hash(), Instant::now()));
        Ok(secret)
    }

    /// Whether it counts.
    pub fn counts(&self, shown: &Secret) -> bool {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.is_some_and(|(hash, made)| hash == shown.hash() && made.elapsed() < COUNTS)
    }

    /// Uses it up; whether it counted.
    pub fn take(&self, shown: &Secret) -> bool {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let counts =
            now.is_some_and(|(hash, made)| hash == shown.hash() && made.elapsed() < COUNTS);
        if counts {
            *now = None;
        }
        counts
    }
}
