//! The few things that can happen in an agent's session, whatever its client
//! calls them.

use std::path::PathBuf;

use gaia_assigner::agents::{AgentSession, Doing, Running};
use serde_json::{Value, json};

/// So much of a prompt is kept, for the assigner to know its task's text again.
const PROMPT_KEPT: usize = 8 * 1024;
/// So much of an answer is kept, its end, where it is a task's.
const ANSWER_KEPT: usize = 16 * 1024;

/// One call of a hook.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Heard {
    /// The session, as the client calls it.
    pub session: String,
    /// The subagent, if it is one's call.
    pub agent: Option<String>,
    /// Where it works.
    pub folder: PathBuf,
    /// The client's process, where the call itself names it.
    pub pid: Option<u32>,
    /// What the client calls the event.
    pub name: String,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Event {
    /// A session began, or goes on: startup, resume, clear, fork …
    Began(String),
    /// Its user (or GAIA) gave it something to do.
    Prompted(String),
    /// A tool is about to run.
    Wants(Call),
    /// A tool has run, or was kept from it.
    Did(Option<String>),
    /// It asks its user something.
    WaitsForInput(String),
    /// It stopped.
    Stopped {
        /// Whether something of it goes on in the background.
        background: bool,
        /// What it said last, where the client tells.
        answer: Option<String>,
    },
    /// It waits for its user's next word, and has for a while: also after a
    /// turn that was broken off, of which no client says so at once.
    Rested,
    /// Its turn ended by an error.
    Failed(String),
    /// A subagent is done.
    SubagentEnded,
    /// It is over.
    Ended(String),
    /// It lives.
    Alive,
}

/// A tool that is about to run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Call {
    /// As the client calls it.
    pub id: Option<String>,
    /// The tool.
    pub tool: String,
    /// What it would do.
    pub action: Action,
    /// The input of a tool of GAIA's own MCP server that acts for a session,
    /// and what of it says as whom.
    pub fills: Option<(Value, &'static [&'static str])>,
}

/// What a tool would do to files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Nothing that a lock is on.
    Free,
    /// It writes these.
    Writes(Vec<String>),
    /// It runs a command, in a folder of its own if it names one.
    Runs {
        /// The command as a shell reads it.
        command: String,
        /// Where.
        folder: Option<String>,
    },
    /// It may write anything where it works.
    Unsure {
        /// What it is.
        what: String,
        /// Where it may write besides.
        names: Vec<String>,
    },
}

impl Event {
    /// Whether the client waits for leave.
    pub fn asks_to_write(&self) -> bool {
        matches!(self, Event::Wants(call) if call.action != Action::Free)
    }

    /// What is written down of it, if anything: a word and more about it. An
    /// answer is kept where it is a task's.
    pub fn record(&self, has_task: bool) -> Option<(&'static str, Value)> {
        Some(match self {
            Event::Began(how) => ("began", json!({ "how": how })),
            Event::Prompted(text) => ("prompted", json!({ "prompt": beginning(text) })),
            Event::WaitsForInput(why) => ("waits_for_input", json!({ "why": why })),
            Event::Stopped { background, answer } => {
                let answer = answer.as_deref().filter(|_| has_task).map(end);
                (
                    "stopped",
                    json!({ "background": background, "answer": answer }),
                )
            }
            Event::Rested => ("rested", Value::Null),
            Event::Failed(error) => ("failed", json!({ "error": error })),
            Event::Ended(why) => ("ended", json!({ "why": why })),
            Event::Wants(_) | Event::Did(_) | Event::SubagentEnded | Event::Alive => return None,
        })
    }

    /// What a session does after it.
    pub fn applied_to(&self, session: &mut AgentSession, agent: Option<&str>) {
        match self {
            // In the middle of a turn.
            Event::Began(how) if how == "compact" => {}
            Event::Began(_) => {
                session.calls.clear();
                session.doing = Doing::Idle;
            }
            Event::Prompted(_) => {
                session.calls.clear();
                session.doing = Doing::Busy;
            }
            Event::Wants(_) => session.doing = Doing::Busy,
            Event::Did(call) => did(session, call.as_deref()),
            Event::WaitsForInput(_) if session.doing != Doing::Ended => {
                session.doing = Doing::WaitingInput;
            }
            Event::Stopped { background, .. } => {
                session
                    .calls
                    .retain(|call| call.agent.is_some() && *background);
                session.doing = if *background {
                    Doing::Busy
                } else {
                    Doing::Idle
                };
            }
            // A tool that was denied or broken off in a dialog never says that
            // it is done.
            Event::Rested if session.doing == Doing::Ended => {}
            Event::Failed(_) | Event::Rested => {
                session.calls.clear();
                session.doing = Doing::Idle;
            }
            Event::SubagentEnded => session.calls.retain(|call| call.agent.as_deref() != agent),
            Event::Ended(_) => {
                session.calls.clear();
                session.doing = Doing::Ended;
            }
            Event::WaitsForInput(_) | Event::Alive => {}
        }
    }
}

/// A late word about a tool does not bring a session back that has ended.
fn did(session: &mut AgentSession, call: Option<&str>) {
    match call {
        Some(id) => session.calls.retain(|running| running.id != id),
        None => session.calls.clear(),
    }
    if session.doing == Doing::WaitingInput {
        session.doing = Doing::Busy;
    }
}

/// A tool of it runs from now on.
pub(crate) fn runs(session: &mut AgentSession, call: &Call, agent: Option<&str>) {
    session.calls.push(Running {
        id: call.id.clone().unwrap_or_default(),
        agent: agent.map(str::to_owned),
    });
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(PROMPT_KEPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn end(text: &str) -> &str {
    let mut from = text.len().saturating_sub(ANSWER_KEPT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
