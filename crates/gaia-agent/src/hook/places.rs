//! Where a write lands, and what is locked for it.
//!
//! The path that is written counts, resolved through links, and not where the
//! session happens to be. What is locked is the innermost git work tree around
//! it (or as the setting says), but never the user's home or above, a temporary
//! folder, or a client's own state: locking those would stop everybody. What is
//! not locked is still looked at: somebody else may have locked it.

use std::fs;
use std::path::{Path, PathBuf};

use gaia_locks::folder::{Folder, InvalidFolder, is_within};
use gaia_locks::settings::HookLocks;

use super::Surroundings;
use crate::shell::Written;

/// Where a write lands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// What is written.
    pub target: Folder,
    /// What is locked for it, if anything.
    pub lock: Option<Tree>,
    /// A linked work tree that is made there, inside the one it comes from.
    pub fresh: Option<Folder>,
}

/// What is locked for a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tree {
    /// The folder.
    pub folder: Folder,
    /// Whether it is a linked work tree.
    pub linked: bool,
    /// Linked work trees inside it, which are folders of their own.
    pub spares: Vec<Folder>,
}

/// What places are judged by.
pub(crate) struct Judge<'a> {
    locks: HookLocks,
    home: Option<Folder>,
    temporary: Vec<Folder>,
    states: Vec<Folder>,
    around: &'a Surroundings,
}

impl<'a> Judge<'a> {
    /// What is known of the place where a call runs.
    pub fn new(locks: HookLocks, around: &'a Surroundings) -> Self {
        let resolve = |path: &PathBuf| Folder::resolve(path, Path::new("/")).ok();
        Self {
            locks,
            home: around.home.as_ref().and_then(resolve),
            temporary: around.temporary.iter().filter_map(resolve).collect(),
            states: around.states.iter().filter_map(resolve).collect(),
            around,
        }
    }

    /// Where a path as a tool names it lands.
    pub fn path(&self, path: &str, folder: &Path) -> Result<Place, InvalidFolder> {
        let path = self.at_home(path);
        let target = Folder::resolve(&path, folder)?;
        let lock = self.lock_for(&target);
        Ok(Place {
            target,
            lock,
            fresh: None,
        })
    }

    /// Where a part of a shell command lands.
    pub fn written(&self, written: &Written) -> Result<Place, InvalidFolder> {
        match written {
            Written::Path(path) => self.path(&path.to_string_lossy(), Path::new("/")),
            Written::Tree(folder) => self.tree(folder),
            Written::NewTree { place, of } => self.new_tree(place, of),
        }
    }

    /// Where a linked work tree is made. It is not locked: whoever will work in
    /// it locks it. Inside the tree that it comes from it is looked at as one
    /// that is there already.
    fn new_tree(&self, place: &Path, of: &Path) -> Result<Place, InvalidFolder> {
        let target = Folder::resolve(place, Path::new("/"))?;
        let of = Folder::resolve(of, Path::new("/"))?;
        let around = |folder: &Folder| work_tree(folder).map(|tree| tree.folder);
        let inside = around(&of).is_some_and(|tree| {
            tree.covers(&target) && around(&target).is_some_and(|inner| inner.same(&tree))
        });
        let fresh = inside.then(|| target.clone());
        Ok(Place {
            target,
            lock: None,
            fresh,
        })
    }

    /// A path that what cannot be judged names. What lies in no work tree is
    /// only looked at: it is read far more often than written.
    pub fn named(&self, path: &Path) -> Option<Place> {
        let target = Folder::resolve(path, Path::new("/")).ok()?;
        let lock = work_tree(&target).filter(|tree| self.may_lock(&tree.folder, true));
        Some(Place {
            target,
            lock,
            fresh: None,
        })
    }

    /// The work tree around a folder; outside one the folder itself.
    pub fn tree(&self, folder: &Path) -> Result<Place, InvalidFolder> {
        let folder = Folder::resolve(folder, Path::new("/"))?;
        let found = work_tree(&folder).filter(|tree| self.may_lock(&tree.folder, true));
        let lock = found.or_else(|| self.alone(&folder));
        let target = lock.as_ref().map_or(folder, |tree| tree.folder.clone());
        Ok(Place {
            target,
            lock,
            fresh: None,
        })
    }

    /// Clients take `~/` for the home folder where a user wrote it so.
    fn at_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.around.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    fn lock_for(&self, target: &Folder) -> Option<Tree> {
        let wanted = match self.locks {
            HookLocks::WorkTree => {
                work_tree(target).filter(|tree| self.may_lock(&tree.folder, true))
            }
            HookLocks::Folder => self.folder_of(target),
            HookLocks::File => None,
        };
        wanted.or_else(|| self.alone(target))
    }

    fn folder_of(&self, target: &Folder) -> Option<Tree> {
        let path = Path::new(target.path());
        let folder = if path.is_dir() { path } else { path.parent()? };
        let folder = Folder::resolve(folder, Path::new("/")).ok()?;
        self.alone(&folder)
    }

    /// A folder or file that is no work tree.
    fn alone(&self, folder: &Folder) -> Option<Tree> {
        let tree = || Tree {
            folder: folder.clone(),
            linked: false,
            spares: Vec::new(),
        };
        self.may_lock(folder, false).then(tree)
    }

    /// A work tree below a temporary folder is somebody's work; other things
    /// there are not.
    fn may_lock(&self, folder: &Folder, is_tree: bool) -> bool {
        let is_home = |home: &Folder| folder.covers(home);
        let in_state = self.states.iter().any(|state| state.covers(folder));
        let temporary = self
            .temporary
            .iter()
            .any(|temporary| folder.covers(temporary) || (!is_tree && temporary.covers(folder)));
        folder.path() != "/" && !self.home.as_ref().is_some_and(is_home) && !in_state && !temporary
    }
}

/// The innermost git work tree around a path, the path itself included.
fn work_tree(around: &Folder) -> Option<Tree> {
    let mut above = Path::new(around.path()).ancestors();
    let (root, git) = above.find_map(|folder| Some((folder, git_of(folder)?)))?;
    let folder = Folder::resolve(root, Path::new("/")).ok()?;
    let common = git.common();
    let mut spares = linked_trees(&common);
    spares.retain(|tree| is_within(tree.path_key(), folder.path_key()) && !tree.same(&folder));
    Some(Tree {
        folder,
        linked: matches!(git, Git::Linked(_)),
        spares,
    })
}

/// What makes a folder a work tree.
enum Git {
    /// Its own `.git`, or a submodule's.
    Own(PathBuf),
    /// A linked work tree's part of another's `.git`.
    Linked(PathBuf),
}

impl Git {
    /// Where the linked work trees of the repository are listed.
    fn common(&self) -> PathBuf {
        match self {
            Git::Own(git) => git.clone(),
            Git::Linked(git) => git.ancestors().nth(2).unwrap_or(git).to_owned(),
        }
    }
}

fn git_of(folder: &Path) -> Option<Git> {
    let entry = folder.join(".git");
    let found = fs::symlink_metadata(&entry).ok()?;
    if !found.is_file() {
        return entry.join("HEAD").is_file().then_some(Git::Own(entry));
    }
    let text = fs::read_to_string(&entry).ok()?;
    let git = folder.join(text.trim_end().strip_prefix("gitdir: ")?);
    let is_linked = git
        .parent()
        .is_some_and(|parent| parent.ends_with("worktrees"));
    let whole = git.join("HEAD").is_file();
    whole.then_some(if is_linked {
        Git::Linked(git)
    } else {
        Git::Own(git)
    })
}

/// The linked work trees of a repository, as it lists them.
fn linked_trees(common: &Path) -> Vec<Folder> {
    let Ok(entries) = fs::read_dir(common.join("worktrees")) else {
        return Vec::new();
    };
    let tree = |entry: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(entry.ok()?.path().join("gitdir")).ok()?;
        let tree = Path::new(text.trim_end()).parent()?;
        Folder::resolve(tree, common).ok()
    };
    entries.filter_map(tree).collect()
}
