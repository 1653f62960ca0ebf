//! `gaia audit`.

use gaia_server::accounts::AuditEntry;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::{Style, ago, clean};

/// Show who signed in at the server, and what admins did there
///
/// Newest first. Also what `gaia user` and `gaia token` did. Ends of locks
/// stand in `gaia history` too.
#[derive(clap::Args, Debug)]
pub struct AuditArgs {
    /// At most so many lines
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Only lines before this one
    #[arg(long, value_name = "ID")]
    pub before: Option<i64>,
}

#[derive(Serialize)]
struct Trail {
    count: usize,
    entries: Vec<AuditEntry>,
}

/// Shows it.
pub fn run(context: &Context, args: &AuditArgs) -> Ended {
    let entries = context.accounts()?.audit(args.before, args.limit)?;
    let trail = Trail {
        count: entries.len(),
        entries,
    };
    context
        .out
        .answer(&trail, |style| in_words(style, &trail.entries))?;
    Ok(Status::Done.into())
}

fn in_words(style: &Style, entries: &[AuditEntry]) -> String {
    if entries.is_empty() {
        return "Nobody signed in, and no admin did anything".to_owned();
    }
    let row = |entry: &AuditEntry| {
        [
            entry.id.to_string(),
            ago(entry.at),
            clean(&entry.who),
            entry.act.replace('_', " "),
            clean(&entry.details),
        ]
    };
    style.table(
        ["id", "when", "who", "act", "details"],
        entries.iter().map(row),
    )
}
