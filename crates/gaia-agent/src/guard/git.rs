//! Asking git.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::GuardError;

/// What git answers, as it prints it.
pub(super) fn ask(folder: &Path, words: &[&str]) -> Result<Vec<u8>, GuardError> {
    let failed = |why: String| GuardError::Git {
        command: words.join(" "),
        folder: folder.to_owned(),
        why,
    };
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(words)
        .output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
    }
}

/// A path that git answers, absolute.
pub(super) fn path(folder: &Path, words: &[&str]) -> Result<PathBuf, GuardError> {
    let mut answer = ask(folder, words)?;
    if answer.ends_with(b"\n") {
        answer.pop();
    }
    Ok(folder.join(OsString::from_vec(answer)))
}

/// The root of the work tree around a folder.
pub(super) fn root(folder: &Path) -> Result<PathBuf, GuardError> {
    path(folder, &["rev-parse", "--show-toplevel"])
}

/// What all work trees of the repository share.
pub(super) fn common(folder: &Path) -> Result<PathBuf, GuardError> {
    path(folder, &["rev-parse", "--git-common-dir"])
}

/// A setting, if it is set.
pub(super) fn setting(folder: &Path, scope: &[&str], name: &str) -> Option<PathBuf> {
    let words: Vec<&str> = [&["config"], scope, &["--get", name]].concat();
    let mut answer = ask(folder, &words).ok()?;
    if answer.ends_with(b"\n") {
        answer.pop();
    }
    Some(PathBuf::from(OsString::from_vec(answer)))
}

/// The submodules that are there, however deep.
pub(super) fn submodules(folder: &Path) -> Vec<PathBuf> {
    let words = ["submodule", "foreach", "--quiet", "--recursive", "pwd"];
    let answer = ask(folder, &words).unwrap_or_default();
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.lines().map(PathBuf::from).collect()
}

/// The files that are about to be committed, deleted ones too.
pub(super) fn staged(root: &Path) -> Result<Vec<PathBuf>, GuardError> {
    // A first commit has nothing to be compared with but the empty tree.
    let answer = ask(
        root,
        &["diff", "--cached", "--name-only", "--no-renames", "-z"],
    )?;
    let paths = answer
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty());
    Ok(paths
        .map(|path| root.join(OsString::from_vec(path.to_vec())))
        .collect())
}
