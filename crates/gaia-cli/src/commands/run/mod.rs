//! `gaia run`: a lock exactly as long as a command runs.
//!
//! # Why the command's process comes first
//! The lock must last as long as the *command* lives, also when gaia itself is
//! killed with `kill -9`. So it is bound to the command's process from the
//! moment it is granted, and not first to gaia and then to the command: that
//! would cost a second transaction and leave a gap. The process is made first
//! and held at a pipe before it becomes the command ([`child`]); the lock is
//! asked for in its name; then it is let go. If gaia dies in between, the pipe
//! closes, the process ends without having run anything, and its lock, if it
//! got one, ends with it.
//!
//! # Why the command stays in gaia's process group
//! So the terminal treats both as one job: the command can read it, Ctrl-C and
//! Ctrl-Z reach the command directly. gaia only passes on what was sent to
//! itself alone ([`signals`]).
//!
//! # What is started when
//! Most commands are short. Threads that renew and watch the lease start only
//! when the command has lasted a second ([`watch`]).

mod child;
mod signals;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gaia_locks::clock::{Clock, Moment, SystemClock};
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::lease::{Kept, RELEASING};
use gaia_locks::liveness::ProcessIdentity;
use gaia_locks::model::{EndReason, Holder, Mode, Releaser};
use gaia_locks::service::{Acquire, Line, Release, Released};
use gaia_locks::wire::{Granted, LockInfo};
use gaia_locks::{Error, Locks};

use crate::args::{WaitLimit, duration};
use crate::asker::Asker;
use crate::context::Context;
use crate::exit::{self, Ended, Failure, Status};
use crate::output::human::clean;
use crate::output::refusal;
use crate::system;
use crate::tell;
use crate::waiting::{self, Outcome};

use child::HeldProcess;
use signals::Inbox;
use watch::Watch;

/// Hold the lock on folders while a command runs
///
/// The lock is bound to the command's process: it is freed however the command
/// ends, and if gaia itself is killed it lasts exactly as long as the command
/// still lives. The command has the terminal, gets the signals that gaia gets,
/// and finds GAIA_SESSION and GAIA_LOCK_TOKEN in its environment. If the lock
/// is ended by an admin or lost, the command is stopped.
///
/// Exit status: the command's own (128+n after signal n; 126, 127 when it
/// cannot be started); 3 when the lock was not granted; 4 when it was lost.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia run . -- make\n  gaia run web --wait=10m -- claude -p \"tidy the login page\""
)]
pub struct RunArgs {
    /// What to lock
    #[arg(required = true, value_name = "FOLDER", value_parser = crate::args::folder())]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub asker: Asker,
    /// Let others hold shared locks on it at the same time
    #[arg(long)]
    pub shared: bool,
    /// How long a lease is; it is renewed while the command runs [1s to 30d]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub ttl: Option<Duration>,
    #[command(flatten)]
    pub wait: WaitLimit,
    /// What to do with the command when the lock is lost
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    pub on_lost: OnLost,
    /// The exit status when the lock is not granted
    #[arg(long, value_name = "N", default_value_t = Status::NotGranted as u8)]
    pub conflict_status: u8,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What happens to the command when the lock is lost.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnLost {
    /// Stop it: SIGTERM, after 5 s SIGKILL
    Stop,
    /// Say so and let it go on
    Warn,
}

/// What is held while the command runs.
struct Held {
    locks: Arc<dyn Locks>,
    session: SessionId,
    granted: Vec<LockInfo>,
    folders: Vec<Folder>,
    kept: Vec<Kept>,
}

/// Runs the command under its lock. Whatever way the lock was not granted, the
/// exit status for that is the one that was asked for.
pub fn run(context: &Context, args: RunArgs) -> Ended {
    let status = args.conflict_status;
    match hold_and_run(context, args) {
        Err(failure) if failure.status == Status::NotGranted => {
            exit::fail(&context.out, &failure);
            Ok(ExitCode::from(status))
        }
        ended => ended,
    }
}

/// Makes the process, takes the lock in its name, lets it go, waits for it.
fn hold_and_run(context: &Context, args: RunArgs) -> Ended {
    let holder = holder(&args.asker)?;
    let folders = context.each_folder_once(&args.folders)?;
    let environment = environment(context, &holder)?;
    let process = HeldProcess::make(&args.command, environment)?;
    let locks = context.locks()?;
    // The command's end is told by gaia, which releases the lock then.
    let bound_to = process.identity()?.released_by(ProcessIdentity::current()?);
    let request = request(&args, &holder, folders.clone(), bound_to);
    let asked_at = SystemClock.now().moment;
    let granted = match waiting::acquire(&*locks, &request, args.wait.limit())? {
        Outcome::Granted(granted) => granted,
        refused => return not_granted(context, refused, args.conflict_status),
    };
    // Before the next call, which may last.
    let signals = Inbox::open()?;
    let kept = granted.locks.iter();
    let kept = kept.map(|lock| Kept::of(lock, args.ttl, asked_at));
    let mut held = Held {
        kept: kept.collect(),
        session: holder.session,
        locks,
        granted: granted.locks,
        folders,
    };
    held.begin()?;
    held.while_it_runs(process, &signals, args.on_lost)
}

/// For `run` a session that nobody named is this very process: two runs side
/// by side are strangers to each other.
fn holder(asker: &Asker) -> Result<Holder, Failure> {
    let task = asker.task()?.unwrap_or(TaskId::NONE);
    let session = match asker.named_session()? {
        Some(session) => session,
        None => this_process()?,
    };
    Ok(Holder::new(session, task))
}

fn this_process() -> Result<SessionId, Failure> {
    let own = ProcessIdentity::current()?;
    let terminal = system::terminal().map_or_else(String::new, |name| format!("{name}:"));
    let (user, host) = (system::login_name(), system::host());
    let name = format!("{user}@{host}:{terminal}{}.{}", own.pid, own.start_time);
    Ok(SessionId::new(name)?)
}

fn request(
    args: &RunArgs,
    holder: &Holder,
    folders: Vec<Folder>,
    process: ProcessIdentity,
) -> Acquire {
    Acquire {
        folders,
        holder: holder.clone(),
        mode: if args.shared {
            Mode::Shared
        } else {
            Mode::Exclusive
        },
        ttl: args.ttl,
        process: Some(process),
        own: true,
        releaser: Releaser::Holder,
        request_id: None,
        line: Line::Never,
    }
}

/// What the command finds in its environment: who it is, and the settings that
/// were given as flags, so that a `gaia` in it means the same database.
fn environment(
    context: &Context,
    holder: &Holder,
) -> Result<Vec<(&'static str, OsString)>, Failure> {
    let task = match holder.task {
        TaskId::NONE => OsString::new(),
        task => task.to_string().into(),
    };
    let mut variables = vec![
        ("GAIA_SESSION", holder.session.as_str().into()),
        ("GAIA_TASK", task),
    ];
    variables.extend(context.settings_to_hand_on()?);
    Ok(variables)
}

fn not_granted(context: &Context, outcome: Outcome, status: u8) -> Ended {
    match outcome {
        Outcome::Refused { refusal, waited } => {
            refusal::tell(&context.out, &refusal, waited);
            Ok(ExitCode::from(status))
        }
        Outcome::Interrupted(signal) => Ok(ExitCode::from(signal)),
        Outcome::Granted(Granted { .. }) => Ok(Status::Done.into()),
    }
}

impl Held {
    /// Before the command begins: who waited long, or whose answer came late,
    /// does not know whether its leases still stand.
    fn begin(&mut self) -> Result<(), Failure> {
        let locks = self.locks.clone();
        let begun = self
            .kept
            .iter_mut()
            .try_for_each(|kept| kept.begin(&*locks));
        // The others' answers may have taken what time the first had.
        let begun = begun.and_then(|()| self.kept.iter().try_for_each(Kept::check));
        begun.map_err(|error| {
            let until = SystemClock.now().moment.plus(RELEASING);
            for lock in &self.granted {
                // What cannot be given back now ends with its process or its lease.
                drop(self.release_one(lock, until));
            }
            match error {
                Error::NotHeld(why) => {
                    let what = format!("the lock was over before the command could begin: {why}");
                    Failure::new("not_held", Status::NotGranted, what).hint("ask again")
                }
                error => error.into(),
            }
        })
    }

    /// The shortest of their leases.
    fn ttl(&self) -> Duration {
        let shortest = self.kept.iter().map(|kept| kept.ttl).min();
        shortest.unwrap_or_default()
    }

    fn while_it_runs(self, process: HeldProcess, signals: &Inbox, on_lost: OnLost) -> Ended {
        let running = process.let_go(&self.tokens())?;
        let mut watch = Watch::new(&self, running, on_lost);
        let status = watch.until_the_end(signals)?;
        let lost = watch.lost();
        drop(watch);
        let was_lost = self.release(&lost) && on_lost == OnLost::Stop;
        Ok(ExitCode::from(match was_lost {
            true => Status::NotHeld as u8,
            false => status,
        }))
    }

    /// The tokens as GAIA_LOCK_TOKEN has them.
    fn tokens(&self) -> String {
        let tokens: Vec<String> = self
            .granted
            .iter()
            .map(|lock| lock.id.to_string())
            .collect();
        tokens.join(",")
    }

    /// The command has ended: so does the lock. What cannot be released now is
    /// freed by whoever finds that its process is gone, or ends with its lease.
    /// Gives whether one had ended before and nobody had noticed: a short command
    /// is not watched.
    fn release(&self, lost: &[gaia_locks::LockId]) -> bool {
        let until = SystemClock.now().moment.plus(RELEASING);
        let mut unnoticed = false;
        for lock in self.granted.iter().filter(|lock| !lost.contains(&lock.id)) {
            match self.release_one(lock, until) {
                Ok(Released::Ended(_)) => {}
                Ok(_) => unnoticed |= self.tell_if_lost(lock),
                Err(error) => tell::note(&format!(
                    "the lock {} could not be released, and ends with its process or its lease: {error}",
                    lock.id
                )),
            }
        }
        unnoticed
    }

    fn release_one(&self, lock: &LockInfo, until: Moment) -> Result<Released, Error> {
        let wish = Release {
            folder: None,
            session: self.session.clone(),
            task: None,
            token: Some(lock.id),
        };
        let left = SystemClock.now().moment.until(until);
        self.locks.release_within(&wish, left)
    }

    /// Whoever waited may have found the command's process gone before its lock
    /// was released: that is no loss.
    fn tell_if_lost(&self, lock: &LockInfo) -> bool {
        let ended = self.locks.verify(lock.id).ok().and_then(|now| now.lock);
        let how = ended.and_then(|lock| lock.end_reason);
        let Some(how) = how.filter(|how| *how != EndReason::Died) else {
            return false;
        };
        tell::note(&format!(
            "the lock on {} was lost while the command ran: lock {} was ended ({})",
            clean(&lock.folder_path),
            lock.id,
            how.word()
        ));
        true
    }
}
