//! The database.

use std::path::Path;

use gaia_assigner::service::Filter;
use gaia_locks::os::{Trust, file_system_of};
use gaia_locks::store::HistoryFilter;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Status;

use super::{Check, gate, markers};
use crate::context::Context;
use crate::exit::Failure;

/// So much of the history and of the queue is read to see whether it can be.
const NEWEST: u32 = 10_000;

/// The file system, then whether one can get in, then what is inside.
pub fn checks(context: &Context, file: &Path) -> Result<Vec<Check>, Failure> {
    let mut checks = vec![file_system(file)];
    if !file.is_file() {
        let what = match file.symlink_metadata() {
            Ok(_) => Check::problem(
                "database",
                format!("{} is not a file", file.display()),
                "name another with GAIA_DATABASE_URL=sqlite:///absolute/path",
            ),
            Err(_) => missing(context, file)?,
        };
        checks.push(what);
        return Ok(checks);
    }
    if let Some(holder) = gate::holder(file) {
        checks.push(gate::check(file, &holder));
        return Ok(checks);
    }
    match SqliteStore::open(file, SqliteOptions::default()) {
        Err(error) => {
            let failure = Failure::from(error);
            let remedy = failure
                .hint
                .unwrap_or_else(|| "name another with GAIA_DATABASE_URL".to_owned());
            checks.push(Check::problem("database", failure.message, remedy));
        }
        Ok(store) => {
            checks.push(sound(file, &store));
            checks.extend(rows(context)?);
        }
    }
    Ok(checks)
}

/// Not made yet, or deleted while it was in use.
fn missing(context: &Context, file: &Path) -> Result<Check, Failure> {
    const NAME: &str = "database";
    let shown = file.display();
    Ok(match context.markers()?.refuse_new() {
        Ok(()) => Check::ok(
            NAME,
            format!("{shown} is not there yet and will be made at first use"),
        ),
        Err(error) => Check::problem(
            NAME,
            error.to_string(),
            "restore a backup with `gaia restore FILE`, or end who still works there and delete that marker",
        ),
    })
}

fn file_system(file: &Path) -> Check {
    const NAME: &str = "file system";
    let remedy = "set GAIA_LOCKS_DIR or GAIA_DATABASE_URL to a place on a local disk";
    match file_system_of(file) {
        Err(error) => Check::problem(NAME, format!("cannot be told: {error}"), remedy),
        Ok(found) => match found.trust {
            Trust::Local => Check::ok(NAME, format!("{}, local", found.name)),
            Trust::Shared(why) => Check::problem(NAME, format!("{}: {why}", found.name), remedy),
        },
    }
}

fn sound(file: &Path, store: &SqliteStore) -> Check {
    let shown = file.display();
    let size = file.metadata().map_or(0, |file| file.len());
    match store.quick_check() {
        Ok(None) => Check::ok("database", format!("{shown}, {}, sound", in_bytes(size))),
        Ok(Some(damage)) => Check::problem(
            "database",
            format!("{shown} is damaged: {damage}"),
            "restore a backup with `gaia restore FILE`",
        ),
        Err(error) => Check::problem("database", error.to_string(), "see the message"),
    }
}

/// Whether every row can be understood: a sound file may still hold values that
/// another program wrote.
fn rows(context: &Context) -> Result<Vec<Check>, Failure> {
    const NAME: &str = "rows";
    let unread = |failure: Failure| {
        let remedy = "look at that row with sqlite3, or restore a backup with `gaia restore FILE`";
        Check::problem(NAME, failure.message, remedy)
    };
    let locks_dir = &context.settings()?.locks_dir;
    let checks = match read_rows(context) {
        Ok((status, past)) => vec![
            Check::ok(NAME, format!("can be read; {past} in the history")),
            markers::stale(locks_dir, &status),
        ],
        Err(failure) => vec![unread(failure)],
    };
    Ok(checks)
}

/// All that is held, who waits, the newest of the history, the queue.
fn read_rows(context: &Context) -> Result<(Status, usize), Failure> {
    let locks = context.locks()?;
    let status = locks.status(None)?;
    let newest = HistoryFilter {
        limit: Some(NEWEST),
        ..HistoryFilter::default()
    };
    let past = locks.history(&newest)?.len();
    let tasks = context.tasks()?;
    tasks.list(&Filter {
        limit: Some(NEWEST),
        ..Filter::default()
    })?;
    tasks.sessions()?;
    Ok((status, past))
}

fn in_bytes(size: u64) -> String {
    match size {
        0..10_240 => format!("{size} bytes"),
        10_240..10_485_760 => format!("{} KiB", size / 1024),
        _ => format!("{} MiB", size / 1_048_576),
    }
}
