//! Short words for requests, so that a case reads like the rule it shows.

use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{Holder, Mode, Releaser, Turn, WaiterLife};
use gaia_locks::service::{Acquire, Line, Locks, Patience, Release, Released, Renew};
use gaia_locks::wire::{Answer, Granted, LockInfo, Queued, Refusal};
use gaia_locks::{Error, LockId, RequestId, SessionId, TaskId, WaiterId};

use super::Stage;

/// A folder that need not exist.
pub fn folder(path: &str) -> Folder {
    Folder::clean(path).unwrap()
}

/// A session.
pub fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}

/// Seconds.
pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A request that is put together word by word.
#[derive(Clone, Debug)]
pub struct Ask(pub Acquire);

/// A request of this session for this folder: exclusive, no task.
pub fn ask(name: &str, path: &str) -> Ask {
    Ask(Acquire::new(folder(path), session(name), TaskId::NONE))
}

impl Ask {
    /// For a task.
    pub fn task(mut self, task: i64) -> Self {
        self.0.holder = Holder::new(self.0.holder.session, TaskId(task));
        self
    }

    /// Shared.
    pub fn shared(mut self) -> Self {
        self.0.mode = Mode::Shared;
        self
    }

    /// And this folder too.
    pub fn and(mut self, path: &str) -> Self {
        self.0.folders.push(folder(path));
        self
    }

    /// This folder instead.
    pub fn on(mut self, folder: Folder) -> Self {
        self.0.folders = vec![folder];
        self
    }

    /// With a lease of this length.
    pub fn ttl(mut self, seconds: u64) -> Self {
        self.0.ttl = Some(Duration::from_secs(seconds));
        self
    }

    /// By a scope of its own.
    pub fn own(mut self) -> Self {
        self.0.own = true;
        self
    }

    /// Bound to a process.
    pub fn bound_to(mut self, process: &ProcessIdentity) -> Self {
        self.0.process = Some(process.clone());
        self
    }

    /// As the assigner asks.
    pub fn for_the_assigner(mut self) -> Self {
        self.0.releaser = Releaser::Assigner;
        self
    }

    /// With a request id.
    pub fn id(mut self, id: &str) -> Self {
        self.0.request_id = Some(RequestId::new(id).unwrap());
        self
    }

    /// Ready to wait, from elsewhere.
    pub fn waiting(self) -> Self {
        self.standing(WaiterLife::Heartbeat, None, Turn::Granted)
    }

    /// Ready to wait so long, from elsewhere.
    pub fn waiting_for(self, limit: Duration) -> Self {
        self.standing(WaiterLife::Heartbeat, Some(limit), Turn::Granted)
    }

    /// Ready to wait, as a process on this machine.
    pub fn waiting_as(self, process: &ProcessIdentity) -> Self {
        self.standing(WaiterLife::Process(process.clone()), None, Turn::Granted)
    }

    /// Ready to wait in any way.
    pub fn standing(mut self, life: WaiterLife, limit: Option<Duration>, turn: Turn) -> Self {
        self.0.line = Line::Stand { life, limit, turn };
        self
    }

    /// Asks at a door.
    pub fn at(&self, locks: &dyn Locks) -> Result<Answer, Error> {
        locks.acquire(&self.0)
    }

    /// Asks and must be granted.
    pub fn all_granted(&self, stage: &Stage) -> Granted {
        match self.at(&*stage.locks) {
            Ok(Answer::Granted(granted)) => granted,
            other => panic!("{:?} should be granted, but: {other:?}", self.0),
        }
    }

    /// Asks for one folder and must be granted.
    pub fn granted(&self, stage: &Stage) -> LockInfo {
        let mut granted = self.all_granted(stage);
        assert_eq!(granted.locks.len(), 1, "one folder, one lock");
        granted.locks.remove(0)
    }

    /// Asks and must be refused.
    pub fn refused(&self, stage: &Stage) -> Refusal {
        match self.at(&*stage.locks) {
            Ok(Answer::Refused(refusal)) => refusal,
            other => panic!("{:?} should be refused, but: {other:?}", self.0),
        }
    }

    /// Asks and must be given a place in line.
    pub fn queued(&self, stage: &Stage) -> Queued {
        match self.at(&*stage.locks) {
            Ok(Answer::Queued(queued)) => queued,
            other => panic!("{:?} should stand in line, but: {other:?}", self.0),
        }
    }

    /// Asks and must fail.
    pub fn fails(&self, stage: &Stage) -> Error {
        match self.at(&*stage.locks) {
            Err(error) => error,
            other => panic!("{:?} should be an error, but: {other:?}", self.0),
        }
    }
}

impl Stage {
    /// Time passes.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Whether that very lock is active now.
    pub fn is_active(&self, token: LockId) -> bool {
        self.locks.verify(token).unwrap().active
    }

    /// One lock as it is now.
    pub fn lock(&self, token: LockId) -> LockInfo {
        self.locks.verify(token).unwrap().lock.unwrap()
    }

    /// Releases that very lock, which must end it.
    pub fn release(&self, lock: &LockInfo) -> LockInfo {
        let request = Release {
            folder: None,
            session: lock.session_id.clone(),
            task: None,
            token: Some(lock.id),
        };
        match self.locks.release(&request) {
            Ok(Released::Ended(mut ended)) if ended.len() == 1 => ended.remove(0),
            other => panic!("lock {} should be released, but: {other:?}", lock.id),
        }
    }

    /// A release by folder.
    pub fn release_folder(&self, name: &str, task: Option<i64>, path: &str) -> Released {
        let request = Release {
            folder: Some(folder(path)),
            session: session(name),
            task: task.map(TaskId),
            token: None,
        };
        self.locks.release(&request).unwrap()
    }

    /// A renewal by the holder.
    pub fn renew(&self, lock: &LockInfo, ttl: Option<u64>) -> Result<LockInfo, Error> {
        self.locks.renew(&Renew {
            token: lock.id,
            session: lock.session_id.clone(),
            task: Some(lock.task_id),
            folder: None,
            ttl: ttl.map(Duration::from_secs),
        })
    }

    /// Whether the waiter's turn has come; it must stand in line.
    pub fn turn_has_come(&self, waiter: WaiterId) -> bool {
        self.place_of(waiter).is_none()
    }

    /// The place of one who waits; `None` once it was granted.
    pub fn place_of(&self, waiter: WaiterId) -> Option<usize> {
        let status = self.locks.status(None).unwrap();
        let shown = status.waiters.iter().find(|shown| shown.id == waiter);
        shown.map(|shown| shown.place)
    }

    /// Takes up what was granted at the waiter's turn; does not wait for it.
    pub fn take_up(&self, waiter: WaiterId) -> Granted {
        match self.look_once(waiter) {
            Ok(Answer::Granted(granted)) => granted,
            other => panic!("waiter {waiter} should be granted, but: {other:?}"),
        }
    }

    /// Takes up what was granted, or else leaves the line.
    pub fn look_once(&self, waiter: WaiterId) -> Result<Answer, Error> {
        let mut patience = Patience::default();
        patience.cancel.cancel();
        self.locks.wait(waiter, &mut patience)
    }

    /// Tokens of the active locks, in order.
    pub fn active(&self) -> Vec<LockId> {
        let status = self.locks.status(None).unwrap();
        let mut tokens: Vec<LockId> = status.locks.iter().map(|held| held.lock.id).collect();
        tokens.sort_unstable();
        tokens
    }
}
