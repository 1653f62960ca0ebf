//! `gaia task`: one task.

mod again;
mod take;
pub mod told;

use std::io::{self, Write};
use std::time::Duration;

use clap::Subcommand;
use gaia_assigner::service::Waiting;
use gaia_assigner::task::Status as State;
use gaia_assigner::wire::{OneTask, TaskInfo};
use gaia_assigner::{TaskError, Tasks};
use gaia_locks::clock::Wall;
use gaia_locks::ids::TaskId;
use serde::Serialize;

use super::tasks::state;
use crate::args::{duration, number};
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::{Style, ago, at, clean};
use crate::{system, tell};

/// How often a log is looked at that somebody follows.
const LOOK: Duration = Duration::from_millis(200);

/// Show, follow, end or repeat one task
#[derive(clap::Args, Debug)]
pub struct TaskArgs {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with it.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Show everything about it
    Show {
        /// The task
        #[arg(value_name = "ID", value_parser = number::<i64>)]
        id: i64,
    },
    /// Call it off; one that runs is stopped
    Cancel {
        /// The task
        #[arg(value_name = "ID", value_parser = number::<i64>)]
        id: i64,
    },
    /// Let it be tried again
    ///
    /// One that failed or was cancelled starts afresh. One that waits for its
    /// next try, or for a person to look at uncommitted work in its folder,
    /// goes on now.
    Retry {
        /// The task
        #[arg(value_name = "ID", value_parser = number::<i64>)]
        id: i64,
    },
    /// Send it to another session; one that runs is stopped first
    Reassign(again::ReassignArgs),
    /// Take the best task, as a session that asks for work itself
    Take(take::TakeArgs),
    /// Say that it is done
    ///
    /// For tasks of terminal and remote sessions, by whoever works on them;
    /// without ID it is the task of the session or pane that says so. A process
    /// says it by its exit status.
    Done(told::DoneArgs),
    /// Say that it could not be done
    Fail(told::FailArgs),
    /// Print its output
    Log {
        /// The task
        #[arg(value_name = "ID", value_parser = number::<i64>)]
        id: i64,
        /// Go on printing until it has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Wait for its end and print its answer
    ///
    /// Exit status: 0 completed, 1 failed or cancelled, 3 the wait ran out.
    Wait {
        /// The task
        #[arg(value_name = "ID", value_parser = number::<i64>)]
        id: i64,
        /// At most so long
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        timeout: Option<Duration>,
    },
}

/// Does it.
pub fn run(context: &Context, args: &TaskArgs) -> Ended {
    let tasks = context.tasks()?;
    match &args.verb {
        Verb::Show { id } => show(context, &*tasks, TaskId(*id)),
        Verb::Cancel { id } => cancel(context, &*tasks, TaskId(*id)),
        Verb::Retry { id } => again::retry(context, &*tasks, TaskId(*id)),
        Verb::Reassign(args) => again::reassign(context, &*tasks, args),
        Verb::Take(args) => take::take(context, &*tasks, args),
        Verb::Done(args) => told::done(context, &*tasks, args),
        Verb::Fail(args) => told::fail(context, &*tasks, args),
        Verb::Log { id, follow } => log(context, &*tasks, TaskId(*id), *follow),
        Verb::Wait { id, timeout } => wait(context, &*tasks, TaskId(*id), *timeout),
    }
}

fn show(context: &Context, tasks: &dyn Tasks, id: TaskId) -> Ended {
    let answer = OneTask {
        task: tasks.show(id)?,
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer.task))?;
    Ok(Status::Done.into())
}

fn cancel(context: &Context, tasks: &dyn Tasks, id: TaskId) -> Ended {
    let answer = OneTask {
        task: tasks.cancel(id, &system::user())?,
    };
    context
        .out
        .answer(&answer, |style| match answer.task.status {
            State::Cancelled => format!("{} task {id}", style.yellow("cancelled")),
            _ => format!(
                "{} task {id}: it ends when its process has",
                style.yellow("stopping")
            ),
        })?;
    Ok(Status::Done.into())
}

fn wait(context: &Context, tasks: &dyn Tasks, id: TaskId, limit: Option<Duration>) -> Ended {
    let patience = Waiting {
        limit,
        ..Waiting::default()
    };
    let task = tasks.wait(id, &patience)?;
    print_answer(context, &task)?;
    Ok(end_status(&task).into())
}

/// Prints a task's answer on stdout; what went wrong is said beside it.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_answer(context: &Context, task: &TaskInfo) -> io::Result<()> {
    let answer = OneTask { task: task.clone() };
    context
        .out
        .answer(&answer, |_| task.response.clone().unwrap_or_default())?;
    if context.out.is_json() {
        return Ok(());
    }
    let id = task.id;
    match task.status {
        State::Completed => {}
        State::Failed => {
            let why = task.error.as_deref().unwrap_or("it failed");
            tell::error(&format!("task {id} failed: {why}"), None);
        }
        State::Cancelled => tell::error(&format!("task {id} was cancelled"), None),
        _ => tell::error(
            &format!("the wait ran out: task {id} is {}", state(task)),
            Some(&format!("it goes on; gaia task wait {id} waits again")),
        ),
    }
    Ok(())
}

/// The exit status after waiting for a task.
pub fn end_status(task: &TaskInfo) -> Status {
    match task.status {
        State::Completed => Status::Done,
        State::Failed | State::Cancelled => Status::Failed,
        _ => Status::NotGranted,
    }
}

#[derive(Serialize)]
struct Log {
    task_id: TaskId,
    log_file: String,
    text: String,
}

fn log(context: &Context, tasks: &dyn Tasks, id: TaskId, follow: bool) -> Ended {
    if follow {
        patiently(context, || until_it_speaks(tasks, id))?;
    }
    if context.out.is_json() {
        context.out.object(&whole(tasks, id)?)?;
        return Ok(Status::Done.into());
    }
    let mut shown = 0;
    if !follow {
        copy_from(tasks, id, &mut shown)?;
        return Ok(Status::Done.into());
    }
    loop {
        let over = patiently(context, || {
            let over = tick(tasks, id)?;
            copy_from(tasks, id, &mut shown)?;
            Ok(over)
        })?;
        if over || context.out.reader_has_left() {
            return Ok(Status::Done.into());
        }
    }
}

/// A server that goes away ends nothing: that is said, and it is looked for
/// until it is back.
fn patiently<T>(
    context: &Context,
    mut look: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut away = false;
    loop {
        match look() {
            Err(failure) if failure.may_pass() && !context.out.reader_has_left() => {
                if !std::mem::replace(&mut away, true) {
                    tell::note(&format!("trying again: {}", clean(&failure.message)));
                }
            }
            done => {
                if away && done.is_ok() {
                    tell::note("it answers again");
                }
                return done;
            }
        }
    }
}

fn whole(tasks: &dyn Tasks, id: TaskId) -> Result<Log, Failure> {
    let mut bytes = Vec::new();
    loop {
        let piece = tasks.output(id, bytes.len() as u64)?;
        if piece.bytes.is_empty() {
            return Ok(Log {
                task_id: id,
                log_file: piece.log_file,
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
        bytes.extend(piece.bytes);
    }
}

fn until_it_speaks(tasks: &dyn Tasks, id: TaskId) -> Result<(), Failure> {
    while matches!(tasks.output(id, 0), Err(TaskError::NoOutput { .. })) && !tick(tasks, id)? {}
    Ok(())
}

/// Waits a little; whether the task has ended.
fn tick(tasks: &dyn Tasks, id: TaskId) -> Result<bool, Failure> {
    let patience = Waiting {
        limit: Some(LOOK),
        ..Waiting::default()
    };
    Ok(tasks.wait(id, &patience)?.status.is_over())
}

/// Prints what there is from a byte on, and moves it on by what was printed.
fn copy_from(tasks: &dyn Tasks, id: TaskId, from: &mut u64) -> Result<(), Failure> {
    loop {
        let piece = tasks.output(id, *from)?.bytes;
        let mut out = io::stdout().lock();
        match out.write_all(&piece).and_then(|()| out.flush()) {
            // Whoever has seen enough leaves.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
        *from += piece.len() as u64;
        if piece.is_empty() {
            return Ok(());
        }
    }
}

fn in_words(style: &Style, task: &TaskInfo) -> String {
    let mut lines = vec![format!(
        "{} {}",
        style.bold(&format!("task {}", task.id)),
        state(task)
    )];
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("  {} {value}", style.dim(&format!("{name:<10}"))));
        }
    };
    let time = |wall: Option<Wall>| wall.map(|wall| format!("{} ({})", at(wall), ago(wall)));
    fact("folder", task.working_dir.as_deref().map(clean));
    fact("reads only", task.read_only.then(|| "yes".to_owned()));
    fact(
        "priority",
        (task.priority != 0).then(|| task.priority.to_string()),
    );
    fact("wants", wants(task));
    fact("sent", time(task.created_at));
    fact("session", task.assigned_session.as_deref().map(clean));
    fact("started", time(task.started_at));
    fact("ended", time(task.completed_at));
    fact(
        "tries",
        (task.retry_count > 0)
            .then(|| format!("{} of {} spent", task.retry_count, task.max_retries)),
    );
    fact("lock", lock(task));
    fact("status", task.exit_status.map(|status| status.to_string()));
    fact("error", task.error.as_deref().map(clean));
    fact("log", task.log_file.as_deref().map(clean));
    lines.push(String::new());
    lines.extend(
        task.content
            .lines()
            .map(|line| format!("  {}", clean(line))),
    );
    if let Some(response) = task.response.as_deref().filter(|text| !text.is_empty()) {
        lines.push(String::new());
        lines.push(style.dim("  the end of its output:"));
        lines.extend(last_lines(response, 10).map(|line| format!("  {}", clean(line))));
    }
    lines.join("\n")
}

fn wants(task: &TaskInfo) -> Option<String> {
    let session = task
        .target_session
        .as_deref()
        .map(|name| format!("session {}", clean(name)));
    let provider = task.target_provider.as_deref().map(clean);
    let liked = (!task.preferred_providers.is_empty())
        .then(|| format!("rather {}", task.preferred_providers.join(", ")));
    let else_ = (!task.fallbacks.is_empty()).then(|| format!("else {}", task.fallbacks.join(", ")));
    let all: Vec<String> = [session, provider, liked, else_]
        .into_iter()
        .flatten()
        .collect();
    (!all.is_empty()).then(|| clean(&all.join(", ")))
}

fn lock(task: &TaskInfo) -> Option<String> {
    let token = task.lock_token?;
    let status = task.lock_status.as_deref().unwrap_or("");
    Some(format!("{token} ({status})"))
}

fn last_lines(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(most);
    lines.into_iter().skip(from)
}
