//! `gaia backup`.

use std::path::{Path, PathBuf};

use gaia_locks::StoreError;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::clean;

/// Write a complete copy of the database
///
/// Others may go on using it meanwhile. An existing file is never overwritten.
#[derive(clap::Args, Debug)]
pub struct BackupArgs {
    /// The file to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    backup: &'a Path,
    database: &'a str,
}

/// What is wrong with the copy's own file says nothing of the database.
pub fn about_file(error: StoreError, file: &Path) -> Failure {
    match &error {
        StoreError::Unusable { path, .. }
        | StoreError::Foreign { path, .. }
        | StoreError::Damaged { path, .. }
            if path == file =>
        {
            Failure::new("backup_unusable", Status::Failed, error.to_string())
        }
        _ => error.into(),
    }
}

/// Copies.
pub fn run(context: &Context, args: &BackupArgs) -> Ended {
    let service = context.service()?;
    let store = service.store();
    store
        .backup(&args.file)
        .map_err(|error| about_file(error, &args.file))?;
    let database = store.name();
    let answer = Answer {
        backup: &args.file,
        database: &database,
    };
    context.out.answer(&answer, |style| {
        let file = clean(&args.file.to_string_lossy());
        format!(
            "{} {} to {}",
            style.green("copied"),
            clean(&database),
            style.bold(&file)
        )
    })?;
    Ok(Status::Done.into())
}
