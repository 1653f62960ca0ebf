//! `gaia task retry` and `gaia task reassign`.

use gaia_assigner::Tasks;
use gaia_assigner::service::Aim;
use gaia_assigner::task::Status as State;
use gaia_assigner::wire::OneTask;
use gaia_locks::ids::TaskId;

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::system;

/// Where to.
#[derive(clap::Args, Debug)]
pub struct ReassignArgs {
    /// The task
    #[arg(value_name = "ID", value_parser = crate::args::number::<i64>)]
    id: i64,
    #[command(flatten)]
    aim: AimArgs,
}

#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct AimArgs {
    /// Only to this session
    #[arg(long, value_name = "SESSION", value_parser = crate::args::name)]
    target: Option<String>,
    /// Only to this provider
    #[arg(long, value_name = "PROVIDER", value_parser = crate::args::name)]
    provider: Option<String>,
    /// To whoever can take it
    #[arg(long)]
    anybody: bool,
}

/// Lets it be tried again.
pub fn retry(context: &Context, tasks: &dyn Tasks, id: TaskId) -> Ended {
    let task = tasks.retry(id, &system::user())?;
    context.out.answer(&OneTask { task }, |style| {
        format!("{} task {id}", style.green("queued"))
    })?;
    Ok(Status::Done.into())
}

/// Sends it elsewhere.
pub fn reassign(context: &Context, tasks: &dyn Tasks, args: &ReassignArgs) -> Ended {
    let id = TaskId(args.id);
    let aim = match (&args.aim.target, &args.aim.provider) {
        (Some(session), _) => Aim::Session(session.clone()),
        (None, Some(provider)) => Aim::Provider(provider.clone()),
        (None, None) => Aim::Anybody,
    };
    let answer = OneTask {
        task: tasks.reassign(id, &aim, &system::user())?,
    };
    context
        .out
        .answer(&answer, |style| match answer.task.status {
            State::Pending => format!("{} task {id}", style.green("queued")),
            _ => format!(
                "{} task {id}: it goes elsewhere when its session has stopped",
                style.yellow("stopping")
            ),
        })?;
    Ok(Status::Done.into())
}
