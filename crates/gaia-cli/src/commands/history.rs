//! `gaia history`.

use std::path::PathBuf;

use gaia_locks::clock::Wall;
use gaia_locks::ids::{LockId, Scope, SessionId, TaskId};
use gaia_locks::model::LockStatus;
use gaia_locks::store::HistoryFilter;
use gaia_locks::wire::LockInfo;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, at, clean, now, placed};
use gaia_locks::duration::human_short;

/// Show the past: who held what, until when, and how it ended
///
/// Newest first. Every grant leaves one line.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  gaia history --folder web --since 2d")]
pub struct HistoryArgs {
    /// Only locks on folders that overlap this one
    #[arg(long, value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folder: Option<PathBuf>,
    /// Only this session's
    #[arg(long, short, value_name = "NAME")]
    pub session: Option<String>,
    /// Only this task's
    #[arg(long, short, value_name = "ID")]
    pub task: Option<i64>,
    /// Only what was granted since then: a duration back from now (2h, 7d), or
    /// a time (2026-11-23 07:40, UTC)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only tokens below this one: the next page
    #[arg(long, value_name = "TOKEN")]
    pub before: Option<i64>,
    /// At most so many, 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub limit: u32,
}

/// What `history` answers.
#[derive(Serialize)]
struct Answer {
    count: usize,
    locks: Vec<LockInfo>,
}

/// Looks it up.
pub fn run(context: &Context, args: &HistoryArgs) -> Ended {
    let filter = filter(context, args)?;
    let door = context.locks()?;
    let locks = door.history(&filter)?;
    let answer = Answer {
        count: locks.len(),
        locks,
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer, &door.scope()))?;
    Ok(Status::Done.into())
}

fn filter(context: &Context, args: &HistoryArgs) -> Result<HistoryFilter, Failure> {
    let folder = args.folder.as_deref().map(|path| context.folder(path));
    Ok(HistoryFilter {
        folder: folder.transpose()?,
        session: args.session.clone().map(SessionId::new).transpose()?,
        task: args.task.map(TaskId),
        since: args.since.as_deref().map(since).transpose()?,
        before: args.before.map(LockId),
        limit: Some(args.limit).filter(|limit| *limit > 0),
        ..HistoryFilter::default()
    })
}

/// A duration back from now, or a point in time.
fn since(text: &str) -> Result<Wall, Failure> {
    if gaia_locks::duration::looks_like_duration(text) {
        let back =
            gaia_locks::duration::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        return Ok(now().minus(back));
    }
    Wall::from_sql(text).map_err(|error| {
        Failure::usage(format!("--since: {error}"))
            .hint("or a duration back from now, such as 2h or 7d")
    })
}

fn in_words(style: &Style, answer: &Answer, here: &Scope) -> String {
    if answer.locks.is_empty() {
        return "nothing was locked".to_owned();
    }
    let header = [
        "id", "granted", "held", "folder", "session", "task", "mode", "end",
    ];
    style.table(header, answer.locks.iter().map(|lock| row(lock, here)))
}

fn row(lock: &LockInfo, here: &Scope) -> [String; 8] {
    let ended = lock.released_at.or(lock.expired_at);
    let held = ended.unwrap_or_else(now).since(lock.created_at);
    [
        lock.id.to_string(),
        at(lock.created_at),
        human_short(held),
        placed(&lock.folder_path, &lock.scope, here),
        clean(lock.session_id.as_str()),
        match lock.task_id {
            TaskId::NONE => "–".to_owned(),
            task => task.to_string(),
        },
        lock.mode.word().to_owned(),
        end(lock),
    ]
}

/// How it ended, and by whom where that is not the holder itself.
fn end(lock: &LockInfo) -> String {
    let Some(reason) = lock.end_reason else {
        return match lock.status {
            LockStatus::Active => "active".to_owned(),
            _ => String::new(),
        };
    };
    let by = lock
        .ended_by
        .as_deref()
        .filter(|by| *by != lock.session_id.as_str() && !matches!(*by, "lease" | "process"));
    let by = by.map_or_else(String::new, |by| format!(" by {}", clean(by)));
    let why = lock
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(": {}", clean(why)));
    format!("{}{by}{why}{}", reason.word(), left(lock))
}

/// How a git work tree was left.
fn left(lock: &LockInfo) -> String {
    let tree = lock
        .details
        .as_ref()
        .and_then(|details| details.get("work_tree"));
    let is_left = tree.and_then(|tree| tree.get("uncommitted")?.as_bool());
    match is_left {
        Some(true) => ", uncommitted work left".to_owned(),
        Some(false) | None => String::new(),
    }
}
