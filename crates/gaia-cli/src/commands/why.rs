//! `gaia why`.

mod task;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use gaia_assigner::TaskError;
use gaia_locks::folder::Folder;
use gaia_locks::ids::TaskId;
use gaia_locks::wire::{HeldLock, PauseInfo, Status, WaiterInfo};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{self, Ended};
use crate::output::human::{Style, ago, clean, left};
use crate::output::refusal::holder;

/// Say in one sentence what keeps a task or a folder
///
/// Who holds it, who waits in which place, and what would free it. A number is
/// a task where there is one of that id; ./3 is always a folder.
#[derive(clap::Args, Debug)]
pub struct WhyArgs {
    /// The task's id, or the folder
    #[arg(value_name = "TASK-ID|FOLDER")]
    pub what: OsString,
}

/// What `why` answers.
#[derive(Serialize)]
struct Answer<'a> {
    folder_path: &'a str,
    is_free: bool,
    sentence: &'a str,
    locks: &'a [HeldLock],
    waiters: &'a [WaiterInfo],
    paused: &'a [PauseInfo],
}

/// Looks at the task or the folder.
pub fn run(context: &Context, args: &WhyArgs) -> Ended {
    if let Some(id) = task_id(&args.what) {
        match context.tasks()?.show(id) {
            Err(TaskError::UnknownTask(_)) => {}
            found => return task::run(context, &found?),
        }
    }
    let folder = context.folder(Path::new(&args.what))?;
    let mut status = context.locks()?.status(Some(&folder))?;
    status.paused.retain(|pause| covers(pause, &folder));
    let sentence = sentence(&folder, &status);
    let answer = Answer {
        folder_path: folder.path(),
        is_free: status.locks.is_empty() && status.paused.is_empty() && status.waiters.is_empty(),
        sentence: &sentence,
        locks: &status.locks,
        waiters: &status.waiters,
        paused: &status.paused,
    };
    context.out.answer(&answer, |_: &Style| sentence.clone())?;
    Ok(exit::Status::Done.into())
}

fn task_id(word: &OsStr) -> Option<TaskId> {
    let id = word.to_str()?.parse().ok()?;
    (id > 0).then_some(TaskId(id))
}

fn covers(pause: &PauseInfo, folder: &Folder) -> bool {
    Folder::clean(&pause.folder_path).is_ok_and(|paused| paused.overlaps(folder))
}

fn sentence(folder: &Folder, status: &Status) -> String {
    let path = clean(folder.path());
    if let Some(pause) = status.paused.first() {
        return format!(
            "{path} is paused by {} since {} ({}): `gaia resume {}` frees it.",
            clean(&pause.by),
            ago(pause.since),
            clean(&pause.reason),
            clean(&pause.folder_path),
        );
    }
    match status.locks.split_first() {
        Some((first, others)) => held(folder, first, others.len(), &status.waiters),
        None => match status.waiters.first() {
            Some(next) => format!(
                "{path} is held by nobody, but {} waits for it since {} and comes first.",
                holder(next.session_id.as_str(), next.task_id),
                ago(next.since),
            ),
            None => format!("{path} is free: nobody holds it and nobody waits for it."),
        },
    }
}

fn held(folder: &Folder, first: &HeldLock, others: usize, waiters: &[WaiterInfo]) -> String {
    let lock = &first.lock;
    let through = match lock.folder_path == folder.path() {
        true => String::new(),
        false => format!(" through {}", clean(&lock.folder_path)),
    };
    let others = match others {
        0 => String::new(),
        1 => " and one other lock".to_owned(),
        others => format!(" and {others} other locks"),
    };
    format!(
        "{} is held by {}{through} since {}{others}{}; {}.",
        clean(folder.path()),
        holder(lock.session_id.as_str(), lock.task_id),
        ago(lock.created_at),
        line(waiters),
        what_frees(first),
    )
}

fn line(waiters: &[WaiterInfo]) -> String {
    let names: Vec<String> = waiters
        .iter()
        .map(|waiter| {
            format!(
                "{} in place {}",
                clean(waiter.session_id.as_str()),
                waiter.place
            )
        })
        .collect();
    match names.len() {
        0 => ", nobody waits".to_owned(),
        1..=3 => format!(", waiting: {}", names.join(", ")),
        many => format!(", {many} wait, next {}", names[0]),
    }
}

fn what_frees(held: &HeldLock) -> String {
    let lock = &held.lock;
    let left = lock.expires_in.map_or_else(String::new, left);
    let id = lock.id;
    match (held.alive, lock.pid) {
        (Some(true), Some(pid)) => {
            format!(
                "it is freed when process {pid} ends, or by `gaia force-release {id} --reason TEXT`"
            )
        }
        _ => format!(
            "it is freed when its holder releases it, when its lease ends in {left} unless renewed, or by `gaia force-release {id} --reason TEXT`"
        ),
    }
}
