//! Whether one can get into the database at all: a process that was stopped
//! (Ctrl-Z, SIGSTOP) in the middle of its microseconds inside keeps everybody
//! out until it goes on or dies.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gaia_locks::clock::{Clock, SystemClock};
use rustix::fs::{FlockOperation, flock};

use super::Check;

/// How long somebody may be inside before that is strange.
const LONG: Duration = Duration::from_secs(2);

/// Whoever keeps the gate shut.
pub struct Holder {
    pid: Option<u32>,
    stopped: bool,
}

/// Tries the gate for a while; none when it opens.
pub fn holder(database: &Path) -> Option<Holder> {
    let gate = gate_of(database);
    let file = OpenOptions::new().write(true).open(gate).ok()?;
    let until = SystemClock.now().moment.plus(LONG);
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if SystemClock.now().moment >= until {
            return Some(who_holds(&file));
        }
        pause();
    }
    // Closing the file opens the gate again.
    None
}

fn gate_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-gate");
    PathBuf::from(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock of another process tells nobody when it opens, and waiting for it has no limit"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Linux tells in /proc/locks who holds a lock on which file.
fn who_holds(file: &File) -> Holder {
    let inode = file.metadata().map_or(0, |file| file.ino());
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let pid = locks.lines().find_map(|line| holder_in(line, inode));
    Holder {
        pid,
        stopped: pid.is_some_and(is_stopped),
    }
}

/// `1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF`
fn holder_in(line: &str, inode: u64) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, "WRITE", pid, place, ..] = words[..] else {
        return None;
    };
    let of_file = place.rsplit(':').next()?.parse() == Ok(inode);
    of_file.then(|| pid.parse().ok()).flatten()
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map(|(_, behind)| behind.trim_start());
    behind_name.is_some_and(|state| state.starts_with(['T', 't']))
}

/// What is said of it.
pub fn check(database: &Path, holder: &Holder) -> Check {
    let shown = database.display();
    match holder.pid {
        Some(pid) if holder.stopped => Check::problem(
            "database",
            format!(
                "process {pid} was stopped in the middle of its work on {shown} and keeps everybody out"
            ),
            format!(
                "let it go on with `kill -CONT {pid}`, or end it with `kill -9 {pid}`: what it had not finished is undone"
            ),
        ),
        Some(pid) => Check::problem(
            "database",
            format!(
                "process {pid} has kept {shown} for itself for {} s",
                LONG.as_secs()
            ),
            format!("look at it with `ps {pid}`"),
        ),
        None => Check::problem(
            "database",
            format!(
                "somebody has kept {shown} for itself for {} s",
                LONG.as_secs()
            ),
            "look for a stopped process that works with gaia",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_file_is_found_among_all_locks() {
        let line = "3: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF";
        assert_eq!(holder_in(line, 5678), Some(1234));
        assert_eq!(holder_in(line, 1), None);
        assert_eq!(
            holder_in("4: POSIX  ADVISORY  WRITE 1 fe:01:5678 0 EOF", 5678),
            None
        );
        assert_eq!(
            holder_in("4: -> FLOCK  ADVISORY  WRITE 1 fe:01:5678 0 EOF", 5678),
            None
        );
    }
}
