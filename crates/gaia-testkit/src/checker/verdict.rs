//! What the judge says: for people, and as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, WaiterId};

use super::Evidence;
use super::testimony::Testimony;

/// One thing that must not have happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "violation", rename_all = "snake_case")]
pub enum Violation {
    /// Two conflicting locks were active at one instant [R1].
    Conflict {
        /// The one granted earlier.
        first: LockId,
        /// The one granted beside it.
        second: LockId,
        /// From when they stood side by side.
        from: Moment,
        /// Who and where.
        what: String,
    },
    /// A token is not above every earlier one [R4].
    TokenOrder {
        /// The token granted earlier.
        before: LockId,
        /// The one granted later.
        after: LockId,
        /// How they contradict.
        what: String,
    },
    /// One token was given to two requests [R4].
    TokenReused {
        /// Which.
        token: LockId,
        /// To whom.
        what: String,
    },
    /// Somebody was served before a waiter that came earlier [R8].
    OutOfTurn {
        /// The waiter that was passed over.
        passed_over: WaiterId,
        /// The lock granted to somebody who came later.
        granted: LockId,
        /// Who and where.
        what: String,
    },
    /// What a process was told and what the history says differ [R14, R15].
    Lost {
        /// Which lock.
        token: LockId,
        /// How they differ.
        what: String,
    },
    /// A lease ended too early or too late [R3].
    Lease {
        /// Which lock.
        token: LockId,
        /// By how much, and how it is known.
        what: String,
    },
    /// A lock ended as that of a dead process, and the process lived [R11].
    NotDead {
        /// Which lock.
        token: LockId,
        /// The process.
        what: String,
    },
    /// A process found another at work in the folder that it held alone.
    NotAlone {
        /// Its lock.
        token: LockId,
        /// What it found.
        what: String,
    },
    /// A request failed, or a process stood still or fell over.
    Failed {
        /// Which process.
        journal: String,
        /// What it said.
        what: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict {
                first,
                second,
                from,
                what,
            } => write!(
                f,
                "conflict: locks {first} and {second} side by side from {} ns on: {what}",
                from.0
            ),
            Self::TokenOrder {
                before,
                after,
                what,
            } => write!(f, "token order: {before} and then {after}: {what}"),
            Self::TokenReused { token, what } => write!(f, "token {token} given twice: {what}"),
            Self::OutOfTurn {
                passed_over,
                granted,
                what,
            } => write!(
                f,
                "out of turn: lock {granted} past waiter {passed_over}: {what}"
            ),
            Self::Lost { token, what } => write!(f, "lost: lock {token}: {what}"),
            Self::Lease { token, what } => write!(f, "lease: lock {token}: {what}"),
            Self::NotDead { token, what } => write!(f, "not dead: lock {token}: {what}"),
            Self::NotAlone { token, what } => write!(f, "not alone: lock {token}: {what}"),
            Self::Failed { journal, what } => write!(f, "failed: {journal}: {what}"),
        }
    }
}

/// How much was judged: a verdict over nothing is worth nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Locks in the history.
    pub grants: usize,
    /// Grants that a process saw.
    pub seen: usize,
    /// Requests that stood in line.
    pub waits: usize,
    /// Of those, granted at their turn.
    pub turns: usize,
    /// Requests refused.
    pub refused: usize,
    /// Locks that lapsed.
    pub lapsed: usize,
    /// Locks that ended with their process.
    pub died: usize,
    /// Processes.
    pub processes: usize,
    /// Of those, killed.
    pub killed: usize,
}

impl Counts {
    pub(super) fn of(evidence: &Evidence, testimony: &Testimony) -> Self {
        use gaia_locks::model::EndReason;
        let ended = |reason| {
            let ends = evidence
                .history
                .iter()
                .filter_map(|record| record.end.as_ref());
            ends.filter(|end| end.reason == reason).count()
        };
        Self {
            grants: evidence.history.len(),
            seen: testimony.grants.len(),
            waits: testimony.waits.len(),
            turns: testimony
                .grants
                .iter()
                .filter(|g| g.waiter.is_some())
                .count(),
            refused: testimony.refused,
            lapsed: ended(EndReason::Lapsed),
            died: ended(EndReason::Died),
            processes: testimony.processes,
            killed: testimony.killed.len(),
        }
    }
}

/// What the judge says.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// How much was judged.
    pub counts: Counts,
    /// What must not have happened, if anything.
    pub violations: Vec<Violation>,
}

impl Verdict {
    /// Whether all was right.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// The verdict as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "clean": self.is_clean(),
            "counts": self.counts,
            "violations": self.violations,
        })
    }
}

/// So many violations are shown to people; JSON has them all.
const SHOWN: usize = 20;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            f,
            "{} locks granted to {} processes ({} killed); {} waits in line, {} turns, {} refusals; {} lapsed, {} died",
            counts.grants,
            counts.processes,
            counts.killed,
            counts.waits,
            counts.turns,
            counts.refused,
            counts.lapsed,
            counts.died
        )?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(f, "  {violation}")?;
        }
        match self.violations.len() {
            0 => write!(f, "no violation"),
            n if n > SHOWN => write!(f, "{n} violations ({} not shown)", n - SHOWN),
            n => write!(f, "{n} violations"),
        }
    }
}
