//! The git work tree around a path, by what lies there and without asking git.

use std::fs;
use std::path::{Path, PathBuf};

use gaia_assigner::hearing;
use gaia_locks::folder::{Folder, is_within};

type Tree = hearing::Tree<Folder>;

/// The innermost git work tree around a path, the path itself included.
pub(crate) fn work_tree(around: &Folder) -> Option<Tree> {
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
