//! A session: how it is driven, whether it is free, and how well a task fits it.

use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::is_within;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use serde::{Deserialize, Serialize};

use crate::task::{Wants, pause};

/// How a session is driven, as stored and shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A process is started for each task.
    Process,
    /// A pane of a tmux server, typed into.
    Tmux,
    /// An agent elsewhere that asks for work itself.
    Remote,
}

impl Kind {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Process => "process",
            Kind::Tmux => "tmux",
            Kind::Remote => "remote",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Kind::Process, Kind::Tmux, Kind::Remote];
        all.into_iter().find(|kind| kind.word() == word)
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
    /// It asks for work itself, now.
    Asking {
        /// Since when it waits for work.
        since: Moment,
    },
    /// It works.
    Busy {
        /// On what.
        task: TaskId,
    },
    /// It has no task and cannot be given one now.
    Away(Away),
}

/// What a session does that has no task and cannot be given one now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Away {
    /// It works at something that is no task of ours.
    Occupied,
    /// It asks its user something.
    WaitingInput,
    /// Nobody knows: it is not there, or shows nothing that could be read.
    Unknown,
}

impl Away {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Away::Occupied => "busy",
            Away::WaitingInput => "waiting_input",
            Away::Unknown => "unknown",
        }
    }

    /// What a session without a task does, by the word of its row.
    pub fn from_word(word: &str) -> Self {
        match word {
            "busy" => Away::Occupied,
            "waiting_input" => Away::WaitingInput,
            _ => Away::Unknown,
        }
    }
}

/// A pane of a tmux server, and no other: numbers of panes are used again by
/// the next server on the same socket, so it is known by its processes too.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Pane {
    /// The server's socket.
    pub server: String,
    /// The server's process.
    pub server_process: ProcessIdentity,
    /// Its id: `%3`.
    pub id: String,
    /// The process that tmux started in it.
    pub process: ProcessIdentity,
}

/// What drives an idle session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Drive {
    /// This is started.
    Process {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Where, when a task has no folder.
        folder: Option<String>,
    },
    /// This pane is typed into.
    Tmux(Pane),
    /// Nothing: it asks for itself.
    Remote,
}

/// A session as the assigner sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Its name, unique in a database.
    pub name: SessionId,
    /// How it is driven.
    pub kind: Kind,
    /// claude, codex … or any other word.
    pub provider: Option<String>,
    /// Whether it is free.
    pub state: State,
    /// Where it was last, or where it begins.
    pub folder: Option<String>,
    /// How often it could not be started since it last was.
    pub failed_starts: u32,
    /// Whether its hooks fell silent although it works: nothing guards what
    /// it writes, so it is given nothing.
    pub is_unprotected: bool,
    /// Whether its pane is gone: nobody knows whether it comes back.
    pub is_gone: bool,
}

/// How long a session is set aside that could not be started, and had failed
/// so often before: 1 s, 4 s … up to 5 minutes.
pub fn aside(failed_starts: u32, first: Duration) -> Duration {
    pause(failed_starts, first)
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
    /// One that starts comes before one that did not when it was last tried.
    failed_starts: u32,
    choice: usize,
    near: Nearness,
    idle_since: Moment,
}

impl Session {
    /// Since when it waits for work; `None` when it does not.
    pub fn idle_since(&self) -> Option<Moment> {
        match self.state {
            State::Idle { since } | State::Asking { since } => Some(since),
            State::Busy { .. } | State::Away(_) => None,
        }
    }

    /// Whether it could not be started and is given no task for a while.
    pub fn is_set_aside(&self) -> bool {
        self.failed_starts > 0 && self.state == State::Away(Away::Unknown)
    }

    /// Whether it can be given a task now; a remote one only while it asks.
    pub fn can_be_given(&self) -> bool {
        match self.state {
            _ if self.is_unprotected => false,
            State::Idle { .. } => self.kind != Kind::Remote,
            State::Asking { .. } => true,
            State::Busy { .. } | State::Away(_) => false,
        }
    }

    /// Whether it could take the task, were it free and the folder too.
    pub fn could_take(&self, wants: &Wants) -> bool {
        self.choice(wants).is_some()
    }

    /// How well it fits a task now; `None` when it cannot take it.
    pub fn fit(&self, wants: &Wants) -> Option<Fit> {
        if !self.can_be_given() {
            return None;
        }
        self.rank(wants)
    }

    /// How well it fits a task, should it ask for one itself; `None` when it
    /// cannot take it.
    pub fn rank(&self, wants: &Wants) -> Option<Fit> {
        Some(Fit {
            failed_starts: self.failed_starts,
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
            kind: Kind::Process,
            provider: provider.map(str::to_owned),
            state: State::Idle {
                since: Moment(since),
            },
            folder: folder.map(str::to_owned),
            failed_starts: 0,
            is_unprotected: false,
            is_gone: false,
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

    #[test]
    fn who_asks_its_user_or_cannot_be_read_is_not_asked_but_could_take() {
        for away in [Away::Occupied, Away::WaitingInput, Away::Unknown] {
            let mut session = session("a", None, None, 1);
            session.state = State::Away(away);
            assert_eq!(
                best(std::slice::from_ref(&session), &Wants::default()),
                None
            );
            assert!(session.could_take(&Wants::default()));
            assert_eq!(Away::from_word(away.word()), away);
        }
    }

    #[test]
    fn t11_who_works_without_its_hooks_is_not_asked_but_could_take() {
        let mut session = session("a", None, None, 1);
        session.is_unprotected = true;
        assert_eq!(
            best(std::slice::from_ref(&session), &Wants::default()),
            None
        );
        assert!(session.could_take(&Wants::default()));
    }

    #[test]
    fn t10_a_remote_session_is_given_nothing_but_could_take() {
        let mut remote = session("a", None, None, 1);
        remote.kind = Kind::Remote;
        assert_eq!(best(std::slice::from_ref(&remote), &Wants::default()), None);
        assert!(remote.could_take(&Wants::default()));
        assert!(remote.rank(&Wants::default()).is_some());
    }

    #[test]
    fn t06_a_session_that_cannot_be_started_is_set_aside_for_longer_each_time() {
        let first = Duration::from_secs(1);
        let times: Vec<u64> = (0..7)
            .map(|failed| aside(failed, first).as_secs())
            .collect();
        assert_eq!(times, [1, 4, 16, 64, 256, 300, 300]);
    }

    #[test]
    fn t02_one_that_starts_comes_before_one_that_did_not_when_last_tried() {
        let wants = Wants {
            folder: Some("/w".into()),
            preferred: vec!["claude".into()],
            ..Wants::default()
        };
        let mut failed = session("failed", Some("claude"), Some("/w"), 1);
        failed.failed_starts = 1;
        let sessions = [failed, session("starts", None, None, 9)];
        assert_eq!(best(&sessions, &wants), Some("starts"));
    }
}
