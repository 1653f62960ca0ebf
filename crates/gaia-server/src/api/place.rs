//! How a place in line ends, in one way for all who wait without a thread: the
//! long polls, the doors of a gaia elsewhere, the tools of agents.

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock, Wall};
use gaia_locks::ids::WaiterId;
use gaia_locks::model::Waiter;
use gaia_locks::service::{Cancel, LockService, Locks as _, Patience, Release};
use gaia_locks::wire::{Answer as Came, Queued, Refusal};

use crate::app::App;
use crate::bell::{Bell, Gone};
use crate::error::{Answer, Problem};

/// A place in line.
#[derive(Clone)]
pub struct Stood {
    door: LockService,
    /// Which.
    pub waiter: WaiterId,
    since: Wall,
    /// When its patience ends.
    until: Option<Moment>,
    /// What was last seen in its way.
    pub refusal: Refusal,
    /// Whether a request id finds again what was granted at it.
    pub keeps: bool,
}

impl Stood {
    /// One that was taken just now, for so long.
    pub fn taken(door: LockService, queued: &Queued, limit: Option<Duration>, keeps: bool) -> Self {
        let now = SystemClock.now();
        Self {
            door,
            waiter: queued.waiter,
            since: now.wall,
            until: limit.map(|limit| now.moment.plus(limit)),
            refusal: queued.refusal.clone(),
            keeps,
        }
    }

    /// One that was taken before.
    pub fn found(door: LockService, waiter: &Waiter) -> Self {
        Self {
            door,
            waiter: waiter.id,
            since: waiter.since,
            until: waiter.until,
            refusal: Refusal::default(),
            keeps: waiter.request.is_some(),
        }
    }

    /// Takes up what was granted; otherwise leaves and says what was in the way.
    /// What nobody hears of, because the client goes meanwhile, is given back.
    ///
    /// # Errors
    /// 410 when somebody else took the place away before its patience was over.
    pub async fn end(&self, app: &Arc<App>) -> Answer<Came> {
        let (place, bell) = (self.clone(), app.bell.clone());
        let ended = app.core.call(move || {
            let came = place.take_or_leave()?;
            Ok::<_, gaia_locks::Error>(Untold::new(&bell, place.keeps, came))
        });
        let came = ended.await?.tell()?;
        let waited = SystemClock.now().wall.since(self.since);
        app.metrics.waits.add(waited);
        app.metrics.answered(&came);
        Ok(came)
    }

    fn take_or_leave(&self) -> Result<Came, gaia_locks::Error> {
        let is_there = self.door.look(|tx| tx.store().waiter(self.waiter))?;
        let came = match is_there {
            Some(_) => at_once(&self.door, self.waiter),
            None => Err(taken_away(self.waiter)),
        };
        match came {
            // Somebody else cleared it away, its patience being over.
            Err(gaia_locks::Error::NotInLine(_)) if self.is_over()? => {
                Ok(Came::Refused(self.refusal.clone()))
            }
            Ok(Came::Refused(now)) => Ok(Came::Refused(now.or(self.refusal.clone()))),
            came => came,
        }
    }

    fn is_over(&self) -> Result<bool, gaia_locks::Error> {
        let now = self.door.look(|tx| Ok(tx.now().moment))?;
        Ok(self.until.is_some_and(|until| now >= until))
    }
}

fn at_once(door: &LockService, waiter: WaiterId) -> Result<Came, gaia_locks::Error> {
    let cancel = Cancel::default();
    cancel.cancel();
    let mut patience = Patience {
        limit: Some(Duration::ZERO),
        cancel,
        on_look: None,
    };
    door.wait(waiter, &mut patience)
}

/// No place has this id.
pub fn unknown(id: WaiterId) -> gaia_locks::Error {
    gaia_locks::Error::NotInLine(format!("no place has the id {id}"))
}

fn taken_away(id: WaiterId) -> gaia_locks::Error {
    gaia_locks::Error::NotInLine(format!(
        "somebody else left the place {id}, or it was taken for dead; ask again"
    ))
}

/// A later request with the same id has taken the place over.
pub fn asked_elsewhere() -> Problem {
    let detail = "this place is waited at by a later request";
    Problem::new(axum::http::StatusCode::CONFLICT, "asked_elsewhere", detail)
}

/// An answer on its way to somebody who may have gone: what it tells of is
/// undone when nobody hears it, unless a request id lets it be asked for again.
pub struct Untold {
    bell: Option<Arc<Bell>>,
    answer: Option<Came>,
}

impl Untold {
    /// An answer that was just found.
    pub fn new(bell: &Arc<Bell>, keeps: bool, answer: Came) -> Self {
        Self {
            bell: (!keeps).then(|| bell.clone()),
            answer: Some(answer),
        }
    }

    /// The answer, which is told from now on.
    ///
    /// # Errors
    /// When it was told before.
    pub fn tell(mut self) -> Answer<Came> {
        self.answer.take().ok_or_else(Problem::failed)
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let (Some(bell), Some(answer)) = (&self.bell, self.answer.take()) else {
            return;
        };
        match answer {
            Came::Queued(queued) => bell.clear_away(Gone::Place(queued.waiter)),
            Came::Granted(granted) if !granted.held_before => {
                for lock in granted.locks {
                    bell.clear_away(Gone::Lock(Release {
                        folder: None,
                        session: lock.session_id,
                        task: None,
                        token: Some(lock.id),
                    }));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use gaia_locks::folder::Folder;
    use gaia_locks::ids::{SessionId, TaskId};
    use gaia_locks::model::{Turn, WaiterLife};
    use gaia_locks::service::{Acquire, Config as LockConfig, Line, Topic};
    use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};

    use super::*;
    use crate::app::Config;

    fn ask(session: &str, line: Line) -> Acquire {
        let folder = Folder::clean("/work").unwrap();
        let session = SessionId::new(session).unwrap();
        Acquire {
            line,
            ..Acquire::new(folder, session, TaskId::NONE)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_taken_up_for_a_client_that_goes_meanwhile_is_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("assigner.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
        let locks = LockService::new(Arc::new(store), LockConfig::default());
        let here = Config::new(([127, 0, 0, 1], 1).into());
        let app = Arc::new(App::new(locks.clone(), here));
        let bell = app.bell.start(|| {}).unwrap();
        locks.acquire(&ask("a", Line::Never)).unwrap();
        let line = Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: None,
            turn: Turn::Granted,
        };
        let Came::Queued(queued) = locks.acquire(&ask("b", line)).unwrap() else {
            panic!("granted");
        };
        let held = locks.status(None).unwrap().locks[0].lock.id;
        locks.force_release(held, "test", "over").unwrap();
        let stood = Stood::taken(locks.clone(), &queued, None, false);

        // While somebody writes, taking up has begun and is not done.
        let (began, has_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let writer = locks.clone();
        let writer = std::thread::spawn(move || {
            writer.transact(|_| {
                began.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok(())
            })
        });
        has_begun.recv().unwrap();
        {
            let mut end = pin!(stood.end(&app));
            let mut context = Context::from_waker(Waker::noop());
            assert!(end.as_mut().poll(&mut context).is_pending());
        }
        go_on.send(()).unwrap();
        writer.join().unwrap().unwrap();

        let listener = locks.listen(Topic::AnyChange).unwrap();
        let is_free = || {
            let status = locks.status(None).unwrap();
            status.locks.is_empty() && status.waiters.is_empty()
        };
        while !is_free() {
            listener.wait(Duration::from_secs(1));
        }
        app.bell.stop();
        bell.join().unwrap();
    }
}
