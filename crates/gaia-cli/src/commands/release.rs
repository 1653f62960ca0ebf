//! `gaia release`.

use std::path::PathBuf;

use gaia_locks::ids::LockId;
use gaia_locks::service::{Locks, Release, Released};
use gaia_locks::wire::LockInfo;
use serde::Serialize;

use crate::asker::Asker;
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};
use crate::output::refusal::holder;
use crate::tell;

/// Give back what this session holds
///
/// With a token exactly that lock; without one every lock of the session on
/// exactly that folder. Several folders are released one by one.
///
/// Exit status: 0 all released, 4 something was not held or not allowed.
#[derive(clap::Args, Debug)]
pub struct ReleaseArgs {
    /// What to release; may be left out with --token
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder(), required_unless_present = "token")]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub asker: Asker,
    /// Only the lock with this token; may be given several times
    #[arg(long, value_name = "TOKEN", value_delimiter = ',')]
    pub token: Vec<i64>,
}

/// What `release` answers.
#[derive(Serialize)]
struct Answer {
    released: bool,
    results: Vec<One>,
}

/// What came of one folder or token.
#[derive(Serialize)]
struct One {
    folder_path: Option<String>,
    token: Option<LockId>,
    released: bool,
    locks: Vec<LockInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

/// Releases one by one and says so of each.
pub fn run(context: &Context, args: &ReleaseArgs) -> Ended {
    let wishes = wishes(context, args)?;
    let locks = context.locks()?;
    let mut results = Vec::with_capacity(wishes.len());
    for wish in wishes {
        results.push(release(&*locks, &wish)?);
    }
    let released = results.iter().all(|one| one.released);
    let answer = Answer { released, results };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    if !context.out.is_json() {
        tell_failures(&answer);
    }
    Ok(if released {
        Status::Done
    } else {
        Status::NotHeld
    }
    .into())
}

/// One wish for each token, or for each folder where there is none. Of one
/// folder and tokens, each token's lock must be on that folder.
fn wishes(context: &Context, args: &ReleaseArgs) -> Result<Vec<Release>, Failure> {
    let (session, task) = (args.asker.session()?, args.asker.task()?);
    let folders = context.folders(&args.folders)?;
    let wish = |folder, token| Release {
        folder,
        session: session.clone(),
        task,
        token,
    };
    let tokens = args.token.iter().map(|token| Some(LockId(*token)));
    match (folders.len(), args.token.len()) {
        (_, 0) => Ok(folders
            .into_iter()
            .map(|folder| wish(Some(folder), None))
            .collect()),
        (0, _) => Ok(tokens.map(|token| wish(None, token)).collect()),
        (1, _) => Ok(tokens
            .map(|token| wish(folders.first().cloned(), token))
            .collect()),
        (named, given) if named == given => Ok(folders
            .into_iter()
            .zip(tokens)
            .map(|(folder, token)| wish(Some(folder), token))
            .collect()),
        (named, given) => Err(Failure::usage(format!(
            "{named} folders and {given} tokens were named: give one token for each folder, in the same order, or no folder"
        ))),
    }
}

fn release(locks: &dyn Locks, wish: &Release) -> Result<One, Failure> {
    let one = |locks: Vec<LockInfo>, error: Option<Failure>| One {
        folder_path: wish
            .folder
            .as_ref()
            .map(|folder| folder.path().to_owned())
            .or_else(|| locks.first().map(|lock| lock.folder_path.clone())),
        token: wish.token,
        released: error.is_none(),
        locks,
        error,
    };
    Ok(match locks.release(wish)? {
        Released::Ended(locks) => one(locks, None),
        Released::NotHeld => one(Vec::new(), Some(not_held(wish))),
        Released::NotAllowed(lock) => {
            let error = not_allowed(wish, &lock);
            one(vec![*lock], Some(error))
        }
    })
}

fn not_held(wish: &Release) -> Failure {
    let who = holder(
        wish.session.as_str(),
        wish.task.unwrap_or(gaia_locks::TaskId::NONE),
    );
    let why = match (wish.token, &wish.folder) {
        (Some(token), _) => format!("{who} does not hold lock {token}"),
        (None, Some(folder)) => format!("{who} holds no lock on {folder}"),
        (None, None) => format!("{who} holds no lock"),
    };
    Failure::new("not_held", Status::NotHeld, why).hint("`gaia status` shows what is held now")
}

fn not_allowed(wish: &Release, lock: &LockInfo) -> Failure {
    let (id, task, folder) = (lock.id, lock.task_id, &lock.folder_path);
    // Its own holder is refused only what the assigner took for its task [R6].
    let is_own = lock.session_id == wish.session && wish.task.is_none_or(|own| own == task);
    let (why, hint) = match is_own {
        true => (
            format!("lock {id} on {folder} was taken for task {task}, and ends with it"),
            format!("`gaia task cancel {task}` ends the task"),
        ),
        false => {
            let who = holder(lock.session_id.as_str(), task);
            (
                format!("lock {id} on {folder} is for {who} to end"),
                format!("an admin can end it: gaia force-release {id} --reason TEXT"),
            )
        }
    };
    Failure::new(
        "not_allowed",
        Status::NotHeld,
        format!("not allowed: {why}"),
    )
    .hint(hint)
}

fn in_words(style: &Style, answer: &Answer) -> String {
    let ended = answer.results.iter().filter(|one| one.released);
    let lines: Vec<String> = ended
        .flat_map(|one| &one.locks)
        .map(|lock| {
            let token = style.dim(&format!("token {}", lock.id));
            format!(
                "{} {}  {token}",
                style.green("released"),
                style.bold(&clean(&lock.folder_path))
            )
        })
        .collect();
    lines.join("\n")
}

fn tell_failures(answer: &Answer) {
    for error in answer.results.iter().filter_map(|one| one.error.as_ref()) {
        tell::error(&error.message, error.hint.as_deref());
    }
}
