//! `gaia check`, and the hidden verb that its workers run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_testkit::checker::Verdict;
use gaia_testkit::hammer::{self, Plan};

use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::clean;
use crate::tell;

/// Prove on this machine that the locks hold
///
/// Many processes take, renew, wait for and release locks at random; with
/// --kill they are killed and stopped in the middle. Then every grant is
/// judged: no two conflicting locks at once, tokens only rise, nobody served
/// out of turn, nothing lost, every lease as long as it was. It works in a
/// database and folders of its own beside the configured database, on the same
/// file system, and removes them; what led to a violation is kept.
#[derive(clap::Args, Debug)]
pub struct CheckArgs {
    /// How many processes at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub processes: u16,
    /// For how many seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Kill and stop processes in the middle of their work
    #[arg(long)]
    pub kill: bool,
    /// What is drawn at random; the same number draws the same
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Judge once more what an earlier run has kept
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["processes", "seconds", "kill", "seed"])]
    pub judge: Option<PathBuf>,
}

/// A worker of `gaia check`; its orders come on stdin.
#[derive(clap::Args, Debug)]
pub struct CheckWorkerArgs {}

/// Hammers and judges.
pub fn run(context: &Context, args: &CheckArgs) -> Ended {
    if let Some(kept) = &args.judge {
        let judged = hammer::verdict(&plan(kept, args));
        let verdict = judged.map_err(|error| unreadable(kept, &error))?;
        return answer(context, &verdict, None);
    }
    let place = workplace(context)?;
    tell::note(&format!(
        "{} processes for {} s in {}",
        args.processes,
        args.seconds,
        place.display()
    ));
    let verdict = hammer::run(&plan(&place, args)).map_err(trouble)?;
    let kept = if verdict.is_clean() {
        std::fs::remove_dir_all(&place).map_err(trouble)?;
        None
    } else {
        Some(place)
    };
    answer(context, &verdict, kept)
}

fn unreadable(kept: &Path, error: &std::io::Error) -> Failure {
    let kept = clean(&kept.to_string_lossy());
    Failure::usage(format!("nothing can be judged in {kept}: {error}"))
        .hint("`gaia check` keeps what led to a violation, and names its folder")
}

/// One of the processes.
pub fn work() -> Ended {
    match hammer::worker_main() {
        Ok(()) => Ok(Status::Done.into()),
        Err(error) => Err(Failure::new("failed", Status::Failed, error.to_string())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn trouble(error: std::io::Error) -> Failure {
    let message = format!("the check could not be made: {error}");
    Failure::new("failed", Status::Failed, message)
}

/// A folder of its own beside the configured database: what holds there holds
/// on the file system that counts.
fn workplace(context: &Context) -> Result<PathBuf, Failure> {
    let database = context.database_file()?;
    let beside = database.parent().unwrap_or(database);
    let place = beside.join(format!("check-{}", std::process::id()));
    std::fs::create_dir_all(&place).map_err(trouble)?;
    Ok(place)
}

fn plan(place: &std::path::Path, args: &CheckArgs) -> Plan {
    Plan {
        processes: args.processes.into(),
        duration: Duration::from_secs(args.seconds),
        kill: args.kill,
        stop: args.kill,
        seed: args.seed,
        ..Plan::new(
            &place.join("locks.db"),
            &place.join("shop"),
            &["check-worker"],
        )
    }
}

fn answer(context: &Context, verdict: &Verdict, kept: Option<PathBuf>) -> Ended {
    let mut json = verdict.to_json();
    if let (Some(kept), Some(fields)) = (&kept, json.as_object_mut()) {
        fields.insert("kept".to_owned(), kept.display().to_string().into());
    }
    context.out.answer(&json, |_| format!("{verdict}\n"))?;
    if let Some(kept) = kept {
        tell::note(&format!(
            "what led to it is kept: gaia check --judge {}",
            kept.display()
        ));
    }
    Ok(if verdict.is_clean() {
        Status::Done
    } else {
        Status::Failed
    }
    .into())
}
