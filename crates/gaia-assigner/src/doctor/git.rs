//! Whether git ignores GAIA's marker files in the repository of a folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gaia_locks::settings::Markers;

use super::Check;

const NAME: &str = "git ignores";
const PATTERN: &str = ".gaia*";
/// What is asked about: a marker at the top, and one below it.
const NAMES: [&str; 2] = [".gaia", "any/folder/.gaia"];

/// Markers that are committed travel to other machines, where they lie.
pub fn ignored(here: &Path, markers: Markers) -> Check {
    let Some(exclude) = exclude_file(here) else {
        return Check::ok(NAME, "no git repository here");
    };
    if markers != Markers::On {
        return Check::ok(NAME, "no marker files are put into folders");
    }
    match is_ignored(here) {
        true => Check::ok(NAME, format!("{PATTERN} is ignored")),
        false => Check::warning(
            NAME,
            format!("{PATTERN} is not ignored in this repository: marker files could be committed"),
            format!(
                "put {PATTERN} into .gitignore (`gaia init`) or {}, or run `gaia doctor --fix`",
                exclude.display()
            ),
        ),
    }
}

/// Puts the pattern where it bothers nobody else: in the repository's own
/// exclude file, which is not committed. Where it stands there already another
/// pattern overrules it, and a second one would not help.
///
/// # Errors
/// When that file cannot be read or written.
pub fn ignore(here: &Path, markers: Markers) -> std::io::Result<()> {
    let wanted = markers == Markers::On && !is_ignored(here);
    let Some(exclude) = exclude_file(here).filter(|_| wanted) else {
        return Ok(());
    };
    if let Some(folder) = exclude.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Patterns are bytes, as names of files are.
    let before = match std::fs::read(&exclude) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let mut lines = before.split(|byte| *byte == b'\n');
    if lines.any(|line| line.trim_ascii_end() == PATTERN.as_bytes()) {
        return Ok(());
    }
    let end = match before.is_empty() || before.ends_with(b"\n") {
        true => "",
        false => "\n",
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(&exclude)?;
    writeln!(file, "{end}{PATTERN}")
}

fn is_ignored(here: &Path) -> bool {
    NAMES.iter().all(|name| {
        let mut git = quiet_git(here);
        let asked = git.args(["check-ignore", "-q", "--no-index", name]);
        asked.status().is_ok_and(|status| status.success())
    })
}

fn exclude_file(here: &Path) -> Option<PathBuf> {
    let mut git = quiet_git(here);
    git.args([
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "info/exclude",
    ]);
    let output = git.stdout(Stdio::piped()).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    // One line end is git's; others belong to the name.
    let path = PathBuf::from(path.strip_suffix('\n').unwrap_or(&path));
    (output.status.success() && path.is_absolute()).then_some(path)
}

/// git for this folder, whatever repository a hook's environment names.
fn quiet_git(here: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(here);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    git.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    git
}
