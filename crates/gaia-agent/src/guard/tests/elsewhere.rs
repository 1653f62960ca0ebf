//! Merges, hooks of one work tree, hooks that come later, and a guard that no
//! longer works.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::Repository;
use crate::guard::{Found, install, look, remove};

#[test]
fn a_merge_is_asked_for_too() {
    let repository = Repository::new();
    let tree = repository.tree();
    let commit = |message| repository.git(&["commit", "-q", "--allow-empty", "-m", message]);
    commit("both");
    repository.git(&["switch", "-q", "-c", "other"]);
    commit("theirs");
    repository.git(&["switch", "-q", "-"]);
    commit("ours");
    let merge = || repository.run(&tree, &["merge", "-q", "--no-edit", "other"]);
    install(&tree, "false").unwrap();
    assert!(!merge().status.success());
    repository.git(&["merge", "--abort"]);
    install(&tree, "true").unwrap();
    assert!(merge().status.success());
}

#[test]
fn a_work_tree_with_a_place_of_its_own_for_hooks_is_guarded_and_the_others_left_alone() {
    let repository = Repository::new();
    let tree = repository.tree();
    assert!(repository.commits(&tree));
    repository.git(&["config", "extensions.worktreeConfig", "true"]);
    repository.git(&["worktree", "add", "-q", "../linked"]);
    let linked = repository.path("linked");
    let own = repository.path("own-hooks");
    repository.script(&own.join("pre-commit"), &repository.noting());
    let words = ["config", "--worktree", "core.hooksPath"];
    repository.run(&linked, &[&words[..], &[own.to_str().unwrap()]].concat());
    repository.script(&tree.join(".git/hooks/pre-commit"), &repository.noting());
    install(&linked, "false").unwrap();
    assert!(matches!(look(&linked).unwrap(), Found::Installed { .. }));
    assert!(!repository.commits(&linked));
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    remove(&linked).unwrap();
    assert!(repository.commits(&linked));
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 3);
    let set = repository.run(&linked, &["config", "--get", "core.hooksPath"]);
    assert_eq!(set.stdout, format!("{}\n", own.display()).as_bytes());
}

#[test]
fn hooks_of_another_place_work_that_came_after_the_guard_or_serve_a_push() {
    let repository = Repository::new();
    let tree = repository.tree();
    let shared = repository.path("shared");
    repository.script(&shared.join("pre-commit"), "#!/bin/sh\n");
    repository.git(&["config", "core.hooksPath", shared.to_str().unwrap()]);
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    repository.script(&shared.join("update"), "#!/bin/sh\nexit 1\n");
    let push = repository.run(&tree, &["push", "-q", ".", "HEAD:refs/heads/pushed"]);
    assert!(!push.status.success(), "update refuses it");
    repository.script(&shared.join("commit-msg"), "#!/bin/sh\nexit 1\n");
    assert!(!repository.commits(&tree));
}

#[test]
fn what_git_was_told_is_put_back_as_it_was_written() {
    let repository = Repository::new();
    let tree = repository.tree();
    repository.git(&["config", "core.hooksPath", "~/hooks"]);
    install(&tree, "true").unwrap();
    remove(&tree).unwrap();
    let set = repository.git(&["config", "--get", "core.hooksPath"]);
    assert_eq!(set.stdout, b"~/hooks\n");
}

#[test]
fn a_guard_that_git_passes_over_or_whose_program_is_gone_is_told() {
    let repository = Repository::new();
    let tree = repository.tree();
    let hook = tree.join(".git/hooks/pre-commit");
    let why = || match look(&tree).unwrap() {
        Found::Missing { why } => why.unwrap(),
        found @ Found::Installed { .. } => panic!("{found:?}"),
    };
    let program = repository.path("it's gaia");
    let quoted = format!("'{}'", program.display().to_string().replace('\'', "'\\''"));
    let check = format!("A='b c' {quoted} guard check --commit");
    install(&tree, &check).unwrap();
    assert!(why().contains("it's gaia, which is gone"), "{}", why());
    repository.script(&program, "#!/bin/sh\n");
    assert!(matches!(look(&tree).unwrap(), Found::Installed { .. }));
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(why().contains("not executable"), "{}", why());
}
