//! `gaia cleanup`.

use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};

/// Clear away locks that have lapsed or whose process is gone
///
/// No request waits for this: such a lock never stands in anybody's way. It
/// tidies the database, the history and the marker files.
#[derive(clap::Args, Debug)]
pub struct CleanupArgs {}

#[derive(Serialize)]
struct Answer {
    cleaned: u64,
}

/// Sweeps.
pub fn run(context: &Context, _args: &CleanupArgs) -> Ended {
    let cleaned = context.locks()?.cleanup()?;
    context.out.answer(&Answer { cleaned }, |_| match cleaned {
        0 => "nothing to clean up".to_owned(),
        1 => "1 lock cleaned up".to_owned(),
        cleaned => format!("{cleaned} locks cleaned up"),
    })?;
    Ok(Status::Done.into())
}
