//! The hooks of agent clients: what a client calls before a tool runs, and when
//! something happens in its session.
//!
//! # The way of a call
//! What the client sends (`wire`) becomes one of the few things that can
//! happen (`event`); what a tool would write becomes places (`tools`,
//! `places`); one short transaction hears the event, asks for the locks and
//! decides (`run`); the answer takes the client's own form (`reply`).
//!
//! # What may fail
//! Everything inside: bad input, settings that cannot be read, a database that
//! cannot be reached or stands still, a panic. A write is refused then, because
//! most clients go on without a hook that fails; only [`HookFailure::Allow`]
//! lets it pass. Reading is never refused.
//!
//! # What is not promised
//! That a client calls its hooks: which do, and when not, is told in
//! docs/agents.md. And that a command which hides what it writes is seen
//! through.

pub mod agents;
mod event;
mod gate;
mod inputs;
mod places;
mod reply;
mod run;
mod tools;
mod unknown_tools;
mod who;
mod wire;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use gaia_locks::LockService;
use gaia_locks::settings::{HookFailure, Hooks};

pub use agents::Client;
pub use reply::Reply;

/// How long a call may take inside: some clients go on without a hook that is
/// late, so it answers before their patience ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a call is told of the place where it runs.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// GAIA_SESSION and GAIA_TASK, where GAIA started the client.
    pub task: Option<(String, Option<String>)>,
    /// The tmux server's socket and the pane, where it runs in one.
    pub pane: Option<(String, String)>,
    /// The client's process.
    pub client_pid: Option<u32>,
    /// A variable that the client gives to all that it starts.
    pub mark: Option<(String, String)>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Where temporary files are.
    pub temporary: Vec<PathBuf>,
    /// Where clients keep their own state.
    pub states: Vec<PathBuf>,
    /// The current folder.
    pub here: PathBuf,
}

/// What goes by settings and database, handed in by the edge.
pub struct Means<F> {
    /// The settings, if they can be read.
    pub hooks: Result<Hooks, String>,
    /// Opens the door to the database.
    pub door: F,
}

/// Answers one call of a client's hook.
pub fn answer<F>(client: Client, input: &[u8], means: Means<F>, around: Surroundings) -> Reply
where
    F: FnOnce() -> Result<LockService, String> + Send + 'static,
{
    let fails_open = means
        .hooks
        .as_ref()
        .is_ok_and(|hooks| hooks.failure == HookFailure::Allow);
    let heard = match client.read(input, &around.here) {
        Ok(heard) => heard,
        Err(unread) => return reply::unread(client, &unread, fails_open),
    };
    let asked = heard.clone();
    let work = move || {
        let hooks = means.hooks?;
        let service = (means.door)()?;
        run::hear(client, &service, &hooks, &asked, &around).map_err(|error| error.to_string())
    };
    match in_time(work) {
        Ok(verdict) => reply::told(client, &heard, &verdict),
        Err(why) => reply::failed(client, &heard, &why, fails_open),
    }
}

/// Runs it, and waits no longer than patience lasts. A panic is a failure as
/// any other.
fn in_time<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (done, answer) = mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || done.send(work()));
    thread.map_err(|error| format!("no thread could be started: {error}"))?;
    match answer.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(format!("no answer within {} s", PATIENCE.as_secs()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err("it broke off (a fault in gaia)".to_owned())
        }
    }
}
