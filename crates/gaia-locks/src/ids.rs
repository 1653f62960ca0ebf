//! The names of things: newtypes, so that no bare string or integer wanders
//! through the rules and a session can never be passed where a scope is meant.
//!
//! Text that users give is checked once, here; whatever holds one of these
//! types holds a value that can be stored, compared and printed on one line.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::InvalidName;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A lock's id and at the same time its fencing token: a later grant has a
    /// higher one, and none is ever used twice [R4].
    LockId
}
number! {
    /// A task's id: the row of `prompts`. 0 is "no task": a lock that a person
    /// or an agent took for itself.
    TaskId
}
number! {
    /// A place in line. Lower ids entered the line earlier [R8].
    WaiterId
}

impl TaskId {
    /// No task: the holder took the lock for itself.
    pub const NONE: TaskId = TaskId(0);
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The most bytes that this name may have.
            pub const LONGEST: usize = $longest;

            /// Checks a name that somebody gave.
            ///
            /// # Errors
            /// [`InvalidName`] for an empty or over-long text, and for one with
            /// control characters: names are printed on one line and stand in
            /// logs.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                InvalidName::check($what, &text, $longest)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name! {
    /// A place where an agent works; the first half of a holder.
    SessionId, "session", 512
}
name! {
    /// Whose file system a path belongs to; paths in different scopes never
    /// overlap.
    Scope, "scope", 256
}
name! {
    /// A word by which a request is known when it is sent again [R16].
    RequestId, "request id", 256
}

impl Scope {
    /// The scope of the embedded database: this machine.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}
