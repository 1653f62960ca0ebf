//! `gaia session`: adding and removing one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use gaia_assigner::Tasks;
use gaia_assigner::service::{AddProcess, AddRemote};
use gaia_assigner::wire::SessionInfo;
use gaia_locks::ids::{SessionId, TaskId};
use serde::Serialize;

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::clean;

/// Add or remove a session
#[derive(clap::Args, Debug)]
pub struct SessionArgs {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Add a session
    ///
    /// For each of its tasks the command is started in the task's folder. It is
    /// split as a shell would, but no shell runs it: {prompt} stands for the
    /// text as one argument, and without it the text comes on stdin.
    #[command(
        after_help = "Examples:\n  gaia session add ivy --process \"claude -p {prompt}\" --provider claude"
    )]
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The command, such as "claude -p {prompt}"
        #[arg(long, value_name = "COMMAND", required_unless_present = "remote")]
        process: Option<String>,
        /// It is elsewhere and asks for work itself: gaia task take
        #[arg(long, conflicts_with = "process")]
        remote: bool,
        /// How long a remote one may be silent before it has lost its task
        #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration, requires = "remote")]
        lease: Duration,
        /// Which agent it is: claude, codex or any other word
        #[arg(long, value_name = "PROVIDER")]
        provider: Option<String>,
        /// Where it runs tasks without a folder [default: the current folder]
        #[arg(
            long,
            short,
            value_name = "FOLDER",
            default_value = ".",
            hide_default_value = true
        )]
        dir: PathBuf,
    },
    /// Show that a remote session lives
    ///
    /// It renews its task's lease, and says whether the task must be stopped.
    /// Exit status: 0, or 4 when it must stop.
    Heartbeat {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The task that it works on, as it believes
        #[arg(long, short, value_name = "ID")]
        task: Option<i64>,
    },
    /// Remove a session that does not work
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Serialize)]
struct Answer {
    session: SessionInfo,
}

/// Does it.
pub fn run(context: &Context, args: SessionArgs) -> Ended {
    let tasks = context.tasks()?;
    let (word, session) = match args.verb {
        Verb::Add {
            name,
            remote: true,
            lease,
            provider,
            dir,
            ..
        } => {
            let add = AddRemote {
                name: SessionId::new(name)?,
                provider,
                folder: Some(context.folder(&dir)?.path().into()),
                lease,
            };
            ("added", tasks.add_remote(&add)?)
        }
        Verb::Add {
            name,
            process,
            provider,
            dir,
            ..
        } => {
            let add = AddProcess {
                name: SessionId::new(name)?,
                command: process.unwrap_or_default(),
                provider,
                folder: Some(context.folder(&dir)?.path().into()),
            };
            ("added", tasks.add_process(&add)?)
        }
        Verb::Heartbeat { name, task } => return heartbeat(context, &tasks, name, task),
        Verb::Remove { name } => ("removed", tasks.remove_session(&name)?),
    };
    let answer = Answer { session };
    context.out.answer(&answer, |style| {
        format!(
            "{} session {}",
            style.green(word),
            style.bold(&clean(&answer.session.name))
        )
    })?;
    Ok(Status::Done.into())
}

fn heartbeat(context: &Context, tasks: &Tasks, name: String, task: Option<i64>) -> Ended {
    let heard = tasks.heartbeat(&SessionId::new(name)?, task.map(TaskId))?;
    context.out.answer(&heard, |style| {
        let name = clean(&heard.session.name);
        match (&heard.stop, &heard.task) {
            (Some(why), _) => format!("{} {name}: {}", style.yellow("stop"), clean(why)),
            (None, Some(task)) => format!(
                "{} {name}, at work on task {}",
                style.green("heard"),
                task.id
            ),
            (None, None) => format!("{} {name}, which waits for work", style.green("heard")),
        }
    })?;
    Ok(match heard.stop {
        Some(_) => Status::NotHeld.into(),
        None => Status::Done.into(),
    })
}
