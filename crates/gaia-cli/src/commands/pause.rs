//! `gaia pause`.

use std::path::PathBuf;

use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::clean;
use crate::system;

/// Grant and assign nothing new in a folder
///
/// What is held stays held, and what runs may finish. Requests that may wait
/// stand in line until `gaia resume`. Without a folder everything is paused.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  gaia pause web --reason \"deploying\"")]
pub struct PauseArgs {
    /// Where [default: everywhere]
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder(), default_value = "/", hide_default_value = true)]
    pub folder: PathBuf,
    /// Why; those who wait are shown it
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Serialize)]
struct Answer {
    paused: gaia_locks::wire::PauseInfo,
}

/// Pauses.
pub fn run(context: &Context, args: &PauseArgs) -> Ended {
    let folder = context.folder(&args.folder)?;
    let paused = context
        .locks()?
        .pause(&folder, &system::user(), &args.reason)?;
    let answer = Answer { paused };
    context.out.answer(&answer, |style| {
        let folder = style.bold(&clean(&answer.paused.folder_path));
        format!(
            "{} {folder}: {}",
            style.yellow("paused"),
            clean(&answer.paused.reason)
        )
    })?;
    Ok(Status::Done.into())
}
