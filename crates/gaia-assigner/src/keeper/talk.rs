//! What an assigner and a keeper say to each other: lines of JSON one way, a
//! spec and one word the other way.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::Sender;
use std::thread;

use serde::{Deserialize, Serialize};

use super::{Event, Spec};

/// What the assigner says when it has taken note of the end.
pub const ACKNOWLEDGED: &str = "noted\n";

/// What a keeper says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The agent runs.
    Started {
        /// Its process, which leads its group.
        pid: u32,
    },
    /// The agent could not be started, and why.
    Refused(String),
    /// The agent has ended, and nothing of it is left.
    Ended(Exit),
}

/// How an agent's first process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// Reads the spec; `None` when whoever started this keeper thought better of it.
pub(super) fn read_spec() -> io::Result<Option<Spec>> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

/// Nobody may be listening any more, and that changes nothing.
pub(super) fn say(said: &Said) {
    if let Ok(mut line) = serde_json::to_vec(said) {
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}

/// Tells when the end was taken note of, or when nobody is there to do so.
pub(super) fn listen(tell: Sender<Event>) -> io::Result<()> {
    let hear = move || {
        let mut line = String::new();
        let heard = io::stdin().lock().read_line(&mut line);
        let noted = heard.is_ok() && line == ACKNOWLEDGED;
        // Without a receiver the keeper is at its end already.
        let _ = tell.send(if noted {
            Event::Acknowledged
        } else {
            Event::NobodyListens
        });
    };
    thread::Builder::new().name("talk".to_owned()).spawn(hear)?;
    Ok(())
}
