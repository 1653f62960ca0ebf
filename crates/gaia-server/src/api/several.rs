//! Letting go of several locks, and renewing several: one by one, and of each is
//! said what came of it [R9].

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, Scope, SessionId, TaskId};
use gaia_locks::service::{Release, Released, Renew};
use gaia_locks::wire::LockInfo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract::{Json, json as answer};
use super::length::Length;
use super::locks::{holder_of, may_act, own_session};
use super::release::ended;
use super::{folders, for_another};
use crate::accounts::Who;
use crate::app::App;
use crate::error::{Answer, Problem};

/// What is released.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// On exactly this folder.
    folder_path: Option<String>,
    /// On exactly each of these folders.
    #[serde(default)]
    folder_paths: Vec<String>,
    /// Whose; your own name when left out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Only this task's.
    #[schema(value_type = Option<i64>)]
    task_id: Option<TaskId>,
    /// Only this very lock.
    token: Option<i64>,
    /// Only these very locks; with several folders one for each, in their order.
    #[serde(default)]
    tokens: Vec<i64>,
    /// Whose file system the paths belong to.
    #[schema(value_type = Option<String>)]
    scope: Option<Scope>,
}

impl Give {
    /// One wish for each token, or for each folder where there is none. Of one
    /// folder and tokens, each token's lock must be on that folder.
    fn wishes(&self, locks: &LockService, session: &SessionId) -> Answer<Vec<Release>> {
        let tokens: Vec<i64> = self.token.iter().chain(&self.tokens).copied().collect();
        let paths = self.folder_path.iter().chain(&self.folder_paths);
        folders::not_too_many(paths.clone().count(), "folders")?;
        folders::not_too_many(tokens.len(), "tokens")?;
        let scope = self.scope.as_ref();
        let named = paths.map(|path| folders::folder(locks, scope, path));
        let named = named.collect::<Answer<Vec<Folder>>>()?;
        let pairs: Vec<(Option<Folder>, Option<i64>)> = match (named.len(), tokens.len()) {
            (0, 0) => vec![(None, None)],
            (_, 0) => named.into_iter().map(|one| (Some(one), None)).collect(),
            (0 | 1, _) => {
                let of = |token| (named.first().cloned(), Some(token));
                tokens.into_iter().map(of).collect()
            }
            (folders, given) if folders == given => {
                let folders = named.into_iter().map(Some);
                folders.zip(tokens.into_iter().map(Some)).collect()
            }
            (folders, given) => {
                return Err(Problem::invalid(format!(
                    "{folders} folders and {given} tokens were named: give one token for each folder, in the same order, or no folder"
                )));
            }
        };
        let wish = |(folder, token): (Option<Folder>, Option<i64>)| Release {
            folder,
            session: session.clone(),
            task: self.task_id,
            token: token.map(LockId),
        };
        Ok(pairs.into_iter().map(wish).collect())
    }
}

/// What came of one folder or token.
#[derive(Serialize)]
struct ReleasedOne {
    folder_path: Option<String>,
    token: Option<LockId>,
    released: bool,
    locks: Vec<LockInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// A problem among results, as the command line tells it.
fn told(problem: &Problem) -> Value {
    json!({"code": problem.code(), "message": problem.detail(), "hint": problem.what_helps()})
}

/// The holder's release by folder or token: without token or task every lock of
/// the session on exactly that folder. Several are released one by one, and
/// `results` says of each what came of it.
///
/// # Errors
/// 409 where nothing is held, or not all was released; 403 for somebody else's
/// and for a task's.
#[utoipa::path(post, path = "/api/gaia/release", tag = "locks", request_body = Give)]
pub async fn release(
    State(app): State<Arc<App>>,
    who: Who,
    Json(give): Json<Give>,
) -> Answer<Response> {
    let session = own_session(&who, give.session_id.clone())?;
    let locks = app.locks.clone();
    let done = app.core.call(move || {
        let door = folders::door(&locks, give.scope.as_ref());
        let mut done = Vec::new();
        for wish in give.wishes(&locks, &session)? {
            let released = for_another::release(&door, &who, &wish, &who.name)?;
            done.push((wish, released));
        }
        Ok::<_, Problem>(done)
    });
    released(done.await?)
}

fn released(done: Vec<(Release, Released)>) -> Answer<Response> {
    let results: Vec<ReleasedOne> = done.iter().map(of_one).collect();
    let all = results.iter().all(|one| one.released);
    let ended_now = results.iter().filter(|one| one.released);
    let locks: Vec<&LockInfo> = ended_now.flat_map(|one| &one.locks).collect();
    let facts = json!({"released": all, "locks": locks, "results": results});
    if all {
        return Ok(answer(&facts));
    }
    match <[(Release, Released); 1]>::try_from(done) {
        Ok([(_, one)]) => ended(one).map_err(|problem| problem.facts(&json!({"results": results}))),
        Err(_) => Err(not_all("released", &facts)),
    }
}

fn of_one((wish, released): &(Release, Released)) -> ReleasedOne {
    let locks = match released {
        Released::Ended(locks) => locks.clone(),
        Released::NotHeld => Vec::new(),
        Released::NotAllowed(lock) => vec![LockInfo::clone(lock)],
    };
    let error = ended(released.clone()).err();
    let named = wish.folder.as_ref().map(|folder| folder.path().to_owned());
    ReleasedOne {
        folder_path: named.or_else(|| locks.first().map(|lock| lock.folder_path.clone())),
        token: wish.token,
        released: error.is_none(),
        locks,
        error: error.as_ref().map(told),
    }
}

fn not_all(done: &str, facts: &Value) -> Problem {
    let detail = format!("not all of them were {done}: `results` says of each what came of it");
    Problem::new(StatusCode::CONFLICT, "not_held", detail).facts(facts)
}

/// Which leases are renewed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leases {
    /// The locks' ids, their tokens.
    #[serde(default)]
    tokens: Vec<i64>,
    /// The locks' session, which must be the holder; each lock's own when left
    /// out.
    #[schema(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Its task, if it is to be checked.
    #[schema(value_type = Option<i64>)]
    task_id: Option<TaskId>,
    /// The leases from now on: seconds, or a duration as 30m.
    #[schema(value_type = Option<serde_json::Value>)]
    ttl: Option<Length>,
}

/// What came of one token.
#[derive(Serialize)]
struct RenewedOne {
    token: LockId,
    renewed: bool,
    lock: Option<LockInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// Renews several leases one by one, and says of each what came of it.
///
/// # Errors
/// 409 when not all were renewed, 403 for another's session.
#[utoipa::path(post, path = "/api/gaia/renew", tag = "locks", request_body = Leases)]
pub async fn renew(
    State(app): State<Arc<App>>,
    who: Who,
    Json(longer): Json<Leases>,
) -> Answer<Response> {
    if let Some(session) = &longer.session_id {
        may_act(&who, session)?;
    }
    folders::not_too_many(longer.tokens.len(), "tokens")?;
    if longer.tokens.is_empty() {
        return Err(Problem::invalid("name the tokens of the locks in `tokens`"));
    }
    let locks = app.locks.clone();
    let results = app.core.call(move || {
        let tokens = longer.tokens.iter();
        let one = |token: &i64| renew_one(&locks, &who, LockId(*token), &longer);
        tokens.map(one).collect::<Answer<Vec<RenewedOne>>>()
    });
    let results = results.await?;
    let all = results.iter().all(|one| one.renewed);
    let lock = results.first().and_then(|one| one.lock.as_ref());
    let facts = json!({"renewed": all, "lock": lock, "results": results});
    match all {
        true => Ok(answer(&facts)),
        false => Err(not_all("renewed", &facts)),
    }
}

fn renew_one(locks: &LockService, who: &Who, token: LockId, longer: &Leases) -> Answer<RenewedOne> {
    let renew = || {
        let request = Renew {
            token,
            session: holder_of(locks, who, token, longer.session_id.clone())?,
            task: longer.task_id,
            folder: None,
            ttl: longer.ttl.map(|Length(ttl)| ttl),
        };
        for_another::renew(locks, who, &request).map_err(Problem::from)
    };
    let (lock, error) = match renew() {
        Ok(lock) => (Some(lock), None),
        // A store that fails is no answer about this one.
        Err(problem) if problem.status().is_server_error() => return Err(problem),
        Err(problem) => (None, Some(told(&problem))),
    };
    Ok(RenewedOne {
        token,
        renewed: error.is_none(),
        lock,
        error,
    })
}
