//! Runs of tmux sessions: a text is typed into a pane, and what becomes of it
//! is told by the agent or, as a last resort, read from the screen.
//!
//! # Why it is as it is
//! A pane is somebody's terminal. Only panes that the user named are typed
//! into, only while they wait for work, and only what they were meant to get:
//! the text goes through a buffer of its own and arrives as one paste; nothing
//! in it is a key. A dialog is never answered. Text that was typed and not
//! taken is a failure [T14].
//!
//! tmux tells by itself what changes (control mode); nothing is polled but a
//! slow look that catches what was missed. Each server has a thread:
//!
//! ```text
//! scout        hears of sessions, windows and panes that come and go; attaches to none
//! one link     per tmux session with panes of ours: hears what they write, and is asked
//! for each pane: eye (what does it do?) and, while it has a task, delivery (where does that stand?)
//! ```
//! A link is a client of the session, so `tmux ls` shows it as attached; it
//! has no size and sets no variables. A server that dies takes its panes and
//! their tasks with it; the thread looks for another every few seconds.
//!
//! # What is not promised
//! What the screen is read for may be wrong: a vendor changes a wording, a
//! program has no prompt. Between the last look and the paste lies a moment in
//! which a person may type.
//!
//! # Where to look
//! `command` runs tmux, `link` and `control` hear what it says, `target` finds panes,
//! `profiles` and `screen` read screens, `eye` and `delivery` decide, `watch`
//! is the thread, `seats` its panes; `everywhere` looks for others', `dead`
//! sends away what a dead assigner left. Only `command`, `link`, `watch`,
//! `seats` and `output` do anything.

mod command;
mod control;
mod dead;
mod delivery;
mod everywhere;
mod eye;
mod link;
mod output;
mod profiles;
mod screen;
mod seats;
mod target;
mod text;
mod watch;

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use gaia_locks::liveness::{Liveness, ProcessIdentity, ProcessWatch, liveness};

use super::{Event, Run, RunId, Spare, Tell};
use crate::agents::Word;
use crate::session::Pane;
use crate::task::{Outcome, Told};

pub(crate) use everywhere::Everywhere;
pub use eye::Status;
pub use screen::Patterns;
pub use target::Target;
pub(crate) use text::unfit;

/// How long an agent that was interrupted may take to wait for work again;
/// then its lock ends all the same [T4].
const INTERRUPTED: Duration = Duration::from_secs(60);

/// How long an assigner that ends waits for the end of its connections.
const CLOSING: Duration = Duration::from_secs(1);

/// A session that is to be watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Its name.
    pub session: String,
    /// How its user named its pane; `None` for one that a pattern found.
    pub target: Option<Target>,
    /// That pattern.
    pub pattern: Option<String>,
    /// The pane that it was last.
    pub pane: Option<Pane>,
    /// How its screen is read.
    pub sight: Sight,
}

/// A pattern whose panes are to be found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedPattern {
    /// Its name.
    pub name: String,
    /// The pattern.
    pub target: Target,
    /// How the screens of its panes are read.
    pub sight: Sight,
}

/// How a screen is read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// claude, codex …
    pub provider: Option<String>,
    /// What was set.
    pub patterns: Patterns,
    /// Whether its client's hooks are heard: then a screen that waits for work
    /// needs not stand still first, since they would say if it worked.
    pub is_heard: bool,
}

/// What a watch tells of panes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A session's pane was found.
    Found {
        /// Which session.
        session: String,
        /// The pane.
        pane: Pane,
        /// The pattern that found it.
        pattern: Option<String>,
    },
    /// What a session's pane does.
    Shows {
        /// Which session.
        session: String,
        /// The pane.
        pane: Pane,
        /// What it does.
        status: Status,
        /// Where its program is.
        folder: Option<String>,
    },
    /// A session's pane is gone.
    Gone {
        /// Which session.
        session: String,
        /// The pane.
        pane: Pane,
    },
}

/// What a task in a pane is about.
#[derive(Clone, Debug)]
pub struct Job {
    /// The run.
    pub run: RunId,
    /// The pane.
    pub pane: Pane,
    /// What is typed.
    pub text: String,
    /// Where what the pane shows is kept.
    pub log: PathBuf,
    /// Whether its client's hooks are heard: then they tell what becomes of
    /// the text, and not the screen.
    pub heard: bool,
}

/// How a task comes into a pane's hands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coming {
    /// It is typed.
    Fresh,
    /// Another assigner had typed it, or was about to, and is gone.
    Sent,
    /// Another assigner had seen that it was taken, and is gone.
    Taken,
}

/// What a watch is told to do.
enum Order {
    Watch(Vec<Wanted>, Vec<WantedPattern>),
    Run(Job, Coming),
    Stop(RunId),
    Taken(RunId),
    Told(RunId, Told),
    Says(RunId, Word),
    /// Its end was taken note of: its session is shown anew.
    Forget(Pane),
    Pasted(RunId, Result<(), String>),
    /// The process of its pane has ended.
    Gone(RunId),
    End,
}

impl Order {
    /// The run that it is about, if it is about one that is there.
    fn run(&self) -> Option<RunId> {
        match self {
            Order::Stop(run)
            | Order::Taken(run)
            | Order::Told(run, _)
            | Order::Says(run, _)
            | Order::Pasted(run, _)
            | Order::Gone(run) => Some(*run),
            Order::Watch(..) | Order::Run(..) | Order::Forget(_) | Order::End => None,
        }
    }
}

/// The way to a watch's thread.
#[derive(Clone)]
struct Post {
    orders: Sender<Order>,
    bell: Arc<UnixStream>,
}

impl Post {
    fn send(&self, order: Order) {
        // Whoever has ended needs no orders; a full bell is rung already.
        let _ = self.orders.send(order);
        let _ = (&*self.bell).write(&[0]);
    }
}

/// The thread that watches one server.
pub struct Watch {
    post: Post,
    tell: Tell,
    /// Disconnected once the thread has ended.
    ended: Receiver<()>,
}

impl Watch {
    /// Starts one on a server's socket; whether the server is there yet does
    /// not matter.
    ///
    /// # Errors
    /// What the system said.
    pub fn start(server: String, tell: Tell) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel();
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let post = Post {
            orders,
            bell: Arc::new(bell),
        };
        let thread = watch::Thread::new(server, inbox, heard, post.clone(), tell.clone());
        let (lives, ended) = mpsc::channel::<()>();
        let work = move || {
            thread.run();
            drop(lives);
        };
        thread::Builder::new().name("tmux".to_owned()).spawn(work)?;
        Ok(Self { post, tell, ended })
    }

    /// Ends it, and waits until its connections are closed: a process that ends
    /// before has not read what they still had to say.
    pub fn end(self) {
        self.post.send(Order::End);
        // Disconnected is what is waited for; a server that does not answer is
        // not waited for long.
        let _ = self.ended.recv_timeout(CLOSING);
    }

    /// What is to be watched from now on.
    pub fn watch(&self, sessions: Vec<Wanted>, patterns: Vec<WantedPattern>) {
        self.post.send(Order::Watch(sessions, patterns));
    }

    /// Gives a task to a pane.
    ///
    /// # Errors
    /// When its process cannot be watched.
    pub fn run(&self, job: Job, coming: Coming) -> io::Result<TmuxRun> {
        let (post, run) = (self.post.clone(), job.run);
        let processes = vec![job.pane.process.clone(), job.pane.server_process.clone()];
        let watch = ProcessWatch::start(processes, move |_| post.send(Order::Gone(run)))?;
        let pane = job.pane.clone();
        self.post.send(Order::Run(job, coming));
        Ok(TmuxRun {
            run,
            pane,
            post: self.post.clone(),
            tell: self.tell.clone(),
            _watch: watch,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.post.send(Order::End);
    }
}

/// A task in a pane, as its assigner holds it.
pub struct TmuxRun {
    run: RunId,
    pane: Pane,
    post: Post,
    tell: Tell,
    _watch: ProcessWatch,
}

impl Run for TmuxRun {
    /// The agent is interrupted.
    fn stop(&mut self) {
        self.post.send(Order::Stop(self.run));
    }

    fn patience(&self, _: Duration) -> Duration {
        INTERRUPTED
    }

    /// Nothing more can be done: the user's pane is not ours to kill. Said
    /// from here, because the server may not answer.
    fn kill(&mut self) {
        self.tell.tell(Event::Over {
            run: self.run,
            outcome: Outcome::Lost,
        });
    }

    fn taken(&mut self) {
        self.post.send(Order::Taken(self.run));
    }

    fn says(&mut self, word: Word) {
        self.post.send(Order::Says(self.run, word));
    }

    fn told(&mut self, told: Told) -> Option<Told> {
        self.post.send(Order::Told(self.run, told));
        None
    }

    fn shows_life(&self) -> bool {
        liveness(&self.pane.process) != Liveness::Gone
    }

    fn acknowledge(self: Box<Self>) -> Option<Spare> {
        self.post.send(Order::Forget(self.pane.clone()));
        None
    }
}

/// The pane that an id means on a server now.
///
/// # Errors
/// When there is none, or tmux does not answer.
pub fn find(server: &str, id: &str) -> io::Result<Pane> {
    let rows = seats::list(server)?;
    let target = Target::Id(id.to_owned());
    let row = target::only(&target, &rows)
        .map_err(|_| io::Error::other(format!("no pane has the id {id} on the server {server}")))?;
    let gone = || io::Error::other(format!("the pane {id} is gone"));
    seats::pane_of(server, row).ok_or_else(gone)
}

fn identity(pid: u32) -> Option<ProcessIdentity> {
    ProcessIdentity::of(pid).ok().flatten()
}
