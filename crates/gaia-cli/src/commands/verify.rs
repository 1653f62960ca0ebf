//! `gaia verify`.

use gaia_locks::ids::LockId;
use gaia_locks::wire::Verified;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{Ended, Status};
use crate::output::human::{Style, clean, left};
use crate::output::refusal::holder;

/// Tell whether the lock with a token is active now
///
/// A token is that of one lock and never given twice: when its lock has ended,
/// whoever still works by it works without a lock.
///
/// Exit status: 0 active, 4 not.
#[derive(clap::Args, Debug)]
pub struct VerifyArgs {
    /// The token; may be given several times
    #[arg(long, value_name = "TOKEN", required = true, value_delimiter = ',')]
    pub token: Vec<i64>,
}

/// What `verify` answers: of the first token, and of each where several were
/// named.
#[derive(Serialize)]
struct Answer<'a> {
    active: bool,
    lock: &'a Option<gaia_locks::wire::LockInfo>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    results: &'a [Verified],
}

/// Looks at each.
pub fn run(context: &Context, args: &VerifyArgs) -> Ended {
    let locks = context.locks()?;
    let mut results = Vec::with_capacity(args.token.len());
    for token in &args.token {
        results.push(locks.verify(LockId(*token))?);
    }
    let active = results.iter().all(|one| one.active);
    let answer = Answer {
        active,
        lock: results.first().map_or(&None, |one| &one.lock),
        results: if results.len() > 1 { &results } else { &[] },
    };
    let tokens = &args.token;
    context
        .out
        .answer(&answer, |style| in_words(style, tokens, &results))?;
    Ok(if active {
        Status::Done
    } else {
        Status::NotHeld
    }
    .into())
}

fn in_words(style: &Style, tokens: &[i64], results: &[Verified]) -> String {
    let lines: Vec<String> = tokens
        .iter()
        .zip(results)
        .map(|(token, one)| line(style, *token, one))
        .collect();
    lines.join("\n")
}

fn line(style: &Style, token: i64, verified: &Verified) -> String {
    let Some(lock) = &verified.lock else {
        return format!(
            "{}  token {token}: no lock ever had it",
            style.red("not active")
        );
    };
    let who = holder(lock.session_id.as_str(), lock.task_id);
    let what = format!("token {token}: {}, {who}", clean(&lock.folder_path));
    match (verified.active, lock.end_reason) {
        (true, _) => {
            let left = lock.expires_in.map_or_else(String::new, left);
            format!("{}  {what}, {left} left", style.green("active"))
        }
        (false, reason) => {
            let how = reason.map_or("ended", |reason| reason.word());
            format!("{}  {what}, {how}", style.red("not active"))
        }
    }
}
