//! One lock, and the question before it is ended by force [R7].

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use gaia_assigner::service::Forced;
use gaia_locks::clock::Wall;
use gaia_locks::ids::LockId;
use gaia_locks::service::Standing;
use gaia_locks::wire::LockInfo;
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{Fields, said};
use super::frame::{Page, Place, csrf};
use super::parts::{badge, lock_end, nothing, session_link, state, tags, task_link, waiters};
use super::words::{clear, lasting, left, length, time, whole_path};
use crate::accounts::{Role, Who};
use crate::api::extract::In;
use crate::api::release;
use crate::app::App;
use crate::error::{Answer, Problem};

/// One lock.
///
/// # Errors
/// 404 for an unknown one.
pub async fn show(State(app): State<Arc<App>>, who: Who, In(id): In<i64>) -> Answer<Response> {
    let locks = app.locks.clone();
    let look = move || {
        let seen = locks.look(|tx| {
            let (id, now) = (LockId(id), tx.now().wall);
            Ok((tx.lock_info(id)?, tx.standing(id)?, now))
        });
        let (lock, standing, now) = seen?;
        let lock = lock.ok_or(gaia_locks::Error::UnknownLock(LockId(id)))?;
        Ok::<_, gaia_locks::Error>((lock, standing, now))
    };
    let (lock, standing, now) = app.core.call(look).await?;
    let drawn = move || {
        let page = Page {
            who: &who,
            place: Place::Overview,
            title: format!("Lock {id}"),
            live: "lock waiter",
            now,
        };
        page.draw(draw(&lock, standing.as_ref(), &who, now))
    };
    app.core.draw(drawn).await
}

fn draw(lock: &LockInfo, standing: Option<&Standing>, who: &Who, now: Wall) -> Markup {
    html! {
        h1 { "Lock " (lock.id) @if let Some(standing) = standing { (tags(&standing.held)) } }
        section #facts { (facts(lock, standing, now)) }
        @if let Some(standing) = standing {
            section #waiters {
                h2 { "Waiting for it " (badge(standing.waiters.len())) }
                @if standing.waiters.is_empty() { (nothing("Nobody waits.")) } @else { (waiters(&standing.waiters, now)) }
            }
            @if who.role == Role::Admin { (question(lock, who)) }
        }
    }
}

/// Whether its holder shows signs of life, and when last.
fn life(standing: &Standing, now: Wall) -> Markup {
    let life = match standing.held.alive {
        Some(true) => state("run", "●", "its process lives"),
        Some(false) => state("bad", "✕", "its process is gone"),
        None => state("idle", "?", "no process to look at"),
    };
    html! {
        dt { "Holder" } dd { (life) }
        @if standing.held.alive != Some(true) { dt { "Last seen" } dd { (time(standing.last_seen, now)) } }
    }
}

fn facts(lock: &LockInfo, standing: Option<&Standing>, now: Wall) -> Markup {
    let ended = lock.released_at.or(lock.expired_at);
    html! {
        dl.facts {
            dt { "Folder" } dd { (whole_path(&lock.folder_path)) }
            @if let Some(written) = &lock.written_path { dt { "Written as" } dd { (whole_path(written)) } }
            dt { "State" } dd { (lock_end(lock.end_reason)) }
            dt { "Session" } dd { (session_link(lock.session_id.as_str())) }
            @if let Some(standing) = standing { (life(standing, now)) }
            dt { "Task" } dd { (task_link(lock.task_id)) }
            dt { "Mode" } dd { (lock.mode.word()) }
            dt { "Created" } dd { (time(lock.created_at, now)) }
            @if let Some(expires) = lock.expires_at { dt { "Expires" } dd { (time(expires, now)) } }
            @match (ended, lock.expires_at) {
                (Some(ended), _) => { dt { "Ended" } dd { (time(ended, now)) } dt { "Held for" } dd { (length(ended.since(lock.created_at))) } }
                (None, Some(expires)) => { dt { "Left" } dd { (left(expires, now)) } dt { "Held for" } dd { (lasting(lock.created_at, now)) } }
                (None, None) => {}
            }
            @if let Some(by) = &lock.ended_by { dt { "Ended by" } dd { (clear(by)) } }
            @if let Some(reason) = &lock.reason { dt { "Reason" } dd { (clear(reason)) } }
            @if let Some(pid) = lock.pid { dt { "Process" } dd { (pid) } }
            dt { "Scope" } dd { (clear(lock.scope.as_str())) }
            @if let Some(details) = &lock.details { dt { "Details" } dd { code { (clear(&details.to_string())) } } }
        }
    }
}

fn question(lock: &LockInfo, who: &Who) -> Markup {
    html! {
        form.stack.question #release method="post" action={"/locks/" (lock.id) "/release"} {
            h2 { "End this lock by force?" }
            p { (whole_path(&lock.folder_path)) }
            p {
                "Session " strong { (clear(lock.session_id.as_str())) } " may still be writing there; it is not asked. "
                @if lock.task_id.0 != 0 { "Its task " (task_link(lock.task_id)) " is stopped first, and fails." }
                @else { "The next in line gets the folder at once." }
            }
            (csrf(who))
            label { "Reason, kept in the history" input name="reason" required maxlength="500" autocomplete="off"; }
            p.buttons { button.danger { "End the lock" } a.button href="/" data-close { "Keep it" } }
        }
    }
}

/// Why a lock is ended.
#[derive(Deserialize)]
pub struct Why {
    reason: Option<String>,
}

/// Ends it by force.
///
/// # Errors
/// 400 without a reason, 404 for an unknown lock, 409 for one that has ended.
pub async fn end(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Fields(why): Fields<Why>,
) -> Answer<Response> {
    let reason = said(why.reason).ok_or_else(|| {
        Problem::invalid("say why the lock is ended: the reason is kept in the history")
    })?;
    let forced = release::by_force(&app, &who, id, reason, release::SOON).await?;
    let on = match forced {
        Forced::Ended(_) => format!("/locks/{id}"),
        // There it is seen to stop.
        Forced::Stopping(task, _) => format!("/tasks/{task}"),
    };
    Ok(Redirect::to(&on).into_response())
}
