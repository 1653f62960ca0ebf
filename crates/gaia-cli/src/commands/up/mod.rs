//! `gaia up`: the main job. It works until it is told to end; first it says
//! what it works on, and what is missing.

mod only;

use std::path::{Path, PathBuf};

use gaia_assigner::TaskService;
use gaia_assigner::task::Status as State;
use gaia_locks::Locks as _;
use gaia_locks::settings::LogFormat;
use serde::Serialize;

use super::assigner::{self, WorkArgs};
use crate::context::Context;
use crate::exit::{Ended, Failure};
use crate::output::human::{Style, clean};
use crate::tell;

use only::Only;

/// Run the fleet: give tasks to sessions until told to end
///
/// The main job, in the foreground, one for each database. It says what it
/// works on and logs to stderr what happens. At the first Ctrl-C or TERM it
/// assigns nothing more and waits for what runs; at the second it stops what
/// runs, which is then pending again. Killed at any moment it loses nothing:
/// what runs goes on, and the next `gaia up` takes it over.
///
/// `gaia init --service` lets the system start it and keep it running.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia session add ana --process \"claude -p {prompt}\"\n  gaia up\n  gaia send \"tidy the login page\" --dir web"
)]
pub struct UpArgs {
    #[command(flatten)]
    pub work: WorkArgs,
}

/// What it works on, when it starts.
#[derive(Serialize)]
struct Start {
    up: bool,
    pid: u32,
    database: String,
    logs: PathBuf,
    sessions: Sessions,
    tasks: Waiting,
}

#[derive(Serialize, Default)]
struct Sessions {
    count: usize,
    idle: usize,
    busy: usize,
    /// Patterns by which more are found.
    patterns: usize,
}

#[derive(Serialize, Default)]
struct Waiting {
    pending: i64,
    running: i64,
}

/// Works.
pub fn run(context: &Context, args: &UpArgs) -> Ended {
    let settings = context.settings()?;
    let _only = Only::one(context.database_file()?)?;
    let work = assigner::prepare(context, &args.work)?;
    let start = Start::look(&context.task_service()?, &assigner::logs(settings))?;
    start.tell(context, settings.log_format)?;
    work.until_told_to_end()
}

impl Start {
    fn look(tasks: &TaskService, logs: &Path) -> Result<Self, Failure> {
        let list = tasks.sessions()?;
        let listed = list.sessions;
        let are = |word: &str| {
            listed
                .iter()
                .filter(|session| session.status == word)
                .count()
        };
        let counts = tasks.counts()?;
        let of = |state| counts.iter().filter(move |(known, _)| *known == state);
        let number = |state| of(state).map(|(_, count)| count).sum::<i64>();
        Ok(Self {
            up: true,
            pid: std::process::id(),
            database: tasks.locks().database(),
            logs: logs.to_owned(),
            sessions: Sessions {
                count: listed.len(),
                idle: are("idle"),
                busy: are("busy"),
                patterns: list.patterns.len(),
            },
            tasks: Waiting {
                pending: number(State::Pending),
                running: number(State::Assigned) + number(State::InProgress),
            },
        })
    }

    /// For people beside the log; for programs on stdout; where the log is for
    /// machines, as a line of it.
    fn tell(&self, context: &Context, form: LogFormat) -> Result<(), Failure> {
        if context.out.is_json() {
            context.out.object(self)?;
        }
        match form {
            LogFormat::Text if !context.out.is_json() => tell::line(&self.in_words(&tell::style())),
            LogFormat::Text => {}
            LogFormat::Json => self.log(),
        }
        Ok(())
    }

    fn log(&self) {
        tracing::info!(
            pid = self.pid,
            database = self.database,
            logs = %self.logs.display(),
            sessions = self.sessions.count,
            pending = self.tasks.pending,
            running = self.tasks.running,
            "gaia up"
        );
    }

    fn in_words(&self, style: &Style) -> String {
        let row =
            |name: &str, value: String| format!("  {} {value}", style.dim(&format!("{name:<9}")));
        let (sessions, tasks) = (&self.sessions, &self.tasks);
        let mut lines = vec![
            format!(
                "{} gives tasks to sessions until Ctrl-C",
                style.bold("gaia up")
            ),
            row("database", clean(&self.database)),
            row("logs", clean(&self.logs.to_string_lossy())),
            row(
                "sessions",
                format!(
                    "{}: {} idle, {} busy",
                    sessions.count, sessions.idle, sessions.busy
                ),
            ),
            row(
                "tasks",
                format!("{} pending, {} running", tasks.pending, tasks.running),
            ),
        ];
        lines.extend(self.next().map(|next| row("next", next.to_owned())));
        lines.join("\n")
    }

    /// What to do when there is nothing to do.
    fn next(&self) -> Option<&'static str> {
        match (
            self.sessions.count + self.sessions.patterns,
            self.tasks.pending + self.tasks.running,
        ) {
            (0, _) => Some(
                "no session yet, so nothing can be assigned: in another terminal, \
                 gaia session add NAME --process \"COMMAND {prompt}\"",
            ),
            (_, 0) => Some("no task yet: in another terminal, gaia send TEXT --dir FOLDER"),
            _ => None,
        }
    }
}
