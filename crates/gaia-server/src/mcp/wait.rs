//! Waiting in line for a tool [R8], without a thread: the bell tells the turn,
//! and lets the place be heard as long as its call stands.
//!
//! Called off, the line is left. Where the connection breaks, a place with a
//! request id is heard one last time and kept for 30 s: the same request finds
//! it again.

use std::sync::Arc;
use std::time::Duration;

use gaia_agent::mcp::{Came, Ends, Stands};
use gaia_locks::LockService;
use gaia_locks::model::{Turn, WaiterLife, WaiterState};
use gaia_locks::service::{Acquire, Line, PlaceNow};
use gaia_locks::wire::{Answer as Was, Queued};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::doors::Caller;
use crate::accounts::Who;
use crate::api::place::{Stood, asked_elsewhere};
use crate::api::wait::{AFTERWARDS, sleep_until};
use crate::api::{folders, for_another};
use crate::app::App;
use crate::auth::still;
use crate::bell::{Gone, Place};
use crate::error::{Answer, Problem};

/// How often the client is told how it stands.
const LOOK: Duration = Duration::from_secs(2);

/// Asks for locks and waits for them.
///
/// # Errors
/// Bad input, or a store that cannot be used; 503 when the server stops.
pub async fn wait(app: &Arc<App>, caller: &Caller, stands: Stands) -> Answer<Came> {
    let door = folders::door(&app.locks, stands.scope.as_ref());
    let request = Acquire {
        line: Line::Stand {
            life: WaiterLife::Heartbeat,
            limit: stands.limit.map(|limit| limit.saturating_add(AFTERWARDS)),
            turn: Turn::Granted,
        },
        ..stands.request.clone()
    };
    let until = stands
        .limit
        .and_then(|limit| Instant::now().checked_add(limit));
    let (asked, who) = (door.clone(), caller.who.clone());
    let came = |answer, waited| Came { answer, waited };
    match app
        .core
        .call(move || for_another::acquire(&asked, &who, &request))
        .await?
    {
        Was::Queued(queued) => {
            let keeps = stands.keeps_place();
            let standing = Standing {
                place: app.bell.look_after(queued.waiter),
                app: app.clone(),
                stood: Stood::taken(door.clone(), &queued, stands.limit, keeps),
                door,
                keeps,
                over: false,
            };
            let off = Off {
                ends: stands.ends,
                one_word: caller.one_word,
            };
            let answer = standing.until(until, off, &caller.who, queued, &stands.looks);
            Ok(came(answer.await?, true))
        }
        answer => Ok(came(answer, false)),
    }
}

/// How a wait ends before its turn.
enum Leaves {
    CalledOff,
    Broke,
}

struct Off {
    ends: Ends,
    one_word: bool,
}

impl Off {
    async fn happens(&self) -> Leaves {
        tokio::select! {
            biased;
            () = self.ends.called_off.cancelled() => match self.one_word {
                true => Leaves::Broke,
                false => Leaves::CalledOff,
            },
            () = self.ends.broke.cancelled() => Leaves::Broke,
        }
    }
}

/// A place in line while its call stands.
struct Standing {
    app: Arc<App>,
    door: LockService,
    stood: Stood,
    place: Place,
    keeps: bool,
    over: bool,
}

impl Standing {
    async fn until(
        mut self,
        until: Option<Instant>,
        off: Off,
        who: &Who,
        queued: Queued,
        looks: &UnboundedSender<Queued>,
    ) -> Answer<Was> {
        // Nobody listens any more when its call is over.
        let _ = looks.send(queued);
        loop {
            let next = Instant::now() + LOOK;
            let next = until.map_or(next, |until| until.min(next));
            tokio::select! {
                biased;
                leaves = off.happens() => return Err(self.leave(leaves).await),
                () = self.app.stopped() => return Err(self.stopping()),
                turn = &mut self.place.turn => {
                    if turn.is_err() {
                        // The place is the later request's now.
                        self.over = true;
                        return Err(asked_elsewhere());
                    }
                    // Nothing is handed out to whom nothing would be given now.
                    still::counts(&self.app, who).await?;
                    return self.take().await;
                }
                () = sleep_until(Some(next)) => {}
            }
            still::counts(&self.app, who).await?;
            if until.is_some_and(|until| Instant::now() >= until) {
                return self.take().await;
            }
            if looks.is_closed() {
                continue;
            }
            let (door, waiter) = (self.door.clone(), self.stood.waiter);
            let look = move || door.look(|tx| tx.place_now(waiter));
            match self.app.core.call(look).await {
                Ok(PlaceNow::Over) => return self.take().await,
                Ok(PlaceNow::Waiting(queued)) => {
                    self.stood.refusal.clone_from(&queued.refusal);
                    let _ = looks.send(queued);
                }
                // The place stands whether it can be looked at just now or not.
                Err(problem) if problem.code() == "server_busy" => {}
                Err(problem) => return Err(problem),
            }
        }
    }

    async fn take(&mut self) -> Answer<Was> {
        let answer = self.stood.end(&self.app).await?;
        self.over = true;
        Ok(answer)
    }

    async fn leave(&mut self, leaves: Leaves) -> Problem {
        match leaves {
            Leaves::Broke if self.keeps => {
                self.over = true;
                self.be_heard().await;
            }
            _ => self.keeps = false,
        }
        // Nobody hears it.
        let detail = "the call broke off, or was called off";
        Problem::new(axum::http::StatusCode::GONE, "called_off", detail).hint(
            "with a request_id the place in line is kept for 30 s after a call that broke off",
        )
    }

    async fn be_heard(&self) {
        let (door, waiter) = (self.door.clone(), self.stood.waiter);
        let heard = self.app.core.call(move || {
            door.transact(|tx| {
                let heard = tx.now().moment;
                match tx.store().waiter(waiter)? {
                    Some(known) if known.state == WaiterState::Waiting => {
                        tx.store().update_waiter(waiter, &known.state, heard)
                    }
                    _ => Ok(()),
                }
            })
        });
        if let Err(problem) = heard.await {
            tracing::warn!("a place in line could not be kept: {}", problem.detail());
        }
    }

    fn stopping(&self) -> Problem {
        let problem = Problem::busy("server_stopping", "the server is stopping; ask again");
        match self.keeps {
            true => problem.hint("the same request id finds its place in line again for 30 s"),
            false => problem,
        }
    }
}

/// Also when the server's threads end and nobody awaits this any more.
impl Drop for Standing {
    fn drop(&mut self) {
        if !self.keeps && !self.over {
            self.app.bell.clear_away(Gone::Place(self.stood.waiter));
        }
    }
}
