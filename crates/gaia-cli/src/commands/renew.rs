//! `gaia renew`.

use std::path::PathBuf;
use std::time::Duration;

use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::service::{Locks, Renew};
use gaia_locks::wire::LockInfo;
use serde::Serialize;

use crate::args::duration;
use crate::asker::Asker;
use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, at, clean, left};
use crate::tell;

/// Extend the lease of a lock that this session holds
///
/// Renewing needs the token. A lease that has lapsed cannot be renewed: the
/// folder may have been another's meanwhile, so it is acquired anew.
///
/// Exit status: 0 all renewed, 4 something was not held or not allowed.
#[derive(clap::Args, Debug)]
pub struct RenewArgs {
    /// Only if the lock is on this folder
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub asker: Asker,
    /// The lock's token; may be given several times [default: GAIA_LOCK_TOKEN]
    #[arg(long, value_name = "TOKEN", value_delimiter = ',')]
    pub token: Vec<i64>,
    /// How long the lease is from now on [default: as long as before]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub ttl: Option<Duration>,
}

/// What `renew` answers.
#[derive(Serialize)]
struct Answer {
    renewed: bool,
    lock: Option<LockInfo>,
    results: Vec<One>,
}

/// What came of one token.
#[derive(Serialize)]
struct One {
    token: LockId,
    renewed: bool,
    lock: Option<LockInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

/// Renews one by one and says so of each.
pub fn run(context: &Context, args: &RenewArgs) -> Ended {
    let (session, task) = (args.asker.session()?, args.asker.task()?);
    let tokens = tokens(args)?;
    let folders = context.folders(&args.folders)?;
    let locks = context.locks()?;
    let mut results = Vec::with_capacity(tokens.len());
    for token in tokens {
        let wish = wish(&*locks, token, &folders, &session, task, args.ttl)?;
        results.push(renew(&*locks, &wish)?);
    }
    let renewed = results.iter().all(|one| one.renewed);
    let lock = results.first().and_then(|one| one.lock.clone());
    let answer = Answer {
        renewed,
        lock,
        results,
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    if !context.out.is_json() {
        for error in answer.results.iter().filter_map(|one| one.error.as_ref()) {
            tell::error(&error.message, error.hint.as_deref());
        }
    }
    Ok(if renewed {
        Status::Done
    } else {
        Status::NotHeld
    }
    .into())
}

fn tokens(args: &RenewArgs) -> Result<Vec<LockId>, Failure> {
    if !args.token.is_empty() {
        return Ok(args.token.iter().copied().map(LockId).collect());
    }
    let variable = variable("GAIA_LOCK_TOKEN").unwrap_or_default();
    let text = variable.to_string_lossy().into_owned();
    if text.is_empty() {
        return Err(Failure::usage("renewing needs the lock's token").hint(
            "name it with --token; `gaia acquire` gave it, `gaia status` shows it as the id",
        ));
    }
    let read = |word: &str| word.trim().parse().map(LockId);
    text.split(',').map(read).collect::<Result<_, _>>().map_err(|_| {
        Failure::usage(format!(
            "GAIA_LOCK_TOKEN is {text:?}, which is no token; it is a number, or several with commas between"
        ))
    })
}

/// Where folders are named, the lock must be on one of them.
fn wish(
    locks: &dyn Locks,
    token: LockId,
    folders: &[Folder],
    session: &SessionId,
    task: Option<TaskId>,
    ttl: Option<Duration>,
) -> Result<Renew, Failure> {
    let folder = match folders {
        [] | [_] => folders.first(),
        several => {
            let lock = locks.verify(token)?.lock;
            let of_lock = |folder: &&Folder| {
                lock.as_ref()
                    .is_some_and(|lock| folder.path() == lock.folder_path)
            };
            several.iter().find(of_lock).or(several.first())
        }
    };
    Ok(Renew {
        token,
        session: session.clone(),
        task,
        folder: folder.cloned(),
        ttl,
    })
}

fn renew(locks: &dyn Locks, wish: &Renew) -> Result<One, Failure> {
    let one = |lock: Option<LockInfo>, error: Option<Failure>| One {
        token: wish.token,
        renewed: error.is_none(),
        lock,
        error,
    };
    match locks.renew(wish) {
        Ok(lock) => Ok(one(Some(lock), None)),
        Err(error @ (gaia_locks::Error::NotHeld(_) | gaia_locks::Error::NotAllowed(_))) => {
            Ok(one(None, Some(error.into())))
        }
        Err(error) => Err(error.into()),
    }
}

fn in_words(style: &Style, answer: &Answer) -> String {
    let locks = answer.results.iter().filter_map(|one| one.lock.as_ref());
    let lines: Vec<String> = locks
        .map(|lock| {
            let until = lock.expires_at.map_or_else(String::new, at);
            let left = lock.expires_in.map_or_else(String::new, left);
            let facts = style.dim(&format!("token {}, until {until} ({left})", lock.id));
            let folder = style.bold(&clean(&lock.folder_path));
            format!("{} {folder}  {facts}", style.green("renewed"))
        })
        .collect();
    lines.join("\n")
}
