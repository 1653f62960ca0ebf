//! Whether somebody who reads or waits for long may still do so.
//!
//! A request is let in once. One that lasts for hours is looked at again, so
//! that a token that was revoked does not go on as long as something happens.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// How often is looked.
pub const LOOK: Duration = Duration::from_secs(15);

/// Somebody who was let in, and when that was last looked at.
pub struct Still {
    who: Who,
    looked: Instant,
}

impl Still {
    /// Somebody who was let in just now.
    pub fn new(who: Who) -> Self {
        Self {
            who,
            looked: Instant::now(),
        }
    }

    /// Refuses whoever was signed out, or whose token was revoked, meanwhile;
    /// looks only when the last look is [`LOOK`] old.
    ///
    /// # Errors
    /// 401 for one who counts no more, or when the store cannot be used.
    pub async fn may(&mut self, app: &Arc<App>) -> Answer<()> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        counts(app, &self.who).await?;
        self.looked = Instant::now();
        Ok(())
    }
}

/// Refuses whoever would not be let in now.
///
/// # Errors
/// As [`Still::may`].
pub async fn counts(app: &Arc<App>, who: &Who) -> Answer<()> {
    let (accounts, who) = (app.accounts.clone(), who.clone());
    match app.core.call(move || accounts.still_counts(&who)).await? {
        true => Ok(()),
        false => Err(Problem::signed_out(
            "you were signed out, or the token was revoked or expired, meanwhile",
        )),
    }
}
