//! A session: how it is driven, whether it is free, and how well a task fits it.

use gaia_locks::clock::Moment;
use gaia_locks::folder::is_within;
use gaia_locks::ids::{SessionId, TaskId};
use serde::{Deserialize, Serialize};

use crate::task::Wants;

/// How a session is driven, as stored and shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A process is started for each task.
    Process,
}

impl Kind {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Process => "process",
        }
    }
}

/// Whether a session is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It waits for work, since then.
    Idle {
        /// Since when.
        since: Moment,
    },
    /// It works.
    Busy {
        /// On what.
        task: TaskId,
    },
}

/// A session as the assigner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its name, unique in a database.
    pub name: SessionId,
    /// claude, codex … or any other word.
    pub provider: Option<String>,
    /// Whether it is free.
    pub state: State,
    /// Where it was last, or where it begins.
    pub folder: Option<String>,
}

/// How near a session is to a task's folder: the nearer the smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Nearness {
    /// It is there.
    Exact,
    /// It is in a folder that holds it.
    Parent,
    /// It is in a folder inside it.
    Child,
    /// It is elsewhere.
    Elsewhere,
}

/// What makes one session better for a task than another: the smaller the
/// better [T10].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fit {
    choice: usize,
    near: Nearness,
    idle_since: Moment,
}

impl Session {
    /// Since when it waits for work; `None` when it does not.
    pub fn idle_since(&self) -> Option<Moment> {
        match self.state {
            State::Idle { since } => Some(since),
            State::Busy { .. } => None,
        }
    }

    /// Whether it could take the task, were it free and the folder too.
    pub fn could_take(&self, wants: &Wants) -> bool {
        self.choice(wants).is_some()
    }

    /// How well it fits a task now; `None` when it cannot take it.
    pub fn fit(&self, wants: &Wants) -> Option<Fit> {
        Some(Fit {
            choice: self.choice(wants)?,
            near: self.nearness(wants.folder.as_deref()),
            idle_since: self.idle_since()?,
        })
    }

    /// Which choice of the task's it is: 0 the first. What the task names must
    /// be met; preferred providers are a matter of order, fallbacks come last.
    fn choice(&self, wants: &Wants) -> Option<usize> {
        let named = wants
            .session
            .as_deref()
            .is_none_or(|name| name == self.name.as_str());
        let provided = wants.provider.is_none() || wants.provider == self.provider;
        if named && provided {
            let liked = self.place_in(&wants.preferred);
            return Some(liked.unwrap_or(wants.preferred.len()));
        }
        let fallback = self.place_in(&wants.fallbacks)?;
        Some(wants.preferred.len() + 1 + fallback)
    }

    fn place_in(&self, providers: &[String]) -> Option<usize> {
        let own = self.provider.as_ref()?;
        providers.iter().position(|provider| provider == own)
    }

    fn nearness(&self, wanted: Option<&str>) -> Nearness {
        match (self.folder.as_deref(), wanted) {
            (Some(own), Some(wanted)) if own == wanted => Nearness::Exact,
            (Some(own), Some(wanted)) if is_within(wanted, own) => Nearness::Parent,
            (Some(own), Some(wanted)) if is_within(own, wanted) => Nearness::Child,
            _ => Nearness::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str, provider: Option<&str>, folder: Option<&str>, since: i64) -> Session {
        Session {
            name: SessionId::new(name).unwrap(),
            provider: provider.map(str::to_owned),
            state: State::Idle {
                since: Moment(since),
            },
            folder: folder.map(str::to_owned),
        }
    }

    fn best<'a>(sessions: &'a [Session], wants: &Wants) -> Option<&'a str> {
        let fits = sessions
            .iter()
            .filter_map(|session| Some((session.fit(wants)?, session)));
        fits.min_by_key(|(fit, _)| *fit)
            .map(|(_, session)| session.name.as_str())
    }

    #[test]
    fn t10_the_session_in_the_folder_first_then_parent_then_child_then_idle_longest() {
        let wants = Wants {
            folder: Some("/w/a".into()),
            ..Wants::default()
        };
        let mut sessions = vec![
            session("new", None, Some("/x"), 9),
            session("old", None, None, 1),
            session("child", None, Some("/w/a/b"), 9),
            session("parent", None, Some("/w"), 9),
            session("exact", None, Some("/w/a"), 9),
        ];
        for expected in ["exact", "parent", "child", "old", "new"] {
            assert_eq!(best(&sessions, &wants), Some(expected));
            sessions.retain(|session| session.name.as_str() != expected);
        }
    }

    #[test]
    fn t10_providers_by_need_then_by_liking_then_as_fallback() {
        let sessions = [
            session("a", Some("claude"), None, 3),
            session("b", Some("codex"), None, 2),
            session("c", Some("gemini"), None, 1),
        ];
        let need = Wants {
            provider: Some("claude".into()),
            ..Wants::default()
        };
        assert_eq!(best(&sessions, &need), Some("a"));
        assert_eq!(best(&sessions[1..], &need), None);
        let fallback = Wants {
            fallbacks: vec!["codex".into(), "gemini".into()],
            ..need
        };
        assert_eq!(best(&sessions, &fallback), Some("a"));
        assert_eq!(best(&sessions[1..], &fallback), Some("b"));
        let like = Wants {
            preferred: vec!["codex".into()],
            ..Wants::default()
        };
        assert_eq!(best(&sessions, &like), Some("b"));
        let named = Wants {
            session: Some("c".into()),
            ..Wants::default()
        };
        assert_eq!(best(&sessions, &named), Some("c"));
        assert_eq!(best(&sessions[..2], &named), None);
    }

    #[test]
    fn who_works_is_not_asked() {
        let mut busy = session("a", None, None, 1);
        busy.state = State::Busy { task: TaskId(5) };
        assert_eq!(best(&[busy], &Wants::default()), None);
    }
}
