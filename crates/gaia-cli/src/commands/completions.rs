//! `gaia completions`.

use clap_complete::Shell;

use crate::args;
use crate::context::Context;
use crate::exit::{Ended, Status};

/// Print the completions for a shell
///
/// For example: gaia completions bash > ~/.local/share/bash-completion/completions/gaia
#[derive(clap::Args, Debug)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Generates them from the command line's own description.
pub fn run(context: &Context, args: &CompletionsArgs) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "gaia", &mut script);
    context.out.text(&String::from_utf8_lossy(&script))?;
    Ok(Status::Done.into())
}
