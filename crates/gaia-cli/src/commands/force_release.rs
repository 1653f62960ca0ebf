//! `gaia force-release`.

use gaia_locks::ids::LockId;
use gaia_locks::wire::LockInfo;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::clean;
use crate::output::refusal::holder;
use crate::system;

/// End any lock by its id, as an admin
///
/// Whoever may write the database may do so; the history keeps the system user
/// and the reason. A task whose lock it is is stopped first and fails; another
/// holder is not stopped by this unless it looks at its lock, as `gaia run`
/// does.
#[derive(clap::Args, Debug)]
pub struct ForceReleaseArgs {
    /// The lock's id, as `gaia status` shows it
    #[arg(value_name = "ID", value_parser = crate::args::number::<i64>)]
    pub id: i64,
    /// Why; it stays in the history
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Serialize)]
struct Answer<'a> {
    released: bool,
    lock: &'a LockInfo,
}

/// Ends it.
pub fn run(context: &Context, args: &ForceReleaseArgs) -> Ended {
    let tasks = context.tasks()?;
    let lock = tasks.force_release(LockId(args.id), &system::user(), &args.reason)?;
    let answer = Answer {
        released: true,
        lock: &lock,
    };
    context.out.answer(&answer, |style| {
        let who = holder(lock.session_id.as_str(), lock.task_id);
        let folder = style.bold(&clean(&lock.folder_path));
        format!(
            "{} lock {} on {folder}, held by {who}",
            style.yellow("ended"),
            lock.id
        )
    })?;
    Ok(Status::Done.into())
}
