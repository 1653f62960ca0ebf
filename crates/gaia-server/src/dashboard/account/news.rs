//! What a form has done, for the page that follows it.
//!
//! A form is answered with the way back to the page, so that loading that page
//! anew sends nothing again. What is to be said there, a new token too, waits
//! here for the browser that sent the form; it is said once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Told;
use crate::accounts::secret::Hash;

/// Nobody comes for it later than that.
const KEPT: Duration = Duration::from_secs(60);

/// What waits for whom.
#[derive(Default)]
pub struct News(Mutex<HashMap<Hash, (Instant, Told)>>);

impl News {
    /// Keeps it for the browser of this session; what it did not come for before
    /// is forgotten.
    pub(super) fn keep(&self, session: Hash, told: Told) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, (since, _)| since.elapsed() < KEPT);
        waiting.insert(session, (Instant::now(), told));
    }

    /// What there is to say, once.
    pub(super) fn take(&self, session: &Hash) -> Told {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = waiting.remove(session);
        let kept = kept.filter(|(since, _)| since.elapsed() < KEPT);
        kept.map_or(Told::Nothing, |(_, told)| told)
    }
}
