//! `gaia send`.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use gaia_assigner::service::{Send, Waiting};
use gaia_assigner::wire::{OneTask, TaskInfo};
use gaia_locks::ids::TaskId;

use super::task::{end_status, print_answer};
use crate::args::{WaitLimit, name, number};
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, clean};

/// Queue a task for the fleet
///
/// `gaia up` gives it to a session that fits, together
/// with the lock on its folder. The text may come from a file or from stdin.
///
/// Exit status: 0 queued. With --wait: 0 completed, 1 failed or cancelled,
/// 3 the wait ran out.
#[derive(clap::Args, Debug)]
#[command(
    mut_arg("wait", |arg| arg.help("Wait for the end and print the answer; a duration after it is the limit")),
after_help = "Examples:\n  gaia send \"fix the typos\" --dir docs\n  gaia send --file plan.md --dir . --priority 5 --wait=1h")]
pub struct SendArgs {
    /// What is to be done; - reads stdin
    #[arg(value_name = "TEXT", required_unless_present = "file")]
    pub text: Option<String>,
    /// Read the text from a file
    #[arg(long, short, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
    /// The folder to work in; it is locked for the task
    #[arg(long, short, value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Higher goes first
    #[arg(
        long,
        short,
        value_name = "N",
        default_value = "0",
        value_parser = number::<i64>,
        allow_negative_numbers = true
    )]
    pub priority: i64,
    /// Only this session
    #[arg(long, value_name = "SESSION", value_parser = name)]
    pub target: Option<String>,
    /// Only this provider: claude, codex or any other word
    #[arg(long, value_name = "PROVIDER", value_parser = name)]
    pub provider: Option<String>,
    /// Providers it would rather have, best first
    #[arg(long, value_name = "PROVIDER,…", value_parser = name, value_delimiter = ',')]
    pub prefer: Vec<String>,
    /// Providers that will do when no session of the wanted ones is idle
    #[arg(long, value_name = "PROVIDER,…", value_parser = name, value_delimiter = ',')]
    pub fallback: Vec<String>,
    /// How long it may run: minutes, or a duration such as 90s or 2h
    #[arg(long, value_name = "M", default_value = "60", value_parser = time_limit)]
    pub timeout: Duration,
    /// Tasks that must complete before it
    #[arg(long, value_name = "ID,…", value_parser = number::<i64>, value_delimiter = ',')]
    pub after: Vec<i64>,
    /// It only reads: it shares its folder with others that do
    #[arg(long)]
    pub read_only: bool,
    /// Try again when it fails
    #[arg(long)]
    pub retry: bool,
    /// How many tries there are in all
    #[arg(long, value_name = "N", default_value = "3", value_parser = number::<u32>)]
    pub max_retries: u32,
    #[command(flatten)]
    pub wait: WaitLimit,
}

/// A bare number is minutes here, as in the database.
fn time_limit(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map(|minutes| minutes * 60.0);
    match seconds.map(Duration::try_from_secs_f64) {
        Ok(Ok(limit)) => Ok(limit),
        Ok(Err(_)) => Err("a number of minutes is not negative".to_owned()),
        Err(_) => gaia_locks::duration::parse(text).map_err(|error| error.to_string()),
    }
}

/// Queues it, and waits if that was wanted.
pub fn run(context: &Context, args: SendArgs) -> Ended {
    let tasks = context.tasks()?;
    let wait = args.wait.limit();
    let task = tasks.send(&wish(context, args)?)?;
    let Some(limit) = wait else {
        let answer = OneTask { task };
        let told = context
            .out
            .deliver(&answer, |style| queued(style, &answer.task));
        told.map_err(|error| untold(&error, answer.task.id))?;
        return Ok(Status::Done.into());
    };
    let patience = Waiting {
        limit,
        ..Waiting::default()
    };
    let id = task.id;
    let task = tasks.wait(id, &patience)?;
    print_answer(context, &task).map_err(|error| untold(&error, id))?;
    Ok(end_status(&task).into())
}

/// A task is queued whether or not anybody could be told its number.
fn untold(error: &io::Error, id: TaskId) -> Failure {
    let message = format!("{error}; task {id} was queued all the same");
    Failure::new("failed", Status::Failed, message)
        .hint(format!("gaia task show {id}; gaia task cancel {id}"))
}

fn wish(context: &Context, args: SendArgs) -> Result<Send, Failure> {
    Ok(Send {
        folder: args
            .dir
            .as_deref()
            .map(|dir| context.folder(dir))
            .transpose()?,
        text: text(args.text, args.file)?,
        priority: args.priority,
        session: args.target,
        provider: args.provider,
        preferred: args.prefer,
        fallbacks: args.fallback,
        time_limit: args.timeout,
        after: args.after.into_iter().map(TaskId).collect(),
        read_only: args.read_only,
        retry: args.retry,
        max_tries: args.max_retries,
        source: "cli".to_owned(),
    })
}

fn text(typed: Option<String>, file: Option<PathBuf>) -> Result<String, Failure> {
    let unreadable = |what: &str, error: std::io::Error| {
        Failure::usage(format!("the text cannot be read from {what}: {error}"))
            .hint("it is UTF-8 text")
    };
    match (typed, file) {
        (Some(typed), _) if typed == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            read.map(|_| text)
                .map_err(|error| unreadable("stdin", error))
        }
        (Some(typed), _) => Ok(typed),
        (None, Some(file)) => std::fs::read_to_string(&file)
            .map_err(|error| unreadable(&file.display().to_string(), error)),
        (None, None) => Err(Failure::usage("no text was given")),
    }
}

fn queued(style: &Style, task: &TaskInfo) -> String {
    let place = match &task.working_dir {
        Some(folder) => format!(" in {}", style.bold(&clean(folder))),
        None => String::new(),
    };
    format!("{} task {}{place}", style.green("queued"), task.id)
}
