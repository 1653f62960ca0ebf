//! Waiting on behalf of a gaia elsewhere: for a turn, for news of a lock, for
//! any change. Each call lasts for a while and is asked again; a place in line
//! is let be heard meanwhile, so that it outlives a server that is killed in
//! between [R8].

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::LockService;
use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, WaiterId};
use gaia_locks::model::WaiterState;
use gaia_locks::service::PlaceNow;
use gaia_locks::wire::door::{Waited, Watched};
use gaia_locks::wire::{Answer as Came, Refusal};
use tokio::time::Instant;

use super::super::locks::may_act;
use super::super::wait::{self, sleep_until};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// No call lasts longer, whatever was asked for.
const LONGEST: Duration = Duration::from_secs(25);
/// How often a place is looked at although its turn was not told.
const LOOK: Duration = Duration::from_secs(1);

/// A place, when its patience ends, and what was last seen in its way.
struct Place {
    waiter: WaiterId,
    until: Option<Moment>,
    refusal: Refusal,
}

/// Waits for a turn.
///
/// # Errors
/// 410 when the place is gone, 403 for another's.
pub async fn wait(app: &Arc<App>, who: &Who, waiter: WaiterId, period: Duration) -> Answer<Waited> {
    let mut place = heard(app, who, waiter).await?;
    let until = Instant::now() + period.min(LONGEST);
    let mut looked_after = app.bell.look_after(waiter);
    loop {
        let door = app.locks.clone();
        let look = move || door.look(|tx| tx.place_now(waiter));
        match app.core.call(look).await? {
            PlaceNow::Over => return over(app, place).await.map(Waited::Over),
            PlaceNow::Waiting(queued) if Instant::now() >= until => {
                return Ok(Waited::Still(queued));
            }
            PlaceNow::Waiting(queued) => place.refusal = queued.refusal,
        }
        let next = until.min(Instant::now() + LOOK);
        tokio::select! {
            turn = &mut looked_after.turn => match turn {
                Ok(()) => return over(app, place).await.map(Waited::Over),
                // The same client asks anew, on another connection.
                Err(_) => return Err(asked_elsewhere()),
            },
            () = sleep_until(Some(next)) => {}
            () = app.stopped() => return Err(stopping()),
        }
    }
}

/// Takes up what was granted, or leaves.
///
/// # Errors
/// As [`wait`].
pub async fn leave(app: &Arc<App>, who: &Who, waiter: WaiterId) -> Answer<Waited> {
    let place = heard(app, who, waiter).await?;
    over(app, place).await.map(Waited::Over)
}

/// Lets the place of somebody be heard who may act for its session.
async fn heard(app: &Arc<App>, who: &Who, id: WaiterId) -> Answer<Place> {
    let (shared, who) = (app.clone(), who.clone());
    let work = move || {
        let until = own_place(&shared, &who, id)?;
        shared.locks.transact(|tx| {
            let heard = tx.now().moment;
            match tx.store().waiter(id)? {
                Some(waiter) if waiter.state == WaiterState::Waiting => {
                    tx.store().update_waiter(id, &waiter.state, heard)
                }
                _ => Ok(()),
            }
        })?;
        Ok::<_, Problem>(Place {
            waiter: id,
            until,
            refusal: Refusal::default(),
        })
    };
    app.core.call(work).await
}

/// When the patience of a place ends, for one who may act for its session.
///
/// # Errors
/// 410 when it is gone, 403 for another's.
pub fn own_place(app: &App, who: &Who, id: WaiterId) -> Answer<Option<Moment>> {
    let found = app.locks.look(|tx| tx.store().waiter(id))?;
    let waiter = found.ok_or_else(|| gone(id))?;
    may_act(who, &waiter.want.holder.session)?;
    Ok(waiter.until)
}

async fn over(app: &Arc<App>, place: Place) -> Answer<Came> {
    let door = app.locks.clone();
    app.core.call(move || take_or_leave(&door, &place)).await
}

fn take_or_leave(door: &LockService, place: &Place) -> Result<Came, gaia_locks::Error> {
    // A place that was left is no refusal, though nobody waits for it any more.
    if door.look(|tx| tx.store().waiter(place.waiter))?.is_none() {
        return match is_over(door, place)? {
            true => Ok(Came::Refused(place.refusal.clone())),
            false => Err(gone(place.waiter)),
        };
    }
    match wait::take_or_leave(door, place.waiter) {
        // Somebody else cleared the place away, its patience being over.
        Err(gaia_locks::Error::NotInLine(_)) if is_over(door, place)? => {
            Ok(Came::Refused(place.refusal.clone()))
        }
        came => came,
    }
}

fn gone(id: WaiterId) -> gaia_locks::Error {
    gaia_locks::Error::NotInLine(format!("no place has the id {id}"))
}

fn is_over(door: &LockService, place: &Place) -> Result<bool, gaia_locks::Error> {
    let now = door.look(|tx| Ok(tx.now().moment))?;
    Ok(place.until.is_some_and(|until| now >= until))
}

fn stopping() -> Problem {
    Problem::busy("server_stopping", "the server is stopping; ask again")
}

/// A later request with the same id has taken the place over.
pub fn asked_elsewhere() -> Problem {
    let detail = "this place is waited at by a later request";
    Problem::new(axum::http::StatusCode::CONFLICT, "asked_elsewhere", detail)
}

/// Waits for news of a lock.
///
/// # Errors
/// When the store cannot be used.
pub async fn watch(
    app: &Arc<App>,
    token: LockId,
    known: Watched,
    period: Duration,
) -> Answer<Watched> {
    let until = Instant::now() + period.min(LONGEST);
    let mut changes = app.bell.changes();
    loop {
        changes.borrow_and_update();
        let door = app.locks.clone();
        let look = move || {
            door.look(|tx| {
                Ok(Watched {
                    active: tx.verify(token)?.active,
                    waiting: tx.waiting_for(token)?,
                })
            })
        };
        let now = app.core.call(look).await?;
        if now != known || Instant::now() >= until || *app.stopping.borrow() {
            return Ok(now);
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(Some(until)) => {}
            () = app.stopped() => {}
        }
    }
}

/// Waits for any change; gives the count of them.
pub async fn changes(app: &Arc<App>, since: Option<u64>, period: Duration) -> u64 {
    let mut changes = app.bell.changes();
    let until = Instant::now() + period.min(LONGEST);
    while since == Some(*changes.borrow_and_update()) && Instant::now() < until {
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(Some(until)) => {}
            () = app.stopped() => break,
        }
    }
    *changes.borrow()
}
