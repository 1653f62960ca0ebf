//! With real git: hooks that are there go on working, and all is put back.

mod check;
mod elsewhere;
mod framework;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{Found, install, look, remove};

struct Repository {
    root: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self {
            root: TempDir::new().unwrap(),
        };
        fs::create_dir(repository.path("r")).unwrap();
        repository.git(&["init", "-q"]);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn tree(&self) -> PathBuf {
        self.path("r")
    }

    fn run(&self, folder: &Path, words: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder);
        for setting in [
            "user.name=t",
            "user.email=t@example.org",
            "commit.gpgsign=false",
            "protocol.file.allow=always",
        ] {
            git.args(["-c", setting]);
        }
        let home = self.root.path();
        git.args(words)
            .env("HOME", home)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("GIT_DIR");
        git.output().unwrap()
    }

    fn git(&self, words: &[&str]) -> Output {
        let output = self.run(&self.tree(), words);
        assert!(output.status.success(), "{words:?} {output:?}");
        output
    }

    fn script(&self, path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Whether a commit goes through.
    fn commits(&self, folder: &Path) -> bool {
        self.run(folder, &["commit", "-q", "--allow-empty", "-m", "x"])
            .status
            .success()
    }

    /// How often a hook that notes its calls was called.
    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).map_or(0, |text| text.lines().count())
    }

    fn noting(&self) -> String {
        format!(
            "#!/bin/sh\necho called >> '{}'\n",
            self.path("calls").display()
        )
    }
}

#[test]
fn it_refuses_when_the_check_does_and_lets_pass_otherwise() {
    let repository = Repository::new();
    let tree = repository.tree();
    assert_eq!(look(&tree).unwrap(), Found::Missing { why: None });
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    install(&tree, "/nowhere/gaia guard check").unwrap();
    assert!(
        !repository.commits(&tree),
        "a check that is missing refuses"
    );
    assert_eq!(remove(&tree).unwrap().len(), 2);
    assert!(repository.commits(&tree));
    assert!(!tree.join(".git/hooks/pre-commit").is_file());
}

#[test]
fn an_older_hook_runs_after_it_and_is_put_back_byte_for_byte() {
    let repository = Repository::new();
    let tree = repository.tree();
    let hook = tree.join(".git/hooks/pre-commit");
    repository.script(&hook, &repository.noting());
    install(&tree, "true").unwrap();
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    assert!(matches!(
        look(&tree).unwrap(),
        Found::Installed { then: Some(_), .. }
    ));
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    remove(&tree).unwrap();
    assert_eq!(fs::read_to_string(&hook).unwrap(), repository.noting());
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 2);
}

#[test]
fn a_hook_that_is_a_link_is_kept_as_a_link_and_what_it_leads_to_stays() {
    let repository = Repository::new();
    let tree = repository.tree();
    let shared = repository.path("shared-hook");
    repository.script(&shared, &repository.noting());
    let hook = tree.join(".git/hooks/pre-commit");
    std::os::unix::fs::symlink("../../../shared-hook", &hook).unwrap();
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    assert_eq!(fs::read_to_string(&shared).unwrap(), repository.noting());
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    remove(&tree).unwrap();
    assert_eq!(
        fs::read_link(&hook).unwrap(),
        Path::new("../../../shared-hook")
    );
}

/// As pre-commit does: its own hook takes the place, and runs the one that was
/// there from another name.
#[test]
fn a_hook_that_another_tool_put_over_the_guard_takes_nobodys_place_and_ends() {
    let repository = Repository::new();
    let tree = repository.tree();
    let hook = tree.join(".git/hooks/pre-commit");
    repository.script(&hook, &repository.noting());
    install(&tree, "true").unwrap();
    let legacy = tree.join(".git/hooks/pre-commit.legacy");
    fs::rename(&hook, &legacy).unwrap();
    let tool = "#!/bin/sh\nexec \"$(dirname \"$0\")/pre-commit.legacy\"\n";
    repository.script(&hook, tool);
    install(&tree, "true").unwrap();
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1, "the oldest hook runs, once");
    remove(&tree).unwrap();
    assert_eq!(fs::read_to_string(&hook).unwrap(), tool);
    assert_eq!(fs::read_to_string(&legacy).unwrap(), repository.noting());
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 2);
}

#[test]
fn an_older_hook_that_refuses_still_does() {
    let repository = Repository::new();
    let tree = repository.tree();
    repository.script(&tree.join(".git/hooks/pre-commit"), "#!/bin/sh\nexit 1\n");
    install(&tree, "true").unwrap();
    assert!(!repository.commits(&tree));
}

#[test]
fn hooks_that_lie_elsewhere_as_huskys_do_go_on_working() {
    let repository = Repository::new();
    let tree = repository.tree();
    repository.script(&tree.join(".husky/_/pre-commit"), &repository.noting());
    repository.script(&tree.join(".husky/_/commit-msg"), &repository.noting());
    repository.git(&["config", "core.hooksPath", ".husky/_"]);
    install(&tree, "true").unwrap();
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 2);
    assert!(
        repository
            .git(&["status", "--porcelain", "--ignored"])
            .stdout
            .starts_with(b"?? .husky/")
    );
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    // Husky sets its path again whenever packages are installed.
    repository.git(&["config", "core.hooksPath", ".husky/_"]);
    assert!(matches!(
        look(&tree).unwrap(),
        Found::Missing { why: Some(_) }
    ));
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    remove(&tree).unwrap();
    let path = repository
        .git(&["config", "--get", "core.hooksPath"])
        .stdout;
    assert_eq!(path, b".husky/_\n");
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 4);
}

#[test]
fn hooks_of_all_repositories_of_a_user_are_left_alone() {
    let repository = Repository::new();
    let tree = repository.tree();
    let shared = repository.path("shared");
    repository.script(&shared.join("pre-commit"), &repository.noting());
    repository.git(&["config", "core.hooksPath", shared.to_str().unwrap()]);
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    assert_eq!(fs::read_dir(&shared).unwrap().count(), 1);
}

#[test]
fn linked_work_trees_and_submodules_are_guarded_too() {
    let repository = Repository::new();
    let tree = repository.tree();
    assert!(repository.commits(&tree));
    fs::create_dir(repository.path("other")).unwrap();
    repository.run(&repository.path("other"), &["init", "-q"]);
    assert!(repository.commits(&repository.path("other")));
    repository.git(&[
        "submodule",
        "--quiet",
        "add",
        repository.path("other").to_str().unwrap(),
        "sub",
    ]);
    repository.git(&["commit", "-q", "-m", "sub"]);
    repository.git(&["worktree", "add", "-q", "../linked"]);
    let written = install(&tree, "false").unwrap();
    assert_eq!(written.len(), 4);
    for folder in [tree.clone(), tree.join("sub"), repository.path("linked")] {
        assert!(!repository.commits(&folder), "{folder:?}");
    }
    remove(&tree).unwrap();
    for folder in [tree.clone(), tree.join("sub"), repository.path("linked")] {
        assert!(repository.commits(&folder), "{folder:?}");
    }
}
