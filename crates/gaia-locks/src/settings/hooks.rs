//! What agents' hooks go by (section 9 of the contract).

use std::time::Duration;

use super::choices::choice;
use super::error::SettingError;
use super::layers::Layers;
use super::value;

/// What agents' hooks go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hooks {
    /// GAIA_HOOK_LOCKS: what a session's first write locks.
    pub locks: HookLocks,
    /// GAIA_HOOK_LEASE: how long that lock lasts from the last sign of life.
    pub lease: Duration,
    /// GAIA_HOOK_REST: the same once the session has stopped.
    pub rest: Option<Duration>,
    /// GAIA_HOOK_SHELL: what becomes of a command that cannot be judged.
    pub shell: HookShell,
    /// GAIA_HOOK_SUBAGENTS: whose locks a subagent's are.
    pub subagents: HookSubagents,
    /// GAIA_HOOK_FAILURE: what a hook that fails does about a write.
    pub failure: HookFailure,
}

impl Hooks {
    pub(super) fn load(layers: &Layers<'_>) -> Result<Self, SettingError> {
        Ok(Self {
            locks: layers.value("GAIA_HOOK_LOCKS", HookLocks::parse)?,
            lease: layers.value("GAIA_HOOK_LEASE", value::interval)?,
            rest: layers.value("GAIA_HOOK_REST", rest)?,
            shell: layers.value("GAIA_HOOK_SHELL", HookShell::parse)?,
            subagents: layers.value("GAIA_HOOK_SUBAGENTS", HookSubagents::parse)?,
            failure: layers.value("GAIA_HOOK_FAILURE", HookFailure::parse)?,
        })
    }
}

/// How long a session that stopped keeps its locks; none: as long as its lease.
fn rest(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "none" => Ok(None),
        "0" => Ok(Some(Duration::ZERO)),
        _ => value::interval(text).map(Some),
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Reads the word for it.
            ///
            /// # Errors
            /// When there is no such choice.
            pub fn parse(text: &str) -> Result<Self, String> {
                choice(text, &[$(($word, Self::$variant)),+])
            }

            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// What a session's first write locks.
    HookLocks {
        /// The innermost git work tree; outside one the file alone.
        WorkTree = "worktree",
        /// The folder that the file lies in.
        Folder = "folder",
        /// The file alone.
        File = "file",
    }
}

words! {
    /// What becomes of a shell command that cannot be judged, in a folder that
    /// another holds.
    HookShell {
        /// The client asks its user; one that cannot ask refuses.
        Ask = "ask",
        /// It runs.
        Allow = "allow",
        /// It is refused.
        Refuse = "refuse",
    }
}

words! {
    /// Whose locks a subagent's are.
    HookSubagents {
        /// Its session's.
        Session = "session",
        /// Its own: two of one session exclude each other too.
        Own = "own",
    }
}

words! {
    /// What a hook that fails does about a write.
    HookFailure {
        /// It refuses it.
        Refuse = "refuse",
        /// It lets it pass.
        Allow = "allow",
    }
}
