//! Whether an earlier assigner that has tasks in its hands is gone.
//!
//! One that works on a long task changes nothing in the tables. But whoever
//! goes on looking at them has the file open, or opens it again and again; and
//! the session that it typed into is a tmux session of its user. So its tasks
//! are orphaned when for the quiet time nobody opened the file, no process but
//! those of GAIA has it open, and no tmux server has that session.
//!
//! Where one of these cannot be told nobody is taken to be gone: then the time
//! limit of its tasks counts. A process that it started by itself, and that
//! outlives it, cannot be seen.

use std::io;
use std::path::Path;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::os::openings::Openings;
use gaia_locks::store::sqlite;

/// Since when nobody has opened the database.
#[derive(Default)]
pub(super) struct Absence {
    openings: Option<Openings>,
    since: Moment,
}

impl Absence {
    /// Whether nobody else has looked at the database for the quiet time.
    pub fn is_certain(&mut self, database: &Path, now: Moment, quiet: Duration) -> bool {
        self.look(database, now, quiet).unwrap_or_else(|error| {
            tracing::debug!(%error, "who else has the database open cannot be told");
            self.begin_anew(now);
            false
        })
    }

    fn look(&mut self, database: &Path, now: Moment, quiet: Duration) -> io::Result<bool> {
        let Some(openings) = &self.openings else {
            self.openings = Openings::of(database)?;
            self.since = now;
            return Ok(false);
        };
        if openings.were_there()? {
            self.since = now;
        }
        if now.since(self.since) < quiet {
            return Ok(false);
        }
        let is_open = sqlite::is_open_elsewhere(database)?;
        if is_open {
            self.begin_anew(now);
        }
        Ok(!is_open)
    }

    /// It takes the quiet time again until the next look.
    pub fn begin_anew(&mut self, now: Moment) {
        self.since = now;
    }
}
