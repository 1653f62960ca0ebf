//! One lock, and the question before it is ended by force [R7].

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use gaia_assigner::service::Forced;
use gaia_locks::clock::Wall;
use gaia_locks::ids::LockId;
use gaia_locks::model::LockStatus;
use gaia_locks::service::Locks as _;
use gaia_locks::wire::LockInfo;
use maud::{Markup, html};
use serde::Deserialize;

use super::fields::{Fields, said};
use super::frame::{Page, Place, csrf};
use super::parts::{lock_end, session_link, task_link};
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
    let (lock, now) = app
        .core
        .call(move || {
            let lock = locks.verify(LockId(id))?.lock;
            let lock =
                lock.ok_or_else(|| Problem::from(gaia_locks::Error::UnknownLock(LockId(id))))?;
            Ok::<_, Problem>((lock, locks.look(|tx| Ok(tx.now().wall))?))
        })
        .await?;
    let drawn = move || {
        let page = Page {
            who: &who,
            place: Place::Overview,
            title: format!("Lock {id}"),
            live: "lock",
            now,
        };
        page.draw(draw(&lock, &who, now))
    };
    app.core.draw(drawn).await
}

fn draw(lock: &LockInfo, who: &Who, now: Wall) -> Markup {
    let active = lock.status == LockStatus::Active;
    html! {
        h1 { "Lock " (lock.id) }
        section #facts { (facts(lock, now)) }
        @if active && who.role == Role::Admin { (question(lock, who)) }
    }
}

fn facts(lock: &LockInfo, now: Wall) -> Markup {
    let ended = lock.released_at.or(lock.expired_at);
    html! {
        dl.facts {
            dt { "Folder" } dd { (whole_path(&lock.folder_path)) }
            @if let Some(written) = &lock.written_path { dt { "Written as" } dd { (whole_path(written)) } }
            dt { "State" } dd { (lock_end(lock.end_reason)) }
            dt { "Session" } dd { (session_link(lock.session_id.as_str())) }
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
