//! The repositories that init sets up, as git tells of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::exit::{Failure, Status};

/// What is asked about a name that is to be ignored: at the top, and below it.
const NAMES: [&str; 2] = [".gaia", "any/folder/.gaia"];

/// A git work tree: of a repository, linked to one, or a submodule's.
pub struct Repo {
    /// Its top folder.
    pub top: PathBuf,
    /// Where its own patterns stand that are not committed. All work trees of a
    /// repository share one.
    pub exclude: PathBuf,
}

impl Repo {
    /// The work tree that a folder lies in.
    ///
    /// # Errors
    /// When it lies in none, or git is not to be had; in git's own words.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let top = asked(folder, &["rev-parse", "--show-toplevel"])?;
        let path = [
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "info/exclude",
        ];
        let exclude = asked(Path::new(&top), &path)?;
        Ok(Self {
            top: top.into(),
            exclude: exclude.into(),
        })
    }

    /// Whether git would leave marker files out, by whatever pattern.
    pub fn ignores_markers(&self) -> bool {
        NAMES.iter().all(|name| {
            let mut git = git(&self.top);
            git.args(["check-ignore", "-q", "--no-index", name]);
            git.status().is_ok_and(|status| status.success())
        })
    }
}

fn asked(folder: &Path, words: &[&str]) -> Result<String, Failure> {
    let mut git = git(folder);
    git.args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let output = git.output().map_err(|error| {
        Failure::new(
            "no_git",
            Status::Failed,
            format!("git could not be started: {error}"),
        )
        .hint("install git, or leave the repository out")
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ").to_owned();
        let why = format!("{} is in no git work tree: {said}", folder.display());
        return Err(Failure::new("no_repository", Status::Usage, why));
    }
    let line = String::from_utf8(output.stdout).map_err(|_| {
        Failure::usage(format!(
            "what git says of {} is not UTF-8",
            folder.display()
        ))
    })?;
    // One line end is git's; others belong to the name.
    Ok(line.strip_suffix('\n').unwrap_or(&line).to_owned())
}

/// git for this folder, whatever repository a hook's environment names.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    git.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    git
}
