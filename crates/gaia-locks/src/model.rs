//! Plain data: what a lock is, who holds it, who waits.
//!
//! Nothing here reads a clock, a file or a process; whoever needs "now" is
//! handed it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Wall};
use crate::folder::{Folder, is_within};
use crate::ids::{LockId, RequestId, Scope, SessionId, TaskId, WaiterId};
use crate::liveness::ProcessIdentity;

/// Whether a lock shuts out everybody or only those who want it alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One holder and nobody else.
    #[default]
    Exclusive,
    /// Many holders of shared locks at once.
    Shared,
}

impl Mode {
    /// Two locks can stand side by side only when both are shared.
    pub fn excludes(self, other: Mode) -> bool {
        self == Mode::Exclusive || other == Mode::Exclusive
    }

    /// Whether holding `self` already gives everything `wanted` would give.
    pub fn is_at_least(self, wanted: Mode) -> bool {
        self == Mode::Exclusive || wanted == Mode::Shared
    }

    /// The word used in SQL, JSON and flags.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Exclusive => "exclusive",
            Mode::Shared => "shared",
        }
    }
}

/// Who holds a lock or wants one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// The session.
    pub session: SessionId,
    /// Its task, 0 for none.
    pub task: TaskId,
}

impl Holder {
    /// A holder from its two halves.
    pub fn new(session: SessionId, task: TaskId) -> Self {
        Self { session, task }
    }

    /// Whether both are one worker, who does not exclude himself: the same
    /// session, and the same task or one of them without a task [R1].
    pub fn is_same_worker(&self, other: &Holder) -> bool {
        self.session == other.session
            && (self.task == other.task || self.task == TaskId::NONE || other.task == TaskId::NONE)
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.task {
            TaskId::NONE => write!(f, "session {}", self.session),
            task => write!(f, "session {} (task {task})", self.session),
        }
    }
}

/// Who may release a lock; an admin may end any.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Releaser {
    /// Its holder.
    #[default]
    Holder,
    /// The assigner: the lock ends with its task, and the holder's own release
    /// answers "not allowed" [R6].
    Assigner,
}

/// What besides the lease decides about a lock's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Binding {
    /// Nothing: the lease alone.
    Lease,
    /// A process [R11]: its death ends the lock, its life extends the lease.
    Process(ProcessIdentity),
    /// Granted to a waiter that has not taken it up yet: its death ends the
    /// lock, its life extends nothing [R8].
    Claim(ProcessIdentity),
    /// Taken by an agent's hook for the session that writes: its death ends the
    /// lock, and its life extends the lease only while a tool of it runs.
    Agent(Box<AgentBinding>),
}

/// What an agent's hook knows of the session that it took a lock for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AgentBinding {
    /// The client's process, where it can be told.
    pub process: Option<ProcessIdentity>,
    /// A variable that the client gives to whatever it starts, and its value:
    /// what is left of it when it is gone is known by that.
    #[serde(default)]
    pub mark: Option<(String, String)>,
    /// Whether a tool of it runs.
    pub in_call: bool,
    /// Linked work trees inside the locked one: folders of their own, which
    /// this lock does not cover. Keys as folders have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spares: Vec<String>,
}

impl Binding {
    /// The process whose death ends the lock, if it is known.
    pub fn process(&self) -> Option<&ProcessIdentity> {
        match self {
            Binding::Lease => None,
            Binding::Process(process) | Binding::Claim(process) => Some(process),
            Binding::Agent(agent) => agent.process.as_ref(),
        }
    }
}

/// An active lock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    /// Its id and fencing token.
    pub id: LockId,
    /// Whose file system the folder belongs to.
    pub scope: Scope,
    /// What is locked.
    pub folder: Folder,
    /// Who holds it.
    pub holder: Holder,
    /// Exclusive or shared.
    pub mode: Mode,
    /// When it was granted, by the wall clock, for people.
    pub granted_at: Wall,
    /// When its lease ends, on the store's clock.
    pub expires: Moment,
    /// The lease's length: what a renewal adds from its own moment on.
    pub ttl: Duration,
    /// Proof of life, if any.
    pub binding: Binding,
    /// Held by a scope of its own (`gaia run`, `--pid`, a context manager): no
    /// other request ever shares or extends it [R2].
    pub own: bool,
    /// Who may end it.
    pub releaser: Releaser,
}

impl Lock {
    /// Whether this lock stands in the way of a request [R1]. Leases and
    /// liveness are not considered here, see [`crate::rules::expire`].
    pub fn conflicts_with(
        &self,
        scope: &Scope,
        folder: &Folder,
        holder: &Holder,
        mode: Mode,
    ) -> bool {
        self.mode.excludes(mode)
            && !self.holder.is_same_worker(holder)
            && self.scope == *scope
            && self.folder.overlaps(folder)
            && !self.spares(folder)
    }

    /// Whether a folder lies wholly in what this lock leaves to others, by
    /// every name by which the two meet.
    pub fn spares(&self, folder: &Folder) -> bool {
        let Binding::Agent(agent) = &self.binding else {
            return false;
        };
        let spared = |key: &str| agent.spares.iter().any(|tree| is_within(key, tree));
        let meets = |key: &str| {
            let mut own = self.folder.keys();
            own.any(|own| is_within(key, own) || is_within(own, key))
        };
        folder.keys().all(|key| spared(key) || !meets(key))
    }
}

/// What somebody wants: one or several folders for one holder, together or not
/// at all [R9].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// Whose file system.
    pub scope: Scope,
    /// The folders, at least one.
    pub folders: Vec<Folder>,
    /// For whom.
    pub holder: Holder,
    /// Exclusive or shared.
    pub mode: Mode,
    /// The lease's length.
    pub ttl: Duration,
    /// The process that the locks are bound to, if any [R11].
    pub process: Option<ProcessIdentity>,
    /// Always grant locks of their own [R2].
    pub own: bool,
    /// Who may end the locks.
    pub releaser: Releaser,
}

impl Want {
    /// Whether an active lock stands in the way of any of the folders.
    pub fn conflicts_with(&self, lock: &Lock) -> bool {
        self.folders
            .iter()
            .any(|folder| lock.conflicts_with(&self.scope, folder, &self.holder, self.mode))
    }

    /// Whether two requests could not both be granted.
    pub fn excludes(&self, other: &Want) -> bool {
        self.mode.excludes(other.mode)
            && !self.holder.is_same_worker(&other.holder)
            && self.scope == other.scope
            && self
                .folders
                .iter()
                .any(|a| other.folders.iter().any(|b| a.overlaps(b)))
    }
}

/// Where a waiter stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WaiterState {
    /// In line.
    Waiting,
    /// Its turn came: these locks are active and wait to be taken up.
    Granted(Vec<LockId>),
}

/// How a waiter shows that it lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WaiterLife {
    /// A process on this machine: it lives as long as the process does.
    Process(ProcessIdentity),
    /// Elsewhere: it lives while it was heard within [`Waiter::SILENCE`].
    Heartbeat,
}

/// What becomes of a waiter whose turn has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It is granted its locks inside the transaction that frees the folder.
    Granted,
    /// It keeps its place and others behind it, until the assigner grants it
    /// together with a session [T7].
    Reserved,
}

/// A request that stands in line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiter {
    /// Its place: lower came earlier.
    pub id: WaiterId,
    /// What it wants.
    pub want: Want,
    /// Waiting or granted.
    pub state: WaiterState,
    /// How it shows that it lives.
    pub life: WaiterLife,
    /// When it was last heard, on the store's clock.
    pub heard: Moment,
    /// When it entered the line, by the wall clock, for people.
    pub since: Wall,
    /// When its patience ends, on the store's clock; `None`: never.
    pub until: Option<Moment>,
    /// What happens at its turn.
    pub turn: Turn,
    /// The word by which its request is known when it comes again [R16].
    pub request: Option<RequestId>,
}

impl Waiter {
    /// How long a waiter elsewhere may be silent before it is taken for dead,
    /// and how long a grant to it waits to be taken up [R8].
    pub const SILENCE: Duration = Duration::from_secs(30);
}

/// Why a lock ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// By its holder.
    Released,
    /// By an admin.
    Forced,
    /// With its task.
    TaskEnded,
    /// Its process died.
    Died,
    /// Its lease ran out.
    Lapsed,
}

impl EndReason {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            EndReason::Released => "released",
            EndReason::Forced => "forced",
            EndReason::TaskEnded => "task_ended",
            EndReason::Died => "died",
            EndReason::Lapsed => "lapsed",
        }
    }

    /// The status that people's own SQL reads (section 4).
    pub fn status(self) -> LockStatus {
        match self {
            EndReason::Released | EndReason::Forced | EndReason::TaskEnded => LockStatus::Released,
            EndReason::Died | EndReason::Lapsed => LockStatus::Expired,
        }
    }
}

/// A lock's status as stored and shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockStatus {
    /// Held.
    Active,
    /// Ended by its holder, an admin or its task.
    Released,
    /// Ended by its lease or its process.
    Expired,
}

impl LockStatus {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            LockStatus::Active => "active",
            LockStatus::Released => "released",
            LockStatus::Expired => "expired",
        }
    }
}

/// How and when a lock ended, for the history [R15].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// By whom: a session, a system user, or "lease".
    pub by: String,
    /// What an admin said about it.
    pub note: Option<String>,
    /// When, on the store's clock: for a lapsed lease, the moment it ended,
    /// not the moment somebody noticed.
    pub moment: Moment,
    /// The same by the wall clock.
    pub wall: Wall,
}

/// A folder where nothing new is granted or assigned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Whose file system.
    pub scope: Scope,
    /// The folder; the root pauses everything.
    pub folder: Folder,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub since: Wall,
}
