//! Waiting for a folder, as a long poll that holds no thread [R8].
//!
//! The place in line is a row that lives while it is heard; [`crate::bell`]
//! lets it be heard as long as the request stands. When the client goes, or
//! the server stops, the place is left; with a request id it is kept for 30 s,
//! so that the same request again finds its place.

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::ids::WaiterId;
use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Cancel, Line, LockService, Locks as _, Patience, Release};
use gaia_locks::wire;
use tokio::time::Instant;

use super::length::Wait;
use crate::accounts::Who;
use crate::app::App;
use crate::auth::still;
use crate::bell::{Bell, Gone, Place};
use crate::error::{Answer, Problem};

/// A row's own patience ends a little later than the request's: so the request
/// is there to say what was in the way.
pub const AFTERWARDS: Duration = Duration::from_secs(5);

/// Asks, and waits in line as long as was asked for. Gives also whether it
/// waited.
///
/// # Errors
/// Bad input, or a store that cannot be used; 503 when the server stops.
pub async fn acquire(
    app: &Arc<App>,
    who: &Who,
    door: LockService,
    mut request: Acquire,
    wait: Wait,
) -> Answer<(wire::Answer, bool)> {
    let limit = match wait {
        Wait::No => {
            let answer = ask(app, door, request).await?;
            return Ok((answer, false));
        }
        Wait::Forever => None,
        Wait::For(limit) => Some(limit),
    };
    request.line = Line::Stand {
        life: WaiterLife::Heartbeat,
        limit: limit.map(|limit| limit.saturating_add(AFTERWARDS)),
        turn: Turn::Granted,
    };
    let keeps_place = request.request_id.is_some();
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    match ask(app, door.clone(), request).await? {
        wire::Answer::Queued(queued) => {
            let waits = Waits::new(app, who, door, queued.waiter, keeps_place);
            let began = Instant::now();
            let answer = waits.until(until).await;
            app.metrics.waits.add(began.elapsed());
            Ok((answer?, true))
        }
        answer => Ok((answer, false)),
    }
}

/// Waits on at a place in line that was taken before; nothing when it is not
/// its turn until then, and the place stays.
///
/// # Errors
/// 410 when the place is gone; 503 when the server stops.
pub async fn wait_on(
    app: &Arc<App>,
    waiter: WaiterId,
    until: Option<Instant>,
) -> Answer<Option<wire::Answer>> {
    let mut place = app.bell.look_after(waiter);
    tokio::select! {
        turn = &mut place.turn => {
            if turn.is_err() {
                // A later request waits there.
                return Ok(None);
            }
            let door = app.locks.clone();
            let taken = app.core.call(move || take_or_leave(&door, waiter));
            taken.await.map(Some)
        }
        () = sleep_until(until) => Ok(None),
        () = app.stopped() => Err(Problem::busy("server_stopping", "the server is stopping; ask again")),
    }
}

/// Asks; what came of it is undone if the client goes before it is told,
/// unless a request id lets it ask again.
async fn ask(app: &Arc<App>, door: LockService, request: Acquire) -> Answer<wire::Answer> {
    let bell = app.bell.clone();
    let called = app.core.call(move || {
        let answer = door.acquire(&request)?;
        Ok::<_, gaia_locks::Error>(Untold {
            bell: request.request_id.is_none().then_some(bell),
            answer: Some(answer),
        })
    });
    let mut untold = called.await?;
    let gone = || Problem::busy("server_stopping", "the server is stopping; ask again");
    untold.answer.take().ok_or_else(gone)
}

/// An answer on its way to somebody who may have gone.
struct Untold {
    bell: Option<Arc<Bell>>,
    answer: Option<wire::Answer>,
}

impl Drop for Untold {
    fn drop(&mut self) {
        let (Some(bell), Some(answer)) = (&self.bell, self.answer.take()) else {
            return;
        };
        match answer {
            wire::Answer::Queued(queued) => bell.clear_away(Gone::Place(queued.waiter)),
            wire::Answer::Granted(granted) if !granted.held_before => {
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

/// Somebody's place in line while its request stands.
pub struct Waits {
    app: Arc<App>,
    who: Who,
    door: LockService,
    waiter: WaiterId,
    place: Place,
    leaves: bool,
}

impl Waits {
    /// A place is looked after from now on.
    pub fn new(
        app: &Arc<App>,
        who: &Who,
        door: LockService,
        waiter: WaiterId,
        keeps_place: bool,
    ) -> Self {
        Self {
            place: app.bell.look_after(waiter),
            app: app.clone(),
            who: who.clone(),
            door,
            waiter,
            leaves: !keeps_place,
        }
    }

    /// Waits until it is granted or patience ends.
    ///
    /// # Errors
    /// As [`acquire`].
    pub async fn until(mut self, until: Option<Instant>) -> Answer<wire::Answer> {
        let stopping = tokio::select! {
            turn = &mut self.place.turn => {
                if turn.is_err() {
                    // The place is the later request's now.
                    self.leaves = false;
                    return Err(super::door::asked_elsewhere());
                }
                false
            }
            () = sleep_until(until) => false,
            () = self.app.stopped() => true,
        };
        if stopping {
            return Err(self.stopping());
        }
        // A token may have been revoked during a long wait.
        still::counts(&self.app, &self.who).await?;
        let (door, waiter) = (self.door.clone(), self.waiter);
        let answer = self
            .app
            .core
            .call(move || take_or_leave(&door, waiter))
            .await?;
        self.leaves = false;
        Ok(answer)
    }

    fn stopping(&self) -> Problem {
        let problem = Problem::busy("server_stopping", "the server is stopping; ask again");
        match self.leaves {
            true => problem,
            false => problem.hint("the same request id finds its place in line again for 30 s"),
        }
    }
}

/// Also when the client goes and nobody awaits this any more.
impl Drop for Waits {
    fn drop(&mut self) {
        if self.leaves {
            self.app.bell.clear_away(Gone::Place(self.waiter));
        }
    }
}

/// Sleeps, without an end when there is none.
pub async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Takes up what was granted; otherwise leaves and says what was in the way.
///
/// # Errors
/// When the place is gone, or the store cannot be used.
pub fn take_or_leave(
    door: &LockService,
    waiter: WaiterId,
) -> Result<wire::Answer, gaia_locks::Error> {
    let cancel = Cancel::default();
    cancel.cancel();
    let mut patience = Patience {
        limit: Some(Duration::ZERO),
        cancel,
        on_look: None,
    };
    door.wait(waiter, &mut patience)
}
