//! The judge: whether what many processes did to one database was right.
//!
//! # Why a judge beside tests
//! A test that asks "did it work this time" sees what it thought of. Here
//! processes do random things, are killed and stopped, and afterwards every
//! grant is held against the rules, whatever led to it.
//!
//! # Two witnesses
//! - The **history** in the database: what the store says happened, each grant
//!   with the exact moment of its transaction.
//! - The **journals** of the processes ([`journal`]): what each of them asked
//!   and was told, written by itself before and after every request.
//!
//! Where both speak of one thing they must agree; that is how a lost grant or
//! a release that did not happen is found. All moments are those of one clock
//! (the boot clock), so that "before" and "after" mean something across
//! processes.
//!
//! # No false alarm
//! What a process did between two lines of its journal has no exact moment.
//! Each rule uses the side that excuses: a waiter counts as waiting only from
//! the line that says so, and only until the earliest moment at which it can
//! have left. So a violation is one.
//!
//! # What is not judged
//! Histories of more than one boot: moments do not compare across boots.

mod conflicts;
pub mod journal;
mod leases;
mod losses;
mod testimony;
#[cfg(test)]
mod tests;
mod timeline;
mod tokens;
mod turns;
mod verdict;

use gaia_locks::Error;
use gaia_locks::clock::Moment;
use gaia_locks::model::Lock;
use gaia_locks::store::{self, HistoryFilter, Record, Store};

pub use journal::Journal;
use testimony::Testimony;
use timeline::Timeline;
pub use verdict::{Counts, Verdict, Violation};

/// All that is known of one run.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The history, in order of tokens.
    pub history: Vec<Record>,
    /// The locks that are active at the end.
    pub active: Vec<Lock>,
    /// What the processes wrote.
    pub journals: Vec<Journal>,
    /// When the history was read.
    pub read_at: Moment,
}

impl Evidence {
    /// Reads history and active locks in one transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn gather(store: &dyn Store, journals: Vec<Journal>) -> Result<Self, Error> {
        store::read(store, |tx| {
            let mut history = tx.history(&HistoryFilter::default())?;
            history.sort_unstable_by_key(|record| record.id);
            Ok(Self {
                history,
                active: tx.locks()?,
                journals: journals.clone(),
                read_at: tx.now().moment,
            })
        })
    }
}

/// Judges a run by every rule that can be judged from outside.
pub fn judge(evidence: &Evidence) -> Verdict {
    let testimony = Testimony::of(&evidence.journals);
    let timeline = Timeline::of(evidence);
    let mut violations = testimony.complaints.clone();
    violations.extend(tokens::judge(&evidence.history, &testimony));
    violations.extend(conflicts::judge(&timeline));
    violations.extend(turns::judge(&timeline, &testimony));
    violations.extend(losses::judge(evidence, &timeline, &testimony));
    violations.extend(leases::judge(&timeline, &testimony));
    Verdict {
        counts: Counts::of(evidence, &testimony),
        violations,
    }
}
