//! What gaia does while the command runs: passes signals, watches the lease.
//!
//! # Who asks
//! Never the thread that waits for the command: a call stands as long as a
//! server or a database does not answer, and meanwhile no signal would be
//! passed on, no end be seen, no loss be heard.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::ids::LockId;
use gaia_locks::lease::{Kept, LeaseKeeper, News, trusted_until};
use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGTSTP};

use super::child::Running;
use super::signals::{Bell, Came, Inbox, stop_here};
use super::{Held, OnLost};
use crate::exit::Status;
use crate::output::human::clean;
use crate::system::tree::{self, Tree};
use crate::tell;

/// How long a command runs before it is worth a thread to watch its lease.
const SHORT: Duration = Duration::from_secs(1);
/// How long a command may take to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What a keeper tells of its lock.
type Told = (LockId, News);

/// Watches one command to its end.
pub struct Watch<'a> {
    held: &'a Held,
    running: Running,
    on_lost: OnLost,
    keepers: Vec<LeaseKeeper>,
    news: (Sender<Told>, Receiver<Told>),
    lost: Vec<LockId>,
    stopping: Option<Stopping>,
}

/// The command is being stopped.
struct Stopping {
    /// Whoever is alive then is killed.
    kill_at: Option<Moment>,
    tree: Tree,
}

impl<'a> Watch<'a> {
    /// From the moment on in which the command was let go.
    pub fn new(held: &'a Held, running: Running, on_lost: OnLost) -> Self {
        Self {
            held,
            running,
            on_lost,
            keepers: Vec::new(),
            news: channel(),
            lost: Vec::new(),
            stopping: None,
        }
    }

    /// The locks that were lost meanwhile.
    pub fn lost(&self) -> Vec<LockId> {
        self.lost.clone()
    }

    /// Until the command has ended: the exit status that gaia ends with.
    ///
    /// # Errors
    /// When the system cannot tell of the command.
    pub fn until_the_end(&mut self, inbox: &Inbox) -> io::Result<u8> {
        let mut watch_from = SystemClock
            .now()
            .moment
            .plus(SHORT.min(self.held.ttl() / 4));
        loop {
            for came in inbox.wait(self.pause(watch_from))? {
                self.pass_on(came);
            }
            if let Some(status) = self.running.ended()? {
                return Ok(self.status(status));
            }
            let now = SystemClock.now().moment;
            if self.is_unwatched() && now >= watch_from {
                self.watch_leases(&inbox.bell());
                watch_from = self.try_again_at(now);
            }
            self.hear_news();
            self.kill_if_due(now);
        }
    }

    fn status(&self, of_command: u8) -> u8 {
        match self.stopping {
            Some(_) => Status::NotHeld as u8,
            None => of_command,
        }
    }

    fn pause(&self, watch_from: Moment) -> Option<Duration> {
        let next = match &self.stopping {
            Some(stopping) => stopping.kill_at,
            None if self.is_unwatched() => Some(watch_from),
            None => None,
        };
        next.map(|next| SystemClock.now().moment.until(next))
    }

    /// What the terminal or the command itself sent has reached the command;
    /// but that the terminal is gone is told to the session's first process
    /// alone, which gaia is where a pane or an ssh starts it.
    fn pass_on(&self, came: Came) {
        let of_command = Some(self.running.pid().as_raw_nonzero().get());
        let from_outside = match came.sender {
            None => came.signal == SIGHUP,
            sender => sender != of_command,
        };
        if came.signal != SIGCHLD
            && from_outside
            && let Some(signal) = Signal::from_named_raw(came.signal)
        {
            self.running.signal(signal);
        }
        if came.signal == SIGTSTP {
            stop_here();
        }
    }

    /// Starts to renew and to listen; whatever happened before is seen by the
    /// keeper's first look.
    fn watch_leases(&mut self, bell: &Bell) {
        let held = self.held;
        for kept in held.kept.iter().skip(self.keepers.len()) {
            let (news, bell, id) = (self.news.0.clone(), bell.clone(), kept.token);
            let tell = move |what| {
                // Nobody listens once the command has ended.
                drop(news.send((id, what)));
                bell.ring();
            };
            match LeaseKeeper::start(self.held.locks.clone(), kept.clone(), tell) {
                Ok(keeper) => {
                    keeper.look_now();
                    self.keepers.push(keeper);
                }
                Err(error) => return self.cannot_keep(kept, &error),
            }
        }
    }

    /// Tried again for as long as the lease can be trusted as it is.
    fn cannot_keep(&mut self, kept: &Kept, error: &gaia_locks::Error) {
        match kept.check() {
            Ok(()) => tell::note(&format!("the lease is not renewed yet: {error}")),
            Err(_) => self.lose(kept.token, &format!("it could not be renewed: {error}")),
        }
    }

    /// Soon, and not later than a lease can be trusted that is not kept.
    fn try_again_at(&self, now: Moment) -> Moment {
        let ends = self.held.kept.iter();
        let ends = ends.map(|kept| trusted_until(kept.asked_at, kept.ttl));
        let soon = now.plus(SHORT);
        ends.filter(|end| *end > now).fold(soon, Moment::min)
    }

    fn is_unwatched(&self) -> bool {
        self.keepers.len() < self.held.kept.len()
    }

    fn hear_news(&mut self) {
        while let Ok((id, news)) = self.news.1.try_recv() {
            match news {
                News::Lost(why) => self.lose(id, &why),
                News::Waiting(_) => self.tell_who_waits(id),
            }
        }
    }

    fn lose(&mut self, id: LockId, why: &str) {
        if self.lost.contains(&id) {
            return;
        }
        self.lost.push(id);
        let folder = self.folder_of(id);
        match self.on_lost {
            OnLost::Warn => tell::note(&format!(
                "the lock on {folder} is lost: {why}; the command goes on without it"
            )),
            OnLost::Stop => {
                // Before it is said: whoever reads stderr may have stopped reading.
                self.stop();
                tell::note(&format!(
                    "the lock on {folder} is lost: {why}; stopping the command"
                ));
            }
        }
    }

    fn stop(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        let tree = tree::of(self.running.pid());
        tree.signal(Signal::TERM);
        // A stopped process takes no notice before it goes on.
        tree.signal(Signal::CONT);
        self.stopping = Some(Stopping {
            kill_at: Some(SystemClock.now().moment.plus(GRACE)),
            tree,
        });
    }

    fn kill_if_due(&mut self, now: Moment) {
        let Some(stopping) = &mut self.stopping else {
            return;
        };
        if stopping.kill_at.is_some_and(|kill_at| now >= kill_at) {
            stopping.kill_at = None;
            tell::note("the command did not end in 5 s; killing it");
            tree::of(self.running.pid()).signal(Signal::KILL);
            stopping.tree.signal(Signal::KILL);
        }
    }

    fn folder_of(&self, id: LockId) -> String {
        let lock = self.held.granted.iter().find(|lock| lock.id == id);
        lock.map_or_else(String::new, |lock| clean(&lock.folder_path))
    }

    /// Asks who waits, on a thread of its own that nobody waits for.
    fn tell_who_waits(&self, id: LockId) {
        let place = self.held.granted.iter().position(|lock| lock.id == id);
        let folder = place
            .and_then(|place| self.held.folders.get(place))
            .cloned();
        let (locks, name) = (self.held.locks.clone(), self.folder_of(id));
        let ask = move || {
            let waiters = locks.status(folder.as_ref()).map(|status| status.waiters);
            for waiter in waiters.iter().flatten().filter(|waiter| !waiter.granted) {
                let who = clean(waiter.session_id.as_str());
                tell::note(&format!("session {who} waits for {name}"));
            }
        };
        let named = Builder::new().name("gaia-waiters".to_owned());
        // Without a thread it is not told now; the command goes on all the same.
        drop(named.spawn(ask));
    }
}
