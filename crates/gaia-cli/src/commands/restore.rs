//! `gaia restore`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::commands::backup::about_file;
use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::clean;

/// Put a backup in the place of the database
///
/// Everything since the backup is lost, the locks that are held now too; but
/// no token is given a second time. A damaged database is kept beside it.
#[derive(clap::Args, Debug)]
pub struct RestoreArgs {
    /// The backup to read
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    restored: bool,
    backup: &'a Path,
    database: &'a Path,
}

/// Restores. The database is not opened before: it may be damaged.
pub fn run(context: &Context, args: &RestoreArgs) -> Ended {
    let database = context.database_file()?;
    gaia_locks::store::sqlite::restore(&args.file, database)
        .map_err(|error| about_file(error, &args.file))?;
    let answer = Answer {
        restored: true,
        backup: &args.file,
        database,
    };
    context.out.answer(&answer, |style| {
        let (from, to) = (args.file.to_string_lossy(), database.to_string_lossy());
        format!(
            "{} {} from {}",
            style.green("restored"),
            style.bold(&clean(&to)),
            clean(&from)
        )
    })?;
    Ok(Status::Done.into())
}
