//! The planner of the database, and what becomes of it when init is undone.

use std::path::Path;

use gaia_locks::store::sqlite::{InUse, in_use, remove_unused};

use super::Ground;
use super::fate::Fate;
use super::plan::Plan;
use super::show::Action;
use crate::commands::up::only;
use crate::context::Context;
use crate::exit::{Failure, Status};

/// Makes the database, unless it is there or is kept by a server.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
    if ground.context.settings()?.server.is_some() {
        return Ok(());
    }
    let file = ground.context.database_file()?;
    if let Some(folder) = file.parent() {
        plan.private_folder(folder, "the database")?;
    }
    let is_made = file.metadata().is_ok_and(|found| found.len() > 0);
    match is_made {
        true => Ok(()),
        false => plan.database(file, "locks, tasks and their history"),
    }
}

/// What undoing does with it: what people did in it is not thrown away.
pub fn fate(context: &Context, file: &Path) -> Result<Fate, Failure> {
    if context.database_file()? != file {
        return Ok(Fate::new(Action::Keep, "the settings name another one now"));
    }
    if !file.try_exists()? {
        return Ok(Fate::new(Action::Remove, "it is gone already"));
    }
    if only::runs(file) {
        return Ok(Fate::new(
            Action::Keep,
            "`gaia up` works on it; delete it yourself",
        ));
    }
    Ok(match in_use(file)? {
        None => Fate::new(Action::Remove, "nobody has used it"),
        Some(InUse::Used) => Fate::new(Action::Keep, "it has been used; delete it yourself"),
        Some(InUse::Open) => Fate::new(
            Action::Keep,
            "another process has it open; end that, and delete it yourself",
        ),
    })
}

/// Removes it with all that lies beside it, unless somebody has come to use it
/// since it was judged.
pub fn remove(file: &Path) -> Result<(), Failure> {
    if !file.try_exists()? {
        return Ok(());
    }
    match remove_unused(file)? {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            "in_use",
            Status::Failed,
            format!("{} came into use just now, and stays", file.display()),
        )),
    }
}
