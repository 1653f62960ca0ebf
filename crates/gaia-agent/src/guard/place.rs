//! Where the hooks of a work tree lie, and what git's configuration says of it.

use std::path::{Path, PathBuf};

use super::{GuardError, git};

/// The guard's own folder of hooks, where hooks lie elsewhere.
const OWN: &str = "gaia-hooks";
/// Where git looked before.
const BEFORE: &str = "gaia.hooksPathBefore";
/// Whether that stood in the configuration that the guard writes to.
const WAS_HERE: &str = "gaia.hooksPathWasLocal";
const HOOKS_PATH: &str = "core.hooksPath";

/// Where the hooks of a work tree lie.
pub(super) struct Place {
    pub root: PathBuf,
    /// Where the hooks lie that git calls where nothing else is said.
    pub usual: PathBuf,
    /// What `core.hooksPath` says, wherever it is said.
    pub hooks_path: Option<PathBuf>,
    /// The guard's own folder of hooks.
    pub own: PathBuf,
    /// The configuration that decides: the repository's, or where the work tree
    /// has a `core.hooksPath` of its own, that one's.
    scope: &'static str,
}

impl Place {
    pub fn of(folder: &Path) -> Result<Self, GuardError> {
        let root = git::root(folder)?;
        let common = git::common(&root)?;
        let is_of_tree = git::ask(&root, &["config", "--show-scope", "--get", HOOKS_PATH])
            .is_ok_and(|answer| answer.starts_with(b"worktree"));
        let (scope, base) = match is_of_tree {
            true => ("--worktree", git::git_dir(&root)?),
            false => ("--local", common.clone()),
        };
        Ok(Self {
            hooks_path: git::setting(&root, &["--type=path"], HOOKS_PATH),
            usual: common.join("hooks"),
            own: base.join(OWN),
            scope,
            root,
        })
    }

    /// Whether git calls the guard's own folder.
    pub fn is_ours(&self) -> bool {
        self.hooks_path
            .as_ref()
            .is_some_and(|path| self.root.join(path) == self.own)
    }

    /// Where git looked before the guard, as a path.
    pub fn before(&self) -> Option<PathBuf> {
        git::setting(&self.root, &[self.scope, "--type=path"], BEFORE)
    }

    /// Has git look into the guard's own folder.
    pub fn point_to_own(&self) -> Result<(), GuardError> {
        self.set(HOOKS_PATH, &self.own.to_string_lossy())
    }

    /// Where git looks now, as it was written.
    pub fn remember(&self) -> Result<(), GuardError> {
        let before = git::setting(&self.root, &[], HOOKS_PATH).unwrap_or_default();
        let here = git::setting(&self.root, &[self.scope], HOOKS_PATH);
        self.set(BEFORE, &before.to_string_lossy())?;
        self.set(WAS_HERE, &here.is_some().to_string())
    }

    /// Puts that back, unless somebody has set another path since.
    pub fn forget(&self) -> Result<(), GuardError> {
        let set = git::setting(&self.root, &[self.scope], HOOKS_PATH);
        if set.is_some_and(|path| path == self.own) {
            let before = git::setting(&self.root, &[self.scope], BEFORE);
            let was_here = git::setting(&self.root, &[self.scope], WAS_HERE);
            match before.filter(|_| was_here.as_deref() == Some(Path::new("true"))) {
                Some(before) => self.set(HOOKS_PATH, &before.to_string_lossy())?,
                None => self.config(&["--unset", HOOKS_PATH]).map(drop)?,
            }
        }
        // The section goes with its last word; a missing one is no harm.
        let _ = self.config(&["--remove-section", "gaia"]);
        Ok(())
    }

    fn set(&self, name: &str, value: &str) -> Result<(), GuardError> {
        self.config(&[name, value]).map(drop)
    }

    fn config(&self, words: &[&str]) -> Result<Vec<u8>, GuardError> {
        git::ask(&self.root, &[&["config", self.scope], words].concat())
    }
}
