//! The JSON of those answers that the lock library has no shape for
//! (docs/cli-json.md).

use gaia_locks::wire::{Conflict, Granted, HolderInfo, LockInfo, Refusal};
use serde::Serialize;

/// What `acquire` answers.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Acquired<'a> {
    /// All of them.
    Granted {
        granted: bool,
        locks: &'a [LockInfo],
        held_before: bool,
    },
    /// None.
    Refused {
        granted: bool,
        conflicts: &'a [Conflict],
        #[serde(skip_serializing_if = "Option::is_none")]
        more: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cycle: Option<&'a [HolderInfo]>,
        waited: bool,
    },
}

impl<'a> Acquired<'a> {
    /// Granted.
    pub fn granted(granted: &'a Granted) -> Self {
        Acquired::Granted {
            granted: true,
            locks: &granted.locks,
            held_before: granted.held_before,
        }
    }

    /// Refused, perhaps after a wait.
    pub fn refused(refusal: &'a Refusal, waited: bool) -> Self {
        Acquired::Refused {
            granted: false,
            conflicts: &refusal.conflicts,
            more: Some(refusal.more).filter(|more| *more > 0),
            cycle: refusal.cycle.as_deref(),
            waited,
        }
    }
}
