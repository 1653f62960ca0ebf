//! `gaia task done` and `gaia task fail`: saying how a task ended.

use gaia_assigner::Tasks;
use gaia_assigner::service::{PaneName, Teller};
use gaia_assigner::task::{Status as State, Told};
use gaia_assigner::wire::OneTask;
use gaia_locks::ids::{LockId, SessionId, TaskId};

use crate::context::{Context, variable};
use crate::exit::{Ended, Failure, Status};
use crate::system;

/// Who says so, and of which task.
#[derive(clap::Args, Debug)]
struct Who {
    /// The task [default: the one of this session or pane]
    #[arg(value_name = "ID")]
    id: Option<i64>,
    /// The session that works on it [default: GAIA_SESSION, else this pane]
    #[arg(long, short, value_name = "SESSION")]
    session: Option<String>,
    /// The token under which it was worked on, to be sure
    #[arg(long, value_name = "TOKEN")]
    token: Option<i64>,
    /// Say so as a person, whatever session works on it
    #[arg(long)]
    force: bool,
}

/// What was done.
#[derive(clap::Args, Debug)]
pub struct DoneArgs {
    #[command(flatten)]
    who: Who,
    /// The answer; it is kept with the task
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

/// What went wrong.
#[derive(clap::Args, Debug)]
pub struct FailArgs {
    #[command(flatten)]
    who: Who,
    /// Why it could not be done
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// It is done.
pub fn done(context: &Context, tasks: &dyn Tasks, args: &DoneArgs) -> Ended {
    say(context, tasks, &args.who, &Told::Done(args.text.clone()))
}

/// It could not be done.
pub fn fail(context: &Context, tasks: &dyn Tasks, args: &FailArgs) -> Ended {
    say(
        context,
        tasks,
        &args.who,
        &Told::Failed(args.reason.clone()),
    )
}

fn say(context: &Context, tasks: &dyn Tasks, who: &Who, told: &Told) -> Ended {
    let id = who.id.map(TaskId);
    let answer = OneTask {
        task: tasks.told(id, told, &teller(who)?)?,
    };
    context.out.answer(&answer, |style| {
        let task = &answer.task;
        match task.status {
            State::Completed => format!("{} task {}", style.green("completed"), task.id),
            State::Failed => format!("{} task {}", style.yellow("failed"), task.id),
            State::Pending => format!("task {} will be tried again", task.id),
            _ => format!("noted: task {} ends now", task.id),
        }
    })?;
    Ok(Status::Done.into())
}

fn teller(who: &Who) -> Result<Teller, Failure> {
    let session = who.session.clone().or_else(|| word("GAIA_SESSION"));
    let task = match word("GAIA_TASK") {
        // Who names another session does not act for this one's task.
        Some(_) if who.session.is_some() => None,
        Some(text) => Some(TaskId(text.parse().map_err(|_| {
            Failure::usage(format!("GAIA_TASK is {text:?}, which is no task's id"))
        })?)),
        None => None,
    };
    Ok(Teller {
        session: session.map(SessionId::new).transpose()?,
        task: task.filter(|_| !who.force),
        token: who.token.map(LockId),
        pane: pane(),
        person: who.force.then(system::user),
    })
}

/// The pane in which this runs, as tmux tells its children.
pub fn pane() -> Option<PaneName> {
    let tmux = word("TMUX")?;
    let mut parts = tmux.rsplitn(3, ',');
    let server = parts.nth(2)?.to_owned();
    word("TMUX_PANE").map(|id| PaneName { server, id })
}

fn word(name: &str) -> Option<String> {
    let value = variable(name)?.into_string().ok()?;
    Some(value).filter(|value| !value.is_empty())
}
