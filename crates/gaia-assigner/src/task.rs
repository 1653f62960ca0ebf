//! A task: what it wants, where it stands, and what becomes of it when it ends.

use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::ids::{LockId, SessionId, TaskId, WaiterId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Mode;
use serde::{Deserialize, Serialize};

use crate::keeper::Exit;
use crate::plan::Region;
use crate::session::Pane;
use crate::wire::TaskInfo;
use crate::worktree::WorkTree;

/// A task's state, as stored and shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a session, for its folder, or for other tasks.
    Pending,
    /// A session has it; its text is on the way.
    Assigned,
    /// A session works on it.
    InProgress,
    /// Done.
    Completed,
    /// It could not be done.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

impl Status {
    /// The word used in SQL and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Assigned => "assigned",
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        use Status::{Assigned, Cancelled, Completed, Failed, InProgress, Pending};
        let all = [Pending, Assigned, InProgress, Completed, Failed, Cancelled];
        all.into_iter().find(|status| status.word() == word)
    }

    /// Whether a session has it now.
    pub fn is_running(self) -> bool {
        matches!(self, Status::Assigned | Status::InProgress)
    }

    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        !self.is_running() && self != Status::Pending
    }
}

/// What a task wants of a session and of its folder. Tasks that want the same
/// but for the folder stand in one lane: the same sessions can take them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Wants {
    /// Its working folder, absolute, as written.
    pub folder: Option<String>,
    /// It only reads: it shares its folder with others that do [T12].
    #[serde(default)]
    pub read_only: bool,
    /// Only this session, or one of the fallbacks.
    #[serde(default)]
    pub session: Option<String>,
    /// Only this provider, or one of the fallbacks.
    #[serde(default)]
    pub provider: Option<String>,
    /// Providers that it would rather have, best first.
    #[serde(default)]
    pub preferred: Vec<String>,
    /// Providers that will do when the wanted ones are busy or unknown.
    #[serde(default)]
    pub fallbacks: Vec<String>,
}

impl Wants {
    /// What a task wants, as it is shown.
    pub fn of(task: &TaskInfo) -> Self {
        Self {
            folder: task.working_dir.clone(),
            read_only: task.read_only,
            session: task.target_session.clone(),
            provider: task.target_provider.clone(),
            preferred: task.preferred_providers.clone(),
            fallbacks: task.fallbacks.clone(),
        }
    }

    /// What all tasks of its lane want.
    #[must_use]
    pub fn lane(&self) -> Self {
        Self {
            folder: None,
            ..self.clone()
        }
    }

    /// How its folder is locked.
    pub fn mode(&self) -> Mode {
        if self.read_only {
            Mode::Shared
        } else {
            Mode::Exclusive
        }
    }
}

/// A task that waits, as the queue shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Which.
    pub id: TaskId,
    /// Higher goes first.
    pub priority: i64,
    /// What it wants.
    pub wants: Wants,
    /// Since when it is passed over because its folder is locked.
    pub passed_over: Option<Moment>,
    /// Its place in its folder's line.
    pub waiter: Option<WaiterId>,
    /// What it was last passed over for.
    pub region: Region,
}

/// A task that a session has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Which.
    pub id: TaskId,
    /// Who has it.
    pub session: SessionId,
    /// Its lock, if it has a folder.
    pub token: Option<LockId>,
    /// When its time is up.
    pub deadline: Moment,
    /// Whose hands it is in: the process of an assigner.
    pub assigner: Option<ProcessIdentity>,
    /// The process beside it, if it is a process task.
    pub keeper: Option<ProcessIdentity>,
    /// The pane that it was typed into, if it is a tmux session's.
    pub pane: Option<Pane>,
    /// What runs for it.
    pub agent_pid: Option<u32>,
    /// Whether its agent runs, or took its text.
    pub is_started: bool,
    /// That somebody wants it to end.
    pub stop: Option<Stop>,
    /// What was said of its end.
    pub told: Option<Told>,
    /// How its folder was left, once it has ended [T13].
    pub work_tree: Option<WorkTree>,
    /// Whether it is tried again when it fails.
    pub retry: bool,
    /// How many tries were spent before this one.
    pub spent: u32,
    /// How many there are in all.
    pub most: u32,
    /// Its log, and where this try's output begins in it.
    pub log: Option<(String, u64)>,
}

impl Running {
    /// A run of which hardly more is known than whose it was.
    pub(crate) fn known(id: TaskId, session: SessionId, token: Option<LockId>) -> Self {
        Self {
            id,
            session,
            token,
            deadline: Moment::MAX,
            assigner: None,
            keeper: None,
            pane: None,
            agent_pid: None,
            is_started: true,
            stop: None,
            told: None,
            work_tree: None,
            retry: false,
            spent: 0,
            most: 0,
            log: None,
        }
    }
}

/// Why a running task is stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Somebody called it off.
    Cancelled,
    /// An admin ends its lock [R7].
    Forced {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Its lock has ended under it: how.
    LockLost(String),
    /// Its time is up [T4].
    TimedOut,
    /// The assigner goes, and takes what it runs with it.
    Leaving,
    /// Another program has set its state, or has given it to a session.
    Overruled,
    /// It is to go to another session.
    Reassigned {
        /// Who said so.
        by: String,
    },
}

/// What came of a try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The agent ended.
    Exit(Exit),
    /// The agent ended after it was told to: its status says nothing of its
    /// work.
    Stopped(Exit),
    /// The same, because its time was up while no assigner said so [T4].
    Late(Exit),
    /// It could not be started [T2].
    NotStarted(String),
    /// This session could not be given this text [T2]: another may take it, and
    /// the session another text.
    NotTaken(String),
    /// What ran it is gone, and nobody knows how it ended [T6].
    Lost,
    /// Its lease could not be renewed, so it was stopped before the lease's
    /// end [T5].
    Unrenewed,
    /// Its lock was found to be lost, so it was stopped: how.
    LeaseLost(String),
    /// What another left uncommitted could not be stashed: why [T13].
    Uncommitted(String),
    /// Its session, which is elsewhere, was not heard for too long [T6].
    Silent(Duration),
    /// The agent, its hook or a person said so [T11].
    Told(Told),
    /// The client that worked on it is gone, and its session is there [T6]: why.
    Left(String),
    /// Its screen showed that it waits for work again: the last resort [T11].
    SeenIdle,
    /// Its session could not be given it after all, and nothing was done: why.
    NotNow(String),
    /// The text is nothing that could be given to such a session, however
    /// often it is tried: why.
    Unfit(String),
}

/// What was said of a task by whoever knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It is done: the answer, if there is one.
    Done(Option<String>),
    /// It could not be done: why.
    Failed(String),
}

/// What becomes of a task whose try has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Done.
    Completed,
    /// Not done: why.
    Failed(String),
    /// Called off.
    Cancelled,
    /// Held for a person: why [T13].
    Held(String),
    /// Another try after a pause; whether one was spent, and why.
    Again {
        /// Whether this one counts.
        spent: bool,
        /// How long to wait.
        pause: Duration,
        /// What went wrong.
        why: String,
    },
}

/// The longest pause before another try.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Decides what becomes of a task [T2, T4, T6].
///
/// Who was told to stop has stopped for that reason, however it then ended;
/// but what had ended by itself when the word came, or says that it is done,
/// has done its work, unless it was called off.
pub fn after(running: &Running, outcome: &Outcome, first_pause: Duration) -> Next {
    let again = |why| again(running.spent, running.most, why, first_pause);
    match (&running.stop, outcome) {
        // What the other program set stands; this is not written over it.
        (Some(Stop::Cancelled | Stop::Overruled), _) => Next::Cancelled,
        (Some(Stop::Forced { by, reason }), _) => {
            Next::Failed(format!("its lock was ended by {by}: {reason}"))
        }
        (Some(Stop::LockLost(how)), _) | (_, Outcome::LeaseLost(how)) => {
            Next::Failed(format!("its lock was lost: {how}"))
        }
        (_, Outcome::Exit(Exit::Code(0)) | Outcome::Told(Told::Done(_))) => Next::Completed,
        (Some(Stop::TimedOut), _) | (None, Outcome::Late(_)) => {
            Next::Failed("timed out".to_owned())
        }
        (Some(Stop::Leaving), _) => Next::Again {
            spent: false,
            pause: Duration::ZERO,
            why: "the assigner was stopped".to_owned(),
        },
        (Some(Stop::Reassigned { by }), _) => Next::Again {
            spent: false,
            pause: Duration::ZERO,
            why: format!("sent to another session by {by}"),
        },
        (None, Outcome::Uncommitted(why)) => Next::Held(why.clone()),
        (None, Outcome::Silent(lease)) => {
            let lease = gaia_locks::duration::human(*lease);
            let why = format!("its session was not heard for {lease}");
            again(why)
        }
        (None, Outcome::Exit(exit)) if running.retry => again(exit.words()),
        (None, Outcome::Exit(exit)) => Next::Failed(exit.words()),
        (None, Outcome::Stopped(exit)) => {
            again(format!("it was told to end, and {}", exit.words()))
        }
        (None, Outcome::SeenIdle) => Next::Completed,
        (None, Outcome::NotNow(why)) => Next::Again {
            spent: false,
            pause: first_pause,
            why: why.clone(),
        },
        (None, Outcome::Told(Told::Failed(why))) if running.retry => again(why.clone()),
        (None, Outcome::Told(Told::Failed(why)) | Outcome::Unfit(why)) => Next::Failed(why.clone()),
        (None, Outcome::NotStarted(why) | Outcome::NotTaken(why) | Outcome::Left(why)) => {
            again(why.clone())
        }
        (None, Outcome::Unrenewed) => {
            let why = "its lease could not be renewed, so it was stopped".to_owned();
            again(why)
        }
        (None, Outcome::Lost) => {
            let why = "what ran it is gone, and how it ended is not known".to_owned();
            again(why)
        }
    }
}

/// Another try, if one is left after those that were spent before this one.
pub(crate) fn again(spent: u32, most: u32, why: String, first_pause: Duration) -> Next {
    if spent + 1 >= most {
        return Next::Failed(why);
    }
    Next::Again {
        spent: true,
        pause: pause(spent, first_pause),
        why,
    }
}

/// Pauses grow fourfold: 1 s, 4 s, 16 s …
pub fn pause(spent: u32, first: Duration) -> Duration {
    let factor = 4_u32.saturating_pow(spent.min(8));
    first.saturating_mul(factor).min(LONGEST_PAUSE)
}

impl Exit {
    /// What a person is told.
    pub(crate) fn words(self) -> String {
        match self {
            Exit::Code(code) => format!("it ended with status {code}"),
            Exit::Signal(signal) => format!("it was ended by signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests;
