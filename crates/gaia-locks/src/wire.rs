//! The one JSON shape: what the command line, the API, Python, hooks and MCP
//! all give (section 6 of the contract).
//!
//! Field names here are promises. Fields may be added, never renamed.

pub mod door;

use serde::{Deserialize, Serialize};

use crate::clock::{Moment, Now, Wall};
use crate::ids::{LockId, Scope, SessionId, TaskId, WaiterId};
use crate::liveness::Liveness;
use crate::model::{Binding, End, EndReason, Lock, LockStatus, Mode, Pause, Waiter, WaiterState};
use crate::store::Record;

/// One lock, active or ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LockInfo {
    /// The lock's id, which is its fencing token.
    pub id: LockId,
    /// The folder, canonical.
    pub folder_path: String,
    /// Who.
    pub session_id: SessionId,
    /// Its task, 0 for none.
    pub task_id: TaskId,
    /// exclusive or shared.
    pub mode: Mode,
    /// Whose file system.
    pub scope: Scope,
    /// active, released or expired.
    pub status: LockStatus,
    /// When it was granted.
    pub created_at: Wall,
    /// Until when its lease goes, computed now; for an ended lock, until when
    /// it would have gone.
    pub expires_at: Option<Wall>,
    /// Seconds left, for active locks.
    pub expires_in: Option<f64>,
    /// When it was released, forced or ended with its task.
    pub released_at: Option<Wall>,
    /// When it lapsed or its process died.
    pub expired_at: Option<Wall>,
    /// released, forced, task_ended, died, lapsed.
    pub end_reason: Option<EndReason>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// What an admin said when ending it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The path as it was written, when links led elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_path: Option<String>,
    /// The process that it is bound to [R11].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Further facts, such as the work tree's state at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl LockInfo {
    /// An active lock as it stands now.
    pub fn active(lock: &Lock, now: Now) -> Self {
        let left = lock.expires.since(now.moment);
        Self {
            id: lock.id,
            folder_path: lock.folder.path().to_owned(),
            session_id: lock.holder.session.clone(),
            task_id: lock.holder.task,
            mode: lock.mode,
            scope: lock.scope.clone(),
            status: LockStatus::Active,
            created_at: lock.granted_at,
            expires_at: Some(wall_at(lock.expires, now)),
            expires_in: Some(left.as_secs_f64()),
            released_at: None,
            expired_at: None,
            end_reason: None,
            ended_by: None,
            reason: None,
            written_path: lock.folder.written().map(str::to_owned),
            pid: match &lock.binding {
                Binding::Lease | Binding::Claim(_) => None,
                bound => bound.process().map(|process| process.pid),
            },
            details: None,
        }
    }

    /// A lock that has just ended, or would be found ended.
    pub fn just_ended(lock: &Lock, end: &End, now: Now) -> Self {
        let status = end.reason.status();
        Self {
            status,
            expires_in: None,
            released_at: Some(end.wall).filter(|_| status == LockStatus::Released),
            expired_at: Some(end.wall).filter(|_| status == LockStatus::Expired),
            end_reason: Some(end.reason),
            ended_by: Some(end.by.clone()),
            reason: end.note.clone(),
            // As the history has it.
            pid: None,
            ..Self::active(lock, now)
        }
    }

    /// A row of the history whose lock has ended.
    pub fn ended(record: &Record) -> Self {
        let status = record
            .end
            .as_ref()
            .map_or(LockStatus::Active, |end| end.reason.status());
        let ended_at = record.end.as_ref().map(|end| end.wall);
        Self {
            id: record.id,
            folder_path: record.folder.path().to_owned(),
            session_id: record.holder.session.clone(),
            task_id: record.holder.task,
            mode: record.mode,
            scope: record.scope.clone(),
            status,
            created_at: record.granted_at,
            expires_at: record.expires_at,
            expires_in: None,
            released_at: ended_at.filter(|_| status == LockStatus::Released),
            expired_at: ended_at.filter(|_| status == LockStatus::Expired),
            end_reason: record.end.as_ref().map(|end| end.reason),
            ended_by: record.end.as_ref().map(|end| end.by.clone()),
            reason: record.end.as_ref().and_then(|end| end.note.clone()),
            written_path: record.folder.written().map(str::to_owned),
            pid: None,
            details: record.details.clone(),
        }
    }
}

/// A moment of the store's clock as wall time, seen from now.
pub fn wall_at(moment: Moment, now: Now) -> Wall {
    if moment >= now.moment {
        now.wall.plus(moment.since(now.moment))
    } else {
        now.wall.minus(now.moment.since(moment))
    }
}

/// One thing that stands in the way of a request [R17].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// The folder that was asked for.
    pub folder_path: String,
    /// The lock in the way; none when it is a pause or somebody earlier in
    /// line.
    pub lock: Option<LockInfo>,
    /// Whether its holder shows signs of life: true, false, or null where
    /// nobody can tell.
    pub alive: Option<bool>,
    /// When the holder was last known to live.
    pub last_seen: Option<Wall>,
    /// How many wait in line for an overlapping folder.
    pub waiting: usize,
    /// The earlier waiter in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiter: Option<WaiterInfo>,
    /// The pause in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseInfo>,
}

/// Why nothing was granted, and what can be done [R17].
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Refusal {
    /// What is in the way, locks first; no more than [`Refusal::SHOWN`].
    pub conflicts: Vec<Conflict>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
    /// The circle of holders who would wait for each other [R10].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<Vec<HolderInfo>>,
}

impl Refusal {
    /// So much of what is in the way is told: a request for a tree may meet a
    /// hundred thousand locks in it.
    pub const SHOWN: usize = 50;

    /// This, or what was known earlier where this tells nothing: a place that
    /// somebody else cleared away leaves nothing to look at.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        match self.conflicts.is_empty() && self.cycle.is_none() {
            true => earlier,
            false => self,
        }
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A holder by name.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HolderInfo {
    /// The session.
    pub session_id: SessionId,
    /// Its task, 0 for none.
    pub task_id: TaskId,
}

/// One place in line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WaiterInfo {
    /// Its id: lower came earlier.
    pub id: WaiterId,
    /// What is waited for.
    pub folder_paths: Vec<String>,
    /// Whose file system.
    pub scope: Scope,
    /// Who waits.
    pub session_id: SessionId,
    /// Its task, 0 for none.
    pub task_id: TaskId,
    /// exclusive or shared.
    pub mode: Mode,
    /// Since when.
    pub since: Wall,
    /// Place in line among those in its way, 1 is next.
    pub place: usize,
    /// Whether its turn came and the grant waits to be taken up.
    pub granted: bool,
}

impl WaiterInfo {
    /// A waiter as shown, at a place that the caller counted.
    pub fn of(waiter: &Waiter, place: usize) -> Self {
        Self {
            id: waiter.id,
            folder_paths: waiter
                .want
                .folders
                .iter()
                .map(|folder| folder.path().to_owned())
                .collect(),
            scope: waiter.want.scope.clone(),
            session_id: waiter.want.holder.session.clone(),
            task_id: waiter.want.holder.task,
            mode: waiter.want.mode,
            since: waiter.since,
            place,
            granted: matches!(waiter.state, WaiterState::Granted(_)),
        }
    }
}

/// A folder where nothing new is granted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PauseInfo {
    /// The folder.
    pub folder_path: String,
    /// Whose file system.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// Since when.
    pub since: Wall,
}

impl From<&Pause> for PauseInfo {
    fn from(pause: &Pause) -> Self {
        Self {
            folder_path: pause.folder.path().to_owned(),
            scope: pause.scope.clone(),
            reason: pause.reason.clone(),
            by: pause.by.clone(),
            since: pause.since,
        }
    }
}

/// What `status` tells: who holds what, who waits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// How many locks.
    pub count: usize,
    /// The active locks.
    pub locks: Vec<HeldLock>,
    /// Who waits, in order.
    pub waiters: Vec<WaiterInfo>,
    /// Where nothing new is granted.
    pub paused: Vec<PauseInfo>,
    /// The database.
    pub database: String,
}

/// An active lock with what is known of its holder and its folder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeldLock {
    /// The lock.
    #[serde(flatten)]
    pub lock: LockInfo,
    /// Whether the holder's process lives; null where nobody can tell.
    pub alive: Option<bool>,
    /// How many wait for an overlapping folder.
    pub waiting: usize,
    /// present, gone or replaced: what the locked name stands for now [R12].
    pub folder_state: FolderNow,
}

/// What a locked name stands for now [R12].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FolderNow {
    /// It is there.
    Present,
    /// Nothing has this name now.
    Gone,
    /// Another folder has this name now.
    Replaced,
    /// It lies in another scope, or cannot be looked at.
    Unknown,
}

/// Liveness as JSON has it: true, false, null.
pub fn alive(liveness: Liveness) -> Option<bool> {
    match liveness {
        Liveness::Alive => Some(true),
        Liveness::Gone => Some(false),
        Liveness::CannotTell => None,
    }
}

/// What came of asking for locks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// All of them.
    Granted(Granted),
    /// None, and no place in line was taken.
    Refused(Refusal),
    /// None yet: a place in line was taken.
    Queued(Queued),
}

/// Locks that were granted together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// One for each folder that was asked for.
    pub locks: Vec<LockInfo>,
    /// Whether every one of them was held before and only extended [R2].
    pub held_before: bool,
    /// Those of them that were held before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<LockId>,
}

/// A place in line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Queued {
    /// The place itself.
    pub waiter: WaiterId,
    /// Who is in the way, and how many.
    pub refusal: Refusal,
    /// Place in line among those in the way, 1 is next.
    pub place: usize,
}

/// Whether a token is that of an active lock [R4].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Verified {
    /// Whether that very lock is active now.
    pub active: bool,
    /// The lock, active or ended; none when there never was one.
    pub lock: Option<LockInfo>,
}
