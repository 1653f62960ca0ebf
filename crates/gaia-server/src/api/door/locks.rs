//! The verbs on locks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gaia_assigner::service::STOPPING;
use gaia_locks::LockService;
use gaia_locks::ids::{Scope, SessionId};
use gaia_locks::model::Holder;
use gaia_locks::service::{Locks as _, Release, Renew, Touch};
use gaia_locks::wire::door::{Call, Named, Request};
use gaia_locks::wire::{FolderNow, Status};
use serde::Serialize;
use serde_json::Value;

use super::super::extract::json as answer;
use super::super::locks::may_act;
use super::super::release::by_force;
use super::super::{folders, for_another, noted};
use super::{Speaks, Verb, needs, wait};
use crate::accounts::{Role, Who};
use crate::app::App;
use crate::error::{Answer, Problem};

/// Does what was asked.
///
/// # Errors
/// As the verb; 403 for what this role may not.
pub async fn locks(
    State(app): State<Arc<App>>,
    who: Who,
    _: Speaks,
    Verb(Request { scope, call }): Verb<Call>,
) -> Answer<Response> {
    needs(least(&call), &who)?;
    let done = match call {
        Call::Wait {
            waiter,
            period,
            leave: false,
        } => value(wait::wait(&app, &who, waiter, period).await?),
        Call::Wait { waiter, .. } => value(wait::leave(&app, &who, waiter).await?),
        Call::Watch {
            token,
            known,
            period,
        } => value(wait::watch(&app, &who, token, known, period).await?),
        Call::Changes { since, period } => value(wait::changes(&app, &who, since, period).await?),
        Call::ForceRelease { id, reason } => {
            // As on the database, where whoever asks waits for the task to stop.
            let forced = by_force(&app, &who, id.0, reason, STOPPING).await?;
            value(forced.ended()?)
        }
        call => at_once(&app, who, scope, call).await,
    };
    Ok(answer(&done?))
}

/// Who may use a verb.
fn least(call: &Call) -> Role {
    match call {
        Call::Verify { .. }
        | Call::WaitingFor { .. }
        | Call::Status { .. }
        | Call::History(_)
        | Call::Watch { .. }
        | Call::Changes { .. } => Role::Viewer,
        Call::Acquire(_)
        | Call::Wait { .. }
        | Call::Leave { .. }
        | Call::Touched { .. }
        | Call::Renew { .. }
        | Call::Release { .. } => Role::Agent,
        Call::ForceRelease { .. }
        | Call::Cleanup
        | Call::Prune { .. }
        | Call::Pause { .. }
        | Call::Resume { .. } => Role::Admin,
    }
}

pub(super) fn value(answer: impl Serialize) -> Answer<Value> {
    serde_json::to_value(answer).map_err(|error| {
        Problem::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "failed",
            format!("the answer could not be written: {error}"),
        )
    })
}

/// What waits for nothing: one call of the core.
async fn at_once(app: &Arc<App>, who: Who, scope: Scope, call: Call) -> Answer<Value> {
    let shared = app.clone();
    let work = move || {
        let door = folders::door(&shared.locks, Some(&scope));
        do_at_once(&shared, &door, &who, call)
    };
    app.core.call(work).await
}

fn do_at_once(app: &App, door: &LockService, who: &Who, call: Call) -> Answer<Value> {
    match call {
        Call::Acquire(ask) => {
            may_act(who, &ask.holder.session)?;
            let request = ask.into_acquire(&**door.witness())?;
            folders::not_too_many(request.folders.len(), "folders")?;
            let came = for_another::acquire(door, who, &request)?;
            app.metrics.answered(&came);
            value(came)
        }
        Call::Leave { waiter } => {
            let waiter = wait::own_place(app, who, waiter)?;
            value(for_another::leave(door, who, &waiter)?)
        }
        Call::Renew {
            token,
            session,
            task,
            folder,
            ttl,
        } => {
            may_act(who, &session)?;
            let folder = folder.map(Named::into_folder).transpose()?;
            let request = Renew {
                token,
                session,
                task,
                folder,
                ttl,
            };
            value(for_another::renew(door, who, &request)?)
        }
        Call::Release {
            folder,
            session,
            task,
            token,
        } => {
            may_act(who, &session)?;
            let folder = folder.map(Named::into_folder).transpose()?;
            let request = Release {
                folder,
                session,
                task,
                token,
            };
            // As on the database, where whoever names a session acts as it.
            let by = request.session.as_str();
            value(for_another::release(door, who, &request, by)?)
        }
        Call::Verify { token } => value(door.verify(token)?),
        Call::WaitingFor { token } => value(door.waiting_for(token)?),
        Call::Status { folder } => value(status(app, door, folder)?),
        Call::Touched {
            tree,
            linked,
            files,
            holder,
        } => {
            folders::not_too_many(files.len(), "files")?;
            let files = files.into_iter().map(Named::into_folder);
            value(door.touched(&Touch {
                tree: tree.into_folder()?,
                linked,
                files: files.collect::<Result<_, _>>()?,
                holder: holder.map(|holder| of_account(who, holder)).transpose()?,
            })?)
        }
        Call::History(past) => value(door.history(&past.into_filter()?)?),
        call => as_admin(app, door, who, call),
    }
}

/// A client's own session is known by the name of its account before it, as
/// hooks that come through an account call it.
fn of_account(who: &Who, holder: Holder) -> Answer<Holder> {
    if who.acts_for(&holder.session) {
        return Ok(holder);
    }
    let session = SessionId::new(format!("{}/{}", who.name, holder.session));
    Ok(Holder::new(
        session.map_err(gaia_locks::Error::from)?,
        holder.task,
    ))
}

fn as_admin(app: &App, door: &LockService, who: &Who, call: Call) -> Answer<Value> {
    match call {
        Call::Cleanup => {
            let cleaned = door.cleanup()?;
            let details = format!("{cleaned} locks");
            app.accounts.note(&who.name, "cleanup", &details)?;
            value(cleaned)
        }
        Call::Prune { before } => value(noted::prune(door, &who.name, before)?),
        Call::Pause { folder, reason } => {
            let folder = folder.into_folder()?;
            value(noted::pause(door, &who.name, &folder, &reason)?)
        }
        Call::Resume { folder } => {
            let folder = folder.into_folder()?;
            value(noted::resume(door, &who.name, &folder)?)
        }
        other => Err(Problem::invalid(format!("{other:?} is not done here"))),
    }
}

/// Only folders of this machine's own scope can be looked at from here.
fn status(app: &App, door: &LockService, folder: Option<Named>) -> Answer<Status> {
    let folder = folder.map(Named::into_folder).transpose()?;
    let mut status = door.status(folder.as_ref())?;
    let ours = app.locks.scope();
    for held in &mut status.locks {
        if held.lock.scope != ours {
            held.folder_state = FolderNow::Unknown;
        }
    }
    Ok(status)
}
