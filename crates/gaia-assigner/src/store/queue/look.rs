//! A look at the queue: as many tasks as there may be work for, in order.
//!
//! # Why it costs the same however many tasks wait
//! Tasks that the same sessions could take stand in one lane; there are few.
//! In each lane they lie by region, what they were last passed over for
//! ([`Region`]), and in a region by priority and age. A look asks
//! - each lane whether a session is free for it: if not, it is left there;
//! - each region whether something is in the way of all of it: if so, only its
//!   first few are read, which may lose their patience;
//! - the other regions for their first tasks, by turns in the queue's order,
//!   until no session is left or [`MOST_LOOKS`] were looked at. Whoever is
//!   passed over there enters a region, and the next look, which follows at
//!   once, does not come upon it any more.
//!
//! So a task is looked at once for each thing in its way. What ends without a
//! ring (a lease, a process) is noticed because each look asks the regions.

use std::collections::VecDeque;

use gaia_locks::clock::Moment;
use gaia_locks::error::Error;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::liveness::{Liveness, ProcessIdentity};
use gaia_locks::service::LockTx;

use super::Eyes;
use super::place::{Gate, Gates, place};
use super::rows::{self, Lane};
use crate::agents;
use crate::plan::{Head, Place, Region, Round, Snapshot, is_out_of_patience, order};
use crate::session::{Pane, Session};
use crate::store::{panes, sessions};
use crate::task::Pending;

/// How many tasks one look looks at, at most: what it found is carried out
/// before the next.
const MOST_LOOKS: usize = 64;
/// How many rows one look reads that need no look.
const MOST_SKIPPED: usize = 256;
/// How many rows are read at a time.
const BATCH: usize = 32;

/// What a look at the queue found.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// What to plan on.
    pub snapshot: Snapshot,
    /// Whether any known session could take any task that waits.
    pub is_claimed: bool,
    /// The first task of each lane that no known session could take.
    pub unclaimed: Vec<TaskId>,
    /// When the next task runs out of patience.
    pub patience: Option<Moment>,
}

/// What the queue and the sessions look like now.
pub(crate) fn look(tx: &mut LockTx<'_>, eyes: Eyes<'_>) -> Result<Sight, Error> {
    let mut sessions = sessions::all(tx)?;
    let unprotected = agents::unprotected(tx, eyes.witness)?;
    let is_gone = |process: &ProcessIdentity| eyes.witness.liveness(process) == Liveness::Gone;
    let is_gone = |pane: &Pane| is_gone(&pane.process) || is_gone(&pane.server_process);
    let mut gone = panes::unknown(tx)?;
    gone.retain(|(_, pane)| pane.as_ref().is_none_or(is_gone));
    for session in &mut sessions {
        session.is_unprotected = unprotected.contains(&session.name);
        session.is_gone = gone.iter().any(|(name, _)| name == session.name.as_str());
    }
    look_for(tx, eyes, sessions)
}

/// The same as these sessions alone would see it.
pub(crate) fn look_for(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    sessions: Vec<Session>,
) -> Result<Sight, Error> {
    let now = tx.now().moment;
    let mut sight = Sight {
        patience: rows::next_patience(tx, now.minus(eyes.rules.patience))?
            .map(|since| since.plus(eyes.rules.patience)),
        ..Sight::default()
    };
    sight.snapshot.sessions = sessions;
    let lanes = claimed_lanes(tx, &mut sight)?;
    let standing = rows::standing(tx)?;
    let mut gathering = Gathering {
        eyes,
        now,
        lanes: &lanes,
        snapshot: &sight.snapshot,
        gates: Gates::default(),
        round: Round::new(&sight.snapshot, standing.iter()),
        heads: Vec::new(),
        known: standing.into(),
        sources: Vec::new(),
    };
    gathering.open_sources(tx)?;
    gathering.gather(tx)?;
    let heads = gathering.heads;
    sight.snapshot.heads = heads;
    Ok(sight)
}

/// The lanes that some known session could take tasks of.
fn claimed_lanes(tx: &mut LockTx<'_>, sight: &mut Sight) -> Result<Vec<Lane>, Error> {
    let mut claimed = Vec::new();
    for lane in rows::lanes(tx)? {
        if sight.snapshot.has_taker(&lane.wants) {
            claimed.push(lane);
        } else {
            sight.unclaimed.extend(rows::first(tx, &lane)?);
        }
    }
    sight.is_claimed = !claimed.is_empty();
    Ok(claimed)
}

/// Tasks of one lane and region, read as they are needed.
struct Source {
    lane: usize,
    region: Region,
    /// Only these sessions could be given them.
    among: Option<Vec<SessionId>>,
    next: VecDeque<Pending>,
    /// How far it was read; nothing is left when that is as far as it goes.
    last: Option<(i64, TaskId)>,
    is_read: bool,
}

/// The look, while it goes on.
struct Gathering<'a> {
    eyes: Eyes<'a>,
    now: Moment,
    lanes: &'a [Lane],
    snapshot: &'a Snapshot,
    gates: Gates,
    round: Round<'a>,
    heads: Vec<Head>,
    /// Tasks that are looked at in any case: those that stand in line, and
    /// those that may lose their patience.
    known: VecDeque<Pending>,
    sources: Vec<Source>,
}

impl Gathering<'_> {
    /// Asks the lanes and regions.
    fn open_sources(&mut self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        let before = self.now.minus(self.eyes.rules.patience);
        let is_anybody_due = rows::is_anybody_due(tx, before)?;
        for (at, lane) in self.lanes.iter().enumerate() {
            let is_free = self.round.has_room(&lane.wants, None);
            if is_free || is_anybody_due {
                for region in rows::regions(tx, lane)? {
                    self.open_source(tx, at, region, is_free)?;
                }
            }
        }
        let mut known: Vec<Pending> = self.known.drain(..).collect();
        known.sort_by_key(order);
        known.dedup_by_key(|task| task.id);
        self.known = known.into();
        Ok(())
    }

    fn open_source(
        &mut self,
        tx: &mut LockTx<'_>,
        at: usize,
        region: Region,
        is_free: bool,
    ) -> Result<(), Error> {
        let lane = &self.lanes[at];
        let mode = lane.wants.mode();
        let sessions = &self.snapshot.sessions;
        let among = match self.gates.gate(tx, self.eyes, &region, mode, sessions)? {
            Gate::Open => None,
            Gate::OpenFor(own) if self.round.has_room(&lane.wants, Some(&own)) => Some(own),
            Gate::OpenFor(_) | Gate::Shut => {
                let most = self.snapshot.most_standing(&lane.wants);
                self.known
                    .extend(rows::batch(tx, lane, &region, None, most)?);
                return Ok(());
            }
        };
        if is_free {
            self.sources.push(Source {
                lane: at,
                region,
                among,
                next: VecDeque::new(),
                last: None,
                is_read: false,
            });
        }
        Ok(())
    }

    /// Looks at one task after the other, in the queue's order.
    fn gather(&mut self, tx: &mut LockTx<'_>) -> Result<(), Error> {
        let (mut looks, mut skipped) = (0, 0);
        while looks < MOST_LOOKS && skipped < MOST_SKIPPED {
            let Some((task, is_known)) = self.next(tx)? else {
                break;
            };
            let stands_twice = !is_known && task.waiter.is_some();
            if stands_twice || (!is_known && self.round.is_passed_over(&task)) {
                skipped += 1;
                continue;
            }
            looks += usize::from(!is_known);
            let place = self.place(tx, &task, is_known)?;
            let head = Head { task, place };
            self.round.step(&head, self.now, self.eyes.rules);
            self.heads.push(head);
        }
        // Whoever stands in line is served however many came before.
        while let Some(task) = self.known.pop_front() {
            let place = self.place(tx, &task, true)?;
            self.heads.push(Head { task, place });
        }
        Ok(())
    }

    fn place(
        &mut self,
        tx: &mut LockTx<'_>,
        task: &Pending,
        is_known: bool,
    ) -> Result<Place, Error> {
        let (now, rules) = (self.now, self.eyes.rules);
        if is_known && task.waiter.is_none() && !is_out_of_patience(task, now, rules) {
            return Ok(Place::Shut);
        }
        if !self.snapshot.is_worth_a_look(task, now, rules) {
            return Ok(Place::Unseen);
        }
        place(
            tx,
            self.eyes,
            task,
            &self.snapshot.sessions,
            &mut self.gates,
        )
    }

    /// The next task in the queue's order, and whether it is one of the known.
    fn next(&mut self, tx: &mut LockTx<'_>) -> Result<Option<(Pending, bool)>, Error> {
        let mut best = None;
        for at in 0..self.sources.len() {
            if !self.is_worth_reading(at) {
                continue;
            }
            self.fill(tx, at)?;
            let first = self.sources[at].next.front().map(order);
            if let Some(first) = first
                && best.is_none_or(|(known, _)| first < known)
            {
                best = Some((first, at));
            }
        }
        let known = self.known.front().map(order);
        match (best, known) {
            (Some((first, at)), known) if known.is_none_or(|known| first < known) => {
                Ok(self.sources[at].next.pop_front().map(|task| (task, false)))
            }
            _ => Ok(self.known.pop_front().map(|task| (task, true))),
        }
    }

    fn is_worth_reading(&self, at: usize) -> bool {
        let source = &self.sources[at];
        let wants = &self.lanes[source.lane].wants;
        self.round.has_room(wants, source.among.as_deref())
            && !self.round.is_shut(&source.region, wants.mode())
    }

    fn fill(&mut self, tx: &mut LockTx<'_>, at: usize) -> Result<(), Error> {
        let source = &mut self.sources[at];
        if !source.next.is_empty() || source.is_read {
            return Ok(());
        }
        let lane = &self.lanes[source.lane];
        let found = rows::batch(tx, lane, &source.region, source.last, BATCH)?;
        source.is_read = found.len() < BATCH;
        source.last = found.last().map(|task| (task.priority, task.id));
        source.next = found.into();
        Ok(())
    }
}
