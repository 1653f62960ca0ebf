//! `gaia backup`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};
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

/// Copies.
pub fn run(context: &Context, args: &BackupArgs) -> Ended {
    let service = context.service()?;
    let store = service.store();
    store.backup(&args.file)?;
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
