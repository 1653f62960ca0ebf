//! In whose name a command acts: session and task.
//!
//! Strangers never become one holder by default: where no session is given and
//! none can be told from the surroundings, that is an error and not a guess.

use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::Holder;

use crate::context::variable;
use crate::exit::Failure;
use crate::system;

/// Variables in which agent clients show their own session id to what they
/// start.
const CLIENTS: [&str; 2] = ["CLAUDE_CODE_SESSION_ID", "CODEX_SESSION_ID"];

/// Who is meant, for commands that act as a holder.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Asker {
    /// The session that acts [default: GAIA_SESSION, the agent's own session id,
    /// or this login on this terminal]
    #[arg(long, short, value_name = "NAME")]
    pub session: Option<String>,
    /// Its task, 0 for none [default: GAIA_TASK, or 0]
    #[arg(long, short, value_name = "ID", allow_negative_numbers = true)]
    pub task: Option<i64>,
}

impl Asker {
    /// The session and the task.
    ///
    /// # Errors
    /// As [`Asker::session`]; also for a GAIA_TASK that is no number.
    pub fn holder(&self) -> Result<Holder, Failure> {
        let task = self.task()?.unwrap_or(TaskId::NONE);
        Ok(Holder::new(self.session()?, task))
    }

    /// The session.
    ///
    /// # Errors
    /// Where none is given and none can be told.
    pub fn session(&self) -> Result<SessionId, Failure> {
        match self.named_session()? {
            Some(session) => Ok(session),
            None => this_login(),
        }
    }

    /// The session, if somebody named one: the user, the fleet or the client.
    ///
    /// # Errors
    /// When the name cannot be used.
    pub fn named_session(&self) -> Result<Option<SessionId>, Failure> {
        let named = self
            .session
            .clone()
            .or_else(|| text_of("GAIA_SESSION"))
            .or_else(|| CLIENTS.iter().find_map(|name| text_of(name)));
        Ok(named.map(SessionId::new).transpose()?)
    }

    /// The task, if one is named. GAIA_TASK belongs to GAIA_SESSION: to
    /// another session it means nothing.
    ///
    /// # Errors
    /// For a number that no task can have.
    pub fn task(&self) -> Result<Option<TaskId>, Failure> {
        let given = match self.task {
            Some(task) => Some((task, "--task".to_owned())),
            None if self.is_another_session() => None,
            None => text_of("GAIA_TASK")
                .map(|text| match text.parse() {
                    Ok(task) => Ok((task, "GAIA_TASK".to_owned())),
                    Err(_) => Err(no_task("GAIA_TASK", &text)),
                })
                .transpose()?,
        };
        match given {
            Some((task, from)) if task < 0 => Err(no_task(&from, &task.to_string())),
            given => Ok(given.map(|(task, _)| TaskId(task))),
        }
    }

    fn is_another_session(&self) -> bool {
        match (&self.session, text_of("GAIA_SESSION")) {
            (Some(given), Some(own)) => *given != own,
            _ => false,
        }
    }
}

fn no_task(from: &str, text: &str) -> Failure {
    Failure::new(
        "invalid_task",
        crate::exit::Status::Usage,
        format!("{from} is {text:?}, which is no task's id; it is a number from 0 (no task) on"),
    )
}

/// A variable that is set and not empty.
fn text_of(name: &str) -> Option<String> {
    let value = variable(name)?;
    Some(value.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
}

/// User, host, terminal and login process. Without a terminal the login
/// process may be a service that starts many strangers.
fn this_login() -> Result<SessionId, Failure> {
    let terminal = system::terminal().ok_or_else(nobody)?;
    let leader = system::login_process().ok_or_else(nobody)?;
    let login = ProcessIdentity::of(leader)
        .ok()
        .flatten()
        .ok_or_else(nobody)?;
    let (user, host) = (system::user(), system::host());
    let name = format!("{user}@{host}:{terminal}:{leader}.{}", login.start_time);
    Ok(SessionId::new(name)?)
}

fn nobody() -> Failure {
    Failure::new(
        "no_session",
        crate::exit::Status::Usage,
        "it cannot be told which session this is: there is no terminal, and no session was named",
    )
    .hint("name it with --session NAME or GAIA_SESSION=NAME")
}
