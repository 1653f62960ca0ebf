//! `gaia session`: adding and removing one.

use std::path::PathBuf;

use clap::Subcommand;
use gaia_assigner::service::AddProcess;
use gaia_assigner::wire::SessionInfo;
use gaia_locks::ids::SessionId;
use serde::Serialize;

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
        #[arg(long, value_name = "COMMAND")]
        process: String,
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
            process,
            provider,
            dir,
        } => {
            let add = AddProcess {
                name: SessionId::new(name)?,
                command: process,
                provider,
                folder: Some(context.folder(&dir)?.path().into()),
            };
            ("added", tasks.add_process(&add)?)
        }
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
