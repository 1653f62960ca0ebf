//! What a client and a server say to each other when the door [`Locks`] is
//! used through a server (ADR 13): its verbs, one to one.
//!
//! This is spoken between gaia and gaia and bears a number; what people's own
//! programs use is the rest of the server's API.
//!
//! [`Locks`]: crate::service::Locks

mod fault;
mod folder;
mod request;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use fault::{error_of, facts_of};
pub use folder::Named;
pub use request::Ask;

use super::Queued;
use crate::clock::{BootId, Wall};
use crate::ids::{LockId, Scope, SessionId, TaskId, WaiterId};
use crate::model::Holder;
use crate::os::Inode;
use crate::store::HistoryFilter;

/// The number of this language. A server of another number says so. It rises
/// when something that was said before comes to mean something else; a verb or a
/// field that is new needs none, because an older server says that it does not
/// know it. A field that a verb had not before has a default, and is left out
/// where it says nothing new.
pub const PROTOCOL: u32 = 1;
/// The header in which a client names it.
pub const PROTOCOL_HEADER: &str = "gaia-door";
/// Where the verbs on locks are asked.
pub const LOCKS_PATH: &str = "/api/gaia/door/locks";
/// Where the verbs on tasks and sessions are asked.
pub const TASKS_PATH: &str = "/api/gaia/door/tasks";
/// Where a client asks whom it speaks with.
pub const HELLO_PATH: &str = "/api/gaia/door";
/// The most rows of the history in one answer; the next call goes on.
pub const LARGEST_PAGE: u32 = 5_000;
/// The most files in one question who holds them.
pub const MOST_TOUCHED: usize = 500;

/// Whom a client speaks with, and as whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The number of the language.
    pub protocol: u32,
    /// The server's release.
    pub version: String,
    /// The scope of the server's own paths.
    pub scope: Scope,
    /// The lease of a request that names none.
    pub ttl: Duration,
    /// Which files the server sees.
    pub files: Option<Files>,
    /// The name that the token acts for.
    pub name: String,
    /// viewer, agent or admin.
    pub role: String,
}

/// Whose file system a process sees: that of this run of a machine, from this
/// root. Two that see the same one mean the same files by a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Files {
    boot: BootId,
    device: u64,
    inode: u64,
}

impl Files {
    /// What this process sees; `None` where that cannot be told.
    pub fn seen_here() -> Option<Self> {
        let boot = Some(BootId::current()).filter(|boot| !boot.0.is_empty())?;
        let root = rustix::fs::stat("/").ok()?;
        let Inode { dev, ino } = Inode::of(&root);
        Some(Self {
            boot,
            device: dev,
            inode: ino,
        })
    }
}

/// A verb, and the scope in which its paths mean something.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<Call> {
    /// Whose file system the paths belong to.
    pub scope: Scope,
    /// The verb.
    pub call: Call,
}

/// A verb on locks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "fields are what the door's verbs name them")]
pub enum Call {
    /// Answered with [`super::Answer`].
    Acquire(Box<Ask>),
    /// Waits at a place for at most so long; answered with [`Waited`]. With
    /// `leave` it takes up what was granted, or leaves at once.
    Wait {
        waiter: WaiterId,
        period: Duration,
        leave: bool,
    },
    /// Answered with null.
    Leave { waiter: WaiterId },
    /// Answered with the lock.
    Renew {
        token: LockId,
        session: SessionId,
        task: Option<TaskId>,
        folder: Option<Named>,
        ttl: Option<Duration>,
    },
    /// Answered with [`crate::service::Released`].
    Release {
        folder: Option<Named>,
        session: SessionId,
        task: Option<TaskId>,
        token: Option<LockId>,
    },
    /// Answered with [`super::Verified`].
    Verify { token: LockId },
    /// Answered with a number.
    WaitingFor { token: LockId },
    /// Answered with [`super::Status`].
    Status { folder: Option<Named> },
    /// Answered with [`crate::service::Touched`]s, for at most
    /// [`MOST_TOUCHED`] files.
    Touched {
        tree: Named,
        linked: bool,
        files: Vec<Named>,
        holder: Option<Holder>,
    },
    /// Answered with locks, at most [`LARGEST_PAGE`] of them.
    History(Past),
    /// Answered with the lock.
    ForceRelease { id: LockId, reason: String },
    /// Answered with a number.
    Cleanup,
    /// Answered with a number.
    Prune { before: Wall },
    /// Answered with [`super::PauseInfo`].
    Pause { folder: Named, reason: String },
    /// Answered with whether it was paused.
    Resume { folder: Named },
    /// Answers when that lock has ended, or when other than so many wait for
    /// it, and at the latest after so long: with [`Watched`].
    Watch {
        token: LockId,
        known: Watched,
        period: Duration,
    },
    /// Answers when something has changed since that count, and at the latest
    /// after so long: with the count now.
    Changes {
        since: Option<u64>,
        period: Duration,
    },
}

/// What came of waiting for a while.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waited {
    /// The wait is over.
    Over(super::Answer),
    /// The place stays, and this is in its way.
    Still(Queued),
}

/// How it stands with a lock for its holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Watched {
    /// Whether it is held.
    pub active: bool,
    /// How many wait for it.
    pub waiting: usize,
}

/// Which rows of the history are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as HistoryFilter has them")]
pub struct Past {
    pub folder: Option<Named>,
    pub session: Option<SessionId>,
    pub task: Option<TaskId>,
    pub since: Option<Wall>,
    /// Left out when nobody asks for it, so that an older server understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<(Wall, Wall)>,
    pub before: Option<LockId>,
    pub limit: Option<u32>,
}

impl Past {
    /// As it is sent.
    pub fn of(filter: &HistoryFilter) -> Self {
        Self {
            folder: filter.folder.as_ref().map(Named::of),
            session: filter.session.clone(),
            task: filter.task,
            since: filter.since,
            held: filter.held,
            before: filter.before,
            limit: filter.limit,
        }
    }

    /// As it is meant, for at most a page.
    ///
    /// # Errors
    /// When the folder cannot be one.
    pub fn into_filter(self) -> Result<HistoryFilter, crate::Error> {
        Ok(HistoryFilter {
            folder: self.folder.map(Named::into_folder).transpose()?,
            // A client's folder is of the scope that its request names.
            scope: None,
            session: self.session,
            task: self.task,
            since: self.since,
            held: self.held,
            before: self.before,
            limit: Some(self.limit.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE)),
        })
    }
}
