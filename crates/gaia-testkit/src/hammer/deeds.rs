//! What a worker does: asks, waits, renews, releases, lets lapse, and writes
//! down each of it.

use std::io;
use std::time::Duration;

use gaia_locks::clock::Moment;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{Holder, Mode};
use gaia_locks::service::{Acquire, Patience, Release, Released, Renew};
use gaia_locks::wire::{Answer, Granted};
use gaia_locks::{Error, LockService, Locks};

use super::draw::Draw;
use super::proof::{Claim, Proofs};
use super::worker::Orders;
use super::{now, rest};
use crate::checker::journal::{Asked, Event, Pen};

/// The most locks that one worker holds at once.
const MOST_HELD: usize = 3;
/// How much of a lease is not relied on.
const MARGIN: Duration = Duration::from_millis(20);

/// A lock that this worker was the first to be given.
#[derive(Clone)]
struct Held {
    token: LockId,
    session: SessionId,
    bound: bool,
    /// Until when it may be relied on.
    trusted_until: Moment,
}

/// One worker and what it holds.
pub(super) struct Worker {
    door: LockService,
    pen: Pen,
    proofs: Proofs,
    draw: Draw,
    process: ProcessIdentity,
    index: usize,
    sessions: usize,
    asks: u64,
    held: Vec<Held>,
}

impl Worker {
    pub(super) fn new(door: LockService, orders: &Orders, pen: Pen) -> io::Result<Self> {
        Ok(Self {
            door,
            pen,
            proofs: Proofs::at(&orders.plan.proofs()),
            draw: Draw::new(orders.seed),
            process: ProcessIdentity::current()?,
            index: orders.index,
            sessions: orders.plan.processes / 2 + 2,
            asks: 0,
            held: Vec::new(),
        })
    }

    pub(super) fn do_something(&mut self) -> io::Result<()> {
        let asks = self.held.len() < MOST_HELD;
        match self.draw.below(100) {
            0..55 if asks => {
                let asked = self.draw_request();
                self.ask(&asked).map(drop)
            }
            55..62 => self.renew(),
            62..68 => self.look(),
            68 => self.let_lapse(),
            69 => self.sweep(),
            70..74 => {
                let pause = self.draw.millis(0, 4);
                rest(pause);
                Ok(())
            }
            _ => self.release_one(),
        }
    }

    /// Half of what is held is given back; the rest ends with the process, or
    /// when its lease does.
    pub(super) fn give_some_back(&mut self) -> io::Result<()> {
        for _ in 0..self.held.len() / 2 {
            self.release_one()?;
        }
        Ok(())
    }

    /// One turn in a line for overlapping folders; gives its token, or 0.
    pub(super) fn stand_in_line(&mut self) -> io::Result<i64> {
        let folder = self
            .draw
            .of(&["/line", "/line/a", "/line/b"])
            .unwrap_or("/line");
        let mode = if self.draw.chance(10) {
            Mode::Shared
        } else {
            Mode::Exclusive
        };
        let asked = Asked {
            folders: vec![folder.to_owned()],
            session: self.session(&format!("line{}", self.index))?,
            task: TaskId::NONE,
            mode,
            ttl_ms: 60_000,
            bound: true,
            own: true,
            limit_ms: Some(120_000),
        };
        let token = self.ask(&asked)?.first().map_or(0, |token| token.0);
        while !self.held.is_empty() {
            self.release_one()?;
        }
        Ok(token)
    }

    /// Takes one folder: bound to this process, or for a second.
    pub(super) fn hold(&mut self, bound: bool) -> io::Result<()> {
        let asked = Asked {
            folders: vec!["/held".to_owned()],
            session: self.session("holder")?,
            task: TaskId::NONE,
            mode: Mode::Exclusive,
            ttl_ms: if bound { 3_600_000 } else { 1_000 },
            bound,
            own: true,
            limit_ms: Some(60_000),
        };
        self.ask(&asked).map(drop)
    }

    fn session(&self, name: &str) -> io::Result<SessionId> {
        SessionId::new(name).map_err(io::Error::other)
    }

    fn draw_request(&mut self) -> Asked {
        let draw = &mut self.draw;
        let count = if draw.chance(15) {
            2 + draw.index(2)
        } else {
            1
        };
        let bound = draw.chance(60);
        let session = format!("s{}", draw.index(self.sessions));
        let task = if draw.chance(50) {
            0
        } else {
            1 + self.index as i64
        };
        let ttl_ms = if bound {
            1_000
        } else {
            draw.of(&[1_000, 1_200, 1_500, 2_000]).unwrap_or(1_000)
        };
        let mut folders: Vec<String> = (0..count).map(|_| draw_folder(draw)).collect();
        folders.sort_unstable();
        folders.dedup();
        Asked {
            // Only one folder may be shared with another process: of several
            // it could not be told which lock is new.
            own: bound || folders.len() > 1 || draw.chance(30),
            folders,
            session: SessionId::new(session).unwrap_or_else(|_| unreachable!("a plain name")),
            task: TaskId(task),
            mode: if draw.chance(30) {
                Mode::Shared
            } else {
                Mode::Exclusive
            },
            ttl_ms,
            bound,
            limit_ms: draw.chance(60).then(|| draw_limit(draw)),
        }
    }

    /// Asks, waits if it must, and writes down what came of it.
    fn ask(&mut self, asked: &Asked) -> io::Result<Vec<LockId>> {
        self.asks += 1;
        let ask = self.asks;
        let request = self.request(asked)?;
        let before = self.pen.write(Event::Asked {
            ask,
            want: asked.clone(),
        })?;
        let mut answer = self.door.acquire(&request);
        if let Ok(Answer::Queued(queued)) = &answer {
            let waiter = queued.waiter;
            self.pen.write(Event::Queued { ask, waiter })?;
            answer = self.door.wait(waiter, &mut Patience::default());
        }
        match answer {
            Ok(Answer::Granted(granted)) => self.take(asked, &granted, before),
            Ok(Answer::Refused(refusal)) => {
                let circle = refusal.cycle.is_some();
                self.pen.write(Event::Refused { ask, circle })?;
                Ok(Vec::new())
            }
            Ok(Answer::Queued(_)) => self.failed("a wait ended in line").map(|()| Vec::new()),
            Err(Error::NotInLine(_)) => {
                self.pen.write(Event::Gone { ask })?;
                Ok(Vec::new())
            }
            Err(error) => self.failed(&error.to_string()).map(|()| Vec::new()),
        }
    }

    fn request(&self, asked: &Asked) -> io::Result<Acquire> {
        let folders: Result<Vec<Folder>, _> = asked
            .folders
            .iter()
            .map(|path| Folder::clean(path))
            .collect();
        let first = Folder::clean("/").map_err(io::Error::other)?;
        let request = Acquire {
            folders: folders.map_err(io::Error::other)?,
            mode: asked.mode,
            ttl: Some(Duration::from_millis(asked.ttl_ms)),
            process: asked.bound.then(|| self.process.clone()),
            own: asked.own,
            ..Acquire::new(first, asked.session.clone(), asked.task)
        };
        Ok(match asked.limit_ms {
            Some(limit) => request.queued(Some(Duration::from_millis(limit))),
            None => request,
        })
    }

    fn take(
        &mut self,
        asked: &Asked,
        granted: &Granted,
        before: Moment,
    ) -> io::Result<Vec<LockId>> {
        let tokens: Vec<LockId> = granted.locks.iter().map(|lock| lock.id).collect();
        self.pen.write(Event::Granted {
            ask: self.asks,
            tokens: tokens.clone(),
            held_before: granted.held_before,
        })?;
        if granted.held_before {
            return Ok(tokens); // Whoever was the first to be given it ends it.
        }
        let trusted = Duration::from_millis(asked.ttl_ms).saturating_sub(MARGIN);
        let trusted_until = if asked.bound {
            Moment::MAX
        } else {
            before.plus(trusted)
        };
        for (token, folder) in tokens.iter().zip(&asked.folders) {
            self.prove(asked, *token, folder, trusted_until)?;
            self.held.push(Held {
                token: *token,
                session: asked.session.clone(),
                bound: asked.bound,
                trusted_until,
            });
        }
        Ok(tokens)
    }

    fn prove(
        &mut self,
        asked: &Asked,
        token: LockId,
        folder: &str,
        trusted_until: Moment,
    ) -> io::Result<()> {
        let claim = Claim {
            token,
            folder: folder.to_owned(),
            holder: Holder::new(asked.session.clone(), asked.task),
            mode: asked.mode,
            trusted_until,
            process: self.process.clone(),
        };
        if let Some(found) = self.proofs.raise(&claim)? {
            self.pen.write(Event::NotAlone { token, found })?;
        }
        Ok(())
    }

    fn release_one(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = self.held.swap_remove(self.draw.index(self.held.len()));
        self.proofs.lower(held.token);
        self.pen.write(Event::Releasing { token: held.token })?;
        let released = self.door.release(&Release {
            folder: None,
            session: held.session.clone(),
            task: None,
            token: Some(held.token),
        });
        match released {
            Ok(Released::NotAllowed(_)) => self.failed("a release of one's own was not allowed"),
            Ok(released) => {
                let ended = matches!(released, Released::Ended(_));
                if !ended && now() < held.trusted_until {
                    self.failed(&format!("lock {} was lost before its time", held.token))?;
                }
                let token = held.token;
                self.pen.write(Event::Released { token, ended }).map(drop)
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn renew(&mut self) -> io::Result<()> {
        let Some(at) = (!self.held.is_empty()).then(|| self.draw.index(self.held.len())) else {
            return Ok(());
        };
        let held = self.held[at].clone();
        let ttl_ms = self.draw.of(&[1_000, 2_000, 5_000]).unwrap_or(1_000);
        let token = held.token;
        self.pen.write(Event::Renewing { token, ttl_ms })?;
        let renewed = self.door.renew(&Renew {
            token,
            session: held.session,
            task: None,
            folder: None,
            ttl: Some(Duration::from_millis(ttl_ms)),
        });
        let renewed = match renewed {
            Ok(_) => true,
            Err(Error::NotHeld(why)) => {
                if now() < held.trusted_until {
                    self.failed(&format!("a lock was lost before its time: {why}"))?;
                }
                self.proofs.lower(token);
                self.held.swap_remove(at);
                false
            }
            Err(error) => return self.failed(&error.to_string()),
        };
        self.pen.write(Event::Renewed { token, renewed }).map(drop)
    }

    /// `verify` of a lock that may be relied on.
    fn look(&mut self) -> io::Result<()> {
        let Some(held) = self.held.last().cloned() else {
            return Ok(());
        };
        let token = held.token;
        self.pen.write(Event::Looking { token })?;
        match self.door.verify(token) {
            Ok(verified) => {
                let active = verified.active;
                if !active && now() < held.trusted_until {
                    self.failed(&format!("verify calls lock {token} ended before its time"))?;
                }
                self.pen.write(Event::Looked { token, active }).map(drop)
            }
            Err(error) => self.failed(&error.to_string()),
        }
    }

    /// Forgets a lock: its lease ends by itself. Not a bound one, which would
    /// go on for as long as this process does.
    fn let_lapse(&mut self) -> io::Result<()> {
        let position = self.held.iter().position(|held| !held.bound);
        if let Some(position) = position {
            let held = self.held.swap_remove(position);
            self.proofs.lower(held.token);
        }
        Ok(())
    }

    fn sweep(&mut self) -> io::Result<()> {
        match self.door.cleanup() {
            Ok(_) => Ok(()),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&mut self, what: &str) -> io::Result<()> {
        let what = what.to_owned();
        self.pen.write(Event::Failed { what }).map(drop)
    }
}

/// Mostly short, so that a jam around one lapsing lease does not hold up all.
fn draw_limit(draw: &mut Draw) -> u64 {
    let longest = draw.of(&[10, 50, 200, 1_500]).unwrap_or(50);
    5 + draw.below(longest)
}

/// A folder in a small tree, so that requests meet: ancestors and descendants
/// of each other, neighbours, and names that begin alike.
fn draw_folder(draw: &mut Draw) -> String {
    let tops = ["a", "ab", "b", "c", "d", "e", "f", "g", "h", "i", "k", "l"];
    let mut path = format!("/hammer/{}", draw.of(&tops).unwrap_or("a"));
    // The whole of a top is rare: it stands in the way of everything below.
    for _ in 0..draw.of(&[0, 1, 1, 2, 2, 2, 2, 3]).unwrap_or(2) {
        path.push('/');
        path.push_str(draw.of(&["a", "ab", "b", "c"]).unwrap_or("a"));
    }
    path
}
