//! `gaia why`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use gaia_assigner::{TaskError, why};
use gaia_locks::ids::TaskId;

use crate::context::Context;
use crate::exit::{self, Ended};
use crate::output::human::{Style, now};

/// Say in one sentence what a task waits for, or why a folder is taken
///
/// Who holds it, who waits in which place, and what would free it. A number is
/// a task where there is one of that id; ./3 is always a folder.
#[derive(clap::Args, Debug)]
pub struct WhyArgs {
    /// The task's id, or the folder
    #[arg(value_name = "TASK-ID|FOLDER")]
    pub what: OsString,
}

/// Looks at the task or the folder.
pub fn run(context: &Context, args: &WhyArgs) -> Ended {
    if let Some(id) = task_id(&args.what) {
        match why::of_task(&*context.locks()?, &*context.tasks()?, id, now()) {
            Err(TaskError::UnknownTask(_)) => {}
            found => return of_task(context, &found?),
        }
    }
    let folder = context.folder(Path::new(&args.what))?;
    let answer = why::look_at(&*context.locks()?, &folder, now())?;
    context
        .out
        .answer(&answer, |_: &Style| answer.sentence.clone())?;
    Ok(exit::Status::Done.into())
}

fn of_task(context: &Context, why: &why::Why) -> Ended {
    context.out.answer(why, |_: &Style| why.sentence.clone())?;
    Ok(exit::Status::Done.into())
}

fn task_id(word: &OsStr) -> Option<TaskId> {
    let id = word.to_str()?.parse().ok()?;
    (id > 0).then_some(TaskId(id))
}
