//! `gaia man`.

use std::path::PathBuf;

use serde::Serialize;

use crate::args;
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::clean;

/// Write the manual pages into a folder
///
/// For example: gaia man ~/.local/share/man/man1
#[derive(clap::Args, Debug)]
pub struct ManArgs {
    /// The folder to write to; it is made when it is not there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    count: usize,
    dir: &'a PathBuf,
}

/// Generates them from the command line's own description.
pub fn run(context: &Context, args: &ManArgs) -> Ended {
    let failed = |error: std::io::Error| {
        let why = format!("cannot write to {}: {error}", args.dir.display());
        Failure::new("failed", Status::Failed, why)
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(args::command(), &args.dir).map_err(failed)?;
    let count = pages(&args::command());
    let answer = Answer {
        count,
        dir: &args.dir,
    };
    context.out.answer(&answer, |_| {
        let dir = clean(&args.dir.to_string_lossy());
        format!("{count} manual pages written to {dir}")
    })?;
    Ok(Status::Done.into())
}

/// One page for a command, and those of the commands below it that help shows.
fn pages(command: &clap::Command) -> usize {
    let below = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    1 + below.map(pages).sum::<usize>()
}
