//! `gaia up`: the main job, assigner and server in one process. It works until
//! it is told to end; first it says what it works on, and what is missing.

pub mod only;

use std::path::{Path, PathBuf};

use gaia_assigner::TaskService;
use gaia_assigner::task::Status as State;
use gaia_locks::Locks as _;
use gaia_locks::settings::LogFormat;
use gaia_server::{Running, Stop};
use serde::Serialize;

use super::assigner::{self, WorkArgs};
use super::serve::{self, Reached, Served};
use crate::context::Context;
use crate::exit::{Ended, Failure};
use crate::output::human::{Style, clean};
use crate::system::files;
use crate::tell;

use only::Only;

/// Run the fleet: give tasks to sessions, and serve, until told to end
///
/// The main job, in the foreground, one for each database: assigner and server
/// together. It says what it works on, shows a link that opens the dashboard
/// (it signs in once) and logs to stderr what happens. At the first Ctrl-C or
/// TERM it assigns nothing more and waits for what runs; at the second it stops
/// what runs, which is then pending again. Killed at any moment it loses
/// nothing: what runs goes on, and the next `gaia up` takes it over.
///
/// `gaia init --service` lets the system start it and keep it running.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  gaia session add ana --process \"claude -p {prompt}\"\n  gaia up\n  gaia up --listen 127.0.0.1:8421\n  gaia send \"tidy the login page\" --dir web"
)]
pub struct UpArgs {
    #[command(flatten)]
    pub work: WorkArgs,
    #[command(flatten)]
    pub reached: Reached,
    /// Give tasks to sessions only; no server, no dashboard
    #[arg(long, conflicts_with_all = ["listen", "tls_cert", "tls_key", "insecure_http", "names"])]
    pub no_server: bool,
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
    /// None when told so.
    server: Option<Served>,
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

/// Works. The server goes on until nothing runs any more, so that whoever looks
/// on sees the end and agents elsewhere can say theirs.
pub fn run(context: &Context, args: &UpArgs) -> Ended {
    let settings = context.settings()?;
    let _only = Only::one(context.database_file()?)?;
    let ready = match args.no_server {
        true => None,
        false => {
            let ready = serve::prepare(context, &args.reached).map_err(or_without)?;
            Some(ready.leaving(args.work.uncommitted))
        }
    };
    let files = ready.as_ref().and_then(|_| files::allow_all());
    let work = assigner::prepare(context, &args.work, files)?;
    let mut start = Start::look(&context.task_service()?, &assigner::logs(settings))?;
    start.server = ready.as_ref().map(Served::of);
    start.tell(context, settings.log_format)?;
    let stop = Stop::default();
    let server = ready.map(|ready| ready.start(&stop)).transpose()?;
    let ended = work.until_told_to_end()?;
    server.map_or(Ok(()), Running::end)?;
    Ok(ended)
}

fn or_without(failure: Failure) -> Failure {
    if failure.code != "cannot_listen" {
        return failure;
    }
    let hint = failure.hint.clone().unwrap_or_default();
    failure.hint(format!("{hint}, or go on without: --no-server"))
}

/// For people: the link that signs in, where there is one.
fn in_words(server: &Served) -> String {
    match &server.link {
        Some(link) => format!("{link} (signs in once)"),
        None => server.url.clone(),
    }
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
            server: None,
        })
    }

    /// For people beside the log; for programs on stdout; where the log is for
    /// machines, as a line of it, without the link: a log is kept.
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
            server = self.server.as_ref().map(|server| server.url.as_str()),
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
        if let Some(server) = &self.server {
            lines.push(row("dashboard", in_words(server)));
        }
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
