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
//! One session's worker (`worker`) goes on between two of its tasks.
//! The agent's output goes straight into the log file: nothing is copied, and
//! nothing is lost when somebody is killed. All the while its lock's lease is
//! renewed from here ([`lease`]).

mod agent;
mod family;
pub mod lease;
mod talk;
mod watch;
mod worker;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use gaia_locks::Locks;
use gaia_locks::clock::Moment;
use gaia_locks::ids::LockId;
use rustix::process::{Pid, WaitId, WaitIdOptions};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub use lease::{Door, Lease};
pub use talk::{ACKNOWLEDGED, Exit, Said, Word};

use agent::Agent;
pub(crate) use agent::log_file;
use lease::now;
use watch::Watch;
use worker::Worker;

use crate::worktree::{LOOKING, look, stash};

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
    /// Whether it is given to a worker, which is there or is started: then
    /// `input` is the text.
    #[serde(default)]
    pub is_worker: bool,
    /// Its lock, if it has a folder.
    #[serde(default)]
    pub lease: Option<Lease>,
    /// When its time is up.
    #[serde(default)]
    pub deadline: Option<Moment>,
    /// Under which name uncommitted work is stashed before the agent starts.
    #[serde(default)]
    pub stash: Option<String>,
}

/// Something that a keeper has to react to.
enum Event {
    Spec(Box<Spec>),
    AgentEnded,
    /// The worker has done what it was given.
    Answered,
    Stop,
    Acknowledged,
    NobodyListens,
    Door(Arc<dyn Locks>),
    LeaseLost(LockId, String),
}

/// Who still hears what a keeper says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Assigner,
    Nobody,
}

/// What a keeper works with, whatever its task.
struct Keeper {
    door: Door,
    /// Once some task's lease needed renewing.
    locks: Option<Arc<dyn Locks>>,
    tell: Sender<Event>,
    events: Receiver<Event>,
    /// An agent that waits for its session's next task.
    worker: Option<Worker>,
}

/// Runs as a keeper: the whole of a hidden command of the binary.
///
/// # Errors
/// When the system refuses what a keeper cannot do without.
pub fn run(door: Door) -> io::Result<()> {
    // A session of its own: no terminal's Ctrl-C reaches it. It fails only for
    // one who leads a group already, which is as good.
    let _ = rustix::process::setsid();
    gaia_locks::os::offspring::adopt_orphans()?;
    let (tell, events) = mpsc::channel();
    watch_signals(tell.clone())?;
    talk::listen(tell.clone())?;
    let mut keeper = Keeper {
        door,
        locks: None,
        tell,
        events,
        worker: None,
    };
    loop {
        match keeper.events.recv() {
            Ok(Event::Spec(spec)) => {
                if keeper.serve(*spec)? == Audience::Nobody {
                    return Ok(());
                }
            }
            Ok(Event::NobodyListens) | Err(_) => return keeper.leave(),
            Ok(Event::Door(locks)) => keeper.locks = Some(locks),
            Ok(Event::AgentEnded) => keeper.bury_worker()?,
            // What came too late for the last task means nothing to the next.
            Ok(Event::Answered | Event::Stop | Event::Acknowledged | Event::LeaseLost(..)) => {}
        }
    }
}

impl Keeper {
    /// One task from its start to its last word.
    fn serve(&mut self, spec: Spec) -> io::Result<Audience> {
        let (word, audience) = match spec.is_worker {
            true => self.serve_by_worker(&spec)?,
            false => match start(&spec) {
                Ok(agent) => self.keep(&spec, agent)?,
                Err(said) => (said.into(), Audience::Assigner),
            },
        };
        let locked = spec.lease.is_some();
        let word = Word {
            work_tree: locked.then(|| look(&spec.folder, LOOKING)).flatten(),
            ..word
        };
        if audience == Audience::Assigner {
            talk::say(&word);
            if self.is_noted()? {
                return Ok(Audience::Assigner);
            }
        }
        self.leave()?;
        leave_word(&spec, &word, &self.events);
        Ok(Audience::Nobody)
    }

    /// Waits until what was said was taken note of, or nobody is there to do
    /// so. A worker may end meanwhile: the next task must not be given to it.
    fn is_noted(&mut self) -> io::Result<bool> {
        loop {
            match self.events.recv() {
                Ok(Event::Acknowledged) => return Ok(true),
                Ok(Event::NobodyListens) | Err(_) => return Ok(false),
                Ok(Event::AgentEnded) => self.bury_worker()?,
                Ok(Event::Door(locks)) => self.locks = Some(locks),
                Ok(Event::Answered | Event::Stop | Event::LeaseLost(..) | Event::Spec(_)) => {}
            }
        }
    }

    /// Whatever waits for another task needs not wait any more.
    fn leave(&mut self) -> io::Result<()> {
        match self.worker.take() {
            Some(worker) => self.end_worker(worker, Moment::MAX).map(drop),
            None => Ok(()),
        }
    }

    fn keep(&mut self, spec: &Spec, agent: Agent) -> io::Result<(Word, Audience)> {
        talk::say(&Said::Started { pid: agent.pid() }.into());
        watch_agent(agent.group(), self.tell.clone())?;
        let mut watch = Watch::new(spec, &agent, &self.tell);
        while !watch.turn(self) {}
        let exit = agent.reap()?;
        watch.family.clear_away(watch.kill_strays_at());
        let audience = watch.audience;
        Ok((watch.word(exit), audience))
    }
}

/// Starts the agent, once what another left was put away.
fn start(spec: &Spec) -> Result<Agent, Said> {
    stashed(spec)?;
    Agent::start(spec).map_err(|error| refusal(spec, &error))
}

fn stashed(spec: &Spec) -> Result<(), Said> {
    let Some(name) = &spec.stash else {
        return Ok(());
    };
    let uncommitted = |why| format!("uncommitted work could not be stashed: {why}");
    stash(&spec.folder, name).map_err(|why| Said::Uncommitted(uncommitted(why)))
}

/// How long one tries to leave a word, and how often: a disk may be full for
/// a while, and without the word the task would be done again.
const WORD_TRIES: u32 = 600;

fn leave_word(spec: &Spec, word: &Word, events: &Receiver<Event>) {
    for _ in 0..WORD_TRIES {
        match write_word(spec, word) {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "a task's end cannot be written down yet"),
        }
        // Nobody says anything that matters any more: this is a pause.
        let until = now().plus(Duration::from_secs(1));
        while now() < until && events.recv_timeout(now().until(until)).is_ok() {}
    }
}

/// Written aside and renamed, so that whoever finds it finds all of it; on
/// disk before the lock can end with this process.
fn write_word(spec: &Spec, word: &Word) -> io::Result<()> {
    let aside = spec.word.with_extension("new");
    let mut file = private_file(&aside)?;
    file.write_all(&serde_json::to_vec(word)?)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&aside, &spec.word)?;
    match spec.word.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A word that a keeper left. It stays where it is until the end that it tells
/// of is recorded: whoever reads it may be killed before that.
pub fn read_word(path: &Path) -> Option<Word> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
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

fn refusal(spec: &Spec, error: &io::Error) -> Said {
    let program = spec.argv.first().map_or("", String::as_str);
    match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::TOOBIG.raw_os_error() => Said::TooLong(format!(
            "{program:?} cannot be started: the text is too long for an argument; \
             leave {{prompt}} out of the session's command, so that it comes on stdin"
        )),
        _ => Said::Refused(format!(
            "{program:?} cannot be started in {}: {error}",
            spec.folder.display()
        )),
    }
}
