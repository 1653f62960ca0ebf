//! The thread that watches one tmux server: it hears, looks, and carries out
//! what the deliveries decide.

mod act;
mod connect;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use gaia_locks::liveness::{Liveness, liveness};
use rustix::event::{PollFd, PollFlags};

use super::super::fds::wait_for;
use super::dead;
use super::delivery::{Act, Delivery, Seen};
use super::link::{Heard, Link};
use super::screen::{Look, Reading};
use super::seats::{self, Seat, Seats, Work};
use super::{Coming, Event, Job, News, Order, Post, RunId, Tell, output};
use crate::agents::Word;
use crate::task::Outcome;

/// How soon after a word about panes they are counted: several come at once.
const SOON: Duration = Duration::from_millis(20);
/// How often they are counted although tmux said nothing, and a server that is
/// not there is looked for.
const SLOW_LOOK: Duration = Duration::from_secs(10);
/// How long a server must have been calm before anything connects to it, see
/// [`Thread::connect`].
const CALM: Duration = Duration::from_millis(400);
/// How long ago a client has introduced itself to its server, if it ever does.
const INTRODUCED: Duration = Duration::from_secs(2);
/// How soon a server that went away is looked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// The thread's state.
pub(super) struct Thread {
    server: String,
    inbox: Receiver<Order>,
    bell: UnixStream,
    post: Post,
    tell: Tell,
    seats: Seats,
    scout: Option<Link>,
    /// By tmux session.
    links: HashMap<String, Link>,
    count_at: Moment,
    /// Whether the last count found a server.
    is_there: bool,
    /// The tmux sessions that it found.
    sessions: BTreeSet<String>,
    /// When the server will have been calm for long enough.
    calm_at: Moment,
    /// Runs that came before their pane was found.
    early: Vec<Early>,
    /// When clients that dead assigners left are looked for, and those found
    /// that may not have introduced themselves yet.
    dead_at: Moment,
    dead: Vec<u32>,
}

/// A run whose pane is looked for, and what it was told meanwhile.
struct Early {
    job: Job,
    coming: Coming,
    orders: Vec<Order>,
}

impl Early {
    fn has_a_server(&self) -> bool {
        liveness(&self.job.pane.server_process) != Liveness::Gone
    }
}

fn now() -> Moment {
    SystemClock.now().moment
}

impl Thread {
    pub fn new(
        server: String,
        inbox: Receiver<Order>,
        bell: UnixStream,
        post: Post,
        tell: Tell,
    ) -> Self {
        Self {
            server,
            inbox,
            bell,
            post,
            tell,
            seats: Seats::default(),
            scout: None,
            links: HashMap::new(),
            count_at: Moment(0),
            is_there: false,
            sessions: BTreeSet::new(),
            calm_at: Moment(0),
            early: Vec::new(),
            dead_at: Moment(0),
            dead: Vec::new(),
        }
    }

    pub fn run(mut self) {
        loop {
            if let Err(error) = self.wait() {
                tracing::error!(server = self.server, %error, "a tmux server cannot be watched");
                return;
            }
            if !self.take_orders() {
                return;
            }
            self.hear();
            if !self.seats.is_empty() && now() >= self.count_at {
                self.count();
            }
            self.connect();
            self.look();
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        let due = self
            .seats
            .by_pane
            .values()
            .filter_map(|seat| seat.eye.due());
        let count = (!self.seats.is_empty()).then_some(self.count_at);
        let waits = self.missing().is_some() && !self.is_connecting();
        let connect = waits.then_some(self.calm_at);
        let due = due.chain(count).chain(connect).min();
        let patience = due.map_or(SLOW_LOOK, |due| now().until(due));
        let mut fds = vec![PollFd::new(&self.bell, PollFlags::IN)];
        let links = self.scout.iter().chain(self.links.values());
        fds.extend(links.map(|link| PollFd::from_borrowed_fd(link.fd(), PollFlags::IN)));
        wait_for(&mut fds, patience.min(SLOW_LOOK))?;
        let mut rung = [0; 64];
        // Nothing to read is no failure: somebody else rang.
        while (&self.bell)
            .read(&mut rung)
            .is_ok_and(|read| read == rung.len())
        {}
        Ok(())
    }

    /// Whether to go on.
    fn take_orders(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Order::End) | Err(TryRecvError::Disconnected) => return false,
                Ok(order) => self.take(order),
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn take(&mut self, order: Order) {
        let is_it = |early: &&mut Early| order.run() == Some(early.job.run);
        if let Some(early) = self.early.iter_mut().find(is_it) {
            return early.orders.push(order);
        }
        match order {
            Order::Watch(sessions, patterns) => {
                for seat in self.seats.want(sessions, patterns) {
                    self.lose(seat);
                }
                self.count_at = now();
            }
            Order::Run(job, coming) => self.begin(job, coming),
            Order::Stop(run) => self.stop(run),
            Order::Taken(run) => self.act_on(run, |work| work.delivery.taken()),
            Order::Told(run, told) => self.act_on(run, |_| Some(Act::End(Outcome::Told(told)))),
            Order::Says(run, word) => self.act_on(run, |work| match word {
                Word::Taken => work.delivery.taken_by_hook(),
                Word::Over(outcome) => Some(Act::End(outcome)),
            }),
            Order::Pasted(run, result) => {
                self.act_on(run, |work| Some(work.delivery.pasted(now(), result)));
            }
            Order::Gone(run) => {
                self.act_on(run, |_| Some(Act::End(Outcome::Lost)));
                self.count_at = now();
            }
            Order::Forget(pane) => {
                if let Some(seat) = self.seats.by_pane.get_mut(&pane.id) {
                    seat.told = None;
                    seat.eye.look_by(now());
                }
            }
            Order::End => {}
        }
    }

    fn act_on(&mut self, run: RunId, decide: impl FnOnce(&mut Work) -> Option<Act>) {
        let Some(seat) = self.seats.of_run(run) else {
            return;
        };
        let pane = seat.pane.id.clone();
        if let Some(act) = seat.work.as_mut().and_then(decide) {
            self.act(&pane, act);
        }
    }

    fn begin(&mut self, job: Job, coming: Coming) {
        let Some(seat) = self.seats.by_pane.get_mut(&job.pane.id) else {
            // Taken over before the panes were counted, or gone since.
            self.early.push(Early {
                job,
                coming,
                orders: Vec::new(),
            });
            self.count_at = now();
            return;
        };
        if seat.pane != job.pane || seat.work.is_some() {
            self.over(job.run, Outcome::Lost);
            return;
        }
        let delivery = match coming {
            Coming::Fresh => Delivery::new(),
            Coming::Sent => Delivery::adopted(false, now()),
            Coming::Taken => Delivery::adopted(true, now()),
        };
        let delivery = delivery.by_hooks(job.heard);
        if coming != Coming::Fresh {
            seat.eye.expect_work(now());
        }
        seat.eye.look_by(now());
        seat.work = Some(Work {
            job,
            delivery,
            begins: None,
            interrupt: false,
        });
    }

    fn begin_early(&mut self) {
        for early in std::mem::take(&mut self.early) {
            if !self.seats.by_pane.contains_key(&early.job.pane.id) {
                self.over(early.job.run, Outcome::Lost);
                continue;
            }
            self.begin(early.job, early.coming);
            for order in early.orders {
                self.take(order);
            }
        }
    }

    fn stop(&mut self, run: RunId) {
        let Some(seat) = self.seats.of_run(run) else {
            return;
        };
        let pane = seat.pane.id.clone();
        let Some(work) = &mut seat.work else { return };
        match work.delivery.stop() {
            Some(act) => self.act(&pane, act),
            None => self.interrupt(&pane),
        }
    }

    /// It is over when it is seen idle; a dialog is left by the same key. Which
    /// key that is, the next look tells; before the first nothing is known.
    fn interrupt(&mut self, pane: &str) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        if let Some(work) = &mut seat.work {
            work.interrupt = true;
        }
        seat.eye.expect_work(now());
        seat.eye.look_by(now());
    }

    fn over(&self, run: RunId, outcome: Outcome) {
        self.tell.tell(Event::Over { run, outcome });
    }

    /// A seat that is no more.
    fn lose(&self, seat: Seat) {
        if let Some(work) = seat.work {
            self.over(work.job.run, Outcome::Lost);
        }
    }

    fn hear(&mut self) {
        if let Some(scout) = &mut self.scout {
            let (heard, is_open) = scout.hear();
            self.take_in(heard);
            if !is_open {
                // Its server went, or sent it away.
                self.scout = None;
                self.calm_at = now().plus(CALM);
                self.count_soon(if self.is_there { SOON } else { AGAIN });
            }
        }
        let ids: Vec<String> = self.links.keys().cloned().collect();
        for id in ids {
            let heard = self.links.get_mut(&id).map(Link::hear);
            let Some((heard, is_open)) = heard else {
                continue;
            };
            self.take_in(heard);
            if !is_open {
                self.links.remove(&id);
                self.calm_at = now().plus(CALM);
                self.count_soon(SOON);
            }
        }
    }

    fn take_in(&mut self, heard: Vec<Heard>) {
        for heard in heard {
            match heard {
                Heard::Hello => self.count_soon(Duration::ZERO),
                Heard::Changed => {
                    self.calm_at = now().plus(CALM);
                    self.count_soon(SOON);
                }
                Heard::Wrote { pane, pasting } => self.wrote(&pane, pasting),
                Heard::Looked { pane, look } => self.looked(&pane, look),
            }
        }
    }

    fn count_soon(&mut self, pause: Duration) {
        self.count_at = self.count_at.min(now().plus(pause));
    }

    fn wrote(&mut self, pane: &str, pasting: Option<bool>) {
        if let Some(seat) = self.seats.by_pane.get_mut(pane) {
            let eager = seat
                .work
                .as_ref()
                .is_some_and(|work| work.delivery.is_eager());
            seat.eye.wrote(now(), pasting, eager);
        }
    }

    /// Who is there, and who is not any more.
    fn count(&mut self) {
        let rows = seats::list(&self.server);
        let was_there = std::mem::replace(&mut self.is_there, rows.is_ok());
        self.count_at = now().plus(if self.is_there { SLOW_LOOK } else { AGAIN });
        if self.is_there && (!was_there || now() >= self.dead_at) {
            self.send_away_the_dead();
        }
        if let Err(error) = &rows {
            if self.seats.server_lives() || self.early.iter().any(Early::has_a_server) {
                tracing::warn!(server = self.server, %error, "a tmux server does not answer");
                return;
            }
            self.scout = None;
            self.links.clear();
        }
        self.note_sessions(rows.as_deref().unwrap_or_default());
        let changes = self
            .seats
            .count(&self.server, &rows.unwrap_or_default(), now());
        for news in changes.news {
            self.tell.tell(Event::Pane(news));
        }
        for seat in changes.gone {
            self.lose(seat);
        }
        self.begin_early();
        for seat in self.seats.by_pane.values_mut() {
            seat.told = None;
            seat.eye.look_by(now());
        }
    }

    fn send_away_the_dead(&mut self) {
        let before = std::mem::take(&mut self.dead);
        match dead::send_away(&self.server, &before) {
            Ok(dead) => self.dead = dead,
            Err(error) => {
                tracing::warn!(server = self.server, %error, "a tmux server's clients could not be looked at");
            }
        }
        let again = if self.dead.is_empty() {
            SLOW_LOOK
        } else {
            INTRODUCED
        };
        self.dead_at = now().plus(again);
        self.count_at = self.count_at.min(self.dead_at);
    }

    /// Looks where it is due.
    fn look(&mut self) {
        let now = now();
        for seat in self.seats.by_pane.values_mut() {
            if seat.eye.due().is_none_or(|due| due > now) {
                continue;
            }
            seat.eye.looking(now);
            let Some(link) = self.links.get_mut(&seat.session_id) else {
                continue;
            };
            if let Err(error) = link.look(&seat.pane.id) {
                tracing::debug!(server = self.server, %error, "a tmux session does not answer");
                seat.eye.look_by(now.plus(AGAIN));
            }
        }
    }

    fn looked(&mut self, pane: &str, look: Look) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let now = now();
        seat.eye.is_heard = seat.is_heard();
        let reading = seat.eye.look(now, look.clone());
        let status = seat.eye.status;
        if seat.told != Some(status) {
            seat.told = Some(status);
            self.tell.tell(Event::Pane(News::Shows {
                session: seat.session.clone(),
                pane: seat.pane.clone(),
                status,
                folder: look.folder.clone(),
            }));
        }
        let shows_work = seat.eye.reader.shows_work(&look.command);
        let key = seat.profile().interrupt;
        let Some(work) = &mut seat.work else { return };
        let interrupts = std::mem::take(&mut work.interrupt) && reading != Reading::Idle;
        let seen = Seen {
            look: &look,
            reading,
            status,
            shows_work,
            holds_text: act::ends_in(&look, &work.job.text),
        };
        if let Some(act) = work.delivery.look(now, seen) {
            if act == Act::Paste {
                work.begins = output::begins(&look);
            }
            self.act(pane, act);
        }
        if interrupts {
            self.ask(pane, &format!("send-keys -t {pane} {key}"));
        }
    }
}
