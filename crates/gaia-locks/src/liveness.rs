//! Is this process still that process?
//!
//! A lock may be bound to a process [R11]: while the process lives the lock does, when it is gone
//! the lock is freed. Freeing a lock whose holder lives would let two into one folder, so a
//! process counts as gone only on proof, and whoever cannot prove it says so and goes by the
//! lease. A bare pid proves nothing: pids are used again. [`ProcessIdentity`] adds what makes it
//! one of a kind.
//!
//! Not promised: anything across machines. Two machines have different boots, and another boot
//! on *this* machine is proof of death, so the caller compares the machine (the scope) first.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::BootId;
use crate::os;
pub use crate::os::watch::ProcessWatch;

/// One process and no other, past or future.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The run of the machine that it lives in.
    pub boot: BootId,
    /// The pid namespace in which `pid` is its number (Linux: the inode of it; macOS: 0).
    pub pid_namespace: u64,
    /// The time namespace in which `start_time` was read. The kernel shifts start times into the
    /// reader's, so two readings compare only within one (Linux; 0 where there are none).
    #[serde(default)]
    pub time_namespace: u64,
    /// Its number.
    pub pid: u32,
    /// When it started, in the system's own unit (Linux: clock ticks after boot; macOS:
    /// microseconds since the epoch). Only ever compared for equality.
    pub start_time: u64,
    /// Whoever started it and releases its lock when it has ended, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<Box<ProcessIdentity>>,
}

/// What can be said of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// It provably lives.
    Alive,
    /// It has provably ended.
    Gone,
    /// It cannot be seen from here; its lease decides.
    CannotTell,
}

/// Where and when this process looks from: what a pid and a start time mean to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Viewpoint {
    pub(crate) boot: BootId,
    pub(crate) pid_namespace: u64,
    pub(crate) time_namespace: u64,
}

/// What the system tells of a pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighting {
    /// There is a process of that number, started then.
    Running { start_time: u64 },
    /// It has ended, and only its parent has not taken note yet. A zombie runs no code, holds no
    /// file and writes no more: for a lock it is as gone as one that was reaped, and waiting for
    /// a careless parent would keep the folder shut for hours.
    Zombie,
    /// No process has that number.
    Absent,
    /// The system does not say.
    Hidden,
}

impl ProcessIdentity {
    /// The process that has this pid now, or None if there is none (or only a zombie).
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        match os::sight(pid) {
            Sighting::Running { start_time } => {
                Ok(Some(Self::seen(os::viewpoint()?, pid, start_time)))
            }
            Sighting::Zombie | Sighting::Absent => Ok(None),
            Sighting::Hidden => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("the system does not show process {pid} to this one"),
            )),
        }
    }

    /// This process. Read once, and again after a fork: the child is another process.
    pub fn current() -> io::Result<Self> {
        static CURRENT: os::PerProcess<Option<ProcessIdentity>> = os::PerProcess::new();
        CURRENT.with(|current| {
            if let Some(identity) = current {
                return Ok(identity.clone());
            }
            let identity = Self::seen(os::viewpoint()?, std::process::id(), os::own_start_time()?);
            Ok(current.insert(identity).clone())
        })
    }

    fn seen(from: Viewpoint, pid: u32, start_time: u64) -> Self {
        Self {
            boot: from.boot,
            pid_namespace: from.pid_namespace,
            time_namespace: from.time_namespace,
            pid,
            start_time,
            released_by: None,
        }
    }

    /// The same, whose lock that other process releases.
    #[must_use]
    pub fn released_by(self, other: ProcessIdentity) -> Self {
        Self {
            released_by: Some(Box::new(other)),
            ..self
        }
    }
}

/// Whether that very process lives, as far as this one can prove it.
#[must_use]
pub fn liveness(process: &ProcessIdentity) -> Liveness {
    match os::viewpoint() {
        Ok(here) => judge(process, &here, os::sight),
        Err(_) => Liveness::CannotTell,
    }
}

/// Pure but for `sight`, which is asked only where its answer counts.
fn judge(
    process: &ProcessIdentity,
    here: &Viewpoint,
    sight: impl FnOnce(u32) -> Sighting,
) -> Liveness {
    if process.boot.differs_from(&here.boot) {
        return Liveness::Gone; // No process survives a restart of its machine.
    }
    if process.pid_namespace != here.pid_namespace {
        return Liveness::CannotTell; // Its number means another process here, or none.
    }
    let comparable = process.time_namespace == here.time_namespace;
    match sight(process.pid) {
        // A zombie is either that process, which has ended, or a later user of its number.
        Sighting::Absent | Sighting::Zombie => Liveness::Gone,
        Sighting::Running { start_time } if comparable => {
            if start_time == process.start_time {
                Liveness::Alive
            } else {
                Liveness::Gone
            }
        }
        Sighting::Running { .. } | Sighting::Hidden => Liveness::CannotTell,
    }
}

/// Who says whether a process lives: the system, or a test.
pub trait Witness: Send + Sync {
    /// What can be said of this process now.
    fn liveness(&self, process: &ProcessIdentity) -> Liveness;

    /// Whether anything that bears this process's [`mark`] still lives.
    fn has_leftovers(&self, process: &ProcessIdentity) -> bool;

    /// Whether any process lives that was started with this variable.
    fn has_marked(&self, name: &str, value: &str) -> bool {
        let _ = (name, value);
        false
    }
}

/// What everything that runs under a keeper finds in its environment, and nothing else does: the
/// name of a variable and its value.
#[must_use]
pub fn mark(keeper: &ProcessIdentity) -> (String, String) {
    (
        "GAIA_KEEPER".to_owned(),
        format!("{}-{}", keeper.pid, keeper.start_time),
    )
}

/// The processes that bear this process's mark, as far as the system tells.
#[must_use]
pub fn leftovers(keeper: &ProcessIdentity) -> Vec<u32> {
    let here = os::viewpoint();
    if here.is_ok_and(|here| keeper.boot.differs_from(&here.boot)) {
        return Vec::new(); // Another boot's numbers mean others here.
    }
    let (name, value) = mark(keeper);
    let left = os::offspring::with_environment(&name, &value);
    if !left.is_empty() {
        return left;
    }
    // One that is just becoming another program shows no environment for a moment.
    os::offspring::with_environment(&name, &value)
}

/// The system as witness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemWitness;

impl Witness for SystemWitness {
    fn liveness(&self, process: &ProcessIdentity) -> Liveness {
        liveness(process)
    }

    fn has_leftovers(&self, process: &ProcessIdentity) -> bool {
        !leftovers(process).is_empty()
    }

    fn has_marked(&self, name: &str, value: &str) -> bool {
        !os::offspring::with_environment(name, value).is_empty()
    }
}

/// A witness that says what it was told to. Clones say the same. Of whom it knows nothing it
/// cannot tell.
#[derive(Debug, Clone, Default)]
pub struct ManualWitness {
    known: Arc<Mutex<HashMap<ProcessIdentity, Liveness>>>,
    leaving: Arc<Mutex<HashSet<ProcessIdentity>>>,
}

impl ManualWitness {
    /// From now on this is what is said of that process.
    pub fn set(&self, process: &ProcessIdentity, liveness: Liveness) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(process.clone(), liveness);
    }

    /// From now on something that this process started is there, or is not.
    pub fn set_leftovers(&self, process: &ProcessIdentity, left: bool) {
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        match left {
            true => leaving.insert(process.clone()),
            false => leaving.remove(process),
        };
    }
}

impl Witness for ManualWitness {
    fn liveness(&self, process: &ProcessIdentity) -> Liveness {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(process).copied().unwrap_or(Liveness::CannotTell)
    }

    fn has_leftovers(&self, process: &ProcessIdentity) -> bool {
        let leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.contains(process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Viewpoint {
        Viewpoint {
            boot: BootId("this boot".into()),
            pid_namespace: 7,
            time_namespace: 8,
        }
    }

    fn process() -> ProcessIdentity {
        ProcessIdentity::seen(here(), 42, 1000)
    }

    fn judged(process: &ProcessIdentity, sighting: Sighting) -> Liveness {
        judge(process, &here(), |_| sighting)
    }

    #[test]
    fn r11_gone_only_on_proof() {
        let same = Sighting::Running { start_time: 1000 };
        assert_eq!(judged(&process(), same), Liveness::Alive);
        assert_eq!(judged(&process(), Sighting::Absent), Liveness::Gone);
        assert_eq!(judged(&process(), Sighting::Hidden), Liveness::CannotTell);
        assert_eq!(judged(&process(), Sighting::Zombie), Liveness::Gone);
    }

    #[test]
    fn r11_a_pid_used_again_is_another_process() {
        assert_eq!(
            judged(&process(), Sighting::Running { start_time: 1001 }),
            Liveness::Gone
        );
    }

    #[test]
    fn r11_another_boot_is_proof_and_another_namespace_is_none() {
        let mut other = process();
        other.boot = BootId("before".into());
        assert_eq!(
            judged(&other, Sighting::Running { start_time: 1000 }),
            Liveness::Gone
        );
        let mut other = process();
        other.pid_namespace = 9;
        assert_eq!(judged(&other, Sighting::Absent), Liveness::CannotTell);
    }

    #[test]
    fn r11_a_hidden_boot_is_no_proof_of_a_restart() {
        let same = Sighting::Running { start_time: 1000 };
        let mut hidden = process();
        hidden.boot = BootId(String::new());
        assert_eq!(judged(&hidden, same), Liveness::Alive);
        let mut from_a_sandbox = here();
        from_a_sandbox.boot = BootId(String::new());
        let judged = judge(&process(), &from_a_sandbox, |_| same);
        assert_eq!(judged, Liveness::Alive);
    }

    #[test]
    fn r11_start_times_of_different_time_namespaces_are_not_compared() {
        let mut other = process();
        other.time_namespace = 9;
        assert_eq!(
            judged(&other, Sighting::Running { start_time: 5 }),
            Liveness::CannotTell
        );
        assert_eq!(judged(&other, Sighting::Zombie), Liveness::Gone);
        assert_eq!(judged(&other, Sighting::Absent), Liveness::Gone);
    }

    #[test]
    fn this_process_knows_itself() {
        let current = ProcessIdentity::current().unwrap();
        assert_eq!(
            ProcessIdentity::of(std::process::id()).unwrap(),
            Some(current.clone())
        );
        assert_eq!(liveness(&current), Liveness::Alive);
    }

    #[test]
    fn manual_witness_says_what_it_was_told() {
        let witness = ManualWitness::default();
        assert_eq!(witness.liveness(&process()), Liveness::CannotTell);
        witness.clone().set(&process(), Liveness::Gone);
        assert_eq!(witness.liveness(&process()), Liveness::Gone);
    }
}
