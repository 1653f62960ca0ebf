//! The thread that watches one tmux server: it hears, looks, and carries out
//! what the deliveries decide.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use gaia_locks::clock::{Clock as _, Moment, SystemClock};
use rustix::event::{PollFd, PollFlags};

use super::command::{self, Connection};
use super::delivery::{Act, Delivery, PATIENCE, Seen};
use super::link::{Heard, Link};
use super::screen::Look;
use super::seats::{self, Seat, Seats, Work};
use super::target::PaneRow;
use super::text::needs_paste;
use super::{Coming, Event, Job, News, Order, Post, RunId, Tell, output, profiles};
use crate::task::Outcome;

/// How soon after a word about panes they are counted: several come at once.
const SOON: Duration = Duration::from_millis(20);
/// How often they are counted although tmux said nothing, and a server that is
/// not there is looked for.
const SLOW_LOOK: Duration = Duration::from_secs(10);
/// How long a server must have been calm before anything connects to it, see
/// [`Thread::connect`].
const CALM: Duration = Duration::from_millis(400);
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
    early: Vec<(Job, Coming)>,
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
        command::wait(&mut fds, patience.min(SLOW_LOOK))?;
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
            self.early.push((job, coming));
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
        if coming != Coming::Fresh {
            seat.eye.expect_work(now());
        }
        seat.eye.look_by(now());
        seat.work = Some(Work {
            job,
            delivery,
            begins: None,
        });
    }

    fn begin_early(&mut self) {
        for (job, coming) in std::mem::take(&mut self.early) {
            match self.seats.by_pane.contains_key(&job.pane.id) {
                true => self.begin(job, coming),
                false => self.over(job.run, Outcome::Lost),
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

    /// It is over when it is seen idle; a dialog is left by the same key.
    fn interrupt(&mut self, pane: &str) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let key = seat.profile().interrupt;
        seat.eye.expect_work(now());
        seat.eye.look_by(now().plus(SOON));
        self.ask(pane, &format!("send-keys -t {pane} {key}"));
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
        self.is_there = rows.is_ok();
        self.count_at = now().plus(if self.is_there { SLOW_LOOK } else { AGAIN });
        if let Err(error) = &rows {
            if self.seats.server_lives() {
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

    fn note_sessions(&mut self, rows: &[PaneRow]) {
        let sessions = rows.iter().map(|row| row.session_id.clone()).collect();
        if sessions != self.sessions {
            self.sessions = sessions;
            self.calm_at = now().plus(CALM);
        }
    }

    /// Opens what is missing: the scout, and a link for each tmux session that
    /// has panes of ours; and lets go what is not needed.
    ///
    /// One by one, and only while the server is calm: tmux (3.3a to 3.6 at
    /// least, tmux/tmux#4980) crashes when it has to tell something, such as a
    /// new session, to a client in control mode that has only half introduced
    /// itself. With it would go everything that its user has running.
    fn connect(&mut self) {
        let seats = &self.seats.by_pane;
        self.links
            .retain(|id, _| seats.values().any(|seat| seat.session_id == *id));
        if now() < self.calm_at || self.is_connecting() {
            return;
        }
        let opened = match self.missing() {
            None => return,
            Some(None) => Connection::scout(&self.server).map(|connection| {
                self.scout = Some(Link::new(connection));
            }),
            Some(Some(id)) => Connection::attach(&self.server, &id).map(|connection| {
                self.links.insert(id, Link::new(connection));
            }),
        };
        if let Err(error) = opened {
            tracing::error!(server = self.server, %error, "tmux cannot be started");
            self.calm_at = now().plus(SLOW_LOOK);
        }
    }

    /// Whether a connection introduces itself just now.
    fn is_connecting(&self) -> bool {
        let mut links = self.scout.iter().chain(self.links.values());
        links.any(|link| !link.has_spoken())
    }

    /// What there is no connection to: the server, or this session of it.
    fn missing(&self) -> Option<Option<String>> {
        if !self.is_there || self.seats.is_empty() {
            return None;
        }
        if self.scout.is_none() {
            return Some(None);
        }
        let mut seats = self.seats.by_pane.values();
        let seat = seats.find(|seat| !self.links.contains_key(&seat.session_id))?;
        Some(Some(seat.session_id.clone()))
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
        let Some(work) = &mut seat.work else { return };
        let seen = Seen {
            look: &look,
            reading,
            status,
            shows_work,
            holds_text: ends_in(&look, &work.job.text),
        };
        if let Some(act) = work.delivery.look(now, seen) {
            if act == Act::Paste {
                work.begins = output::begins(&look);
            }
            self.act(pane, act);
        }
    }

    fn act(&mut self, pane: &str, act: Act) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        match act {
            Act::Look(at) => seat.eye.look_by(at.max(now().plus(SOON))),
            Act::LeaveMode => {
                seat.eye.look_by(now().plus(SOON));
                self.ask(pane, &format!("copy-mode -q -t {pane}"));
            }
            Act::Paste => self.paste(pane),
            Act::Enter => {
                seat.eye.look_by(now().plus(PATIENCE));
                self.ask(pane, &format!("send-keys -t {pane} Enter"));
            }
            Act::Clear => {
                let key = seat.profile().clear;
                seat.eye.look_by(now().plus(SOON));
                self.ask(pane, &format!("send-keys -t {pane} {key}"));
            }
            Act::Started => {
                if let Some(work) = &seat.work {
                    let (run, pid) = (work.job.run, seat.pane.process.pid);
                    self.tell.tell(Event::Started { run, pid });
                }
            }
            Act::ClearAndEnd(outcome) => {
                let key = seat.profile().clear;
                self.ask(pane, &format!("send-keys -t {pane} {key}"));
                self.end(pane, outcome);
            }
            Act::End(outcome) => self.end(pane, outcome),
        }
    }

    fn ask(&mut self, pane: &str, line: &str) {
        let Some(seat) = self.seats.by_pane.get(pane) else {
            return;
        };
        let Some(link) = self.links.get_mut(&seat.session_id) else {
            return;
        };
        if let Err(error) = link.tell(line) {
            tracing::warn!(server = self.server, pane, %error, "tmux could not be told");
        }
    }

    fn paste(&mut self, pane: &str) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let is_refused = seat.takes_no_paste();
        let Some(work) = &seat.work else { return };
        let (run, text) = (work.job.run, work.job.text.clone());
        if is_refused && needs_paste(&text) {
            let why = "its text has several lines (or tabs), and the program in its pane has not switched bracketed paste on: each line would be taken for itself";
            return self.act_on(run, |work| {
                Some(work.delivery.pasted(now(), Err(why.to_owned())))
            });
        }
        seat.eye.expect_work(now());
        let buffer = format!("gaia-{}-{run}", std::process::id());
        let words = [
            "load-buffer",
            "-b",
            &buffer,
            "-",
            ";",
            "paste-buffer",
            "-p",
            "-r",
            "-d",
            "-b",
            &buffer,
            "-t",
            pane,
        ];
        let words = words.map(str::to_owned).to_vec();
        let post = self.post.clone();
        let then = move |result: io::Result<String>| {
            let result = result
                .map(drop)
                .map_err(|error| format!("tmux could not paste its text: {error}"));
            post.send(Order::Pasted(run, result));
        };
        if let Err(error) = command::run_aside(self.server.clone(), words, text.into_bytes(), then)
        {
            self.act_on(run, |work| {
                Some(work.delivery.pasted(now(), Err(error.to_string())))
            });
        }
    }

    /// What the pane showed is kept first.
    fn end(&mut self, pane: &str, outcome: Outcome) {
        let Some(seat) = self.seats.by_pane.get_mut(pane) else {
            return;
        };
        let Some(work) = seat.work.take() else { return };
        let run = work.job.run;
        let last = seat.eye.seen.as_ref().map(|(look, _)| look);
        if outcome == Outcome::Lost {
            // Nobody can be asked any more.
            let lines = last.map(|look| look.lines.join("\n")).unwrap_or_default();
            if let Err(error) = output::append(&work.job.log, &format!("{}\n", lines.trim_end())) {
                tracing::warn!(task_log = %work.job.log.display(), %error, "what a pane showed could not be kept");
            }
            return self.over(run, outcome);
        }
        if matches!(outcome, Outcome::NotStarted(_) | Outcome::NotNow(_)) {
            return self.over(run, outcome);
        }
        let first = output::first_line(work.begins, last);
        let (server, pane, tell) = (self.server.clone(), pane.to_owned(), self.tell.clone());
        let told = outcome.clone();
        let keep = move || {
            if let Err(error) = output::keep(&server, &pane, &first, &work.job.text, &work.job.log)
            {
                tracing::warn!(pane, %error, "what a pane showed could not be kept");
            }
            tell.tell(Event::Over { run, outcome });
        };
        if std::thread::Builder::new()
            .name("tmux output".to_owned())
            .spawn(keep)
            .is_err()
        {
            self.over(run, told);
        }
    }
}

/// Whether the line of the cursor ends in the end of a text, or in what some
/// clients show for a long one.
fn ends_in(look: &Look, text: &str) -> bool {
    let last = text.trim_end().rsplit(['\n', '\r', '\t']).next();
    let last: Vec<char> = last.unwrap_or_default().chars().collect();
    let end: String = last[last.len().saturating_sub(20)..].iter().collect();
    let line = look.at_cursor().unwrap_or_default();
    let line = line.trim_end();
    !end.is_empty() && (line.ends_with(end.trim_end()) || line.contains("[Pasted text"))
}

impl Seat {
    fn profile(&self) -> &'static profiles::Profile {
        let command = self
            .eye
            .seen
            .as_ref()
            .map_or("", |(look, _)| look.command.as_str());
        self.eye.reader.profile(command)
    }

    /// Whether its program is known to take no pastes. One that was not seen
    /// to switch them on may have done so before anybody looked.
    fn takes_no_paste(&self) -> bool {
        let command = self
            .eye
            .seen
            .as_ref()
            .map_or("", |(look, _)| look.command.as_str());
        self.eye.pasting == Some(false) || profiles::is_line_by_line(command)
    }
}
