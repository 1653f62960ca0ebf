//! The gate before a write: whether it may pass, inside one transaction [R4].
//!
//! It passes under a lock that covers it and has time left, or under one that
//! is taken now. After a lapse in which another held the folder it is refused
//! once, with the lock taken: the agent has to look again at what it knew.

use std::time::Duration;

use gaia_locks::Error;
use gaia_locks::folder::{Folder, is_within};
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::{AgentBinding, Binding, EndReason, Holder, Lock, Mode};
use gaia_locks::service::{Acquire, Attempt, LockTx, RESTS, Renew, Renewed};
use gaia_locks::store::{HistoryFilter, Record};
use gaia_locks::wire::{Answer, LockInfo, Refusal};

use serde::{Deserialize, Serialize};

use super::place;
use crate::agents;

type Place = place::Place<Folder>;
type Tree = place::Tree<Folder>;

/// What the gate says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may pass.
    Pass,
    /// Others hold what it would write.
    Held(Box<Refusal>),
    /// Its task only reads there.
    OnlyReads {
        /// Which.
        task: TaskId,
        /// Where.
        folder: String,
    },
    /// Another held the folder since this session last did.
    Lapsed(Box<Lapse>),
}

/// Who held a folder after this session's lock on it had lapsed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lapse {
    /// The folder.
    pub folder: String,
    /// How and when this session's lock ended.
    pub ended: LockInfo,
    /// The other's lock.
    pub other: LockInfo,
}

/// Who wants to pass, and with what.
pub(super) struct Gate<'a> {
    pub service: &'a gaia_locks::LockService,
    pub holder: &'a Holder,
    pub binding: &'a AgentBinding,
    pub lease: Duration,
}

/// A lock with less time left is renewed before it is relied on.
const MARGIN: Duration = Duration::from_secs(60);

impl Gate<'_> {
    /// Whether all these writes may pass.
    pub fn pass(&self, tx: &mut LockTx<'_>, places: &[Place]) -> Result<Verdict, Error> {
        for place in places {
            self.spare_linked(tx, place)?;
            if let Some(verdict) = self.is_kept_from(tx, place)? {
                return Ok(verdict);
            }
        }
        let wanted = self.not_held(tx, places)?;
        match wanted.is_empty() {
            true => Ok(Verdict::Pass),
            false => self.take(tx, &wanted),
        }
    }

    /// What others hold of these places, without taking anything.
    pub fn look(&self, tx: &mut LockTx<'_>, places: &[Place]) -> Result<Option<Refusal>, Error> {
        for place in places {
            self.spare_linked(tx, place)?;
            if let Some(refusal) = self.refusal(tx, &place.target)? {
                return Ok(Some(refusal));
            }
        }
        Ok(None)
    }

    /// A linked work tree is a folder of its own: locks that hooks took on the
    /// tree around it leave it out.
    fn spare_linked(&self, tx: &mut LockTx<'_>, place: &Place) -> Result<(), Error> {
        let Some(tree) = place.lock.as_ref().filter(|tree| tree.linked) else {
            return Ok(());
        };
        for lock in tx.around_now(&tree.folder)? {
            tx.spare(lock.id, &tree.folder)?;
        }
        Ok(())
    }

    /// A task that only reads, or a place that is looked at and not locked.
    fn is_kept_from(&self, tx: &mut LockTx<'_>, place: &Place) -> Result<Option<Verdict>, Error> {
        if self.only_reads_there(tx, place)? {
            return Ok(Some(Verdict::OnlyReads {
                task: self.holder.task,
                folder: place.target.path().to_owned(),
            }));
        }
        // By its written name too: a link in another's folder that leads into one's own tree is
        // changed where it lies.
        let mut keys = place.target.keys();
        let inside = place
            .lock
            .as_ref()
            .is_some_and(|tree| keys.all(|key| is_within(key, tree.folder.path_key())));
        if inside && !self.spares_some(place) {
            return Ok(None);
        }
        if let Some(tree) = &place.fresh
            && !self.is_held_itself(tx, tree)?
        {
            return Ok(None);
        }
        let refusal = self.refusal(tx, &place.target)?;
        Ok(refusal.map(|refusal| Verdict::Held(Box::new(refusal))))
    }

    /// Whether another holds where a linked work tree is made, other than by a
    /// hook's lock on the tree around it: that leaves linked ones out.
    fn is_held_itself(&self, tx: &mut LockTx<'_>, tree: &Folder) -> Result<bool, Error> {
        let scope = gaia_locks::Locks::scope(self.service);
        let locks = tx.around_now(tree)?;
        Ok(locks.iter().any(|lock| {
            let around = lock.folder.covers(tree) && !lock.folder.same(tree);
            lock.conflicts_with(&scope, tree, self.holder, Mode::Exclusive)
                && !(around && matches!(lock.binding, Binding::Agent(_)))
        }))
    }

    /// Whether what is written holds a linked work tree, which its tree's lock
    /// does not cover: `rm -rf` of a folder of them.
    fn spares_some(&self, place: &Place) -> bool {
        let mut spares = place.lock.iter().flat_map(|tree| &tree.spares);
        spares.any(|tree| place.target.covers(tree))
            && place
                .lock
                .as_ref()
                .is_none_or(|tree| !tree.folder.same(&place.target))
    }

    fn only_reads_there(&self, tx: &mut LockTx<'_>, place: &Place) -> Result<bool, Error> {
        if self.holder.task == TaskId::NONE || !agents::only_reads(tx, self.holder.task)? {
            return Ok(false);
        }
        let locks = tx.around_now(&place.target)?;
        Ok(locks.iter().any(|lock| {
            lock.holder == *self.holder
                && lock.mode == Mode::Shared
                && lock.folder.overlaps(&place.target)
        }))
    }

    fn refusal(&self, tx: &mut LockTx<'_>, folder: &Folder) -> Result<Option<Refusal>, Error> {
        let request = self.request(vec![folder.clone()]);
        tx.would_refuse(&self.service.want(&request)?)
    }

    fn request(&self, folders: Vec<Folder>) -> Acquire {
        Acquire {
            ttl: Some(self.lease),
            ..Acquire::all(folders, self.holder.session.clone(), self.holder.task)
        }
    }

    /// What is to be locked and is not under a lock of this session's with time
    /// left.
    fn not_held(&self, tx: &mut LockTx<'_>, places: &[Place]) -> Result<Vec<Tree>, Error> {
        let mut wanted: Vec<Tree> = Vec::new();
        for tree in places.iter().filter_map(|place| place.lock.as_ref()) {
            let known = wanted.iter().any(|other| other.folder.same(&tree.folder));
            if !known && !self.is_covered(tx, tree)? {
                wanted.push(tree.clone());
            }
        }
        Ok(wanted)
    }

    fn is_covered(&self, tx: &mut LockTx<'_>, tree: &Tree) -> Result<bool, Error> {
        for lock in tx.around_now(&tree.folder)? {
            let mine = lock.holder.is_same_worker(self.holder) && lock.mode == Mode::Exclusive;
            if mine
                && is_within(tree.folder.path_key(), lock.folder.path_key())
                && !lock.spares(&tree.folder)
                && self.lasts(tx, &lock)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a lock has time left to act, once it was renewed if needed. Those
    /// that hooks took are renewed by each of their calls.
    fn lasts(&self, tx: &mut LockTx<'_>, lock: &Lock) -> Result<bool, Error> {
        let left = lock.expires.since(tx.now().moment);
        if matches!(lock.binding, Binding::Agent(_)) || left >= MARGIN {
            return Ok(true);
        }
        let renewed = tx.renew(&Renew {
            token: lock.id,
            session: lock.holder.session.clone(),
            task: None,
            folder: None,
            ttl: None,
        })?;
        Ok(matches!(renewed, Renewed::Renewed(_)))
    }

    fn take(&self, tx: &mut LockTx<'_>, wanted: &[Tree]) -> Result<Verdict, Error> {
        // A lock of its own: one that the session asked for at greater length
        // lasts by itself.
        let request = Acquire {
            own: true,
            ..self.request(wanted.iter().map(|tree| tree.folder.clone()).collect())
        };
        let want = self.service.want(&request)?;
        let spares: Vec<Folder> = wanted.iter().flat_map(|tree| tree.spares.clone()).collect();
        let attempt = Attempt {
            want: &want,
            request: &request,
        };
        let granted = match tx.acquire_sparing(&attempt, &spares)? {
            Answer::Granted(granted) => granted,
            Answer::Refused(refusal) => return Ok(Verdict::Held(Box::new(refusal))),
            Answer::Queued(queued) => return Ok(Verdict::Held(Box::new(queued.refusal))),
        };
        let mut lapse = None;
        for (info, tree) in granted.locks.iter().zip(wanted) {
            if !granted.held.contains(&info.id) {
                self.keep(tx, info.id, tree)?;
                lapse = lapse.or(self.lapse(tx, info.id, tree)?);
            }
        }
        Ok(lapse.map_or(Verdict::Pass, |lapse| Verdict::Lapsed(Box::new(lapse))))
    }

    fn keep(&self, tx: &mut LockTx<'_>, id: LockId, tree: &Tree) -> Result<(), Error> {
        let Some(lock) = tx.store().lock(id)? else {
            return Ok(());
        };
        let spares = tree
            .spares
            .iter()
            .map(|tree| tree.path_key().to_owned())
            .collect();
        let binding = AgentBinding {
            spares,
            ..self.binding.clone()
        };
        tx.keep_for_agent(&lock, binding, self.lease)
    }

    /// Whether this session's last lock there was not given up by itself, and
    /// who held the folder since then.
    fn lapse(&self, tx: &mut LockTx<'_>, new: LockId, tree: &Tree) -> Result<Option<Lapse>, Error> {
        let before = |session: Option<SessionId>| HistoryFilter {
            folder: Some(tree.folder.clone()),
            scope: Some(gaia_locks::Locks::scope(self.service)),
            session,
            before: Some(new),
            limit: Some(100),
            ..HistoryFilter::default()
        };
        let session = Some(self.holder.session.clone());
        let mut mine = tx.store().history(&before(session))?;
        mine.retain(|record| !is_apart(record, tree));
        let Some(last) = ended_last(mine).filter(was_lost) else {
            return Ok(None);
        };
        let since = tx.store().history(&before(None))?;
        let other = since.into_iter().find(|record| {
            record.id > last.id
                && record.mode == Mode::Exclusive
                && !record.holder.is_same_worker(self.holder)
                && !is_apart(record, tree)
        });
        Ok(other.map(|other| Lapse {
            folder: tree.folder.path().to_owned(),
            ended: LockInfo::ended(&last),
            other: LockInfo::ended(&other),
        }))
    }
}

/// The record whose lock ended last: one that was asked for later may have
/// ended before.
fn ended_last(records: Vec<Record>) -> Option<Record> {
    let ended = |record: &Record| Some((record.end.as_ref()?.wall, record.id));
    records
        .into_iter()
        .filter(|record| record.end.is_some())
        .max_by_key(ended)
}

/// Whether a lock had nothing of a tree: it was on a linked work tree that this
/// one leaves to others, or on the tree around and left this one to others, as
/// the history keeps it.
fn is_apart(record: &Record, tree: &Tree) -> bool {
    let spared = |key: &str| {
        tree.spares
            .iter()
            .any(|spare| is_within(key, spare.path_key()))
    };
    let details = record.details.as_ref();
    let left_out = details
        .and_then(|details| details.get("leaves_out")?.as_array())
        .is_some_and(|trees| {
            let mut trees = trees.iter().filter_map(|tree| tree.as_str());
            trees.any(|left| is_within(tree.folder.path_key(), left))
        });
    left_out || record.folder.keys().all(spared)
}

fn was_lost(record: &Record) -> bool {
    record.end.as_ref().is_some_and(|end| match end.reason {
        EndReason::Lapsed | EndReason::Died | EndReason::Forced => true,
        EndReason::Released | EndReason::TaskEnded => end.note.as_deref() == Some(RESTS),
    })
}
