//! Linux: who is a process, told by /proc.

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::{fs, process};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::clock::BootId;
use crate::liveness::{Sighting, Viewpoint};
use crate::os::PerProcess;

#[derive(Clone)]
struct Surroundings {
    from: Viewpoint,
    proc_is_ours: bool,
}

pub(crate) fn viewpoint() -> io::Result<Viewpoint> {
    surroundings().map(|surroundings| surroundings.from)
}

// A process keeps its namespaces as long as it lives.
fn surroundings() -> io::Result<Surroundings> {
    static SEEN: PerProcess<Option<Surroundings>> = PerProcess::new();
    SEEN.with(|seen| {
        if let Some(surroundings) = seen {
            return Ok(surroundings.clone());
        }
        let fresh = look_around(process::id())?;
        Ok(seen.insert(fresh).clone())
    })
}

fn look_around(pid: u32) -> io::Result<Surroundings> {
    let from = Viewpoint {
        boot: BootId::current(),
        pid_namespace: fs::metadata("/proc/self/ns/pid")?.ino(),
        // Kernels before 5.6 have no time namespaces, and so all share one.
        time_namespace: fs::metadata("/proc/self/ns/time").map_or(0, |found| found.ino()),
    };
    // In a new pid namespace /proc may still be the old one's, and its numbers mean others.
    let proc_is_ours = fs::read_link("/proc/self")?.to_str() == Some(pid.to_string().as_str());
    Ok(Surroundings { from, proc_is_ours })
}

pub(crate) fn own_start_time() -> io::Result<u64> {
    match read_stat("/proc/self/stat")? {
        Some(stat) => Ok(stat.start_time),
        None => Err(io::Error::other("/proc/self/stat cannot be understood")),
    }
}

pub(crate) fn sight(pid: u32) -> Sighting {
    let Some(valid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Sighting::Absent;
    };
    if !surroundings().is_ok_and(|here| here.proc_is_ours) {
        return absent_or_hidden(valid);
    }
    match read_stat(&format!("/proc/{pid}/stat")) {
        Ok(Some(stat)) if stat.ended() => Sighting::Zombie,
        Ok(Some(stat)) => Sighting::Running {
            start_time: stat.start_time,
        },
        _ => absent_or_hidden(valid),
    }
}

// With the mount option hidepid a living process has no entry in /proc, so a missing entry alone
// proves nothing. That no signal could be sent does.
fn absent_or_hidden(pid: Pid) -> Sighting {
    match test_kill_process(pid) {
        Err(Errno::SRCH) => Sighting::Absent,
        _ => Sighting::Hidden,
    }
}

struct Stat {
    state: u8,
    threads: u64,
    start_time: u64,
}

impl Stat {
    /// A first thread that has ended shows as a zombie while other threads of it work on.
    fn ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

// The kernel gives the whole line at once to whoever has room for it; reading until the end, as
// for any file, would be six calls more, in every transaction that looks at a waiter.
fn read_stat(path: &str) -> io::Result<Option<Stat>> {
    let mut line = [0; 4096];
    let length = fs::File::open(path)?.read(&mut line)?;
    Ok(parse_stat(&line[..length]))
}

// pid (name) state ...: the name may hold blanks and parentheses, so count from the last one.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end_of_name + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let start_time = fields.nth(1)?.parse().ok()?;
    Some(Stat {
        state,
        threads,
        start_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_an_odd_name() {
        let line = b"77 (a) b (c) Z 1 77 77 0 -1 4 0 0 0 0 1 2 3 4 20 0 3 0 987654 0 0";
        let stat = parse_stat(line).unwrap();
        assert_eq!(
            (stat.state, stat.threads, stat.start_time),
            (b'Z', 3, 987_654)
        );
        assert!(!stat.ended(), "two threads of it still work");
        assert!(parse_stat(b"77 (cut of").is_none());
        assert!(parse_stat(b"").is_none());
    }

    #[test]
    fn pids_that_cannot_be_are_absent() {
        assert_eq!(sight(0), Sighting::Absent);
        assert_eq!(sight(u32::MAX), Sighting::Absent);
    }
}
