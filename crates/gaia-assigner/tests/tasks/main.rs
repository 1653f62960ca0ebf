//! Tasks from their sending to their end, with real processes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../fleet/mod.rs"]
mod fleet;

mod end;
mod queue;
mod recovery;
mod shown;
mod start;

use std::time::Duration;

use fleet::{Fleet, lives, read, until};
use gaia_assigner::TaskError;
use gaia_assigner::service::{AddProcess, Filter, Send};
use gaia_assigner::task::Status;
use gaia_locks::Locks as _;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::EndReason;
use gaia_locks::service::Acquire;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::{Answer, LockInfo};

fn history(fleet: &Fleet, task: TaskId) -> Vec<LockInfo> {
    let filter = HistoryFilter {
        task: Some(task),
        ..HistoryFilter::default()
    };
    fleet.tasks.locks().history(&filter).unwrap()
}

/// A person takes a folder.
fn hold(fleet: &Fleet, folder: &gaia_locks::folder::Folder) -> LockId {
    let person = SessionId::new("person").unwrap();
    let request = Acquire::new(folder.clone(), person, TaskId::NONE);
    match fleet.tasks.locks().acquire(&request).unwrap() {
        Answer::Granted(granted) => granted.locks[0].id,
        other => panic!("{other:?}"),
    }
}

fn let_go(fleet: &Fleet, token: LockId) {
    let release = gaia_locks::service::Release {
        folder: None,
        session: SessionId::new("person").unwrap(),
        task: None,
        token: Some(token),
    };
    fleet.tasks.locks().release(&release).unwrap();
}
