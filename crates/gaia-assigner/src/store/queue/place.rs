//! How it stands with a folder: what the lock rules say, put to them without
//! asking for anything.

use std::collections::HashMap;
use std::path::Path;

use gaia_locks::error::Error;
use gaia_locks::folder::{Folder, FolderState, is_within};
use gaia_locks::ids::{SessionId, TaskId, WaiterId};
use gaia_locks::model::{Holder, Mode};
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

    /// Sessions that hold what is in the way themselves and are free: in their
    /// name it would be granted.
    fn own<'a>(
        &self,
        tx: &mut LockTx<'_>,
        eyes: Eyes<'_>,
        way: &InTheWay,
        sessions: impl Iterator<Item = &'a Session>,
    ) -> Result<Vec<SessionId>, Error> {
        let holds = |session: &&Session| {
            let theirs = |lock: &gaia_locks::model::Lock| lock.holder.session == session.name;
            session.can_be_given() && way.locks.iter().any(theirs)
        };
        let mut own = Vec::new();
        for session in sessions.filter(holds) {
            let holder = Holder::new(session.name.clone(), self.task);
            if self.in_the_way(tx, eyes, holder)?.is_nothing() {
                own.push(session.name.clone());
            }
        }
        Ok(own)
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
