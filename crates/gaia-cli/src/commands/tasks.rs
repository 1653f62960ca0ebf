//! `gaia tasks`.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use gaia_assigner::service::Filter;
use gaia_assigner::task::Status as State;
use gaia_assigner::wire::{TaskInfo, TaskList};

use crate::args::number;
use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::{Style, ago, clean, cut};
use crate::system;

/// Show the queue
///
/// What runs comes first, then what waits in the order in which it is taken,
/// then what has ended, newest first.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "VERB")]
pub struct TasksArgs {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Only tasks in these states
    #[arg(long, value_name = "STATE,…", value_delimiter = ',')]
    pub status: Vec<Word>,
    /// Only tasks that this session has or had
    #[arg(long, short, value_name = "SESSION")]
    pub session: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", value_parser = number::<u32>, default_value = "50")]
    pub limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// What to do with many at once.
#[derive(Subcommand, Clone, Copy, Debug)]
pub enum Verb {
    /// Forget tasks that have ended, and their output
    ///
    /// The history of their locks stays, and so does what another task still
    /// needs.
    Clear {
        /// Only those that ended so many days ago
        #[arg(long, value_name = "N", value_parser = number::<u32>, default_value = "0")]
        days: u32,
    },
    /// Let all that failed be tried again
    RetryFailed,
}

/// A state as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Word {
    /// It waits
    Pending,
    /// A session has it
    Assigned,
    /// A session works on it
    InProgress,
    /// Done
    Completed,
    /// It could not be done
    Failed,
    /// Called off
    Cancelled,
}

impl From<Word> for State {
    fn from(word: Word) -> Self {
        match word {
            Word::Pending => State::Pending,
            Word::Assigned => State::Assigned,
            Word::InProgress => State::InProgress,
            Word::Completed => State::Completed,
            Word::Failed => State::Failed,
            Word::Cancelled => State::Cancelled,
        }
    }
}

/// Shows them.
pub fn run(context: &Context, args: TasksArgs) -> Ended {
    match args.verb {
        Some(Verb::Clear { days }) => return clear(context, days),
        Some(Verb::RetryFailed) => return retry_failed(context),
        None => {}
    }
    let filter = Filter {
        statuses: args.status.into_iter().map(State::from).collect(),
        session: args.session,
        limit: (!args.all).then_some(args.limit),
    };
    let list = context.tasks()?.list(&filter)?;
    context.out.answer(&list, |style| in_words(style, &list))?;
    Ok(Status::Done.into())
}

fn clear(context: &Context, days: u32) -> Ended {
    let age = Duration::from_secs(u64::from(days) * 24 * 3600);
    let cleared = context.tasks()?.clear(age)?;
    context.out.answer(&cleared, |style| {
        format!("{} {} tasks", style.green("forgot"), cleared.count)
    })?;
    Ok(Status::Done.into())
}

fn retry_failed(context: &Context) -> Ended {
    let list = context.tasks()?.retry_failed(&system::user())?;
    context.out.answer(&list, |style| {
        format!(
            "{} {} tasks that had failed",
            style.green("queued"),
            list.count
        )
    })?;
    Ok(Status::Done.into())
}

fn in_words(style: &Style, list: &TaskList) -> String {
    if list.tasks.is_empty() {
        return "No tasks. `gaia send TEXT --dir FOLDER` queues one.".to_owned();
    }
    let rows = list.tasks.iter().map(row);
    style.table(["id", "state", "session", "folder", "when", "task"], rows)
}

fn row(task: &TaskInfo) -> [String; 6] {
    let first_line = task.content.trim().lines().next().unwrap_or("");
    [
        task.id.to_string(),
        state(task),
        task.assigned_session
            .as_deref()
            .map(clean)
            .unwrap_or_default(),
        task.working_dir.as_deref().map(clean).unwrap_or_default(),
        when(task),
        cut(&clean(first_line), 60),
    ]
}

/// The state in one word.
pub fn word(status: State) -> &'static str {
    match status {
        State::InProgress => "running",
        status => status.word(),
    }
}

/// The state, and why it is so where that helps.
pub fn state(task: &TaskInfo) -> String {
    let word = word(task.status);
    let ids = |ids: &[gaia_locks::TaskId]| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.join(", ")
    };
    let note = match task.status {
        State::Pending if !task.blocked_by.is_empty() => {
            format!("blocked by {}", ids(&task.blocked_by))
        }
        State::Pending if !task.waits_for.is_empty() => format!("after {}", ids(&task.waits_for)),
        State::Pending if task.held.as_deref() == Some("uncommitted") => {
            "held: uncommitted work".to_owned()
        }
        State::Pending if task.in_line => "in its folder's line".to_owned(),
        State::Pending if task.passed_over => "folder locked".to_owned(),
        State::Pending if task.retry_count > 0 => {
            format!("try {} of {}", task.retry_count + 1, task.max_retries)
        }
        State::Assigned | State::InProgress if task.stopping => "stopping".to_owned(),
        State::Failed => task
            .error
            .as_deref()
            .map(|error| cut(&clean(error), 40))
            .unwrap_or_default(),
        _ => String::new(),
    };
    match note.is_empty() {
        true => word.to_owned(),
        false => format!("{word}: {note}"),
    }
}

fn when(task: &TaskInfo) -> String {
    let since = task.completed_at.or(match task.status {
        State::Pending => task.created_at,
        _ => task.started_at.or(task.assigned_at),
    });
    since.map(ago).unwrap_or_default()
}
