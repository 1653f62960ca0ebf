//! `gaia assigner`, and the hidden command that its keepers are.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gaia_assigner::daemon::{LastError, Shutdown};
use gaia_assigner::keeper::Door;
use gaia_assigner::runner::KeeperProgram;
use gaia_assigner::{Assigner, Config};
use gaia_locks::settings::{Settings, Uncommitted};
use gaia_locks::{Locks, StoreError};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::args::duration;
use crate::context::{Again, Context};
use crate::exit::{Ended, Failure, Status};
use crate::log;
use crate::system::files;
use crate::tell;

/// Give tasks to sessions until told to end
///
/// What `gaia up` does, without its word at the start; several may run beside
/// each other on one database. Runs in the foreground and logs to stderr. At the
/// first Ctrl-C or TERM it assigns nothing more and waits for what runs; at the
/// second it stops what runs, which is then pending again. Killed at any moment
/// it loses nothing: what runs goes on, and the next assigner takes it over.
#[derive(clap::Args, Debug)]
pub struct AssignerArgs {
    #[command(flatten)]
    pub work: WorkArgs,
}

// What `up` and `assigner` both know; no help of its own, which would stand in
// the place of theirs.
#[derive(clap::Args, Debug)]
pub struct WorkArgs {
    /// End when nothing runs and nothing is left that could be taken
    #[arg(long)]
    pub until_idle: bool,
    /// How long a task is passed over because its folder is locked before it
    /// stands in line for it
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub patience: Duration,
    /// How long a task that is stopped has to end before it is killed
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub grace: Duration,
    /// The pause before a task is tried again; each further one is four times as
    /// long, up to 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub first_pause: Duration,
    /// What a task does with work that another left uncommitted in its folder:
    /// warn (go on, told so), wait (for a person), stash [GAIA_UNCOMMITTED]
    #[arg(long, value_name = "WORD", value_parser = uncommitted)]
    pub uncommitted: Option<Uncommitted>,
}

/// Works.
pub fn run(context: &Context, args: &AssignerArgs) -> Ended {
    prepare(context, &args.work, None)?.until_told_to_end()
}

/// An assigner that is ready to work.
pub struct Work {
    assigner: Assigner,
}

/// Makes one ready: the log has started, the database is open. What it starts
/// may have so many files open, if that is another number than its own.
pub fn prepare(context: &Context, args: &WorkArgs, files: Option<u64>) -> Result<Work, Failure> {
    let settings = context.settings()?;
    let service = context.service()?;
    let last_error = LastError::default();
    log::start(settings, last_error.clone())?;
    let config = Config {
        environment: environment(settings),
        patience: args.patience,
        grace: args.grace,
        first_pause: args.first_pause,
        sweep: settings.auto_cleanup.then_some(settings.cleanup_interval),
        until_idle: args.until_idle,
        uncommitted: args.uncommitted.unwrap_or(settings.uncommitted),
        last_error,
        tmux_sockets: context.tmux_sockets()?,
        ..Config::new(logs(settings), keeper(context, files)?)
    };
    let assigner = Assigner::new((*service).clone(), config)?;
    Ok(Work { assigner })
}

/// Where the output of tasks goes.
pub fn logs(settings: &Settings) -> PathBuf {
    settings.home.join("logs")
}

impl Work {
    /// Works until told to end.
    pub fn until_told_to_end(mut self) -> Ended {
        watch_signals(self.assigner.shutdown())?;
        self.assigner.run();
        Ok(Status::Done.into())
    }
}

/// So that an agent's own gaia finds the same home and database, whatever
/// lies in the folder where it works.
fn environment(settings: &Settings) -> Vec<(String, String)> {
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    vec![
        ("GAIA_HOME".to_owned(), path(&settings.home)),
        ("GAIA_LOCKS_DIR".to_owned(), path(&settings.locks_dir)),
        (
            "GAIA_DATABASE_URL".to_owned(),
            settings.database.to_string(),
        ),
    ]
}

/// This binary, also when its file has been replaced by a newer one meanwhile.
fn keeper(context: &Context, files: Option<u64>) -> Result<KeeperProgram, Failure> {
    let program = match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe()?,
    };
    let given = context.settings_to_hand_on()?.into_iter();
    let environment = given.map(|(name, value)| (name.into(), value)).collect();
    let mut arguments = vec![OsString::from("keeper")];
    arguments.extend(files.map(|files| format!("--files={files}").into()));
    Ok(KeeperProgram {
        program,
        arguments,
        environment,
    })
}

fn watch_signals(shutdown: Shutdown) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let watch = move || {
        for (times, _) in signals.forever().enumerate() {
            tell::note(match times {
                0 => "assigning nothing more, waiting for what runs (once more to stop it)",
                _ => "stopping what runs",
            });
            shutdown.ask();
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(watch)?;
    Ok(())
}

fn uncommitted(text: &str) -> Result<Uncommitted, String> {
    Uncommitted::parse(text).map_err(|error| format!("{error}; there are warn, wait and stash"))
}

/// Hold one task's processes and its lock (started by the assigner)
#[derive(clap::Args, Debug)]
pub struct KeeperArgs {
    /// How many files it and its task may have open
    #[arg(long, value_name = "N")]
    files: Option<u64>,
}

/// Keeps.
pub fn keep(context: &Context, args: &KeeperArgs) -> Ended {
    if let Some(most) = args.files {
        files::allow(most);
    }
    let again = context.again();
    let door: Door = Arc::new(move || open(&again));
    gaia_assigner::keeper::run(door)?;
    Ok(Status::Done.into())
}

/// A database that is gone is not made anew: the lock was in the other one.
fn open(again: &Again) -> Result<Arc<dyn Locks>, gaia_locks::Error> {
    let unusable = |failure: Failure| StoreError::Failed(failure.message);
    let context = again.context();
    let file = context.database_file().map_err(unusable)?;
    if !file.is_file() {
        let gone = format!("the database {} is gone", file.display());
        return Err(StoreError::Failed(gone).into());
    }
    context.locks().map_err(|failure| unusable(failure).into())
}
