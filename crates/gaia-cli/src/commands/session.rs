//! `gaia session`: adding and removing one.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use gaia_assigner::Tasks;
use gaia_assigner::presets::{PRESETS, preset};
use gaia_assigner::runner::tmux::Patterns;
use gaia_assigner::service::{AddProcess, AddRemote, AddTmux, Added};
use gaia_assigner::wire::{PatternInfo, SessionInfo};
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

/// Where a pane is and how its screen is read.
#[derive(clap::Args, Debug)]
pub struct ScreenArgs {
    /// The tmux server: its name (as tmux -L) or its socket (as tmux -S)
    /// [default: the one this runs in, else the user's]
    #[arg(long, conflicts_with = "process", value_name = "NAME|SOCKET")]
    tmux_server: Option<String>,
    /// It waits for work when this regular expression fits [default: by provider]
    #[arg(long, conflicts_with = "process", value_name = "REGEX")]
    idle: Option<String>,
    /// It works when this fits
    #[arg(long, conflicts_with = "process", value_name = "REGEX")]
    busy: Option<String>,
    /// It asks its user something when this fits
    #[arg(long, conflicts_with = "process", value_name = "REGEX")]
    waiting: Option<String>,
    /// How long its screen must stand still before it counts as idle [default: 2s]
    #[arg(long, conflicts_with = "process", value_name = "DURATION", value_parser = duration)]
    quiet: Option<Duration>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Add a session
    ///
    /// A process session (--process) starts the command for each of its tasks in
    /// the task's folder. It is split as a shell would, but no shell runs it:
    /// {prompt} stands for the text as one argument, and without it the text
    /// comes on stdin.
    ///
    /// A tmux session (--tmux) is a pane that texts are typed into while it
    /// waits for work: a pane's id (%3), session:window.pane, or a pattern of
    /// session names (agent-*) that stands for every pane of the sessions it
    /// fits, those that come later included. What a pane does its client's hooks
    /// say (gaia init --agent); without them it is read from its screen, for the
    /// usual agents by what is known of them (--provider).
    ///
    /// A preset (--preset) is a process session for one of the usual clients,
    /// with nothing else to set: claude, codex, gemini and opencode are started
    /// for each task, claude-worker goes on from one task to the next while they
    /// are in one folder. They may edit and run commands where they work.
    #[command(
        after_help = "Examples:\n  gaia session add max --preset claude\n  gaia session add ivy --process \"claude -p {prompt}\" --provider claude\n  gaia session add ann --tmux work:1.0 --provider claude\n  gaia session add fleet --tmux \"agent-*\" --provider codex\n  gaia session add bot --tmux %3 --idle \"^ready> $\" --quiet 1s"
    )]
    #[command(group(clap::ArgGroup::new("kind").required(true).args(["process", "preset", "tmux", "remote"])))]
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The command, such as "claude -p {prompt}"
        #[arg(long, value_name = "COMMAND")]
        process: Option<String>,
        /// One of the usual clients, with the command that drives it
        #[arg(long, value_name = "CLIENT", value_parser = PRESETS.map(|preset| preset.name), conflicts_with_all = ["process", "tmux", "remote"])]
        preset: Option<String>,
        /// The pane, or a pattern of tmux sessions
        #[arg(long, value_name = "TARGET", conflicts_with = "process")]
        tmux: Option<String>,
        #[command(flatten)]
        screen: Box<ScreenArgs>,
        /// It is elsewhere and asks for work itself: gaia task take
        #[arg(long, conflicts_with_all = ["process", "tmux"])]
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
#[serde(rename_all = "snake_case")]
enum Answer {
    Session(Box<SessionInfo>),
    Pattern(PatternInfo),
}

impl Answer {
    fn name(&self) -> (&'static str, &str) {
        match self {
            Answer::Session(session) => ("session", &session.name),
            Answer::Pattern(pattern) => ("pattern", &pattern.name),
        }
    }
}

impl From<Added> for Answer {
    fn from(added: Added) -> Self {
        match added {
            Added::Session(session) => Answer::Session(session),
            Added::Pattern(pattern) => Answer::Pattern(pattern),
        }
    }
}

/// Does it.
pub fn run(context: &Context, args: SessionArgs) -> Ended {
    let tasks = context.tasks()?;
    let (word, answer) = match args.verb {
        Verb::Add {
            name,
            tmux: Some(target),
            screen,
            provider,
            ..
        } => {
            let add = AddTmux {
                name: SessionId::new(name)?,
                server: context.tmux_server(screen.tmux_server.as_deref())?,
                target,
                provider,
                patterns: screen.patterns(),
            };
            ("added", tasks.add_tmux(&add)?.into())
        }
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
            ("added", Answer::Session(Box::new(tasks.add_remote(&add)?)))
        }
        Verb::Add {
            name,
            process,
            preset: of,
            provider,
            dir,
            ..
        } => {
            let preset = of.and_then(|name| preset(&name));
            let add = AddProcess {
                name: SessionId::new(name)?,
                command: preset.map_or_else(
                    || process.unwrap_or_default(),
                    |preset| preset.command.to_owned(),
                ),
                provider: provider.or_else(|| Some(preset?.provider.to_owned())),
                folder: Some(context.folder(&dir)?.path().into()),
            };
            ("added", Answer::Session(Box::new(tasks.add_process(&add)?)))
        }
        Verb::Heartbeat { name, task } => return heartbeat(context, &*tasks, name, task),
        Verb::Remove { name } => ("removed", tasks.remove(&name)?.into()),
    };
    context.out.answer(&answer, |style| {
        let (what, name) = answer.name();
        format!("{} {what} {}", style.green(word), style.bold(&clean(name)))
    })?;
    Ok(Status::Done.into())
}

impl ScreenArgs {
    fn patterns(self) -> Patterns {
        let millis = |quiet: Duration| u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX);
        Patterns {
            idle: self.idle,
            busy: self.busy,
            waiting: self.waiting,
            quiet_ms: self.quiet.map(millis),
        }
    }
}

fn heartbeat(context: &Context, tasks: &dyn Tasks, name: String, task: Option<i64>) -> Ended {
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
