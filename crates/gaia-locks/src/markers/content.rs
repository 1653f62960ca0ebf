//! What stands in a marker file: small JSON for people, and for other databases.

use std::borrow::Cow;
use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::On;
use crate::clock::{Now, Wall};
use crate::model::{Binding, Lock, Mode};

/// More holders than this are counted, not named.
const MOST_OTHERS: usize = 200;

/// One marker file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Content<'a> {
    pub(super) folder_path: Cow<'a, str>,
    session_id: Cow<'a, str>,
    task_id: i64,
    created_at: Wall,
    expires_at: Wall,
    status: Cow<'a, str>,
    token: i64,
    mode: Mode,
    pub(super) database: Cow<'a, str>,
    /// Which database stood at that path; earlier releases did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) database_id: Option<Cow<'a, str>>,
    /// Further locks on the very same folder, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other<'a>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    others_not_named: usize,
}

/// A lock beside the first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Other<'a> {
    session_id: Cow<'a, str>,
    task_id: i64,
    created_at: Wall,
    expires_at: Wall,
    mode: Mode,
    token: i64,
}

// What serde asks for.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<'a> Content<'a> {
    /// The marker of these locks, all on one folder; none where nobody holds it.
    pub(super) fn of(locks: &[&'a Lock], on: &'a On, now: Now) -> Option<Self> {
        let mut held: Vec<&Lock> = locks
            .iter()
            .copied()
            .filter(|lock| lives(lock, now))
            .collect();
        held.sort_unstable_by_key(|lock| Reverse(lock.id));
        let (first, others) = held.split_first()?;
        let named = others.iter().take(MOST_OTHERS);
        Some(Self {
            folder_path: first.folder.path().into(),
            session_id: first.holder.session.as_str().into(),
            task_id: first.holder.task.0,
            created_at: first.granted_at,
            expires_at: now.wall_of(first.expires),
            status: "active".into(),
            token: first.id.0,
            mode: first.mode,
            database: on.database.as_str().into(),
            database_id: on.id.as_deref().map(Cow::from),
            others: named.map(|lock| Other::of(lock, now)).collect(),
            others_not_named: others.len().saturating_sub(MOST_OTHERS),
        })
    }

    /// Reads a marker. What is not one is not ours, whatever its name.
    pub(super) fn read(bytes: &[u8]) -> Option<Content<'static>> {
        serde_json::from_slice(bytes).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Whether it names some of these locks and no others.
    pub(super) fn names_only(&self, locks: &[&Lock]) -> bool {
        let known = |token: i64| locks.iter().any(|lock| lock.id.0 == token);
        self.others_not_named == 0
            && known(self.token)
            && self.others.iter().all(|other| known(other.token))
    }

    /// Whether any lock that it names goes on after this instant.
    pub(super) fn is_live(&self, now: Wall) -> bool {
        let others = || self.others.iter().map(|other| other.expires_at);
        self.status == "active"
            && (self.expires_at > now || others().any(|expires_at| expires_at > now))
    }
}

impl<'a> Other<'a> {
    fn of(lock: &'a Lock, now: Now) -> Self {
        Self {
            session_id: lock.holder.session.as_str().into(),
            task_id: lock.holder.task.0,
            created_at: lock.granted_at,
            expires_at: now.wall_of(lock.expires),
            mode: lock.mode,
            token: lock.id.0,
        }
    }
}

/// A lapsed row that nobody has cleared away yet marks nothing; a bound one
/// may go on with its process.
fn lives(lock: &Lock, now: Now) -> bool {
    let goes_on = match &lock.binding {
        Binding::Lease | Binding::Claim(_) => false,
        Binding::Process(_) => true,
        Binding::Agent(agent) => agent.in_call,
    };
    goes_on || now.moment < lock.expires
}
