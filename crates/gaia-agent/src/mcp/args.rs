//! What the tools are given. The comments are what a model reads of each
//! argument.

use std::time::Duration;

use gaia_locks::ids::{LockId, RequestId, Scope, SessionId, TaskId};
use gaia_locks::model::Mode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A length of time: seconds, or as people write it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Length(pub Duration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let written = Written::deserialize(from);
        let written = written.map_err(|_| {
            D::Error::custom("a length of time is seconds, or text such as 90s or 30m")
        })?;
        match written {
            Written::Seconds(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| D::Error::custom(format!("{seconds} is no number of seconds"))),
            Written::Text(text) => gaia_locks::duration::parse(&text)
                .map(Self)
                .map_err(D::Error::custom),
        }
    }
}

fn length(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number", "null"], "examples": ["30m", 90]})
}

fn mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "enum": ["exclusive", "shared", null]})
}

fn statuses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"type": "string",
        "enum": ["pending", "assigned", "in_progress", "completed", "failed", "cancelled"]}})
}

/// What is locked, for whom, for how long.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acquire {
    /// The folder (or single file) to lock, by its whole path. It need not exist yet.
    pub folder: Option<String>,
    /// Several folders: all of them are granted together, or none.
    #[serde(default)]
    pub folders: Vec<String>,
    /// exclusive (the default): nobody else works there. shared: others may hold shared locks beside it.
    #[serde(default)]
    #[schemars(schema_with = "mode")]
    pub mode: Option<Mode>,
    /// How long the lease is: seconds, or text such as 30m [1s to 30d; default 2h]. Renew it before it ends.
    #[serde(default)]
    #[schemars(schema_with = "length")]
    pub ttl: Option<Length>,
    /// A word of your own for this request, such as a UUID. Sent again, it takes no second lock.
    #[schemars(with = "Option<String>")]
    pub request_id: Option<RequestId>,
    /// For which session. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
    /// For which task of that session. Leave it out unless you were told one.
    #[schemars(with = "Option<i64>")]
    pub task: Option<TaskId>,
    /// Whose file system the paths belong to. Leave it out on the machine where GAIA runs.
    #[schemars(with = "Option<String>")]
    pub scope: Option<Scope>,
}

/// The same, and how long to wait. Field by field: what is not known is to be
/// refused, which a flattened struct cannot.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// The folder (or single file) to lock, by its whole path. It need not exist yet.
    folder: Option<String>,
    /// Several folders: all of them are granted together, or none.
    #[serde(default)]
    folders: Vec<String>,
    /// exclusive (the default): nobody else works there. shared: others may hold shared locks beside it.
    #[serde(default)]
    #[schemars(schema_with = "mode")]
    mode: Option<Mode>,
    /// How long the lease is: seconds, or text such as 30m [1s to 30d; default 2h]. It begins when it is granted.
    #[serde(default)]
    #[schemars(schema_with = "length")]
    ttl: Option<Length>,
    /// How long to wait: seconds, or text such as 10m [default: until it is granted].
    #[serde(default)]
    #[schemars(schema_with = "length")]
    pub limit: Option<Length>,
    /// A word of your own for this wait, such as a UUID. If the call breaks off, call again with the same word within 30 s: your place in line is kept, and no second lock is taken.
    #[schemars(with = "Option<String>")]
    request_id: Option<RequestId>,
    /// For which session. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    session: Option<SessionId>,
    /// For which task of that session. Leave it out unless you were told one.
    #[schemars(with = "Option<i64>")]
    task: Option<TaskId>,
    /// Whose file system the paths belong to. Leave it out on the machine where GAIA runs.
    #[schemars(with = "Option<String>")]
    scope: Option<Scope>,
}

impl Wait {
    /// What is asked for.
    pub fn acquire(self) -> Acquire {
        Acquire {
            folder: self.folder,
            folders: self.folders,
            mode: self.mode,
            ttl: self.ttl,
            request_id: self.request_id,
            session: self.session,
            task: self.task,
            scope: self.scope,
        }
    }
}

/// Which lease goes on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renew {
    /// The lock's token, its id, as acquire_folder or take_task gave it. Without it: that of the task you work on.
    #[schemars(with = "Option<i64>")]
    pub token: Option<LockId>,
    /// The lease from now on: seconds, or text such as 30m [default: as long as it was].
    #[serde(default)]
    #[schemars(schema_with = "length")]
    pub ttl: Option<Length>,
    /// The session that holds it. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
    /// The task that you work on, if you took one: renewing shows that you are alive, and you are told whether you must stop.
    #[schemars(with = "Option<i64>")]
    pub task: Option<TaskId>,
}

/// What is let go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Release {
    /// The lock's token, its id. It ends that very lock and no other.
    #[schemars(with = "Option<i64>")]
    pub token: Option<LockId>,
    /// The folder, by its whole path. Without a token every lock of the session on exactly this folder ends.
    pub folder: Option<String>,
    /// The session that holds it. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
    /// Only locks of this task.
    #[schemars(with = "Option<i64>")]
    pub task: Option<TaskId>,
    /// Whose file system the path belongs to. Leave it out on the machine where GAIA runs.
    #[schemars(with = "Option<String>")]
    pub scope: Option<Scope>,
}

/// Which locks are shown.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// Only what overlaps this folder, by its whole path.
    pub folder: Option<String>,
    /// Only what this session holds or waits for.
    #[schemars(with = "Option<String>")]
    pub of_session: Option<SessionId>,
    /// Whose file system the path belongs to. Leave it out on the machine where GAIA runs.
    #[schemars(with = "Option<String>")]
    pub scope: Option<Scope>,
}

/// Which folder.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhoHolds {
    /// The folder (or single file), by its whole path.
    pub folder: String,
    /// Whose file system the path belongs to. Leave it out on the machine where GAIA runs.
    #[schemars(with = "Option<String>")]
    pub scope: Option<Scope>,
}

/// Which tasks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTasks {
    /// Only tasks in one of these states.
    #[serde(default)]
    #[schemars(schema_with = "statuses")]
    pub status: Vec<gaia_assigner::task::Status>,
    /// Only tasks that this session has or had.
    pub of_session: Option<String>,
    /// At most so many [default 50].
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
}

/// For whom.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeTask {
    /// The session that asks for work. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
    /// How long to wait for a task: seconds, or text such as 10m [default: not at all].
    #[serde(default)]
    #[schemars(schema_with = "length")]
    pub wait: Option<Length>,
}

/// Which task is done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishTask {
    /// The task's id [default: the one that you work on].
    #[schemars(with = "Option<i64>")]
    pub task: Option<TaskId>,
    /// The answer, for whoever sent the task: what you did, and what they should know.
    pub answer: Option<String>,
    /// The token under which you worked, to be sure that nobody else held the folder meanwhile.
    #[schemars(with = "Option<i64>")]
    pub token: Option<LockId>,
    /// The session that works on it. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
}

/// Which task could not be done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FailTask {
    /// The task's id [default: the one that you work on].
    #[schemars(with = "Option<i64>")]
    pub task: Option<TaskId>,
    /// Why it could not be done.
    pub reason: String,
    /// The token under which you worked.
    #[schemars(with = "Option<i64>")]
    pub token: Option<LockId>,
    /// The session that works on it. Leave it out unless you were told one.
    #[schemars(with = "Option<String>")]
    pub session: Option<SessionId>,
}
