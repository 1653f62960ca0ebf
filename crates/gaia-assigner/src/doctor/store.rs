//! The database.

use std::path::Path;

use gaia_locks::os::{Trust, file_system_of};
use gaia_locks::service::{LockService, Locks as _};
use gaia_locks::settings::Settings;
use gaia_locks::store::HistoryFilter;
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore, survey};
use gaia_locks::wire::Status;
use gaia_locks::{StoreError, open};

use super::{Check, earlier, gate, markers, tmux};
use crate::service::{Filter, TaskService};

const NAME: &str = "database";
/// So much of the history and of the queue is read to see whether it can be.
const NEWEST: u32 = 10_000;

/// The file system, then whether one can get in, then what is inside.
pub fn checks(settings: &Settings, file: &Path) -> Vec<Check> {
    let mut checks = vec![file_system(file)];
    if !file.is_file() {
        checks.push(match file.symlink_metadata() {
            Ok(_) => Check::problem(
                NAME,
                format!("{} is not a file", file.display()),
                "name another with GAIA_DATABASE_URL=sqlite:///absolute/path",
            ),
            Err(_) => missing(settings, file),
        });
        return checks;
    }
    if let Some(holder) = gate::holder(file) {
        checks.push(gate::check(file, &holder));
        return checks;
    }
    match survey(file, &open::earlier(settings)) {
        Err(error) => checks.push(unusable(&error)),
        Ok(Some(takeover)) => checks.push(earlier::not_taken_over(file, &takeover)),
        Ok(None) => checks.extend(inside(settings, file)),
    }
    checks
}

/// Whether it is GAIA's own, so that opening it changes nothing.
pub fn is_ready(settings: &Settings, file: &Path) -> bool {
    file.is_file() && matches!(survey(file, &open::earlier(settings)), Ok(None))
}

fn inside(settings: &Settings, file: &Path) -> Vec<Check> {
    let opened = SqliteStore::open(file, SqliteOptions::default());
    let service = opened.and_then(|store| {
        let sound = sound(file, &store);
        let foreign = earlier::unreadable(&store);
        match open::open(settings) {
            Ok(service) => Ok((sound, foreign, service)),
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    });
    match service {
        Err(error) => vec![unusable(&error)],
        Ok((sound, foreign, service)) => {
            let mut checks = vec![sound];
            checks.extend(rows(settings, &service));
            checks.extend(foreign);
            checks
        }
    }
}

fn unusable(error: &StoreError) -> Check {
    let remedy = match error {
        StoreError::UntrustedFileSystem { .. } => {
            "set GAIA_LOCKS_DIR or GAIA_DATABASE_URL to a place on a local disk"
        }
        StoreError::TooNew { .. } => "install the newer GAIA",
        StoreError::Damaged { .. } => "restore a backup with `gaia restore FILE`",
        StoreError::Busy { .. } => "end the program that keeps it",
        _ => "name another file with GAIA_DATABASE_URL=sqlite:///absolute/path or --database",
    };
    Check::problem(NAME, error.to_string(), remedy)
}

/// Not made yet, or deleted while it was in use.
fn missing(settings: &Settings, file: &Path) -> Check {
    let shown = file.display();
    let refused = open::markers(settings).map(|markers| markers.refuse_new());
    match refused {
        Ok(Ok(())) => Check::ok(
            NAME,
            format!("{shown} is not there yet and will be made at first use"),
        ),
        Ok(Err(error)) => Check::problem(
            NAME,
            error.to_string(),
            "restore a backup with `gaia restore FILE`, or end who still works there and delete that marker",
        ),
        Err(error) => Check::problem(NAME, error.to_string(), "correct GAIA_SCOPE"),
    }
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
fn rows(settings: &Settings, service: &LockService) -> Vec<Check> {
    const NAME: &str = "rows";
    let tasks = TaskService::new(service.clone());
    match read_rows(service, &tasks) {
        Ok((status, past)) => {
            let mut checks = vec![
                Check::ok(NAME, format!("can be read; {past} in the history")),
                markers::stale(&settings.locks_dir, &status),
            ];
            checks.extend(tasks.sessions().map(|list| tmux::reached(&list.sessions)));
            checks.extend(earlier::at_work(&tasks));
            checks
        }
        Err(why) => vec![Check::problem(
            NAME,
            why,
            "look at that row with sqlite3, or restore a backup with `gaia restore FILE`",
        )],
    }
}

/// All that is held, who waits, the newest of the history, the queue.
fn read_rows(service: &LockService, tasks: &TaskService) -> Result<(Status, usize), String> {
    let status = service.status(None).map_err(|error| error.to_string())?;
    let newest = HistoryFilter {
        limit: Some(NEWEST),
        ..HistoryFilter::default()
    };
    let past = service
        .history(&newest)
        .map_err(|error| error.to_string())?;
    let any = Filter {
        limit: Some(NEWEST),
        ..Filter::default()
    };
    tasks.list(&any).map_err(|error| error.to_string())?;
    tasks.sessions().map_err(|error| error.to_string())?;
    Ok((status, past.len()))
}

fn in_bytes(size: u64) -> String {
    match size {
        0..10_240 => format!("{size} bytes"),
        10_240..10_485_760 => format!("{} KiB", size / 1024),
        _ => format!("{} MiB", size / 1_048_576),
    }
}
