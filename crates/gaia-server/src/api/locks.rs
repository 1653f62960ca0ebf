//! Locks: who holds what, asking, renewing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use gaia_locks::ids::{LockId, RequestId, Scope, SessionId, TaskId};
use gaia_locks::model::{Holder, Mode};
use gaia_locks::service::{Acquire, Locks as _, Renew};
use gaia_locks::wire::{Answer as Came, HeldLock, LockInfo, Queued, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::extract::{In, Json, Words, json as answer};
use super::length::{Length, Wait};
use super::{folders, for_another, paging, wait};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};
use crate::kept::{self, Found};

/// Which locks are wanted.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// This session's.
    session: Option<String>,
    /// This task's.
    task: Option<i64>,
    /// On folders that overlap this one.
    folder: Option<String>,
    /// Only ids above this one: the next page.
    after: Option<i64>,
    /// At most so many, 1000 when left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
}

/// Active locks.
#[derive(Serialize)]
pub struct Held {
    /// How many there are, on this page or another.
    count: usize,
    locks: Vec<HeldLock>,
    /// `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<LockId>,
}

/// Who holds what.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/locks", tag = "locks", params(Which))]
pub async fn list(State(app): State<Arc<App>>, Words(which): Words<Which>) -> Answer<Response> {
    let looks = app.clone();
    let listed = app.lists.ask(which, move |which| {
        let app = looks.clone();
        async move {
            let locks = app.locks.clone();
            app.core.call(move || written(&page(&locks, &which)?)).await
        }
    });
    let json = [(CONTENT_TYPE, "application/json")];
    Ok((json, listed.await?).into_response())
}

/// As it goes over the wire, to all who asked; true until the first lease ends.
fn written(held: &Held) -> Answer<Found<Bytes>> {
    let written = serde_json::to_vec(held).map_err(|_| Problem::failed())?;
    let left = held.locks.iter().filter_map(|held| held.lock.expires_in);
    Ok(Found {
        answer: written.into(),
        lasts: left
            .filter_map(|left| Duration::try_from_secs_f64(left).ok())
            .min()
            .unwrap_or(kept::AGE),
    })
}

fn page(locks: &gaia_locks::LockService, which: &Which) -> Answer<Held> {
    let folder = which.folder.as_deref();
    let folder = folder
        .map(|path| folders::folder(locks, None, path))
        .transpose()?;
    let session = which.session.clone().map(SessionId::new).transpose()?;
    let mut held = locks.status(folder.as_ref())?.locks;
    held.retain(|held| {
        let session = session.as_ref();
        session.is_none_or(|session| held.lock.session_id == *session)
            && which.task.is_none_or(|task| held.lock.task_id.0 == task)
    });
    let count = held.len();
    let after = which.after.map(LockId);
    let next = paging::cut(&mut held, after, which.limit, |held| held.lock.id)?;
    Ok(Held {
        count,
        locks: held,
        next,
    })
}

/// How it stands with a folder.
#[derive(Serialize)]
pub struct Stands {
    folder_path: String,
    is_locked: bool,
    lock_info: Option<HeldLock>,
}

/// How it stands with one folder: whether a stranger would be refused it, and
/// the lock in the way (its own first, then an ancestor's, then a descendant's).
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(get, path = "/api/gaia/locks/{id}", tag = "locks",
    params(("id" = String, Path, description = "the folder's path, percent-encoded or as it is, slashes included; a missing leading slash is supplied")))]
pub async fn of_folder(
    State(app): State<Arc<App>>,
    uri: Uri,
    In(path): In<String>,
) -> Answer<Response> {
    // Whoever means a folder with one in it would be answered for another.
    if uri.query().is_some() {
        let detail = "a folder is asked for here, with no words behind a question mark: one that belongs to the path is written %3F";
        return Err(Problem::invalid(detail));
    }
    let locks = app.locks.clone();
    let stands = app.core.call(move || stands(&locks, &path)).await?;
    Ok(answer(&stands))
}

fn stands(locks: &gaia_locks::LockService, path: &str) -> Answer<Stands> {
    let path = format!("/{}", path.trim_start_matches('/'));
    let folder = folders::folder(locks, None, &path)?;
    let mut held = locks.status(Some(&folder))?.locks;
    let own = folder.path();
    held.sort_by_key(|held| {
        let theirs = held.lock.folder_path.as_str();
        (theirs != own, theirs.len() > own.len(), held.lock.id.0)
    });
    Ok(Stands {
        folder_path: own.to_owned(),
        is_locked: !held.is_empty(),
        lock_info: held.into_iter().next(),
    })
}

/// What is asked for.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The folder.
    folder_path: Option<String>,
    /// Several folders: all are granted together, or none.
    #[serde(default)]
    folder_paths: Vec<String>,
    /// For which session; your own name when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// For which task of it.
    #[schema(value_type = Option<i64>)]
    task_id: Option<TaskId>,
    /// exclusive (the default) or shared.
    #[schema(value_type = Option<String>)]
    mode: Option<Mode>,
    /// The lease: seconds, or a duration as 30m.
    #[schema(value_type = Option<serde_json::Value>)]
    ttl: Option<Length>,
    /// true, seconds, or a duration: waits in line when it is not free.
    #[serde(default)]
    #[schema(value_type = Option<serde_json::Value>)]
    wait: Wait,
    /// A lock of its own, never shared with another request.
    #[serde(default)]
    own: bool,
    /// By which the same request is known when it comes again.
    #[schema(value_type = Option<String>)]
    request_id: Option<RequestId>,
    /// Whose file system the paths belong to; this machine's when left out.
    #[schema(value_type = Option<String>)]
    scope: Option<Scope>,
}

#[derive(Serialize)]
struct Granted {
    granted: bool,
    locks: Vec<LockInfo>,
    held_before: bool,
}

#[derive(Serialize)]
struct Refused<'a> {
    granted: bool,
    #[serde(flatten)]
    refusal: &'a Refusal,
    waited: bool,
}

/// Asks for locks. Held by another: 409 with who holds it.
///
/// # Errors
/// Bad input, or a store that cannot be used.
#[utoipa::path(post, path = "/api/gaia/locks", tag = "locks", request_body = Ask)]
pub async fn acquire(
    State(app): State<Arc<App>>,
    who: Who,
    Json(ask): Json<Ask>,
) -> Answer<Response> {
    let session = own_session(&who, ask.session_id.clone())?;
    let (locks, wait) = (app.locks.clone(), ask.wait);
    let asked = app.core.call(move || request(&locks, ask, session)).await?;
    let (door, request) = asked;
    match wait::acquire(&app, &who, door, request, wait).await? {
        (Came::Granted(given), _) => Ok(granted(given)),
        (Came::Refused(refusal) | Came::Queued(Queued { refusal, .. }), waited) => {
            Err(refused(&refusal, waited))
        }
    }
}

/// The answer to one who was granted what it asked for.
pub fn granted(granted: gaia_locks::wire::Granted) -> Response {
    answer(&Granted {
        granted: true,
        locks: granted.locks,
        held_before: granted.held_before,
    })
}

fn request(
    locks: &gaia_locks::LockService,
    ask: Ask,
    session: SessionId,
) -> Answer<(gaia_locks::LockService, Acquire)> {
    let scope = ask.scope.as_ref();
    let paths = ask.folder_path.iter().chain(&ask.folder_paths);
    folders::not_too_many(paths.clone().count(), "folders")?;
    let task = ask.task_id.unwrap_or(TaskId::NONE);
    if task.0 < 0 {
        let detail =
            format!("task_id is {task}, which is no task's id; they begin at 1, 0 is none");
        return Err(Problem::invalid(detail));
    }
    let folders: Answer<Vec<_>> = paths
        .map(|path| folders::folder(locks, scope, path))
        .collect();
    let request = Acquire {
        folders: folders?,
        holder: Holder::new(session, task),
        mode: ask.mode.unwrap_or_default(),
        ttl: ask.ttl.map(|Length(ttl)| ttl),
        process: None,
        own: ask.own,
        releaser: gaia_locks::model::Releaser::Holder,
        request_id: ask.request_id,
        line: gaia_locks::service::Line::Never,
    };
    Ok((folders::door(locks, scope), request))
}

/// The answer to one who was not: who has it.
pub fn refused(refusal: &Refusal, waited: bool) -> Problem {
    let (code, detail) = match (&refusal.cycle, refusal.conflicts.first()) {
        (Some(_), _) => (
            "deadlock",
            "waiting would close a circle of holders".to_owned(),
        ),
        (None, Some(conflict)) => ("held", in_the_way(conflict)),
        (None, None) => ("held", "it is not free".to_owned()),
    };
    Problem::new(StatusCode::CONFLICT, code, detail).facts(&Refused {
        granted: false,
        refusal,
        waited,
    })
}

fn in_the_way(conflict: &gaia_locks::wire::Conflict) -> String {
    let asked = &conflict.folder_path;
    match (&conflict.lock, &conflict.paused) {
        (Some(lock), _) => format!(
            "{asked} is held by session {} through {}",
            lock.session_id, lock.folder_path
        ),
        (None, Some(pause)) => format!("{asked} is paused by {}: {}", pause.by, pause.reason),
        (None, None) => format!("somebody waits for {asked} already"),
    }
}

/// The session that somebody acts for: the one named, or the one of its name.
///
/// # Errors
/// 403 for another's.
pub fn own_session(who: &Who, named: Option<SessionId>) -> Answer<SessionId> {
    let session = named.map_or_else(|| SessionId::new(who.name.clone()), Ok)?;
    may_act(who, &session)?;
    Ok(session)
}

/// Refuses whoever may not act for a session.
///
/// # Errors
/// 403, naming both.
pub fn may_act(who: &Who, session: &SessionId) -> Answer<()> {
    if who.acts_for(session) {
        return Ok(());
    }
    let name = &who.name;
    let problem = Problem::forbidden(format!(
        "{name} acts for the sessions {name} and {name}/…, not for {session}"
    ));
    Err(problem.hint(format!(
        "name one of them, such as --session {name}/1 or GAIA_SESSION={name}/1"
    )))
}

/// How a lease is renewed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Longer {
    /// The lock's session; must be the holder.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Its task, if it is to be checked.
    #[schema(value_type = Option<i64>)]
    task_id: Option<TaskId>,
    /// The lease from now on: seconds, or a duration as 30m.
    #[schema(value_type = Option<serde_json::Value>)]
    ttl: Option<Length>,
}

/// Renews a lease.
///
/// # Errors
/// 409 once it has lapsed, 403 for somebody else's.
#[utoipa::path(post, path = "/api/gaia/locks/{id}/renew", tag = "locks", request_body = Longer,
    params(("id" = i64, Path, description = "the lock's id, its token")))]
pub async fn renew(
    State(app): State<Arc<App>>,
    who: Who,
    In(id): In<i64>,
    Json(longer): Json<Longer>,
) -> Answer<Response> {
    let locks = app.locks.clone();
    let renewed = app.core.call(move || {
        let session = holder_of(&locks, &who, LockId(id), longer.session_id)?;
        let request = Renew {
            token: LockId(id),
            session,
            task: longer.task_id,
            folder: None,
            ttl: longer.ttl.map(|Length(ttl)| ttl),
        };
        for_another::renew(&locks, &who, &request).map_err(Problem::from)
    });
    let lock = renewed.await?;
    Ok(answer(&json!({"renewed": true, "lock": lock})))
}

/// The session that a request about a lock is made for: the one it names, or
/// the lock's own; only one that may be acted for.
///
/// # Errors
/// 404 for an unknown lock, 403 for another's session.
pub fn holder_of(
    locks: &gaia_locks::LockService,
    who: &Who,
    id: LockId,
    named: Option<SessionId>,
) -> Answer<SessionId> {
    let lock = locks.verify(id)?.lock;
    let lock = lock.ok_or_else(|| Problem::from(gaia_locks::Error::UnknownLock(id)))?;
    let session = named.unwrap_or(lock.session_id);
    may_act(who, &session)?;
    Ok(session)
}
