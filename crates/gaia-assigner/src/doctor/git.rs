//! Whether git ignores GAIA's marker files in the repository of a folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gaia_locks::settings::Markers;

use super::Check;

const NAME: &str = "git ignores";
const PATTERN: &str = ".gaia*";

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
/// exclude file, which is not committed.
///
/// # Errors
/// When that file cannot be written.
pub fn ignore(here: &Path) -> std::io::Result<()> {
    let Some(exclude) = exclude_file(here).filter(|_| !is_ignored(here)) else {
        return Ok(());
    };
    if let Some(folder) = exclude.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let before = std::fs::read_to_string(&exclude).unwrap_or_default();
    let end = if before.is_empty() || before.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(&exclude)?;
    writeln!(file, "{end}{PATTERN}")
}

fn is_ignored(here: &Path) -> bool {
    let mut git = quiet_git(here);
    let asked = git.args(["check-ignore", "-q", "--no-index", ".gaia"]);
    asked.status().is_ok_and(|status| status.success())
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
    let path = PathBuf::from(path.trim_end_matches('\n'));
    (output.status.success() && path.is_absolute()).then_some(path)
}

fn quiet_git(here: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(here);
    git.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    git
}
