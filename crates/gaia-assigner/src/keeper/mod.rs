//! The process beside each running task.
//!
//! # Why there is one
//! A task's lock must last as long as anything that runs for the task, and not
//! a moment less: not only as long as the agent's first process, which may end
//! and leave others behind, and not as long as the assigner, which may be
//! killed. So the lock is bound to this process [R11], and this process ends
//! only when all that it started is gone [T3].
//!
//! # Its life
//! ```text
//! started ── waits for a spec (the lock is taken meanwhile; no spec: it ends)
//!         ── starts the agent in a group of its own      says: started | refused
//!         ── waits for the agent's end, or for the word to stop it (SIGTERM)
//!         ── stops what is left: TERM, a grace, KILL, until nothing is left
//!                                                       says: ended
//!         ── waits until that was taken note of, so that the lock ends with
//!            its task and not by this process's death; if the assigner is gone
//!            it leaves its word in a file
//!         ── waits for the next spec: since nothing is left of the last task,
//!            nothing is there that the next one could meet
//! ```
//! The agent's output goes straight into the log file: nothing is copied, and
//! nothing is lost when somebody is killed.

mod agent;
mod family;
mod talk;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub use talk::{ACKNOWLEDGED, Exit, Said};

use agent::Agent;
pub(crate) use agent::log_file;
use family::Family;

/// What a keeper is to start, on one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The program and its arguments, the text already among them.
    pub argv: Vec<String>,
    /// What is given on stdin, if the text is not among the arguments.
    pub input: Option<String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Variables to set; `None` removes one.
    pub environment: Vec<(String, Option<String>)>,
    /// Where its output goes.
    pub log: PathBuf,
    /// Where the keeper leaves its word when nobody listens any more.
    pub word: PathBuf,
    /// How long after TERM comes KILL, in milliseconds.
    pub grace_ms: u64,
}

/// Something that a keeper has to react to.
enum Event {
    Spec(Box<Spec>),
    AgentEnded,
    Stop,
    Acknowledged,
    NobodyListens,
}

/// Who still hears what a keeper says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Assigner,
    Nobody,
}

/// Runs as a keeper: the whole of a hidden command of the binary.
///
/// # Errors
/// When the system refuses what a keeper cannot do without.
pub fn run() -> io::Result<()> {
    // A session of its own: no terminal's Ctrl-C reaches it. It fails only for
    // one who leads a group already, which is as good.
    let _ = rustix::process::setsid();
    gaia_locks::os::offspring::adopt_orphans()?;
    let (tell, events) = mpsc::channel();
    watch_signals(tell.clone())?;
    talk::listen(tell.clone())?;
    loop {
        match events.recv() {
            Ok(Event::Spec(spec)) => {
                if serve(&spec, &tell, &events)? == Audience::Nobody {
                    return Ok(());
                }
            }
            Ok(Event::NobodyListens) | Err(_) => return Ok(()),
            // What came too late for the last task means nothing to the next.
            Ok(Event::AgentEnded | Event::Stop | Event::Acknowledged) => {}
        }
    }
}

/// One task from its start to its last word.
fn serve(spec: &Spec, tell: &Sender<Event>, events: &Receiver<Event>) -> io::Result<Audience> {
    let (said, audience) = match Agent::start(spec) {
        Ok(agent) => keep(spec, agent, tell, events)?,
        Err(error) => (Said::Refused(refusal(spec, &error)), Audience::Assigner),
    };
    if audience == Audience::Assigner {
        talk::say(&said);
        if is_noted(events) {
            return Ok(Audience::Assigner);
        }
    }
    leave_word(spec, &said)?;
    Ok(Audience::Nobody)
}

fn keep(
    spec: &Spec,
    agent: Agent,
    tell: &Sender<Event>,
    events: &Receiver<Event>,
) -> io::Result<(Said, Audience)> {
    talk::say(&Said::Started { pid: agent.pid() });
    watch_agent(agent.group(), tell.clone())?;
    let family = Family::of(&agent, Duration::from_millis(spec.grace_ms));
    let mut audience = Audience::Assigner;
    let mut patience = None;
    loop {
        match next(events, patience) {
            Some(Event::AgentEnded) => break,
            Some(Event::Stop) if patience.is_none() => {
                family.terminate();
                patience = Some(family.grace());
            }
            Some(Event::NobodyListens) => audience = Audience::Nobody,
            Some(Event::Stop | Event::Acknowledged | Event::Spec(_)) => {}
            None => {
                family.kill();
                patience = Some(Duration::from_millis(100));
            }
        }
    }
    let exit = agent.reap()?;
    family.clear_away();
    Ok((Said::Ended(exit), audience))
}

/// The next event; `None` when the grace ran out first.
fn next(events: &Receiver<Event>, patience: Option<Duration>) -> Option<Event> {
    match patience {
        None => events.recv().ok(),
        Some(patience) => events.recv_timeout(patience).ok(),
    }
}

/// Waits until what was said was taken note of, or nobody is there to do so.
fn is_noted(events: &Receiver<Event>) -> bool {
    loop {
        match events.recv() {
            Ok(Event::Acknowledged) => return true,
            Ok(Event::NobodyListens) | Err(_) => return false,
            Ok(Event::AgentEnded | Event::Stop | Event::Spec(_)) => {}
        }
    }
}

/// Written aside and renamed, so that whoever finds it finds all of it.
fn leave_word(spec: &Spec, said: &Said) -> io::Result<()> {
    let aside = spec.word.with_extension("new");
    let mut file = private_file(&aside)?;
    file.write_all(&serde_json::to_vec(said)?)?;
    drop(file);
    fs::rename(&aside, &spec.word)
}

/// A word that a keeper left, taken away once it was read.
pub fn take_word(path: &Path) -> Option<Said> {
    let text = fs::read(path).ok()?;
    // It has been read: a file that stays behind harms nobody.
    let _ = fs::remove_file(path);
    serde_json::from_slice(&text).ok()
}

fn private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.open(path)
}

fn watch_signals(tell: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let watch = move || {
        for _ in signals.forever() {
            if tell.send(Event::Stop).is_err() {
                return;
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)?;
    Ok(())
}

/// The agent is not reaped here: until it is, its number is nobody else's.
fn watch_agent(agent: Pid, tell: Sender<Event>) -> io::Result<()> {
    let watch = move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) =
            rustix::process::waitid(WaitId::Pid(agent), options)
        {}
        // Without a receiver the keeper is at its end already.
        let _ = tell.send(Event::AgentEnded);
    };
    thread::Builder::new()
        .name("agent".to_owned())
        .spawn(watch)?;
    Ok(())
}

fn refusal(spec: &Spec, error: &io::Error) -> String {
    let program = spec.argv.first().map_or("", String::as_str);
    match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::TOOBIG.raw_os_error() => format!(
            "{program:?} cannot be started: the text is too long for an argument; \
             leave {{prompt}} out of the session's command, so that it comes on stdin"
        ),
        _ => format!(
            "{program:?} cannot be started in {}: {error}",
            spec.folder.display()
        ),
    }
}
