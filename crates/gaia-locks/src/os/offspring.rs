//! All that a process has started, also what slipped away from it.
//!
//! A child that puts itself into a session of its own is out of reach of its group's signals, and
//! when its parent ends it is given to the first process of the machine. On Linux a process can
//! ask to be given such orphans itself: then whatever its children started stays below it, and
//! having no child left proves that all of it is gone. Elsewhere only groups can be told.

use std::io;

/// Orphans below this process become its children, where the system can do that.
///
/// # Errors
/// What the system said.
pub fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}

/// This process is killed as soon as the thread that started it has ended, where the system can do
/// that. For between fork and exec: it is one system call, and a second that asks whether the
/// parent was quicker.
///
/// # Errors
/// What the system said, or that the parent is gone already.
pub fn die_with(parent: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        if now != Some(parent) {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    Ok(())
}

/// Whether [`adopt_orphans`] does anything here: then no child left means nothing left.
#[must_use]
pub fn sees_orphans() -> bool {
    cfg!(target_os = "linux")
}

/// The children that this process has now, ended ones that nobody took note of among them. Empty
/// where the system does not tell.
#[must_use]
pub fn children() -> Vec<u32> {
    #[cfg(target_os = "linux")]
    return children_of("/proc/self/task").unwrap_or_default();
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// A child is listed with the thread that started it.
fn children_of(threads: &str) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(threads)? {
        // A thread that has ended meanwhile has left its children to another.
        let listed = std::fs::read_to_string(thread?.path().join("children"));
        let listed = listed.unwrap_or_default();
        found.extend(
            listed
                .split_ascii_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    Ok(found)
}

/// All processes below another: its children, theirs and so on. Empty where the system does not
/// tell.
#[must_use]
pub fn below(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(pid) = next.pop() {
        let children = children_of(&format!("/proc/{pid}/task")).unwrap_or_default();
        found.extend(&children);
        next.extend(children);
    }
    found
}

/// Processes of the same user that were started with this variable. Empty where the system does
/// not tell.
#[must_use]
pub fn with_environment(name: &str, value: &str) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    {
        let entry = format!("{name}={value}");
        by_environment(|known| known == entry.as_bytes()).unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (name, value);
        Vec::new()
    }
}

/// Processes of the same user that were started with this variable, whatever it was. Empty where
/// the system does not tell.
#[must_use]
pub fn with_variable(name: &str) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    {
        let entry = format!("{name}=");
        by_environment(|known| known.starts_with(entry.as_bytes())).unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = name;
        Vec::new()
    }
}

/// What a variable was when this process was started. `None` also where the system does not tell,
/// and of another user's process.
#[must_use]
pub fn variable_of(pid: u32, name: &str) -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let value = environment.split(|byte| *byte == 0).find_map(|entry| {
            let rest = entry.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"=")
        });
        value.and_then(|value| String::from_utf8(value.to_vec()).ok())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (pid, name);
        None
    }
}

#[cfg(target_os = "linux")]
fn by_environment(is_meant: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")? {
        let process = process?;
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // Another user's, or one that has ended: its environment cannot be read, or is empty.
        let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(&is_meant) {
            found.push(pid);
        }
    }
    Ok(found)
}
