//! A process and all that it started, to be stopped together.
//!
//! Not its process group: that may hold others too, such as a shell script
//! that runs gaia. What has left the tree (its parent ended) is not found.

use std::collections::HashMap;
use std::process::Command;

use gaia_locks::liveness::{Liveness, ProcessIdentity, liveness};
use rustix::process::{Pid, Signal, kill_process};

/// A process and what it started, as of one moment.
pub struct Tree {
    root: Pid,
    descendants: Vec<ProcessIdentity>,
}

/// The tree under a child of this process that was not waited for yet.
pub fn of(root: Pid) -> Tree {
    let number = root.as_raw_nonzero().get().unsigned_abs();
    let children = children_of_all();
    let mut found = Vec::new();
    let mut next = vec![number];
    while let Some(parent) = next.pop() {
        for child in children.get(&parent).into_iter().flatten() {
            found.push(*child);
            next.push(*child);
        }
    }
    Tree {
        root,
        descendants: found
            .into_iter()
            .filter_map(|pid| ProcessIdentity::of(pid).ok().flatten())
            .collect(),
    }
}

impl Tree {
    /// Signals all of it; a number that another process has by now is left
    /// alone.
    pub fn signal(&self, signal: Signal) {
        // Who has just ended needs no signal.
        let _ = kill_process(self.root, signal);
        for process in &self.descendants {
            let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
            if let (Some(pid), Liveness::Alive) = (pid, liveness(process)) {
                let _ = kill_process(pid, signal);
            }
        }
    }
}

/// The nearest process above this one whose name is as wanted.
pub fn first_above(wanted: impl Fn(&str) -> bool) -> Option<u32> {
    let mut pid = std::os::unix::process::parent_id();
    for _ in 0..8 {
        let (name, parent) = name_and_parent(pid)?;
        if wanted(&name) {
            return Some(pid).filter(|pid| *pid > 1);
        }
        pid = parent;
    }
    None
}

/// A process's name and its parent, from Linux's /proc or from `ps`.
fn name_and_parent(pid: u32) -> Option<(String, u32)> {
    if let (Some(name), Some(parent)) = (name_in_proc(pid), parent_of(pid)) {
        return Some((name, parent));
    }
    let output = Command::new("ps")
        .args(["-o", "ppid=,comm=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (parent, name) = text.trim().split_once(char::is_whitespace)?;
    let name = name.trim().rsplit('/').next()?.trim_start_matches('-');
    Some((name.to_owned(), parent.parse().ok()?))
}

fn name_in_proc(pid: u32) -> Option<String> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim_end().to_owned())
}

/// Who was started by whom, as the system's own `ps` says. Where there is no
/// `ps`, Linux's /proc says it.
fn children_of_all() -> HashMap<u32, Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let pairs = from_proc().or_else(from_ps).unwrap_or_default();
    for (pid, parent) in pairs {
        children.entry(parent).or_default().push(pid);
    }
    children
}

fn from_proc() -> Option<Vec<(u32, u32)>> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let pairs: Vec<(u32, u32)> = pids
        .filter_map(|pid| Some((pid, parent_of(pid)?)))
        .collect();
    (!pairs.is_empty()).then_some(pairs)
}

/// The fourth field of `stat`, counted behind the name, which may hold spaces
/// and brackets.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(1)?.parse().ok()
}

fn from_ps() -> Option<Vec<(u32, u32)>> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    Some(text.lines().filter_map(pair).collect())
}
