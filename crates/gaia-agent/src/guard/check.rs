//! Whether a commit may be made.

use std::path::Path;

use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{SessionId, TaskId};
use gaia_locks::model::{Binding, Holder, Lock, Mode};
use gaia_locks::wire::LockInfo;

use super::{GuardError, git};

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
    service: &LockService,
    folder: &Path,
    who: Option<&Holder>,
) -> Result<Vec<Refused>, GuardError> {
    let root = git::root(folder)?;
    let files = git::staged(&root)?;
    let tree = Folder::resolve(&root, Path::new("/"))?;
    let (locks, now) = service.transact(|tx| Ok((tx.around_now(&tree)?, tx.now())))?;
    let scope = gaia_locks::Locks::scope(service);
    let stranger = Holder::new(
        SessionId::new("(nobody known)").map_err(gaia_locks::Error::from)?,
        TaskId(-1),
    );
    let who = who.unwrap_or(&stranger);
    let mut refused: Vec<Refused> = Vec::new();
    for file in &files {
        let path = Folder::resolve(file, Path::new("/"))?;
        let in_the_way = locks.iter().filter(|lock| {
            lock.conflicts_with(&scope, &path, who, Mode::Exclusive)
                && !is_apart(lock, &tree, &root)
        });
        for lock in in_the_way {
            if !refused.iter().any(|known| known.lock.id == lock.id) {
                refused.push(Refused {
                    file: file
                        .strip_prefix(&root)
                        .unwrap_or(file)
                        .display()
                        .to_string(),
                    lock: LockInfo::active(lock, now),
                });
            }
        }
    }
    Ok(refused)
}

/// A linked work tree inside a tree that a hook locked is a folder of its own.
fn is_apart(lock: &Lock, tree: &Folder, root: &Path) -> bool {
    let by_hook = matches!(lock.binding, Binding::Agent(_));
    let inside = lock.folder.covers(tree) && !lock.folder.same(tree);
    by_hook && inside && root.join(".git").is_file()
}
