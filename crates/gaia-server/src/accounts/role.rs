//! What somebody may do.

use gaia_locks::ids::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do; each may do what the one before it may.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Acts for the sessions of its own name.
    Agent,
    /// Acts for everybody, and ends any lock.
    Admin,
}

impl Role {
    /// The word in SQL, JSON and flags.
    pub fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Agent => "agent",
            Role::Admin => "admin",
        }
    }

    /// Reads a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Role::Viewer, Role::Agent, Role::Admin]
            .into_iter()
            .find(|role| role.word() == word)
    }

    /// Whether somebody of this role and name may act for a session: an agent
    /// NAME for NAME and NAME/…, an admin for each, a viewer for none.
    pub fn acts_for(self, name: &str, session: &SessionId) -> bool {
        let below = session.as_str().strip_prefix(name);
        match self {
            Role::Viewer => false,
            Role::Agent => below.is_some_and(|below| below.is_empty() || below.starts_with('/')),
            Role::Admin => true,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_acts_for_its_own_name_and_what_lies_below_it() {
        let session = |name: &str| SessionId::new(name).unwrap();
        let acts = |name: &str| Role::Agent.acts_for("ci", &session(name));
        assert!(acts("ci") && acts("ci/1") && acts("ci/a/b"));
        assert!(!acts("ci2") && !acts("c") && !acts("ci-1") && !acts("CI") && !acts("x/ci"));
        assert!(!Role::Viewer.acts_for("ci", &session("ci")));
        assert!(Role::Admin.acts_for("ci", &session("other")));
    }
}
