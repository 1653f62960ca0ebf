//! Sessions that ask for work themselves: adding one, its sign of life, taking
//! a task. Saying how it ended is [`super::say`]. No assigner is needed.
//!
//! Taking a task is one transaction: what it may take is planned by the same
//! rules as an assigner's work ([`crate::plan`]), with the one that asks as the
//! only free session; its lock is taken, and task and session change with it.

use std::path::PathBuf;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::service::{LONGEST_TTL, LockTx, Locks as _, Renew, SHORTEST_TTL, Topic};
use serde::{Deserialize, Serialize};

use super::end::FIRST_PAUSE;
use super::leftovers::{self, Found};
use super::{SLOW_LOOK, TaskService, Waiting, is_a_provider, session_shown, shown};
use crate::agents;
use crate::error::TaskError;
use crate::plan::{Assign, Effect, Rules, plan};
use crate::session::{Kind, Session, State};
use crate::store::ending;
use crate::store::queue::{self, Eyes};
use crate::store::running::{self, Hands};
use crate::store::{earlier, remote, sessions};
use crate::task::{Running, Stop};
use crate::wire::{SessionInfo, TaskInfo};

/// A remote session to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddRemote {
    /// Its name.
    pub name: SessionId,
    /// claude, codex or any other word.
    pub provider: Option<String>,
    /// Where it is.
    pub folder: Option<PathBuf>,
    /// How long it may be silent before it has lost its task.
    pub lease: Duration,
}

/// A task that a session took.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Taken {
    /// The task, its text as it is to be done.
    pub task: TaskInfo,
    /// Where.
    pub folder: Option<String>,
    /// Its lock's token, which its agent names when it says that it is done.
    pub token: Option<LockId>,
}

/// What a sign of life is answered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// The session.
    pub session: SessionInfo,
    /// What it works on.
    pub task: Option<TaskInfo>,
    /// That it must stop working on its task, and why.
    pub stop: Option<String>,
}

/// What came of one transaction.
enum Try {
    /// There is no task for it.
    Nothing,
    /// Whether this task may be given is seen in its folder.
    Look(TaskId, Found),
    /// It is the session's.
    Given(Box<Given>),
}

/// A task that was given, with what is to be done before it begins.
struct Given {
    taken: Taken,
    running: Running,
    found: Option<Found>,
    lease: Duration,
}

impl TaskService {
    /// Adds a session that asks for work itself.
    ///
    /// # Errors
    /// [`TaskError::SessionExists`], a lease out of range.
    pub fn add_remote(&self, new: &AddRemote) -> Result<SessionInfo, TaskError> {
        if new.lease < SHORTEST_TTL || new.lease > LONGEST_TTL {
            let wrong = "a session may be silent for 1 s to 30 days";
            return Err(TaskError::InvalidRequest(wrong.to_owned()));
        }
        new.provider.as_deref().map_or(Ok(()), is_a_provider)?;
        let folder = new
            .folder
            .as_deref()
            .map(|folder| folder.to_string_lossy().into_owned());
        let row = sessions::NewSession {
            name: &new.name,
            kind: Kind::Remote,
            command: None,
            argv: &[],
            provider: new.provider.as_deref(),
            folder: folder.as_deref(),
        };
        self.transact(|tx| {
            if !sessions::insert(tx, &row)? {
                return Ok(Err(TaskError::SessionExists(new.name.to_string())));
            }
            remote::set_lease(tx, &new.name, new.lease)?;
            tx.tell();
            session_shown(tx, new.name.as_str())
        })
    }

    /// A session's sign of life. It renews its task's lease, and is told
    /// whether it must stop; without a task it says that it waits for work.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::NotRemote`].
    pub fn heartbeat(&self, name: &SessionId, task: Option<TaskId>) -> Result<Heard, TaskError> {
        self.settle_remote()?;
        self.transact(|tx| {
            let session = match known(tx, name)? {
                Ok(session) => session,
                Err(error) => return Ok(Err(error)),
            };
            let State::Busy { task: works_on } = session.state else {
                remote::heard(tx, name, task.is_none())?;
                return heard(tx, name, None, task.map(not_yours));
            };
            remote::heard(tx, name, false)?;
            let Some(running) = running::by_id(tx, works_on)? else {
                return heard(tx, name, None, None);
            };
            if let Some(token) = running.token {
                tx.renew(&Renew {
                    token,
                    session: name.clone(),
                    task: None,
                    folder: None,
                    ttl: None,
                })?;
            }
            let other = task.filter(|task| *task != works_on).map(not_yours);
            let stop = running.stop.as_ref().map(stop_words).or(other);
            heard(tx, name, Some(works_on), stop)
        })
    }

    /// Takes the best task for a session, together with the lock on its
    /// folder. `None`: there is none for it, or the wait ran out.
    ///
    /// # Errors
    /// [`TaskError::UnknownSession`], [`TaskError::NotRemote`],
    /// [`TaskError::SessionBusy`].
    pub fn take(
        &self,
        name: &SessionId,
        patience: Option<&Waiting>,
    ) -> Result<Option<Taken>, TaskError> {
        self.look_at_held()?;
        let Some(patience) = patience else {
            return self.try_take(name);
        };
        let listener = self.locks.listen(Topic::AnyChange)?;
        let mut until: Option<Moment> = None;
        loop {
            if let Some(taken) = self.try_take(name)? {
                return Ok(Some(taken));
            }
            let now = self.locks.look(|tx| Ok(tx.now().moment))?;
            until = until.or_else(|| patience.limit.map(|limit| now.plus(limit)));
            if patience.cancel.is_cancelled() || until.is_some_and(|until| now >= until) {
                return Ok(None);
            }
            let left = until.map_or(SLOW_LOOK, |until| now.until(until));
            listener.wait(left.min(SLOW_LOOK));
        }
    }

    fn try_take(&self, name: &SessionId) -> Result<Option<Taken>, TaskError> {
        let mut seen = Vec::new();
        loop {
            match self.one_try(name, &seen)? {
                Try::Nothing => return Ok(None),
                Try::Look(task, found) => {
                    self.hold_or_forget(task, &found)?;
                    // Not looked at again, whatever came of it.
                    seen.push(task);
                }
                Try::Given(given) => {
                    if let Some(taken) = self.made_ready(*given)? {
                        return Ok(Some(taken));
                    }
                }
            }
        }
    }

    /// One transaction of it; what git has to be asked first is asked outside.
    fn one_try(&self, name: &SessionId, seen: &[TaskId]) -> Result<Try, TaskError> {
        self.settle_remote()?;
        self.transact(|tx| {
            let session = match known(tx, name)? {
                Ok(session) => session,
                Err(error) => return Ok(Err(error)),
            };
            if let State::Busy { task } = session.state {
                let session = name.to_string();
                return Ok(Err(TaskError::SessionBusy { session, task }));
            }
            // Who asks for work waits for it.
            remote::heard(tx, name, true)?;
            if earlier::is_in_the_way(tx)? {
                return Ok(Ok(Try::Nothing));
            }
            queue::tidy(tx)?;
            let Some(assign) = self.best_for(tx, &session)? else {
                return Ok(Ok(Try::Nothing));
            };
            let found = leftovers::found(tx, &assign)?;
            match found {
                Some(found) if self.must_wait(&found) && !seen.contains(&assign.task) => {
                    Ok(Ok(Try::Look(assign.task, found)))
                }
                found => self.give(tx, &assign, found).map(Ok),
            }
        })
    }

    /// Of work that another left there uncommitted its agent is told, or it is
    /// put away first [T13]. `None`: that failed, and the task is held.
    fn made_ready(&self, given: Given) -> Result<Option<Taken>, TaskError> {
        let Given {
            mut taken,
            running,
            found,
            lease,
        } = given;
        let Some(found) = found else {
            return Ok(Some(taken));
        };
        if self.must_stash(&found) {
            if !self.stash_for(&running, &found, lease)? {
                return Ok(None);
            }
            taken.task = self.show(running.id)?;
        } else if found.is_there() {
            taken.task.content.insert_str(0, &found.left.warning());
        }
        Ok(Some(taken))
    }

    /// The task that this session gets; what cannot be worked on is failed on
    /// the way.
    fn best_for(
        &self,
        tx: &mut LockTx<'_>,
        session: &Session,
    ) -> Result<Option<Assign>, gaia_locks::Error> {
        let rules = Rules {
            patience: Duration::from_secs(600),
        };
        let scope = self.locks.scope();
        // What lies under a live marker of another database is as good as locked.
        let is_foreign = |folder: &Folder| {
            self.locks
                .refuse_foreign(std::slice::from_ref(folder))
                .is_err()
        };
        let eyes = Eyes {
            scope: &scope,
            is_foreign: &is_foreign,
            rules,
            witness: &**self.locks.witness(),
        };
        let unprotected = agents::unprotected(tx, eyes.witness)?;
        loop {
            let now = tx.now().moment;
            let asks = Session {
                state: State::Asking {
                    since: session.idle_since().unwrap_or(now),
                },
                is_unprotected: unprotected.contains(&session.name),
                ..session.clone()
            };
            let snapshot = queue::look_for(tx, eyes, vec![asks])?.snapshot;
            let mut again = false;
            for effect in plan(&snapshot, now, rules) {
                match effect {
                    Effect::Assign(assign) => return Ok(Some(assign)),
                    Effect::Fail { task, why } => again |= ending::fail_pending(tx, task, &why)?,
                    Effect::PassOver { task } => queue::pass_over(tx, task)?,
                    Effect::Enter { task, region } => again |= queue::enter(tx, task, &region)?,
                    // Places in line are an assigner's, who is heard there.
                    Effect::Stand { .. } | Effect::Leave { .. } => {}
                }
            }
            if !again {
                return Ok(None);
            }
        }
    }

    fn give(
        &self,
        tx: &mut LockTx<'_>,
        assign: &Assign,
        found: Option<Found>,
    ) -> Result<Try, gaia_locks::Error> {
        let lease = remote::lease(tx, &assign.session)?;
        let hands = Hands {
            scope: &self.locks.scope(),
            ttl: lease,
            assigner: None,
            keeper: None,
            log: "",
            log_from: 0,
            is_heard: false,
        };
        let Some(begun) = running::begin(tx, assign, &hands)? else {
            return Ok(Try::Nothing);
        };
        // Its text is delivered with the answer, once its folder is ready.
        if !found.as_ref().is_some_and(|found| self.must_stash(found)) {
            running::started(tx, &begun.running, None)?;
        }
        let Ok(task) = shown(tx, assign.task)? else {
            return Ok(Try::Nothing);
        };
        let folder = assign.folder.as_ref();
        let taken = Taken {
            folder: folder.map(|folder| folder.path().to_owned()),
            token: begun.running.token,
            task,
        };
        Ok(Try::Given(Box::new(Given {
            taken,
            running: begun.running,
            found,
            lease,
        })))
    }

    /// Ends what remote sessions have lost meanwhile; whoever waits for a task
    /// may be the only one who looks.
    pub(super) fn settle_remote(&self) -> Result<(), TaskError> {
        Ok(leftovers::settle_remote(&self.locks, FIRST_PAUSE)?)
    }
}

fn known(
    tx: &mut LockTx<'_>,
    name: &SessionId,
) -> Result<Result<Session, TaskError>, gaia_locks::Error> {
    let all = sessions::all(tx)?;
    let Some(session) = all.into_iter().find(|session| session.name == *name) else {
        return Ok(Err(TaskError::UnknownSession(name.to_string())));
    };
    if session.kind != Kind::Remote {
        return Ok(Err(TaskError::NotRemote {
            session: name.to_string(),
            kind: session.kind.word().to_owned(),
        }));
    }
    Ok(Ok(session))
}

fn heard(
    tx: &mut LockTx<'_>,
    name: &SessionId,
    task: Option<TaskId>,
    stop: Option<String>,
) -> Result<Result<Heard, TaskError>, gaia_locks::Error> {
    let session = match session_shown(tx, name.as_str())? {
        Ok(session) => session,
        Err(error) => return Ok(Err(error)),
    };
    let task = match task {
        Some(id) => shown(tx, id)?.ok(),
        None => None,
    };
    Ok(Ok(Heard {
        session,
        task,
        stop,
    }))
}

fn not_yours(task: TaskId) -> String {
    format!("task {task} is not yours any more: you were not heard in time, or it was ended")
}

fn stop_words(stop: &Stop) -> String {
    match stop {
        Stop::Cancelled => "it was cancelled".to_owned(),
        Stop::Forced { by, reason } => format!("its lock is ended by {by}: {reason}"),
        Stop::LockLost(how) => format!("its lock was lost: {how}"),
        Stop::TimedOut => "its time is up".to_owned(),
        Stop::Leaving => "the assigner goes".to_owned(),
        Stop::Overruled => "another program has set its state".to_owned(),
        Stop::Reassigned { by } => format!("it is sent to another session by {by}"),
    }
}
