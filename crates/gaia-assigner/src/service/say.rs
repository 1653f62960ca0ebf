//! Saying how a task ended: its agent, the agent's hook, or a person [T11].
//!
//! Who says so acts as (session, task) [T15], or says plainly to be a person.
//! A process is not talked about: its exit status decides. Saying "done" is
//! one of the gates that look at the lock's token [R4]: a lock that lapsed, so
//! that another held the folder meanwhile, is told of once.

use std::path::Path;

use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::Mode;
use gaia_locks::service::LockTx;
use gaia_locks::store::{HistoryFilter, Record};
use serde::{Deserialize, Serialize};

use super::end::{FIRST_PAUSE, RESPONSE};
use super::{TaskService, shown};
use crate::error::TaskError;
use crate::session::{Kind, Pane};
use crate::store::ending::{self, Ending};
use crate::store::running;
use crate::store::{remote, sessions, tasks, told as words};
use crate::task::{Outcome, Running, Told, after};
use crate::wire::TaskInfo;
use crate::worktree::{LOOKING, WorkTree, look};

/// A pane as its own environment names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaneName {
    /// The tmux server's socket.
    pub server: String,
    /// Its id: `%3`.
    pub id: String,
}

impl PaneName {
    fn is(&self, pane: &Pane) -> bool {
        self.server == pane.server && self.id == pane.id
    }
}

/// Who says how a task ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teller {
    /// The session that it acts as.
    pub session: Option<SessionId>,
    /// The task that it acts as.
    pub task: Option<TaskId>,
    /// The token of the lock under which it worked.
    pub token: Option<LockId>,
    /// The pane that it runs in.
    pub pane: Option<PaneName>,
    /// A person who says so whatever session works on it.
    pub person: Option<String>,
}

impl TaskService {
    /// Says how a task ended. Without an id it is the one that the teller works
    /// on.
    ///
    /// # Errors
    /// [`TaskError::UnknownTask`], [`TaskError::WrongState`],
    /// [`TaskError::DecidedByStatus`], [`TaskError::NotYours`],
    /// [`TaskError::Lapsed`].
    pub fn told(
        &self,
        id: Option<TaskId>,
        told: &Told,
        teller: &Teller,
    ) -> Result<TaskInfo, TaskError> {
        let told = shortened(told);
        let seen = self.left_behind(id, teller)?;
        self.transact(|tx| {
            let all = running::all(tx)?;
            let id = match id.or(teller.task).or_else(|| named_by(&all, teller)) {
                Some(id) => id,
                None => return Ok(Err(nothing_named())),
            };
            let Some(mut running) = all.into_iter().find(|running| running.id == id) else {
                return not_running(tx, id).map(Err);
            };
            if let Err(error) = may_tell(&running, teller) {
                return Ok(Err(error));
            }
            if let Some(lapsed) = lapsed(tx, &running)? {
                return Ok(Err(lapsed));
            }
            if remote::untouched_folder(tx, &running)?.is_some() {
                let own = seen.as_ref().filter(|(seen, _)| *seen == id);
                running.work_tree = own.map(|(_, tree)| tree.clone());
            }
            self.take_note(tx, &running, &told)?;
            shown(tx, id)
        })
    }

    /// How the folder of a task is left that ends with this word [T13]. Git is
    /// asked before the transaction.
    fn left_behind(
        &self,
        id: Option<TaskId>,
        teller: &Teller,
    ) -> Result<Option<(TaskId, WorkTree)>, TaskError> {
        let found = self.locks.look(|tx| {
            let all = running::all(tx)?;
            let id = id.or(teller.task).or_else(|| named_by(&all, teller));
            let mut running = all.into_iter();
            let running = running.find(|running| Some(running.id) == id);
            let ends = |running: &Running| {
                let heard = running.assigner.is_some() && !self.is_orphan(running);
                !heard && may_tell(running, teller).is_ok()
            };
            let Some(running) = running.filter(ends) else {
                return Ok(None);
            };
            let folder = remote::untouched_folder(tx, &running)?;
            Ok(folder.map(|folder| (running.id, folder)))
        })?;
        let seen = |(task, folder): (TaskId, String)| {
            look(Path::new(&folder), LOOKING).map(|tree| (task, tree))
        };
        Ok(found.and_then(seen))
    }

    /// A living assigner that holds a pane is told; anything else is ended at
    /// once.
    fn take_note(
        &self,
        tx: &mut LockTx<'_>,
        running: &Running,
        told: &Told,
    ) -> Result<(), gaia_locks::Error> {
        if running.assigner.is_some() && !self.is_orphan(running) {
            return words::write(tx, running.id, told);
        }
        let session = sessions::by_name(tx, running.session.as_str())?;
        let is_remote = session.is_some_and(|row| row.kind.as_deref() == Some(Kind::Remote.word()));
        let outcome = Outcome::Told(told.clone());
        let next = after(running, &outcome, FIRST_PAUSE);
        let ending = Ending {
            response: match told {
                Told::Done(text) => text.as_deref(),
                Told::Failed(_) => None,
            },
            // Who is elsewhere and says that it is done has nothing to do.
            seen_idle: is_remote,
            ..Ending::of(running, &outcome, &next)
        };
        ending::end(tx, &ending).map(drop)
    }
}

/// As much of an answer or a reason as is kept of any output: its end.
fn shortened(told: &Told) -> Told {
    match told {
        Told::Done(Some(text)) => Told::Done(Some(end_of(text))),
        Told::Failed(why) => Told::Failed(end_of(why)),
        Told::Done(None) => Told::Done(None),
    }
}

fn end_of(text: &str) -> String {
    let most = usize::try_from(RESPONSE).unwrap_or(usize::MAX);
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].replace('\0', "\u{FFFD}")
}

fn named_by(all: &[Running], teller: &Teller) -> Option<TaskId> {
    let is_mine = |running: &&Running| match (&teller.pane, &running.pane) {
        (Some(name), Some(pane)) if name.is(pane) => true,
        _ => teller.session.as_ref() == Some(&running.session),
    };
    all.iter().find(is_mine).map(|running| running.id)
}

fn nothing_named() -> TaskError {
    TaskError::InvalidRequest(
        "which task is not said, and nothing here runs for one: name its id".to_owned(),
    )
}

fn not_running(tx: &mut LockTx<'_>, id: TaskId) -> Result<TaskError, gaia_locks::Error> {
    Ok(match tasks::status(tx, id)? {
        None => TaskError::UnknownTask(id),
        Some(status) => TaskError::WrongState {
            id,
            status: status.word(),
            wanted: "only of one that a session works on it can be said how it ended",
        },
    })
}

fn may_tell(running: &Running, teller: &Teller) -> Result<(), TaskError> {
    if running.keeper.is_some() {
        return Err(TaskError::DecidedByStatus(running.id));
    }
    if teller.person.is_some() {
        return Ok(());
    }
    let not_yours = |who: String| TaskError::NotYours {
        id: running.id,
        session: running.session.to_string(),
        who,
    };
    let by_pane = teller.pane.as_ref().zip(running.pane.as_ref());
    let is_pane = by_pane.is_some_and(|(name, pane)| name.is(pane));
    if !is_pane && teller.session.as_ref() != Some(&running.session) {
        return Err(not_yours(match &teller.session {
            Some(session) => format!("you act as session {session}"),
            None => "nothing says that you are it".to_owned(),
        }));
    }
    if let Some(task) = teller.task.filter(|task| *task != running.id) {
        return Err(not_yours(format!("you act for task {task}")));
    }
    if let Some(token) = teller.token.filter(|token| Some(*token) != running.token) {
        return Err(not_yours(format!(
            "the lock {token} under which you worked is not its lock any more"
        )));
    }
    Ok(())
}

/// Whether the task's lock has lapsed and others held the folder since, which
/// it was not told of yet.
fn lapsed(tx: &mut LockTx<'_>, running: &Running) -> Result<Option<TaskError>, gaia_locks::Error> {
    let Some(token) = running.token else {
        return Ok(None);
    };
    if tx.verify(token)?.active || words::was_told_of(tx, running.id, token)? {
        return Ok(None);
    }
    let Some(record) = tx.store().record(token)? else {
        return Ok(None);
    };
    let others = held_since(tx, &record)?;
    if others.is_empty() {
        return Ok(None);
    }
    words::note_told_of(tx, running.id, token)?;
    let at = |wall: Wall| wall.to_string();
    let lapsed = match (&record.end, tx.lock_info(token)?) {
        (Some(end), _) => at(end.wall),
        (None, info) => info
            .and_then(|info| info.expired_at)
            .map_or_else(String::new, at),
    };
    let told: Vec<String> = others
        .iter()
        .take(5)
        .map(|other| format!("{} held it from {}", other.holder, at(other.granted_at)))
        .collect();
    Ok(Some(TaskError::Lapsed {
        id: running.id,
        lapsed,
        held: told.join(", "),
        folder: record.folder.path().to_owned(),
    }))
}

/// Who was granted what the lock covered, after it.
fn held_since(tx: &mut LockTx<'_>, mine: &Record) -> Result<Vec<Record>, gaia_locks::Error> {
    let filter = HistoryFilter {
        folder: Some(mine.folder.clone()),
        scope: Some(mine.scope.clone()),
        ..HistoryFilter::default()
    };
    let mut records = tx.store().history(&filter)?;
    records.retain(|other| {
        let excludes = mine.mode == Mode::Exclusive || other.mode == Mode::Exclusive;
        other.id > mine.id && other.holder != mine.holder && excludes
    });
    Ok(records)
}
