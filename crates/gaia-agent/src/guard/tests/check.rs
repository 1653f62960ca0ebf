//! Commits against real locks.

use std::sync::Arc;
use std::time::Duration;

use gaia_locks::LockService;
use gaia_locks::folder::Folder;
use gaia_locks::ids::{LockId, SessionId, TaskId};
use gaia_locks::model::{AgentBinding, Holder};
use gaia_locks::service::{Acquire, Config, Locks as _};
use gaia_locks::store::sqlite::{SqliteOptions, SqliteStore};
use gaia_locks::wire::Answer;

use super::*;
use crate::guard::check;

/// A repository, and locks around it.
struct Guarded {
    repository: Repository,
    locks: LockService,
}

impl Guarded {
    fn new() -> Self {
        let repository = Repository::new();
        let file = repository.path("db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).unwrap();
        let guarded = Self {
            locks: LockService::new(Arc::new(store), Config::default()),
            repository,
        };
        guarded.write("r/src/a", "a");
        guarded.write("r/doc/b", "b");
        guarded.stage(&guarded.repository.tree());
        guarded.repository.git(&["commit", "-q", "-m", "first"]);
        guarded
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.repository.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn stage(&self, tree: &Path) {
        let output = self.repository.run(tree, &["add", "-A"]);
        assert!(output.status.success(), "{output:?}");
    }

    fn take(&self, folder: &str, session: &str) -> LockId {
        let folder = Folder::resolve(&self.repository.path(folder), Path::new("/")).unwrap();
        let request = Acquire::new(folder, SessionId::new(session).unwrap(), TaskId::NONE);
        match self.locks.acquire(&request).unwrap() {
            Answer::Granted(granted) => granted.locks[0].id,
            answer => panic!("{answer:?}"),
        }
    }

    /// As an agent's hook takes it.
    fn take_by_hook(&self, folder: &str, session: &str) {
        let id = self.take(folder, session);
        let lease = Duration::from_secs(900);
        let keep = |tx: &mut gaia_locks::service::LockTx<'_>| {
            let lock = tx.store().lock(id)?.unwrap();
            tx.keep_for_agent(&lock, AgentBinding::default(), lease)
        };
        self.locks.transact(keep).unwrap();
    }

    fn release(&self, folder: &str, session: &str) {
        let folder = Folder::resolve(&self.repository.path(folder), Path::new("/")).unwrap();
        let released = self.locks.release(&gaia_locks::service::Release {
            folder: Some(folder),
            session: SessionId::new(session).unwrap(),
            task: None,
            token: None,
        });
        released.unwrap();
    }

    /// The files for which a session's commit is refused.
    fn refused(&self, tree: &Path, session: Option<&str>) -> Vec<String> {
        let who = session.map(|name| Holder::new(SessionId::new(name).unwrap(), TaskId::NONE));
        let refused = check(&self.locks, tree, who.as_ref()).unwrap();
        refused.into_iter().map(|refused| refused.file).collect()
    }
}

#[test]
fn a_commit_is_refused_for_what_another_holds_and_for_nothing_else() {
    let guarded = Guarded::new();
    let tree = guarded.repository.tree();
    guarded.write("r/src/a", "new");
    guarded.stage(&tree);
    assert!(guarded.refused(&tree, Some("me")).is_empty());
    guarded.take("r/doc", "other");
    assert!(guarded.refused(&tree, Some("me")).is_empty());
    guarded.take("r/src", "other");
    assert_eq!(guarded.refused(&tree, Some("me")), ["src/a"]);
    assert_eq!(guarded.refused(&tree, None), ["src/a"]);
    assert!(guarded.refused(&tree, Some("other")).is_empty());
    // From wherever in the tree it is asked.
    assert_eq!(guarded.refused(&tree.join("doc"), Some("me")), ["src/a"]);
    // What is deleted or moved away counts as well.
    guarded.repository.git(&["mv", "doc/b", "c"]);
    assert_eq!(guarded.refused(&tree, Some("me")), ["doc/b", "src/a"]);
}

#[test]
fn one_lock_is_told_once_with_the_first_file() {
    let guarded = Guarded::new();
    let tree = guarded.repository.tree();
    for name in ["r/src/a", "r/src/b", "r/doc/b"] {
        guarded.write(name, "new");
    }
    guarded.stage(&tree);
    guarded.take("r", "other");
    assert_eq!(guarded.refused(&tree, Some("me")), ["doc/b"]);
}

#[test]
fn a_folder_that_became_a_file_can_be_committed() {
    let guarded = Guarded::new();
    let tree = guarded.repository.tree();
    fs::remove_dir_all(tree.join("src")).unwrap();
    guarded.write("r/src", "a file now");
    guarded.stage(&tree);
    assert!(guarded.refused(&tree, Some("me")).is_empty());
    // And a file that became a folder.
    guarded.repository.git(&["commit", "-q", "-m", "turned"]);
    fs::remove_file(tree.join("src")).unwrap();
    guarded.write("r/src/deep/a", "a");
    guarded.stage(&tree);
    assert!(guarded.refused(&tree, Some("me")).is_empty());
    guarded.take("r/src", "other");
    assert_eq!(guarded.refused(&tree, Some("me")), ["src"]);
}

#[test]
fn r01_a_submodule_lies_in_the_tree_around_it_and_a_linked_work_tree_does_not() {
    let guarded = Guarded::new();
    let (repository, tree) = (&guarded.repository, guarded.repository.tree());
    fs::create_dir(repository.path("other")).unwrap();
    repository.run(&repository.path("other"), &["init", "-q"]);
    assert!(repository.commits(&repository.path("other")));
    let other = repository.path("other");
    repository.git(&[
        "submodule",
        "--quiet",
        "add",
        other.to_str().unwrap(),
        "sub",
    ]);
    repository.git(&["commit", "-q", "-m", "sub"]);
    repository.git(&["worktree", "add", "-q", "inner/tree"]);
    let (sub, linked) = (tree.join("sub"), tree.join("inner/tree"));
    for (place, name) in [(&sub, "r/sub/x"), (&linked, "r/inner/tree/x")] {
        guarded.write(name, "new");
        guarded.stage(place);
    }
    guarded.take_by_hook("r", "other");
    assert_eq!(guarded.refused(&sub, Some("me")), ["x"]);
    assert!(guarded.refused(&linked, Some("me")).is_empty());
    // Also from a folder inside it.
    guarded.write("r/inner/tree/deep/x", "new");
    guarded.stage(&linked);
    assert!(guarded.refused(&linked.join("deep"), Some("me")).is_empty());
    guarded.release("r", "other");
    assert!(guarded.refused(&sub, Some("me")).is_empty());
    // What somebody asked for covers both.
    guarded.take("r", "other");
    assert_eq!(guarded.refused(&sub, Some("me")), ["x"]);
    assert!(!guarded.refused(&linked, Some("me")).is_empty());
}
