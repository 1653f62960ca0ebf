//! `gaia resume`.

use std::path::PathBuf;

use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::clean;

/// Grant and assign in a paused folder again
///
/// It ends the pause on exactly this folder. Those who waited come first.
///
/// Exit status: 0 resumed, 4 it was not paused.
#[derive(clap::Args, Debug)]
pub struct ResumeArgs {
    /// Where [default: the pause of everything]
    #[arg(value_name = "FOLDER", value_parser = crate::args::folder(), default_value = "/", hide_default_value = true)]
    pub folder: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    resumed: bool,
    folder_path: &'a str,
}

/// Resumes.
pub fn run(context: &Context, args: &ResumeArgs) -> Ended {
    let folder = context.folder(&args.folder)?;
    if !context.locks()?.resume(&folder)? {
        let why = format!("{folder} is not paused");
        return Err(Failure::new("not_paused", Status::NotHeld, why)
            .hint("`gaia status` shows what is paused"));
    }
    let answer = Answer {
        resumed: true,
        folder_path: folder.path(),
    };
    context.out.answer(&answer, |style| {
        format!(
            "{} {}",
            style.green("resumed"),
            style.bold(&clean(folder.path()))
        )
    })?;
    Ok(Status::Done.into())
}
