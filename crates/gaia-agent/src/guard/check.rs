//! Whether a commit may be made.

use std::path::Path;

use gaia_locks::Locks;
use gaia_locks::folder::Folder;
use gaia_locks::model::Holder;
use gaia_locks::service::{Touch, Touched};
use gaia_locks::wire::LockInfo;

use super::{GuardError, git};
use crate::work_tree::work_tree;

/// A lock of another's on what a commit touches.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// A file of the commit.
    pub file: String,
    /// The lock.
    pub lock: LockInfo,
}

/// Looks whether a commit in the work tree around a folder touches what others
/// hold. Where nobody can tell who commits, every lock is another's.
///
/// # Errors
/// When git or the locks cannot be asked.
pub fn check(
    locks: &dyn Locks,
    folder: &Path,
    who: Option<&Holder>,
) -> Result<Vec<Refused>, GuardError> {
    let root = git::root_in_hook(folder)?;
    let staged = git::staged(&root)?;
    let tree = Folder::resolve(&root, Path::new("/"))?;
    let files = staged.iter().map(|file| touched(file, &tree));
    let found = locks.touched(&Touch {
        linked: work_tree(&tree).is_some_and(|found| found.linked && found.folder.same(&tree)),
        files: files.collect(),
        tree,
        holder: who.cloned(),
    })?;
    let refused = |Touched { file, lock }| {
        let file = staged.get(file)?;
        let file = file.strip_prefix(&root).unwrap_or(file);
        Some(Refused {
            file: file.display().to_string(),
            lock,
        })
    };
    Ok(found.into_iter().filter_map(refused).collect())
}

/// What a file of a commit stands for among locks. Where a folder has become a
/// file, or a name cannot be a folder's, it is what stands there of its path.
fn touched(file: &Path, tree: &Folder) -> Folder {
    let mut above = file.ancestors();
    let found = above.find_map(|path| Folder::resolve(path, Path::new("/")).ok());
    found
        .filter(|found| tree.covers(found))
        .unwrap_or_else(|| tree.clone())
}
