//! Asking git.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::GuardError;

/// What git says of the repository around a folder, as it prints it. Another
/// repository may be named by the environment, as an alias of git's does.
pub(super) fn ask(folder: &Path, words: &[&str]) -> Result<Vec<u8>, GuardError> {
    let mut git = Command::new("git");
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_COMMON_DIR",
        "GIT_INDEX_FILE",
    ] {
        git.env_remove(name);
    }
    run(git, folder, words)
}

/// What git says of the commit that is being made: the environment says where
/// it is prepared.
fn ask_in_hook(folder: &Path, words: &[&str]) -> Result<Vec<u8>, GuardError> {
    run(Command::new("git"), folder, words)
}

fn run(mut git: Command, folder: &Path, words: &[&str]) -> Result<Vec<u8>, GuardError> {
    let failed = |why: String| GuardError::Git {
        command: words.join(" "),
        folder: folder.to_owned(),
        why,
    };
    let output = git.arg("-C").arg(folder).args(words).output();
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
    Ok(one_path(folder, ask(folder, words)?))
}

fn one_path(folder: &Path, mut answer: Vec<u8>) -> PathBuf {
    if answer.ends_with(b"\n") {
        answer.pop();
    }
    folder.join(OsString::from_vec(answer))
}

/// The root of the work tree around a folder.
pub(super) fn root(folder: &Path) -> Result<PathBuf, GuardError> {
    path(folder, &["rev-parse", "--show-toplevel"])
}

/// The root of the work tree in which a commit is being made.
pub(super) fn root_in_hook(folder: &Path) -> Result<PathBuf, GuardError> {
    let answer = ask_in_hook(folder, &["rev-parse", "--show-toplevel"])?;
    Ok(one_path(folder, answer))
}

/// What all work trees of the repository share.
pub(super) fn common(folder: &Path) -> Result<PathBuf, GuardError> {
    path(folder, &["rev-parse", "--git-common-dir"])
}

/// What is one work tree's alone.
pub(super) fn git_dir(folder: &Path) -> Result<PathBuf, GuardError> {
    path(folder, &["rev-parse", "--git-dir"])
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
    let print = "printf '%s\\0' \"$PWD\"";
    let words = ["submodule", "foreach", "--quiet", "--recursive", print];
    paths(&ask(folder, &words).unwrap_or_default()).collect()
}

/// The files that are about to be committed, deleted ones too.
pub(super) fn staged(root: &Path) -> Result<Vec<PathBuf>, GuardError> {
    // A first commit has nothing to be compared with but the empty tree.
    let names = ["--cached", "--name-only", "--no-renames", "-z"];
    let words = [&["diff", "--ignore-submodules=none"], &names[..]].concat();
    let answer = ask_in_hook(root, &words)?;
    Ok(paths(&answer).map(|path| root.join(path)).collect())
}

/// Paths with a NUL behind each.
fn paths(answer: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    let paths = answer.split(|byte| *byte == 0);
    let named = paths.filter(|path| !path.is_empty());
    named.map(|path| PathBuf::from(OsString::from_vec(path.to_vec())))
}
