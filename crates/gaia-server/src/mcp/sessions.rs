//! Sessions of the protocol, which clients of before 2026-07-28 have: whose
//! each one is, and which one goes when somebody has too many.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use rmcp::transport::streamable_http_server::SessionManager as _;
use rmcp::transport::streamable_http_server::session::SessionId;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde::Deserialize;
use tokio::time::Instant;

use crate::accounts::Who;
use crate::error::{Answer, Problem};

/// How many somebody may have at once. Most clients begin one for each start of
/// theirs, and many never say that it is over.
const MOST: usize = 100;
/// The header that names one.
const NAMED: &str = "mcp-session-id";

/// Who has which.
pub struct Sessions {
    manager: Arc<LocalSessionManager>,
    known: Mutex<HashMap<SessionId, Known>>,
}

struct Known {
    owner: String,
    used: Instant,
    stands: Stands,
}

/// A call of a session that stands; held by each of them.
#[derive(Clone, Default)]
pub struct Stands(Arc<()>);

impl Known {
    fn rests(&self) -> bool {
        Arc::strong_count(&self.stands.0) == 1
    }
}

impl Sessions {
    /// None yet.
    pub fn new(manager: Arc<LocalSessionManager>) -> Self {
        Self {
            manager,
            known: Mutex::default(),
        }
    }

    /// Lets a call begin: one that begins a session finds room for it, one of a
    /// session is its owner's.
    ///
    /// # Errors
    /// 404 for another's session, as for one that there is not; 503 for
    /// somebody who has too many, all of them at work.
    pub async fn enter(&self, who: &Who, headers: &HeaderMap, body: &[u8]) -> Answer<Stands> {
        if let Some(named) = named(headers) {
            return self.own(who, named);
        }
        if begins(body) {
            self.make_room(who).await?;
        }
        Ok(Stands::default())
    }

    /// Takes note of a session that an answer begins.
    pub fn note(&self, who: &Who, answer: &HeaderMap) {
        if let Some(new) = named(answer) {
            self.known().entry(new.into()).or_insert_with(|| Known {
                owner: who.name.clone(),
                used: Instant::now(),
                stands: Stands::default(),
            });
        }
    }

    fn own(&self, who: &Who, named: &str) -> Answer<Stands> {
        let mut known = self.known();
        let Some(session) = known.get_mut(named) else {
            // The SDK says that there is none.
            return Ok(Stands::default());
        };
        if session.owner != who.name {
            let detail = "there is no such MCP session";
            return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", detail));
        }
        session.used = Instant::now();
        Ok(session.stands.clone())
    }

    /// Of somebody who has too many, the one goes that has rested longest.
    async fn make_room(&self, who: &Who) -> Answer<()> {
        let there: Vec<SessionId> = self.manager.sessions.read().await.keys().cloned().collect();
        let goes = {
            let mut known = self.known();
            known.retain(|id, _| there.contains(id));
            let own = || known.iter().filter(|(_, known)| known.owner == who.name);
            if own().count() < MOST {
                return Ok(());
            }
            let resting = own().filter(|(_, known)| known.rests());
            let longest = resting.min_by_key(|(_, known)| known.used);
            longest.map(|(id, _)| id.clone()).ok_or_else(|| {
                let detail = format!("{} has {MOST} MCP sessions at work already", who.name);
                Problem::busy("server_busy", detail)
            })?
        };
        self.known().remove(&goes);
        // One that cannot be closed has ended by itself.
        drop(self.manager.close_session(&goes).await);
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SessionId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named(headers: &HeaderMap) -> Option<&str> {
    headers.get(NAMED)?.to_str().ok()
}

/// Whether a request is the one that begins a session.
fn begins(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Asked<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
    }
    serde_json::from_slice::<Asked<'_>>(body).is_ok_and(|asked| asked.method == "initialize")
}
