//! What git says of a folder when a lock on it ends, and of what lies there
//! when the next task begins [T13].
//!
//! Nothing is started outside a git work tree, nothing of the repository's own
//! (hooks, monitors) is run, nothing is locked by looking, and what does not
//! answer in time is killed with all that it started. GAIA's own markers are
//! nobody's work: they are neither seen nor stashed.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gaia_locks::liveness::{ProcessIdentity, mark};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// How long a look may take: nobody gets the folder meanwhile.
pub const LOOKING: Duration = Duration::from_secs(2);
/// How long stashing may take: only the new task waits for it.
pub const STASHING: Duration = Duration::from_secs(60);
/// How much of an answer is read: the first change says it all.
const ENOUGH: u64 = 64 * 1024;

/// Whatever lies here, but for our markers.
const EVERYTHING: [&str; 3] = ["--", ".", ":(exclude,glob)**/.gaia*"];

/// Variables that would lead git elsewhere.
const ELSEWHERE: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

/// A work tree as it was at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkTree {
    /// The commit; none before the first.
    pub head: Option<String>,
    /// The branch; none when HEAD is detached.
    pub branch: Option<String>,
    /// Whether uncommitted work lay in the folder; none when that could not be
    /// told.
    pub uncommitted: Option<bool>,
    /// Why it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// Looks at a folder; `None` outside a work tree, and where there is no git.
pub fn look(folder: &Path, within: Duration) -> Option<WorkTree> {
    // A locked file lies in the folder that is looked at.
    let folder = if folder.is_file() {
        folder.parent()?
    } else {
        folder
    };
    if !is_in_work_tree(folder) {
        return None;
    }
    let status = [
        "--no-optional-locks",
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
    ];
    match git(folder, &status, within) {
        Ok(text) => Some(read(&text)),
        Err(why) => Some(WorkTree {
            head: None,
            branch: None,
            uncommitted: None,
            unknown: Some(why),
        }),
    }
}

/// Puts away what lies uncommitted in a folder, ignored files excepted.
///
/// # Errors
/// Why it could not be done, or not wholly.
pub fn stash(folder: &Path, name: &str) -> Result<(), String> {
    stash_within(folder, name, STASHING)
}

/// The same within some time.
///
/// # Errors
/// As [`stash`].
pub fn stash_within(folder: &Path, name: &str, within: Duration) -> Result<(), String> {
    let stash = [
        "-c",
        "user.name=GAIA",
        "-c",
        "user.email=gaia@localhost",
        "stash",
        "push",
        "--include-untracked",
        "--quiet",
        "--message",
        name,
    ];
    git(folder, &stash, within)?;
    match look(folder, LOOKING) {
        None => Ok(()),
        Some(tree) if tree.uncommitted == Some(false) => Ok(()),
        Some(tree) => Err(tree
            .unknown
            .unwrap_or_else(|| "something is left that cannot be stashed".to_owned())),
    }
}

/// A look at names, no process.
fn is_in_work_tree(folder: &Path) -> bool {
    folder
        .ancestors()
        .any(|above| above.join(".git").symlink_metadata().is_ok())
}

fn git(folder: &Path, words: &[&str], within: Duration) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(words)
        .args(EVERYTHING)
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    for name in ELSEWHERE {
        command.env_remove(name);
    }
    // A keeper's lock lasts as long as what it started: should it be killed
    // while git works for it, nobody else may begin there.
    if let Ok(me) = ProcessIdentity::current() {
        let (name, value) = mark(&me);
        command.env(name, value);
    }
    let child = command
        .spawn()
        .map_err(|error| format!("git cannot be started: {error}"))?;
    answer(child, within)
}

fn answer(child: Child, within: Duration) -> Result<Vec<u8>, String> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (tell, hear) = mpsc::channel();
    let wait = move || {
        // Without a receiver nobody waits any more.
        let _ = tell.send(outcome(child));
    };
    thread::Builder::new()
        .name("git".to_owned())
        .spawn(wait)
        .map_err(|error| error.to_string())?;
    if let Ok(answer) = hear.recv_timeout(within) {
        return answer;
    }
    if let Some(group) = group {
        // It may have ended since: that is what was wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
    // Until it is gone it could still write, unless the kernel holds it.
    let _ = hear.recv_timeout(Duration::from_secs(1));
    Err("git did not answer in time".to_owned())
}

fn outcome(mut child: Child) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    if let Some(out) = child.stdout.take() {
        // Dropped after so much: git needs not go on.
        let read = out.take(ENOUGH).read_to_end(&mut text);
        read.map_err(|error| error.to_string())?;
    }
    let mut complaint = Vec::new();
    if let Some(err) = child.stderr.take() {
        let read = err.take(ENOUGH).read_to_end(&mut complaint);
        read.map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() || text.len() as u64 == ENOUGH {
        return Ok(text);
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let line = complaint.lines().next().unwrap_or("it said nothing");
    Err(format!("git failed ({status}): {line}"))
}

/// Reads `status --porcelain=v2 --branch -z`.
fn read(text: &[u8]) -> WorkTree {
    let mut tree = WorkTree {
        head: None,
        branch: None,
        uncommitted: Some(false),
        unknown: None,
    };
    for entry in text
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
    {
        let entry = String::from_utf8_lossy(entry);
        if let Some(oid) = entry.strip_prefix("# branch.oid ") {
            tree.head = Some(oid.to_owned()).filter(|oid| oid != "(initial)");
        } else if let Some(name) = entry.strip_prefix("# branch.head ") {
            tree.branch = Some(name.to_owned()).filter(|name| name != "(detached)");
        } else if !entry.starts_with('#') {
            tree.uncommitted = Some(true);
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Git runs a filter for each file that it puts away.
    #[test]
    fn t03_what_git_does_bears_the_mark_of_the_keeper_that_it_works_for() {
        let home = tempfile::tempdir().unwrap();
        let within = Duration::from_secs(20);
        let plain = |words: &[&str]| {
            let status = Command::new("git").args(words).current_dir(&home).status();
            assert!(status.unwrap().success(), "git {words:?}");
        };
        plain(&["init", "--quiet"]);
        let seen = home.path().join(".git/seen");
        let filter = format!("sh -c 'echo $GAIA_KEEPER > {}; cat'", seen.display());
        plain(&["config", "filter.marked.clean", &filter]);
        std::fs::write(home.path().join(".gitattributes"), "* filter=marked\n").unwrap();
        git(home.path(), &["add"], within).unwrap();
        let marked = std::fs::read_to_string(seen).unwrap();
        let me = ProcessIdentity::current().unwrap();
        assert_eq!(marked.trim(), mark(&me).1);
    }

    #[test]
    fn t13_what_git_says_is_read() {
        let clean = read(b"# branch.oid 12ab\0# branch.head main\0# branch.ab +1 -0\0");
        assert_eq!(
            (clean.head.as_deref(), clean.branch.as_deref()),
            (Some("12ab"), Some("main"))
        );
        assert_eq!(clean.uncommitted, Some(false));
        let new = read(b"# branch.oid (initial)\0# branch.head (detached)\0? a file\0");
        assert_eq!((new.head, new.branch), (None, None));
        assert_eq!(new.uncommitted, Some(true));
    }
}
