//! Beside tools that put hooks aside and call them, as the pre-commit framework
//! does: nothing is called in a circle, and everything is called.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of a program that may not be here"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Repository;
use crate::guard::{Found, install, look, remove};

/// The real framework, if the test command has installed it.
fn framework() -> Option<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".tools/venv/bin/pre-commit");
    if !program.is_file() {
        assert!(
            std::env::var_os("CI").is_none(),
            "scripts/install python brings pre-commit"
        );
        println!("NOT TESTED: the guard beside pre-commit: scripts/install python brings it");
        return None;
    }
    Some(program)
}

impl Repository {
    /// A repository in which the framework has one hook, which notes its calls.
    fn with_framework(&self) -> bool {
        let Some(program) = framework() else {
            return false;
        };
        let noting = self.path("note.sh");
        self.script(&noting, &self.noting());
        let config = format!(
            "repos:\n- repo: local\n  hooks:\n  - id: note\n    name: note\n    language: system\n    \
             entry: '{}'\n    always_run: true\n    pass_filenames: false\n",
            noting.display()
        );
        fs::write(self.tree().join(".pre-commit-config.yaml"), config).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "first"]);
        drop(program);
        true
    }

    fn framework_install(&self) {
        let program = framework().unwrap();
        let output = Command::new(program)
            .arg("install")
            .current_dir(self.tree())
            .env("HOME", self.root.path())
            .env("PRE_COMMIT_HOME", self.path("cache"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn is_guarded(&self) -> bool {
        matches!(look(&self.tree()).unwrap(), Found::Installed { .. })
    }

    /// A commit goes through, and the framework's hook was called once for it.
    fn commits_with_framework(&self) {
        let before = self.calls();
        assert!(self.commits(&self.tree()));
        assert_eq!(self.calls(), before + 1);
    }
}

#[test]
fn the_framework_may_be_installed_after_the_guard_and_the_guard_again() {
    let repository = Repository::new();
    if !repository.with_framework() {
        return;
    }
    let tree = repository.tree();
    install(&tree, "true").unwrap();
    repository.framework_install();
    assert!(repository.is_guarded(), "from where the framework calls it");
    repository.commits_with_framework();
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    install(&tree, "true").unwrap();
    repository.commits_with_framework();
    remove(&tree).unwrap();
    repository.commits_with_framework();
}

#[test]
fn the_framework_may_be_installed_before_the_guard_and_again_after_it() {
    let repository = Repository::new();
    if !repository.with_framework() {
        return;
    }
    let tree = repository.tree();
    repository.framework_install();
    install(&tree, "true").unwrap();
    repository.commits_with_framework();
    repository.framework_install();
    assert!(repository.is_guarded());
    repository.commits_with_framework();
    install(&tree, "false").unwrap();
    assert!(!repository.commits(&tree));
    remove(&tree).unwrap();
    assert!(!tree.join(".git/hooks/pre-commit.legacy").exists());
    assert!(!tree.join(".git/hooks/pre-commit.gaia-kept").exists());
    repository.commits_with_framework();
}

/// One that says nowhere what it calls.
#[test]
fn a_tool_that_calls_the_guard_and_is_called_by_it_ends() {
    let repository = Repository::new();
    let tree = repository.tree();
    let hook = tree.join(".git/hooks/pre-commit");
    install(&tree, "true").unwrap();
    fs::rename(&hook, tree.join(".git/hooks/pre-commit.old")).unwrap();
    let tool = format!(
        "{}name=old; \"$(dirname \"$0\")/pre-commit.$name\" \"$@\" || exit 1\n",
        repository.noting()
    );
    repository.script(&hook, &tool);
    install(&tree, "true").unwrap();
    assert!(repository.commits(&tree));
    assert_eq!(repository.calls(), 1);
    remove(&tree).unwrap();
    assert_eq!(fs::read_to_string(&hook).unwrap(), tool);
}
