//! The processes of one campaign, whoever started them: all that have its home
//! in their environment.

use std::fs;
use std::path::Path;

use gaia_locks::os::session_leader;
use rustix::process::{Pid, Signal, kill_process};

/// What a process is to the campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Assigner,
    Keeper,
    Agent,
    /// `gaia run`, and what it runs.
    Outsider,
    /// tmux, and what says how a task in a pane ended.
    Terminal,
}

/// One process.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "what is not read is shown when a process is left")]
pub struct Process {
    pub pid: i32,
    pub kind: Kind,
    /// The task that it runs for.
    pub task: Option<i64>,
    pub words: Vec<String>,
}

/// All that live now and were given this home; the test itself was not.
pub fn of(home: &Path) -> Vec<Process> {
    let found = fs::read_dir("/proc").unwrap();
    let pids = found.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| look(pid, home)).collect()
}

fn look(pid: i32, home: &Path) -> Option<Process> {
    // Of one that has ended and is not reaped nothing can be read.
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    variable(&environment, "GAIA_HOME=").filter(|known| Path::new(known) == home)?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let has = |word: &str| words.iter().take(2).any(|known| known.ends_with(word));
    let task = variable(&environment, "GAIA_TASK=").and_then(|task| task.parse().ok());
    let outside = variable(&environment, "CAMPAIGN_OUTSIDER=").is_some();
    let kind = match () {
        () if outside => Kind::Outsider,
        () if has("assigner") => Kind::Assigner,
        // Its child that is about to become the agent leads no session yet.
        () if has("keeper") && !leads_a_session(pid) => return None,
        () if has("keeper") => Kind::Keeper,
        () if task.is_none() && !has("campaigner") => Kind::Terminal,
        () => Kind::Agent,
    };
    let task = task.or_else(|| number(words.last()?));
    (!line.is_empty()).then_some(Process {
        pid,
        kind,
        task,
        words,
    })
}

/// In a pane only the text has it.
fn number(part: &str) -> Option<i64> {
    let part: serde_json::Value = serde_json::from_str(part).ok()?;
    part["number"].as_i64()
}

fn leads_a_session(pid: i32) -> bool {
    let pid = pid.unsigned_abs();
    session_leader(Some(pid)) == Some(pid)
}

fn variable(environment: &[u8], name: &str) -> Option<String> {
    let mut entries = environment.split(|byte| *byte == 0);
    let value = entries.find_map(|entry| entry.strip_prefix(name.as_bytes()))?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Whether it has a handler for TERM by now.
pub fn hears_term(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:\t"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask, 16).ok());
    caught.is_some_and(|mask| mask >> (Signal::TERM.as_raw() - 1) & 1 == 1)
}

/// Whether it was there to be sent the signal.
pub fn signal(pid: i32, signal: Signal) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
}
