//! The one JSON shape of tasks and sessions (section 6 of the contract).
//!
//! Field names here are promises. Fields may be added, never renamed.

pub mod door;

use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, TaskId};
use serde::{Deserialize, Serialize};

use crate::task::Status;

/// One task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Its id.
    pub id: TaskId,
    /// Its text; only its beginning in lists.
    pub content: String,
    /// pending, assigned, in_progress, completed, failed, cancelled.
    pub status: Status,
    /// Higher goes first.
    pub priority: i64,
    /// Its folder.
    pub working_dir: Option<String>,
    /// Whether it only reads.
    pub read_only: bool,
    /// The session that has or had it.
    pub assigned_session: Option<String>,
    /// The session that it wants.
    pub target_session: Option<String>,
    /// The provider that it wants.
    pub target_provider: Option<String>,
    /// Providers it would rather have.
    pub preferred_providers: Vec<String>,
    /// Providers that will do.
    pub fallbacks: Vec<String>,
    /// When it was sent.
    pub created_at: Option<Wall>,
    /// When a session got it.
    pub assigned_at: Option<Wall>,
    /// When its agent began.
    pub started_at: Option<Wall>,
    /// When it ended.
    pub completed_at: Option<Wall>,
    /// The end of its output.
    pub response: Option<String>,
    /// Why it failed, or what went wrong in the last try.
    pub error: Option<String>,
    /// Its process's exit status; none when a signal ended it.
    pub exit_status: Option<i32>,
    /// Whether it is tried again when it fails.
    pub retry: bool,
    /// Tries spent.
    pub retry_count: u32,
    /// Tries in all.
    pub max_retries: u32,
    /// Its time limit in minutes.
    pub timeout_minutes: f64,
    /// Tasks that must complete before it.
    pub after: Vec<TaskId>,
    /// Those of them that have not completed.
    pub waits_for: Vec<TaskId>,
    /// Those of them that never will: they failed or were cancelled.
    pub blocked_by: Vec<TaskId>,
    /// Whether its folder was locked when its turn came.
    pub passed_over: bool,
    /// Whether it stands in its folder's line.
    pub in_line: bool,
    /// Whether it was asked to stop and has not stopped yet.
    pub stopping: bool,
    /// active, released or expired; none when it had no lock yet.
    pub lock_status: Option<String>,
    /// Its lock's token.
    pub lock_token: Option<LockId>,
    /// When its lock was granted.
    pub lock_acquired_at: Option<Wall>,
    /// When its lock ended.
    pub lock_released_at: Option<Wall>,
    /// Where its output is.
    pub log_file: Option<String>,
    /// Why it is not to be taken now: after (other tasks), retry (a pause),
    /// uncommitted (a person has to look).
    pub held: Option<String>,
    /// What a person is told about that.
    pub hold_note: Option<String>,
}

/// One session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionInfo {
    /// Its name.
    pub name: String,
    /// process, tmux, remote; none for one that another program wrote.
    pub kind: Option<String>,
    /// idle, busy, waiting_input, unknown.
    pub status: String,
    /// claude, codex …
    pub provider: Option<String>,
    /// What is started for each task, as its user wrote it.
    pub command: Option<String>,
    /// A tmux session's server: its socket.
    pub server: Option<String>,
    /// A tmux session's pane, as its user named it.
    pub target: Option<String>,
    /// The id of the pane that it is now.
    pub pane: Option<String>,
    /// The pattern that found it.
    pub pattern: Option<String>,
    /// Where it runs tasks that have no folder.
    pub working_dir: Option<String>,
    /// Where it worked last.
    pub current_dir: Option<String>,
    /// What it works on.
    pub current_task_id: Option<TaskId>,
    /// When it last took or ended a task.
    pub last_activity: Option<Wall>,
    /// Why it is set aside: it could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside_reason: Option<String>,
    /// What its client's hooks tell, where they are heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentInfo>,
}

/// What a client's hooks tell of a session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentInfo {
    /// claude, codex …
    pub client: String,
    /// The session's id as the client calls it.
    pub client_session: String,
    /// The client's process.
    pub pid: Option<u32>,
    /// Whether that process lives; null where nobody can tell.
    pub alive: Option<bool>,
    /// Whether its hooks guard what it writes: false once they have fallen
    /// silent although it works.
    pub protected: bool,
    /// When its hooks were last heard.
    pub heard_at: Option<Wall>,
}

impl SessionInfo {
    /// Whether it waits for work.
    pub fn is_idle(&self) -> bool {
        self.current_task_id.is_none() && self.status == "idle" && !self.is_unprotected()
    }

    /// Whether its hooks fell silent although it works: it is given no task.
    pub fn is_unprotected(&self) -> bool {
        self.agent.as_ref().is_some_and(|agent| !agent.protected)
    }

    /// Whether it could not be started and is given no task for a while.
    pub fn is_set_aside(&self) -> bool {
        self.current_task_id.is_none() && self.status == "unknown" && self.aside_reason.is_some()
    }
}

/// A name that stands for the panes of many sessions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PatternInfo {
    /// Its name.
    pub name: String,
    /// The tmux server: its socket.
    pub server: String,
    /// The names of tmux sessions that it stands for.
    pub target: String,
    /// claude, codex …
    pub provider: Option<String>,
}

/// One task, as `gaia send` and `gaia task show` give it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OneTask {
    /// The task.
    pub task: TaskInfo,
}

/// Some tasks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskList {
    /// How many.
    pub count: usize,
    /// The tasks.
    pub tasks: Vec<TaskInfo>,
}

/// All sessions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SessionList {
    /// How many.
    pub count: usize,
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// The patterns that find more of them.
    #[serde(default)]
    pub patterns: Vec<PatternInfo>,
}
