//! What the tools stand on: the doors to locks and tasks, and as whom they are
//! called. On stdio these are the doors themselves; in the server its core.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::service::{Taken, Teller};
use gaia_assigner::task::Told;
use gaia_assigner::wire::TaskInfo;
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::Locks;
use gaia_locks::folder::{Folder, InvalidFolder};
use gaia_locks::ids::{Scope, SessionId, TaskId};
use gaia_locks::model::Holder;
use gaia_locks::service::{Acquire, Release, Released};
use gaia_locks::wire::{Answer, LockInfo, Queued};
use rmcp::model::Extensions;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::Said;

/// What a call wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// It only looks.
    Only,
    /// It acts for a session.
    AndActs,
}

/// Both doors, for one call.
pub struct Opened {
    /// To the locks, in the scope that was named.
    pub locks: Arc<dyn Locks>,
    /// To tasks and sessions.
    pub tasks: Arc<dyn Tasks>,
}

/// What a tool did for a session; who waited, released or took a task did it
/// through a door of its own.
#[derive(Clone, Debug)]
pub enum Did {
    /// These locks were granted.
    Acquired(Vec<LockInfo>),
    /// This lease was renewed.
    Renewed(Box<LockInfo>),
    /// This was said of this task.
    Told(Told, Box<TaskInfo>),
}

/// What ends a wait before its turn.
#[derive(Clone, Debug)]
pub struct Ends {
    /// It was called off: the line is left.
    pub called_off: CancellationToken,
    /// Its connection broke: with a request id its place is kept for 30 s, so
    /// that the same request finds it again; else the line is left.
    pub broke: CancellationToken,
}

impl Ends {
    /// Whether nobody hears the answer any more.
    pub fn nobody_hears(&self) -> bool {
        self.called_off.is_cancelled() || self.broke.is_cancelled()
    }
}

/// A request that stands in line where it is not granted at once.
pub struct Stands {
    /// What is asked for; how it stands in line is the doors' to say.
    pub request: Acquire,
    /// Whose file system its paths belong to, if that was named.
    pub scope: Option<Scope>,
    /// How long; `None`: until it is granted.
    pub limit: Option<Duration>,
    /// Told what is in the way, at first and whenever somebody looks; closed
    /// where nobody wants to know.
    pub looks: UnboundedSender<Queued>,
    /// What ends it.
    pub ends: Ends,
}

impl Stands {
    /// Whether its place outlives its connection.
    pub fn keeps_place(&self) -> bool {
        self.request.request_id.is_some()
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Came {
    /// The answer.
    pub answer: Answer,
    /// Whether it was waited for.
    pub waited: bool,
}

/// The doors that tools call.
pub trait Doors: Clone + Send + Sync + 'static {
    /// Who sent a call.
    type Caller: Clone + Send + Sync + 'static;

    /// Who sent a call, by what came with it.
    ///
    /// # Errors
    /// For somebody who may not do this.
    fn caller(&self, extensions: &Extensions, reads: Reads) -> Result<Self::Caller, Said>;

    /// As whom a call acts: what it named, or what the surroundings say.
    ///
    /// # Errors
    /// Where nobody is named and nobody can be told, and for another's session.
    fn holder(
        &self,
        caller: &Self::Caller,
        session: Option<SessionId>,
        task: Option<TaskId>,
    ) -> Result<Holder, Said>;

    /// Who says how a task ended: as [`Doors::holder`], with what else shows
    /// whose task it is.
    ///
    /// # Errors
    /// As [`Doors::holder`].
    fn teller(
        &self,
        caller: &Self::Caller,
        session: Option<SessionId>,
        task: Option<TaskId>,
    ) -> Result<Teller, Said> {
        let holder = self.holder(caller, session, task)?;
        Ok(Teller {
            task: Some(holder.task).filter(|task| *task != TaskId::NONE),
            session: Some(holder.session),
            ..Teller::default()
        })
    }

    /// Takes note that locks were refused to somebody who did not wait for them.
    fn refused(&self) {}

    /// Takes note of what was done, where a trail is kept.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn did(
        &self,
        caller: &Self::Caller,
        did: Did,
    ) -> impl Future<Output = Result<(), Said>> + Send {
        let _ = (caller, did);
        std::future::ready(Ok(()))
    }

    /// What tells that a caller's connection broke, where that is known.
    fn connection(&self, caller: &Self::Caller) -> CancellationToken;

    /// Calls the doors where blocking does no harm.
    fn call<T, F>(
        &self,
        caller: &Self::Caller,
        scope: Option<Scope>,
        work: F,
    ) -> impl Future<Output = Result<T, Said>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&Opened) -> Result<T, TaskError> + Send + 'static;

    /// The same, for what may wait for something in the world.
    fn call_long<T, F>(
        &self,
        caller: &Self::Caller,
        work: F,
    ) -> impl Future<Output = Result<T, Said>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&Opened) -> Result<T, TaskError> + Send + 'static,
    {
        self.call(caller, None, work)
    }

    /// Ends what a holder means; `what` is asked where blocking does no harm.
    fn release<F>(
        &self,
        caller: &Self::Caller,
        scope: Option<Scope>,
        what: F,
    ) -> impl Future<Output = Result<Released, Said>> + Send
    where
        F: FnOnce(&dyn Locks) -> Result<Release, TaskError> + Send + 'static,
    {
        self.call(caller, scope, move |doors| {
            Ok(doors.locks.release(&what(&*doors.locks)?)?)
        })
    }

    /// Asks for locks and stands in line for them.
    fn wait(
        &self,
        caller: &Self::Caller,
        stands: Stands,
    ) -> impl Future<Output = Result<Came, Said>> + Send;

    /// Takes a task for a session, or waits for one for so long.
    fn take(
        &self,
        caller: &Self::Caller,
        session: SessionId,
        limit: Duration,
        ends: Ends,
    ) -> impl Future<Output = Result<Option<Taken>, Said>> + Send;
}

/// The folder that a path means [R12]: resolved where it is one of this
/// machine's, else only cleaned. A relative one means nothing here: an agent's
/// current folder is not this process's.
///
/// # Errors
/// When it cannot be a folder.
pub fn folder(
    locks: &dyn Locks,
    scope: Option<&Scope>,
    path: &str,
) -> Result<Folder, InvalidFolder> {
    // Cleaning refuses a relative path, which would count from our own folder.
    let cleaned = Folder::clean(path)?;
    match scope.is_none_or(|scope| *scope == locks.scope()) {
        true => Folder::resolve(Path::new(path), Path::new("/")),
        false => Ok(cleaned),
    }
}
