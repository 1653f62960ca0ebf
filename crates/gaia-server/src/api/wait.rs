//! Waiting for a folder, as a long poll that holds no thread [R8].
//!
//! The place in line is a row that lives while it is heard; [`crate::bell`]
//! lets it be heard as long as the request stands. When the client goes, or
//! the server stops, the place is left; with a request id it is kept for 30 s,
//! so that the same request again finds its place.

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::model::{Turn, WaiterLife};
use gaia_locks::service::{Acquire, Line, LockService};
use gaia_locks::wire;
use tokio::time::Instant;

use super::for_another;
use super::length::Wait;
use super::place::{Stood, Untold, asked_elsewhere};
use crate::accounts::Who;
use crate::app::App;
use crate::auth::still::{self, Still};
use crate::bell::{Gone, Place};
use crate::error::{Answer, Problem};

/// A row's own patience ends a little later than the request's: so the request
/// is there to say what was in the way.
pub const AFTERWARDS: Duration = Duration::from_secs(5);

/// Asks, and waits in line as long as was asked for. Gives also whether it
/// waited.
///
/// # Errors
/// Bad input, or a store that cannot be used; 410 when somebody else took the
/// place away; 503 when the server stops.
pub async fn acquire(
    app: &Arc<App>,
    who: &Who,
    door: LockService,
    mut request: Acquire,
    wait: Wait,
) -> Answer<(wire::Answer, bool)> {
    let limit = match wait {
        Wait::No => {
            let answer = ask(app, who, door, request).await?;
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
    let keeps = request.request_id.is_some();
    let until = limit.and_then(|limit| Instant::now().checked_add(limit));
    match ask(app, who, door.clone(), request).await? {
        wire::Answer::Queued(queued) => {
            let stood = Stood::taken(door, &queued, limit, keeps);
            let answer = Waits::new(app, who, stood).until(until).await;
            Ok((answer?, true))
        }
        answer => Ok((answer, false)),
    }
}

/// Waits on at a place in line that was taken before; nothing when it is not
/// its turn until then, and the place stays.
///
/// # Errors
/// 410 when the place is gone, 401 for a token that was revoked meanwhile; 503
/// when the server stops.
pub async fn wait_on(
    app: &Arc<App>,
    who: &Who,
    stood: Stood,
    until: Option<Instant>,
) -> Answer<Option<wire::Answer>> {
    let mut place = app.bell.look_after(stood.waiter);
    match stand(app, who, &mut place, until).await? {
        Stands::Turn => stood.end(app).await.map(Some),
        Stands::Over | Stands::Elsewhere => Ok(None),
        Stands::Stopping => Err(stopping()),
    }
}

/// How standing in line ends.
enum Stands {
    /// It was granted, or is gone.
    Turn,
    /// Patience is over.
    Over,
    /// A later request waits there.
    Elsewhere,
    /// The server stops.
    Stopping,
}

/// Stands there, as long as whoever does may do so.
async fn stand(
    app: &Arc<App>,
    who: &Who,
    place: &mut Place,
    until: Option<Instant>,
) -> Answer<Stands> {
    let mut still = Still::new(who.clone());
    loop {
        let look = Instant::now() + still::LOOK;
        let next = until.map_or(look, |until| until.min(look));
        tokio::select! {
            turn = &mut place.turn => {
                if turn.is_err() {
                    return Ok(Stands::Elsewhere);
                }
                // Nothing is handed out to whom nothing would be given now.
                still::counts(app, who).await?;
                return Ok(Stands::Turn);
            }
            () = sleep_until(Some(next)) => {}
            () = app.stopped() => return Ok(Stands::Stopping),
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            still::counts(app, who).await?;
            return Ok(Stands::Over);
        }
        still.may(app).await?;
    }
}

/// Asks; what came of it is undone if the client goes before it is told,
/// unless a request id lets it ask again.
async fn ask(
    app: &Arc<App>,
    who: &Who,
    door: LockService,
    request: Acquire,
) -> Answer<wire::Answer> {
    let (bell, keeps) = (app.bell.clone(), request.request_id.is_some());
    let who = who.clone();
    let called = app.core.call(move || {
        let answer = for_another::acquire(&door, &who, &request)?;
        Ok::<_, gaia_locks::Error>(Untold::new(&bell, keeps, answer))
    });
    let answer = called.await?.tell()?;
    app.metrics.answered(&answer);
    Ok(answer)
}

/// Somebody's place in line while its request stands.
struct Waits {
    app: Arc<App>,
    who: Who,
    stood: Stood,
    place: Place,
    leaves: bool,
}

impl Waits {
    /// A place is looked after from now on.
    fn new(app: &Arc<App>, who: &Who, stood: Stood) -> Self {
        Self {
            place: app.bell.look_after(stood.waiter),
            app: app.clone(),
            who: who.clone(),
            leaves: !stood.keeps,
            stood,
        }
    }

    /// Waits until it is granted or patience ends.
    async fn until(mut self, until: Option<Instant>) -> Answer<wire::Answer> {
        match stand(&self.app, &self.who, &mut self.place, until).await? {
            Stands::Turn | Stands::Over => {}
            Stands::Elsewhere => {
                // The place is the later request's now.
                self.leaves = false;
                return Err(asked_elsewhere());
            }
            Stands::Stopping => return Err(self.stopping()),
        }
        let answer = self.stood.end(&self.app).await?;
        self.leaves = false;
        Ok(answer)
    }

    fn stopping(&self) -> Problem {
        match self.leaves {
            true => stopping(),
            false => stopping().hint("the same request id finds its place in line again for 30 s"),
        }
    }
}

/// Also when the client goes and nobody awaits this any more.
impl Drop for Waits {
    fn drop(&mut self) {
        if self.leaves {
            self.app.bell.clear_away(Gone::Place(self.stood.waiter));
        }
    }
}

/// What whoever waits is told when the server stops.
pub fn stopping() -> Problem {
    Problem::busy("server_stopping", "the server is stopping; ask again")
}

/// Sleeps, without an end when there is none.
pub async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
