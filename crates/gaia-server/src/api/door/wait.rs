//! Waiting on behalf of a gaia elsewhere: for a turn, for news of a lock, for
//! any change. Each call lasts for a while and is asked again; a place in line
//! is let be heard meanwhile, so that it outlives a server that is killed in
//! between [R8].

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::ids::{LockId, WaiterId};
use gaia_locks::model::{Waiter, WaiterState};
use gaia_locks::service::PlaceNow;
use gaia_locks::wire::door::{Waited, Watched};
use tokio::time::Instant;

use super::super::locks::may_act;
use super::super::place::{Stood, asked_elsewhere, unknown};
use super::super::wait::{sleep_until, stopping};
use crate::accounts::Who;
use crate::app::App;
use crate::auth::still;
use crate::error::{Answer, Problem};

/// No call lasts longer, whatever was asked for.
const LONGEST: Duration = Duration::from_secs(25);
/// How often a place is looked at although its turn was not told.
const LOOK: Duration = Duration::from_secs(1);

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
            PlaceNow::Over => return place.end(app).await.map(Waited::Over),
            PlaceNow::Waiting(queued) if Instant::now() >= until => {
                return Ok(Waited::Still(queued));
            }
            PlaceNow::Waiting(queued) => place.refusal = queued.refusal,
        }
        let next = until.min(Instant::now() + LOOK);
        let turn = tokio::select! {
            turn = &mut looked_after.turn => Some(turn),
            () = sleep_until(Some(next)) => None,
            () = app.stopped() => return Err(stopping()),
        };
        // Nothing is handed out to whom nothing would be given now.
        still::counts(app, who).await?;
        match turn {
            Some(Ok(())) => return place.end(app).await.map(Waited::Over),
            // The same client asks anew, on another connection.
            Some(Err(_)) => return Err(asked_elsewhere()),
            None => {}
        }
    }
}

/// Takes up what was granted, or leaves.
///
/// # Errors
/// As [`wait`].
pub async fn leave(app: &Arc<App>, who: &Who, waiter: WaiterId) -> Answer<Waited> {
    let place = heard(app, who, waiter).await?;
    place.end(app).await.map(Waited::Over)
}

/// Lets the place of somebody be heard who may act for its session.
async fn heard(app: &Arc<App>, who: &Who, id: WaiterId) -> Answer<Stood> {
    let (shared, who) = (app.clone(), who.clone());
    let work = move || {
        let waiter = own_place(&shared, &who, id)?;
        shared.locks.transact(|tx| {
            let heard = tx.now().moment;
            match tx.store().waiter(id)? {
                Some(waiter) if waiter.state == WaiterState::Waiting => {
                    tx.store().update_waiter(id, &waiter.state, heard)
                }
                _ => Ok(()),
            }
        })?;
        Ok::<_, Problem>(Stood::found(shared.locks.clone(), &waiter))
    };
    app.core.call(work).await
}

/// The place of somebody who may act for its session.
///
/// # Errors
/// 410 when it is gone, 403 for another's.
pub fn own_place(app: &App, who: &Who, id: WaiterId) -> Answer<Waiter> {
    let found = app.locks.look(|tx| tx.store().waiter(id))?;
    let waiter = found.ok_or_else(|| unknown(id))?;
    may_act(who, &waiter.want.holder.session)?;
    Ok(waiter)
}

/// Waits for news of a lock.
///
/// # Errors
/// 401 for a token that was revoked meanwhile; when the store cannot be used.
pub async fn watch(
    app: &Arc<App>,
    who: &Who,
    token: LockId,
    known: Watched,
    period: Duration,
) -> Answer<Watched> {
    let until = Instant::now() + period.min(LONGEST);
    let (mut changes, mut waited) = (app.bell.changes(), false);
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
            if waited {
                still::counts(app, who).await?;
            }
            return Ok(now);
        }
        waited = true;
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(Some(until)) => {}
            () = app.stopped() => {}
        }
    }
}

/// Waits for any change; gives the count of them.
///
/// # Errors
/// As [`watch`].
pub async fn changes(
    app: &Arc<App>,
    who: &Who,
    since: Option<u64>,
    period: Duration,
) -> Answer<u64> {
    let mut changes = app.bell.changes();
    let until = Instant::now() + period.min(LONGEST);
    while since == Some(*changes.borrow_and_update()) && Instant::now() < until {
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep_until(Some(until)) => {}
            () = app.stopped() => break,
        }
    }
    still::counts(app, who).await?;
    let count = *changes.borrow();
    Ok(count)
}
