//! Folders, clock and processes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gaia_locks::clock::{BootId, Clock as _, SystemClock, Wall};
use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use rustix::fs::{Access, access, statvfs};

use super::Check;

/// Any time before this was certainly set wrong.
const NOT_BEFORE: Wall = Wall(1_735_689_600_000_000); // 2025-01-01

/// GAIA_HOME.
pub fn home(home: &Path) -> Check {
    place("home", home, "set GAIA_HOME to a folder that you can write")
}

/// GAIA_LOCKS_DIR.
pub fn locks_dir(dir: &Path) -> Check {
    place(
        "locks directory",
        dir,
        "set GAIA_LOCKS_DIR to a folder that you can write",
    )
}

/// Below this nothing is granted soon: one grant needs a page or two, SQLite's
/// log some hundred.
const FULL: u64 = 10 * MIB;
/// Below this the logs of a few tasks can fill it in a night.
const NEARLY_FULL: u64 = 200 * MIB;
const MIB: u64 = 1024 * 1024;

/// Whether there is room on the disk that a place lies on or will lie on.
pub fn room(name: &'static str, place: &Path) -> Check {
    let Some(disk) = place.ancestors().find_map(|above| statvfs(above).ok()) else {
        return Check::ok(name, "cannot be told");
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // Some file systems count no files.
    let no_more_files = disk.f_files > 0 && disk.f_favail == 0;
    let shown = place.display();
    let finding = match no_more_files {
        true => format!("no room for another file beside {shown}"),
        false => format!("{} MiB free for {shown}", free / MIB),
    };
    let remedy = "make room: nothing new is granted, queued or logged on a full disk";
    match free {
        _ if no_more_files => Check::problem(name, finding, remedy),
        0..FULL => Check::problem(name, format!("{finding}, less than 10"), remedy),
        FULL..NEARLY_FULL => Check::warning(name, format!("{finding}, less than 200"), remedy),
        _ => Check::ok(name, finding),
    }
}

/// A place that is another one in each folder.
pub fn relative(name: &str, here: &Path) -> Check {
    let here = here.display();
    Check::warning(
        "relative place",
        format!("{name} is a relative path: here it means {here}, in another folder another place"),
        format!("set {name}={here}"),
    )
}

fn place(name: &'static str, place: &Path, remedy: &str) -> Check {
    let shown = place.display();
    if place.is_dir() {
        return match writable(place) {
            Ok(()) => Check::ok(name, format!("{shown} can be written")),
            Err(why) => Check::problem(name, format!("{shown} cannot be written: {why}"), remedy),
        };
    }
    if place.symlink_metadata().is_ok() {
        return Check::problem(name, format!("{shown} is not a folder"), remedy);
    }
    let above = place.ancestors().find(|above| above.is_dir());
    match above.map(writable) {
        Some(Ok(())) => Check::ok(
            name,
            format!("{shown} is not there yet and will be made at first use"),
        ),
        Some(Err(why)) => Check::problem(
            name,
            format!("{shown} is not there and cannot be made: {why}"),
            remedy,
        ),
        None => Check::problem(
            name,
            format!("{shown} is not there and cannot be made"),
            remedy,
        ),
    }
}

/// Whether files can be made and found there.
pub fn writable(folder: &Path) -> std::io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The clocks: leases go by one that nobody can set, people read the other.
pub fn clock() -> Check {
    clock_says(SystemClock.now().wall, &BootId::current())
}

fn clock_says(now: Wall, boot: &BootId) -> Check {
    let shown: String = now.to_sql().chars().take(19).collect();
    if now < NOT_BEFORE {
        return Check::warning(
            "clock",
            format!(
                "the wall clock says {} UTC; leases are not hurt by it, but the history is",
                shown
            ),
            "set the clock",
        );
    }
    match boot.0.is_empty() {
        true => Check::warning(
            "clock",
            "the system does not say when it was started",
            "leases still hold",
        ),
        false => Check::ok(
            "clock",
            format!(
                "{} UTC now; leases go by the clock since the system's start",
                shown
            ),
        ),
    }
}

/// Whether a process can be proved to live.
pub fn processes() -> Check {
    let own = ProcessIdentity::current().map(|own| liveness(&own));
    match own {
        Ok(Liveness::Alive) => Check::ok("processes", "whether a holder lives can be told"),
        _ => Check::warning(
            "processes",
            "the system does not show which processes live: locks end by their lease alone",
            "mount /proc",
        ),
    }
}

/// Whoever may write into the home decides what agents are told.
pub fn private(home: &Path) -> Check {
    const NAME: &str = "permissions";
    let shown = home.display();
    let Ok(found) = home.metadata() else {
        return Check::ok(NAME, format!("{shown} is not there yet"));
    };
    let mode = found.permissions().mode();
    match mode & 0o022 {
        0 => Check::ok(NAME, format!("only you may write in {shown}")),
        _ => Check::warning(
            NAME,
            format!("others may write in {shown}, and so change settings and tasks"),
            format!("chmod go-w {shown}, or run `gaia doctor --fix`"),
        ),
    }
}

/// Takes that from others.
///
/// # Errors
/// When it is somebody else's.
pub fn make_private(home: &Path) -> std::io::Result<()> {
    let mut permissions = home.metadata()?.permissions();
    let mode = permissions.mode();
    if mode & 0o022 == 0 {
        return Ok(());
    }
    permissions.set_mode(mode & !0o022);
    std::fs::set_permissions(home, permissions)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_was_set_wrong_is_found() {
        let boot = BootId("4f3c".to_owned());
        let first = clock_says(Wall(0), &boot);
        assert_eq!(first.state, State::Warning);
        assert!(
            first.finding.contains("1970-01-01 00:00:00 UTC"),
            "{first:?}"
        );
        assert_eq!(first.remedy.as_deref(), Some("set the clock"));
        assert_eq!(clock_says(NOT_BEFORE, &boot).state, State::Ok);
    }
}
