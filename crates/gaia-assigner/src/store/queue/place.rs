//! How it stands with a folder: what the lock rules say, put to them without
//! asking for anything.

use std::collections::HashMap;
use std::path::Path;

use gaia_locks::error::Error;
use gaia_locks::folder::{Folder, FolderState, is_within};
use gaia_locks::ids::{SessionId, TaskId, WaiterId};
use gaia_locks::model::{Holder, Lock, Mode};
use gaia_locks::service::{InTheWay, LockTx};

use super::{Eyes, own_name, want};
use crate::plan::{Place, Region};
use crate::session::Session;
use crate::task::Pending;

/// How it stands with a region as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    /// Nothing is in the way of all of it.
    Open,
    /// What is in the way are locks of these sessions' own.
    OpenFor(Vec<SessionId>),
    /// Something is.
    Shut,
}

/// A task that nobody has: whatever stands in its way stands in everybody's.
const ANY: TaskId = TaskId(i64::MAX);

/// What one look has asked the regions.
#[derive(Default)]
pub(super) struct Gates(HashMap<(Region, Mode), Gate>);

impl Gates {
    pub fn gate(
        &mut self,
        tx: &mut LockTx<'_>,
        eyes: Eyes<'_>,
        region: &Region,
        mode: Mode,
        sessions: &[Session],
    ) -> Result<Gate, Error> {
        let key = (region.clone(), mode);
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let gate = ask(tx, eyes, region, mode, sessions)?;
        self.0.insert(key, gate.clone());
        Ok(gate)
    }
}

fn ask(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    region: &Region,
    mode: Mode,
    sessions: &[Session],
) -> Result<Gate, Error> {
    let (folder, whole) = match region {
        Region::Anywhere => return Ok(Gate::Open),
        // One that cannot be worked in is looked at and fails.
        Region::At(written) => match resolve(written) {
            Ok(folder) => (folder, None),
            Err(_) => return Ok(Gate::Open),
        },
        Region::In(key) => match Folder::clean(key) {
            Ok(folder) => (folder, Some(key.as_str())),
            Err(_) => return Ok(Gate::Open),
        },
    };
    let asked = Asked {
        folder: &folder,
        mode,
        task: ANY,
        waiter: None,
        whole,
    };
    let way = asked.in_the_way(tx, eyes, own_name(ANY)?)?;
    if way.is_nothing() {
        return Ok(Gate::Open);
    }
    let own = asked.own(tx, eyes, &way, sessions.iter())?;
    Ok(if own.is_empty() {
        Gate::Shut
    } else {
        Gate::OpenFor(own)
    })
}

/// How it stands with a task's folder.
pub(super) fn place(
    tx: &mut LockTx<'_>,
    eyes: Eyes<'_>,
    task: &Pending,
    sessions: &[Session],
    gates: &mut Gates,
) -> Result<Place, Error> {
    let Some(written) = &task.wants.folder else {
        return Ok(Place::Nowhere);
    };
    let folder = match resolve(written) {
        Ok(folder) => folder,
        Err(why) => return Ok(Place::Impossible(why)),
    };
    let mode = task.wants.mode();
    let asked = Asked {
        folder: &folder,
        mode,
        task: task.id,
        waiter: task.waiter,
        whole: None,
    };
    let way = asked.in_the_way(tx, eyes, own_name(task.id)?)?;
    if way.is_nothing() {
        // As good as locked: that others lock it is seen in a file only.
        let is_foreign = (eyes.is_foreign)(&folder);
        return Ok(if is_foreign {
            Place::Shut
        } else {
            Place::Free(folder)
        });
    }
    let mut region = Region::of(written, &way);
    if gates.gate(tx, eyes, &region, mode, sessions)? == Gate::Open {
        region = Region::At(written.clone());
    }
    let could = |session: &&Session| session.fit(&task.wants).is_some();
    let own = asked.own(tx, eyes, &way, sessions.iter().filter(could))?;
    Ok(if own.is_empty() {
        Place::Taken(folder, region)
    } else {
        Place::FreeFor(folder, own, region)
    })
}

/// What is asked of the lock rules.
struct Asked<'a> {
    folder: &'a Folder,
    mode: Mode,
    task: TaskId,
    waiter: Option<WaiterId>,
    /// Only what is in the way of this folder as a whole counts.
    whole: Option<&'a str>,
}

impl Asked<'_> {
    fn in_the_way(
        &self,
        tx: &mut LockTx<'_>,
        eyes: Eyes<'_>,
        holder: Holder,
    ) -> Result<InTheWay, Error> {
        let want = want(eyes.scope, self.folder, &holder, self.mode);
        let mut way = tx.would_grant(&want, self.waiter)?;
        if let Some(key) = self.whole {
            let covers = |folder: &Folder| folder.keys().any(|outer| is_within(key, outer));
            way.locks.retain(|lock| covers(&lock.folder));
            way.waiters
                .retain(|waiter| waiter.want.folders.iter().any(covers));
            way.pauses.retain(|pause| covers(&pause.folder));
        }
        Ok(way)
    }

    /// Sessions that are free and hold something there themselves: in their name
    /// it may be granted, what is in the way being theirs, or lying behind what
    /// is theirs in the line [R8].
    fn own<'a>(
        &self,
        tx: &mut LockTx<'_>,
        eyes: Eyes<'_>,
        way: &InTheWay,
        sessions: impl Iterator<Item = &'a Session>,
    ) -> Result<Vec<SessionId>, Error> {
        let beside = self.beside(tx, eyes, way)?;
        let holds = |session: &&Session| {
            let theirs = |lock: &Lock| lock.holder.session == session.name;
            session.can_be_given() && (way.locks.iter().any(theirs) || beside.iter().any(theirs))
        };
        let mut own = Vec::new();
        for session in sessions.filter(holds) {
            let holder = Holder::new(session.name.clone(), self.task);
            // Of a region it may hold a part: what lies in that is asked for itself.
            let in_part = self.whole.is_some()
                && beside
                    .iter()
                    .any(|lock| lock.holder.session == session.name);
            if in_part || self.in_the_way(tx, eyes, holder)?.is_nothing() {
                own.push(session.name.clone());
            }
        }
        Ok(own)
    }

    /// Locks that let their holder pass by those who wait: what lies in one, and
    /// what a waiter waits for itself, is not held back by it [R8].
    fn beside(
        &self,
        tx: &mut LockTx<'_>,
        eyes: Eyes<'_>,
        way: &InTheWay,
    ) -> Result<Vec<Lock>, Error> {
        if way.waiters.is_empty() {
            return Ok(Vec::new());
        }
        let mut folders = vec![self.folder.clone()];
        for folder in way.waiters.iter().flat_map(|waiter| &waiter.want.folders) {
            if !folders.iter().any(|known| known.same(folder)) {
                folders.push(folder.clone());
            }
        }
        tx.store().locks_overlapping(eyes.scope, &folders)
    }
}

/// The folder that a task's words mean now; why it cannot be worked in.
fn resolve(written: &str) -> Result<Folder, String> {
    let folder =
        Folder::resolve(Path::new(written), Path::new("/")).map_err(|error| error.to_string())?;
    match folder.identity_now() {
        FolderState::Present { .. } => Ok(folder),
        FolderState::Gone => Err(format!("its folder {written} does not exist")),
        FolderState::Hidden => Err(format!(
            "its folder {written} cannot be looked at: permission denied"
        )),
    }
}
