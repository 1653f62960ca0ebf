//! The planner of the database, and what becomes of it when init is undone.

use std::io;
use std::path::{Path, PathBuf};

use gaia_assigner::service::Filter;
use gaia_locks::store::HistoryFilter;
use gaia_server::Accounts;

use super::Ground;
use super::fate::Fate;
use super::plan::{Plan, unusable};
use super::show::Action;
use crate::context::Context;
use crate::exit::Failure;

/// All that lies beside a database, the database last.
const FILES: [&str; 6] = ["-wal", "-shm", "-gate", ".bell", "-up", ""];

/// Makes the database, unless it is there or is kept by a server.
pub fn plan(ground: &Ground<'_>, plan: &mut Plan) -> Result<(), Failure> {
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
    match is_unused(context)? {
        true => Ok(Fate::new(Action::Remove, "nobody has used it")),
        false => Ok(Fate::new(
            Action::Keep,
            "it has been used; delete it yourself",
        )),
    }
}

fn is_unused(context: &Context) -> Result<bool, Failure> {
    let newest = HistoryFilter {
        limit: Some(1),
        ..HistoryFilter::default()
    };
    let any = Filter {
        limit: Some(1),
        ..Filter::default()
    };
    let tasks = context.tasks()?;
    let accounts = Accounts::new((*context.service()?).clone());
    Ok(context.locks()?.history(&newest)?.is_empty()
        && tasks.list(&any)?.tasks.is_empty()
        && tasks.sessions()?.sessions.is_empty()
        && accounts.users()?.is_empty()
        && accounts.tokens()?.is_empty())
}

/// Removes it with all that lies beside it.
pub fn remove(file: &Path) -> Result<bool, Failure> {
    for suffix in FILES {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unusable(&path, &error));
            }
            _ => {}
        }
    }
    Ok(true)
}
