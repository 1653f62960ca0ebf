//! Circles of holders who wait for each other [R10].
//!
//! A waiter waits for the locks in its way and for the earlier waiters it may
//! not overtake. A lock's end may itself be waited for: when its holder stands
//! in line too. A new wait closes a circle when, following those arrows from
//! it, one arrives at a lock of the very holder who asks.
//!
//! A circle can also come about without a new wait: somebody gives up the lock
//! that let him pass those ahead of him, or is granted one of several. Then one
//! wait in it has to go, and it is the youngest: so a waiter that looks around
//! walks through those who came before it alone, and what it finds is a circle
//! in which nobody is younger.
//!
//! The walk asks for the state lazily: in the usual case (nobody in the way
//! waits for anything) it ends after one look.

use std::collections::HashSet;
use std::rc::Rc;

use crate::error::Error;
use crate::ids::{SessionId, WaiterId};
use crate::model::{Holder, Lock, Waiter, Want};
use crate::rules::queue;

/// What the walk needs to see; answered from one transaction. Shared slices,
/// because waiters for one folder all see the same line.
pub trait Line {
    /// Active locks that overlap what is wanted, without the lapsed ones.
    ///
    /// # Errors
    /// When the store fails.
    fn locks(&mut self, want: &Want) -> Result<Rc<[Lock]>, Error>;
    /// Waiters that overlap what is wanted and still wait, in order of arrival.
    ///
    /// # Errors
    /// When the store fails.
    fn waiters(&mut self, want: &Want) -> Result<Rc<[Waiter]>, Error>;
    /// Waiters of a session that still wait.
    ///
    /// # Errors
    /// When the store fails.
    fn waiters_of(&mut self, session: &SessionId) -> Result<Rc<[Waiter]>, Error>;
}

/// Looks for a circle that `want` closes by waiting at its place, or would close
/// at the end of the line, among those who came before it. Gives the holders in
/// it, the asking one first.
///
/// # Errors
/// When the store fails.
pub fn circle(
    want: &Want,
    place: Option<WaiterId>,
    line: &mut dyn Line,
) -> Result<Option<Vec<Holder>>, Error> {
    let mut walk = Walk {
        asking: &want.holder,
        place,
        line,
        seen: HashSet::new(),
        followed: HashSet::new(),
    };
    let mut path = vec![want.holder.clone()];
    Ok(walk.follow(want, place, &mut path)?.then_some(path))
}

struct Walk<'a> {
    asking: &'a Holder,
    /// Where it stands; whoever stands behind it does not count.
    place: Option<WaiterId>,
    line: &'a mut dyn Line,
    seen: HashSet<WaiterId>,
    /// Holders whose waits were looked for: in one folder's line all wait for
    /// the same few.
    followed: HashSet<Holder>,
}

impl Walk<'_> {
    /// Follows the arrows that leave a waiter at a place in line; true when
    /// they lead back to the asking holder, with `path` naming the way.
    fn follow(
        &mut self,
        want: &Want,
        place: Option<WaiterId>,
        path: &mut Vec<Holder>,
    ) -> Result<bool, Error> {
        let overlapping = self.line.locks(want)?;
        let line = self.line.waiters(want)?;
        let ahead = line.partition_point(|waiter| place.is_none_or(|place| waiter.id < place));
        let waiters = match line[..ahead]
            .iter()
            .all(|waiter| self.seen.contains(&waiter.id))
        {
            // Nothing new leads on from here.
            true => Vec::new(),
            false => queue::waiters_in_the_way(want, &overlapping, &line[..ahead]),
        };
        let locks: Vec<&Lock> = queue::locks_in_the_way(want, &overlapping).collect();
        // Its own locks are not in its own way.
        if locks
            .iter()
            .any(|lock| lock.holder.is_same_worker(self.asking))
        {
            return Ok(true);
        }
        for lock in &locks {
            if self.follow_holder(&lock.holder, path)? {
                return Ok(true);
            }
        }
        for waiter in waiters {
            if self.enter(waiter, path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A lock ends when its holder is done; if he waits, on goes the walk.
    fn follow_holder(&mut self, holder: &Holder, path: &mut Vec<Holder>) -> Result<bool, Error> {
        if self.followed.contains(holder) {
            return Ok(false);
        }
        self.followed.insert(holder.clone());
        for waiter in self.line.waiters_of(&holder.session)?.iter() {
            if waiter.want.holder.is_same_worker(holder) && self.enter(waiter, path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn enter(&mut self, waiter: &Waiter, path: &mut Vec<Holder>) -> Result<bool, Error> {
        let is_younger = self.place.is_some_and(|place| waiter.id >= place);
        if is_younger || !self.seen.insert(waiter.id) {
            return Ok(false);
        }
        path.push(waiter.want.holder.clone());
        if self.follow(&waiter.want, Some(waiter.id), path)? {
            return Ok(true);
        }
        path.pop();
        Ok(false)
    }
}
