//! `gaia status`.

mod watch;

use std::path::PathBuf;

use gaia_locks::folder::Folder;
use gaia_locks::service::Locks;
use gaia_locks::wire::{FolderNow, HeldLock, PauseInfo, Status, WaiterInfo};

use crate::context::Context;
use crate::exit::{self, Ended, Failure};
use crate::output::human::{Style, ago, at, clean, left};

/// Show who holds what and who waits
///
/// With a folder only what overlaps it: what would be in the way there.
#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    /// Only what overlaps this folder
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folder: Option<PathBuf>,
    /// Only this session's locks and places in line
    #[arg(long, short, value_name = "NAME")]
    pub session: Option<String>,
    /// Show changes as they happen, until interrupted
    #[arg(long, short)]
    pub watch: bool,
}

/// Shows it once, or whenever it changes.
pub fn run(context: &Context, args: &StatusArgs) -> Ended {
    let folder = args
        .folder
        .as_deref()
        .map(|path| context.folder(path))
        .transpose()?;
    let locks = context.locks()?;
    if args.watch {
        return watch::run(context, &*locks, folder.as_ref(), args.session.as_deref());
    }
    let status = look(&*locks, folder.as_ref(), args.session.as_deref())?;
    context
        .out
        .answer(&status, |style| in_words(style, &status))?;
    Ok(exit::Status::Done.into())
}

fn look(
    locks: &dyn Locks,
    folder: Option<&Folder>,
    session: Option<&str>,
) -> Result<Status, Failure> {
    let mut status = locks.status(folder)?;
    if let Some(session) = session {
        status
            .locks
            .retain(|held| held.lock.session_id.as_str() == session);
        status
            .waiters
            .retain(|waiter| waiter.session_id.as_str() == session);
        status.count = status.locks.len();
    }
    Ok(status)
}

/// The whole picture for people.
pub fn in_words(style: &Style, status: &Status) -> String {
    let mut parts = vec![locks(style, status)];
    if !status.waiters.is_empty() {
        parts.push(waiters(style, &status.waiters));
    }
    if !status.paused.is_empty() {
        parts.push(pauses(style, &status.paused));
    }
    parts.push(style.dim(&format!("database {}", clean(&status.database))));
    parts.join("\n\n")
}

fn locks(style: &Style, status: &Status) -> String {
    if status.locks.is_empty() {
        return "No active locks – all folders are available".to_owned();
    }
    let header = [
        "id", "folder", "session", "task", "mode", "since", "ends in", "state",
    ];
    style.table(header, status.locks.iter().map(lock))
}

fn lock(held: &HeldLock) -> [String; 8] {
    let lock = &held.lock;
    let task = match lock.task_id.0 {
        0 => "–".to_owned(),
        task => task.to_string(),
    };
    [
        lock.id.to_string(),
        clean(&lock.folder_path),
        clean(lock.session_id.as_str()),
        task,
        lock.mode.word().to_owned(),
        ago(lock.created_at),
        lock.expires_in.map_or_else(String::new, left),
        state(held),
    ]
}

/// What is worth knowing beside the lease.
fn state(held: &HeldLock) -> String {
    let mut facts = Vec::new();
    match (held.alive, held.lock.pid) {
        (Some(true), Some(pid)) => facts.push(format!("pid {pid} lives")),
        (Some(false), _) => facts.push("holder gone".to_owned()),
        _ => {}
    }
    match held.folder_state {
        FolderNow::Gone => facts.push("folder gone".to_owned()),
        FolderNow::Replaced => facts.push("folder replaced".to_owned()),
        FolderNow::Present | FolderNow::Unknown => {}
    }
    match held.waiting {
        0 => {}
        1 => facts.push("1 waits".to_owned()),
        waiting => facts.push(format!("{waiting} wait")),
    }
    facts.join(", ")
}

fn waiters(style: &Style, waiters: &[WaiterInfo]) -> String {
    let header = ["waiting", "folder", "task", "mode", "since", "place"];
    style.table(header, waiters.iter().map(waiter))
}

fn waiter(waiter: &WaiterInfo) -> [String; 6] {
    let folders: Vec<String> = waiter.folder_paths.iter().map(|path| clean(path)).collect();
    [
        clean(waiter.session_id.as_str()),
        folders.join("\n"),
        match waiter.task_id.0 {
            0 => "–".to_owned(),
            task => task.to_string(),
        },
        waiter.mode.word().to_owned(),
        ago(waiter.since),
        match waiter.granted {
            true => "granted".to_owned(),
            false => waiter.place.to_string(),
        },
    ]
}

fn pauses(style: &Style, pauses: &[PauseInfo]) -> String {
    let header = ["paused", "by", "since", "reason"];
    let row = |pause: &PauseInfo| {
        [
            clean(&pause.folder_path),
            clean(&pause.by),
            at(pause.since),
            clean(&pause.reason),
        ]
    };
    style.table(header, pauses.iter().map(row))
}
