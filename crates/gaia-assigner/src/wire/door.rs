//! What a client and a server say to each other when the door [`Tasks`] is
//! used through a server (ADR 13), as [`gaia_locks::wire::door`] for locks.
//!
//! [`Tasks`]: crate::service::Tasks

mod fault;

use std::time::Duration;

use gaia_locks::folder::InvalidFolder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::wire::door::Named;
use serde::{Deserialize, Serialize};

pub use fault::{error_of, facts_of};

use crate::hearing::HookCall;
use crate::service::{AddProcess, AddRemote, AddTmux, Aim, Filter, Output, Send, Teller};
use crate::task::Told;

/// A verb on tasks and sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "fields are what the door's verbs name them")]
pub enum Call {
    /// Answered with the task.
    Send(Box<NewTask>),
    /// Answered with the list.
    List(Filter),
    /// Answered with pairs of a state and a number.
    Counts,
    /// Answered with the task.
    Show { id: TaskId },
    /// Answered with sessions.
    Takers { id: TaskId },
    /// Waits for a task's end for at most so long; answered with the task.
    Wait { id: TaskId, period: Duration },
    /// Answered with a [`Piece`].
    Output { id: TaskId, from: u64 },
    /// Answered with the task.
    Cancel { id: TaskId },
    /// Answered with the task.
    Retry { id: TaskId },
    /// Answered with the list.
    RetryFailed,
    /// Answered with the task.
    Reassign { id: TaskId, aim: Aim },
    /// Answered with what was forgotten.
    Clear { age: Duration },
    /// Answered with the task.
    Told {
        id: Option<TaskId>,
        told: Told,
        teller: Box<Teller>,
    },
    /// Answered with the task.
    Taken { id: TaskId, session: SessionId },
    /// Answered with the list.
    Sessions,
    /// Answered with the session.
    AddProcess(AddProcess),
    /// Answered with the session.
    AddRemote(AddRemote),
    /// Answered with what was added.
    AddTmux(Box<AddTmux>),
    /// Answered with what was removed.
    Remove { name: String },
    /// Answered with [`crate::service::Heard`].
    Heartbeat {
        name: SessionId,
        task: Option<TaskId>,
    },
    /// Waits for a task for at most so long; answered with
    /// [`crate::service::Taken`] or null.
    Take { name: SessionId, period: Duration },
    /// One call of an agent's hook; answered with [`crate::hearing::Told`].
    Hook(Box<HookCall<Named>>),
}

/// A task on its way to a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    text: String,
    folder: Option<Named>,
    priority: i64,
    session: Option<String>,
    provider: Option<String>,
    preferred: Vec<String>,
    fallbacks: Vec<String>,
    time_limit: Duration,
    after: Vec<TaskId>,
    read_only: bool,
    retry: bool,
    max_tries: u32,
}

impl NewTask {
    /// As it is sent.
    pub fn of(new: &Send) -> Self {
        Self {
            text: new.text.clone(),
            folder: new.folder.as_ref().map(Named::of),
            priority: new.priority,
            session: new.session.clone(),
            provider: new.provider.clone(),
            preferred: new.preferred.clone(),
            fallbacks: new.fallbacks.clone(),
            time_limit: new.time_limit,
            after: new.after.clone(),
            read_only: new.read_only,
            retry: new.retry,
            max_tries: new.max_tries,
        }
    }

    /// As it is meant; `source`: who sent it.
    ///
    /// # Errors
    /// When the folder cannot be one.
    pub fn into_send(self, source: String) -> Result<Send, InvalidFolder> {
        Ok(Send {
            text: self.text,
            folder: self.folder.map(Named::into_folder).transpose()?,
            priority: self.priority,
            session: self.session,
            provider: self.provider,
            preferred: self.preferred,
            fallbacks: self.fallbacks,
            time_limit: self.time_limit,
            after: self.after,
            read_only: self.read_only,
            retry: self.retry,
            max_tries: self.max_tries,
            source,
        })
    }
}

/// A piece of output on its way from a server: text where it is text, else its
/// bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    log_file: String,
    bytes: Bytes,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl From<Output> for Piece {
    fn from(output: Output) -> Self {
        let bytes = String::from_utf8(output.bytes);
        Self {
            log_file: output.log_file,
            bytes: bytes.map_or_else(|bytes| Bytes::Raw(bytes.into_bytes()), Bytes::Text),
        }
    }
}

impl From<Piece> for Output {
    fn from(piece: Piece) -> Self {
        Self {
            log_file: piece.log_file,
            bytes: match piece.bytes {
                Bytes::Text(text) => text.into_bytes(),
                Bytes::Raw(bytes) => bytes,
            },
        }
    }
}
