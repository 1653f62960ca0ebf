//! `gaia prune`.

use std::time::Duration;

use serde::Serialize;

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::now;

/// Forget history that ended long ago
///
/// Tokens that were given are never given again, pruned or not.
#[derive(clap::Args, Debug)]
pub struct PruneArgs {
    /// How long ago, such as 90d
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub older_than: Duration,
}

#[derive(Serialize)]
struct Answer {
    pruned: u64,
}

/// Forgets.
pub fn run(context: &Context, args: &PruneArgs) -> Ended {
    let pruned = context.locks()?.prune(now().minus(args.older_than))?;
    context.out.answer(&Answer { pruned }, |_| match pruned {
        1 => "1 row of the history pruned".to_owned(),
        pruned => format!("{pruned} rows of the history pruned"),
    })?;
    Ok(Status::Done.into())
}
