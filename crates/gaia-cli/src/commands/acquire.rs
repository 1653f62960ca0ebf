//! `gaia acquire`.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use gaia_locks::Locks;
use gaia_locks::ids::RequestId;
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{LockStatus, Mode, Releaser};
use gaia_locks::service::{Acquire, Line};
use gaia_locks::wire::{Granted, LockInfo};

use crate::args::{WaitLimit, duration};
use crate::asker::Asker;
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, at, clean, left};
use crate::output::json::Acquired;
use crate::output::refusal;
use crate::tell;
use crate::waiting::{self, Outcome};

/// Take the lock on one or several folders
///
/// All of them are granted together, or none. The lock is a lease: it ends by
/// itself (after GAIA_LOCK_TIMEOUT_HOURS, or --ttl) unless it is renewed or
/// released before. The answer names its token.
///
/// Exit status: 0 granted, 3 not granted, 4 when a --request-id names a lock
/// that is over.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia acquire web --session ana --ttl 30m\n  gaia acquire web api --session ana --wait=10m   # both or none\n  gaia acquire web --pid $$                       # as long as this shell lives"
)]
pub struct AcquireArgs {
    /// What to lock; it need not exist yet
    #[arg(required = true, value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub asker: Asker,
    /// Let others hold shared locks on it at the same time
    #[arg(long)]
    pub shared: bool,
    /// How long the lease is, such as 30m [1s to 30d]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub ttl: Option<Duration>,
    #[command(flatten)]
    pub wait: WaitLimit,
    /// Bind the lock to a process: it lasts as long as that process lives
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    /// A word for this request: sent again, it takes no second lock
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Asks, waits if told to, and says what came of it.
pub fn run(context: &Context, args: AcquireArgs) -> Ended {
    let limit = args.wait.limit();
    let request = request(context, args)?;
    let locks = context.locks()?;
    match waiting::acquire(&*locks, &request, limit)? {
        Outcome::Granted(granted) => {
            hand_over(context, &*locks, &request, &granted)?;
            tell_if_unbound(&request, &granted);
            Ok(still_held(context, &granted).into())
        }
        Outcome::Refused { refusal, waited } => {
            refusal::tell(&context.out, &refusal, waited);
            Ok(Status::NotGranted.into())
        }
        Outcome::Interrupted(status) => Ok(ExitCode::from(status)),
    }
}

/// Tells what was granted. A lock whose token nobody was told could not be
/// given back before its lease ends: where the answer cannot be written, what
/// this request has newly taken is given back.
fn hand_over(
    context: &Context,
    locks: &dyn Locks,
    request: &Acquire,
    granted: &Granted,
) -> Result<(), Failure> {
    let json = Acquired::granted(granted);
    let told = match granted.locks.iter().any(is_active) {
        true => context.out.deliver(&json, |style| in_words(style, granted)),
        false => context.out.answer(&json, |style| in_words(style, granted)),
    };
    told.map_err(|error| {
        let kept = locks.give_back(request, granted);
        untold(&error, granted, &kept)
    })
}

/// A server on another machine does not see the process: then the lock goes by
/// its lease, and whoever counts on the process has to know.
fn tell_if_unbound(request: &Acquire, granted: &Granted) {
    let Some(process) = &request.process else {
        return;
    };
    if granted.locks.iter().any(|lock| lock.pid.is_none()) {
        tell::note(&format!(
            "not bound: the server does not see process {}, so the lock goes by its lease; \
             renew it, or use `gaia run`",
            process.pid
        ));
    }
}

fn untold(error: &io::Error, granted: &Granted, kept: &[LockInfo]) -> Failure {
    let why = |what: &str| Failure::new("failed", Status::Failed, format!("{error}; {what}"));
    let Some(first) = kept.first() else {
        return why(match granted.held_before {
            true => "what was held before is held on",
            false => "what was locked is given back",
        });
    };
    let tokens: Vec<String> = kept.iter().map(|lock| lock.id.to_string()).collect();
    let tokens = tokens.join(",");
    why(&format!(
        "what was locked could not be given back: token {tokens}"
    ))
    .hint(format!(
        "gaia release --token {tokens} --session {}",
        first.session_id.as_str()
    ))
}

/// A request id that comes again gives the same lock with its state now [R16]:
/// whoever asks must not take one that has ended for one that it holds.
fn still_held(context: &Context, granted: &Granted) -> Status {
    let Some(ended) = granted.locks.iter().find(|lock| !is_active(lock)) else {
        return Status::Done;
    };
    if !context.out.is_json() {
        let how = ended.end_reason.map_or("ended", |how| how.word());
        tell::error(
            &format!(
                "this request was granted before, and its lock {} is over ({how})",
                ended.id
            ),
            Some("ask with a new --request-id to lock it again"),
        );
    }
    Status::NotHeld
}

fn is_active(lock: &LockInfo) -> bool {
    lock.status == LockStatus::Active
}

fn request(context: &Context, args: AcquireArgs) -> Result<Acquire, Failure> {
    Ok(Acquire {
        folders: context.folders(&args.folders)?,
        holder: args.asker.holder()?,
        mode: if args.shared {
            Mode::Shared
        } else {
            Mode::Exclusive
        },
        ttl: args.ttl,
        own: args.pid.is_some(),
        process: args.pid.map(process).transpose()?,
        releaser: Releaser::Holder,
        request_id: args.request_id.map(RequestId::new).transpose()?,
        line: Line::Never,
    })
}

fn process(pid: u32) -> Result<ProcessIdentity, Failure> {
    let failure = |why: String| Failure::new("no_process", Status::Usage, why);
    match ProcessIdentity::of(pid) {
        Ok(Some(process)) => Ok(process),
        Ok(None) => Err(
            failure(format!("there is no process {pid} to bind the lock to"))
                .hint("in a shell, --pid $$ means the shell itself"),
        ),
        Err(error) => Err(failure(format!(
            "process {pid} cannot be looked at: {error}"
        ))),
    }
}

fn in_words(style: &Style, granted: &Granted) -> String {
    let verb = if granted.held_before {
        "held on"
    } else {
        "locked"
    };
    let lines: Vec<String> = granted
        .locks
        .iter()
        .filter(|lock| is_active(lock))
        .map(|lock| one_lock(style, verb, lock))
        .collect();
    lines.join("\n")
}

fn one_lock(style: &Style, verb: &str, lock: &LockInfo) -> String {
    let until = lock.expires_at.map_or_else(String::new, |until| {
        let left = lock.expires_in.map_or_else(String::new, left);
        format!(", until {} ({left})", at(until))
    });
    format!(
        "{} {}  {}",
        style.green(verb),
        style.bold(&clean(&lock.folder_path)),
        style.dim(&format!("token {}, {}{until}", lock.id, lock.mode.word())),
    )
}
