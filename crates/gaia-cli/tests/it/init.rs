//! `gaia init`: shown, done, done again, taken back.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::home::Home;

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

pub fn init(home: &Home, words: &[&str]) -> (i32, String) {
    let output = home.output(&[&["init"], words].concat());
    (output.status.code().unwrap(), said(&output))
}

pub fn git(folder: &Path, words: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {words:?}: {}", said(&done));
}

pub fn repository(home: &Home, name: &str) -> PathBuf {
    let top = home.path(name);
    std::fs::create_dir_all(&top).unwrap();
    git(&top, &["init", "-q"]);
    top
}

fn ignores(folder: &Path, name: &str) -> bool {
    let asked = Command::new("git")
        .args(["check-ignore", "-q", name])
        .current_dir(folder)
        .status();
    asked.unwrap().success()
}

/// Every file and folder below, with its permissions and content.
fn all(top: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let mode = meta.permissions().mode();
            let content = match meta.is_file() {
                true => std::fs::read(&path).unwrap(),
                false => Vec::new(),
            };
            if meta.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (mode, content));
        }
    }
    found
}

#[test]
fn it_is_shown_then_done_then_nothing_is_left_to_do_and_it_can_be_taken_back() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let ignore = repo.join(".gitignore");
    std::fs::write(&ignore, "target\nno line end").unwrap();
    std::fs::set_permissions(&ignore, PermissionsExt::from_mode(0o640)).unwrap();
    let before = all(&home.path(""));
    let repo = repo.to_str().unwrap();

    let (status, text) = init(&home, &[repo]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    assert!(
        text.contains("+.gaia*") && text.contains("assigner.db"),
        "{text}"
    );
    assert_eq!(all(&home.path("")), before);

    let (status, text) = init(&home, &[repo, "--yes"]);
    assert_eq!(status, 0, "{text}");
    let written = std::fs::read_to_string(&ignore).unwrap();
    assert_eq!(written, "target\nno line end\n.gaia*\n");
    assert_eq!(
        ignore.metadata().unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(home.path(".gaia/locks/assigner.db").is_file());
    assert!(home.path(".gaia/.env.example").is_file());
    let journal = home.path(".gaia/init.json").metadata().unwrap();
    assert_eq!(journal.permissions().mode() & 0o777, 0o600);

    let set_up = all(&home.path(""));
    let answer = home.json(&["init", repo, "--yes"]);
    assert_eq!(answer["changes"], serde_json::json!([]), "{answer}");
    assert_eq!(all(&home.path("")), set_up);

    let (status, text) = init(&home, &["--undo"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("-.gaia*"), "{text}");
    let files = |all: BTreeMap<PathBuf, (u32, Vec<u8>)>| all.into_keys().collect::<Vec<_>>();
    assert_eq!(files(all(&home.path(""))), files(set_up));
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(all(&home.path("")), before);
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
}

#[test]
fn a_repository_alone_is_taken_back_and_a_used_database_is_kept() {
    let home = Home::new();
    let (one, two) = (repository(&home, "one"), repository(&home, "two"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    assert_eq!(init(&home, &[one, two, "--yes"]).0, 0);
    assert_eq!(init(&home, &[one, "--undo", "--yes"]).0, 0);
    assert!(!Path::new(one).join(".gitignore").exists());
    assert!(Path::new(two).join(".gitignore").exists());
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("it has been used"), "{text}");
    assert_eq!(home.locks().len(), 1);
    assert!(!Path::new(two).join(".gitignore").exists());
}

#[test]
fn with_local_the_exclude_file_of_worktrees_and_submodules_is_meant() {
    let home = Home::new();
    let main = repository(&home, "main");
    git(&main, &["commit", "-q", "--allow-empty", "-m", "a"]);
    git(&main, &["worktree", "add", "-q", "../linked"]);
    let outer = repository(&home, "outer");
    git(
        &outer,
        &["submodule", "add", "-q", main.to_str().unwrap(), "inner"],
    );
    let (linked, inner) = (home.path("linked"), outer.join("inner"));
    let clean = |folder: &Path| {
        let status = Command::new("git")
            .args(["status", "--porcelain"])
            .current_dir(folder)
            .output();
        status.unwrap().stdout
    };
    let before = [clean(&linked), clean(&inner)];
    // From a folder inside, and both work trees of one repository at once.
    std::fs::create_dir(linked.join("sub")).unwrap();
    let words = [linked.join("sub"), main.clone(), inner.clone()];
    let words: Vec<&str> = words.iter().map(|path| path.to_str().unwrap()).collect();
    let done = init(&home, &[&words[..], &["--local", "--yes"]].concat());
    assert_eq!(done.0, 0, "{}", done.1);
    for folder in [&linked, &main, &inner] {
        assert!(
            ignores(folder, ".gaia") && ignores(folder, "any/.gaia"),
            "{folder:?}"
        );
        assert!(!folder.join(".gitignore").exists());
    }
    assert!(
        !ignores(&outer, ".gaia"),
        "the outer repository was not named"
    );
    assert_eq!([clean(&linked), clean(&inner)], before);
    let exclude = std::fs::read_to_string(main.join(".git/info/exclude")).unwrap();
    assert_eq!(exclude.matches(".gaia*").count(), 1, "{exclude}");
    let modules = outer.join(".git/modules/inner/info/exclude");
    assert!(std::fs::read_to_string(modules).unwrap().contains(".gaia*"));
}

#[test]
fn what_is_no_repository_is_named_and_nothing_is_changed() {
    let home = Home::new();
    let before = all(&home.path(""));
    let (status, text) = init(&home, &["../nowhere", "--yes"]);
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("nowhere"), "{text}");
    let bare = home.path("bare");
    std::fs::create_dir(&bare).unwrap();
    git(&bare, &["init", "-q", "--bare"]);
    assert_eq!(init(&home, &[bare.to_str().unwrap(), "--yes"]).0, 2);
    std::fs::remove_dir_all(bare).unwrap();
    assert_eq!(all(&home.path("")), before);
    // Without a name, and outside of any repository, the home is set up alone.
    assert_eq!(init(&home, &["--yes"]).0, 0);
    assert!(home.path(".gaia/locks").is_dir());
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let kept = home.path("kept");
    std::fs::write(&kept, "# mine\n").unwrap();
    let exclude = repo.join(".git/info/exclude");
    std::fs::remove_file(&exclude).unwrap();
    symlink(&kept, &exclude).unwrap();
    let words = [repo.to_str().unwrap(), "--local", "--yes"];
    assert_eq!(init(&home, &words).0, 0);
    assert!(exclude.is_symlink());
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "# mine\n.gaia*\n");
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "# mine\n");
    // One that leads nowhere is somebody's mistake, not ours to fill.
    std::fs::create_dir(home.path(".gaia")).unwrap();
    symlink("nowhere", home.path(".gaia/.env.example")).unwrap();
    let (status, text) = init(&home, &words);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains(".env.example"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_stops_it_before_anything_is_changed() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    std::fs::write(repo.join(".gitignore"), [b'a', 0xff, b'\n']).unwrap();
    let before = all(&home.path(""));
    let (status, text) = init(&home, &[repo.to_str().unwrap(), "--yes"]);
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains(".gitignore") && text.contains("UTF-8"),
        "{text}"
    );
    assert_eq!(all(&home.path("")), before);
}

#[test]
fn an_example_of_another_is_left_as_it_is() {
    let home = Home::new();
    std::fs::create_dir(home.path(".gaia")).unwrap();
    let example = home.path(".gaia/.env.example");
    std::fs::write(&example, "OTHER=1\n").unwrap();
    let answer = home.json(&["init", "--yes"]);
    assert!(
        answer["notes"][0]
            .as_str()
            .unwrap()
            .contains(".env.example"),
        "{answer}"
    );
    assert_eq!(std::fs::read_to_string(&example).unwrap(), "OTHER=1\n");
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    assert!(example.exists());
}

/// What is there goes aside as it is: a link, a program.
#[test]
fn a_guard_takes_nothing_from_the_hook_that_was_there() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let shared = repo.join("shared-hook");
    std::fs::write(&shared, "#!/bin/sh\nexit 0\n").unwrap();
    let hooks = repo.join(".git/hooks");
    let hook = hooks.join("pre-commit");
    symlink("../../shared-hook", &hook).unwrap();
    let before = all(&repo);
    let words = [repo.to_str().unwrap(), "--guard", "--local", "--yes"];
    let (status, text) = init(&home, &words);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("move"), "{text}");
    assert_eq!(
        std::fs::read_to_string(&shared).unwrap(),
        "#!/bin/sh\nexit 0\n"
    );
    assert!(!hook.is_symlink() && hooks.join("pre-commit.gaia-kept").is_symlink());
    assert_eq!(
        home.json(&[&["init"][..], &words].concat())["changes"],
        serde_json::json!([])
    );
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    assert_eq!(all(&repo), before);
    // One that is no text.
    std::fs::remove_file(&hook).unwrap();
    std::fs::write(&hook, [0x7f, b'E', 0xff]).unwrap();
    let before = all(&repo);
    assert_eq!(init(&home, &words).0, 0);
    // Another tool's hook takes the guard's place meanwhile.
    std::fs::write(&hook, "#!/bin/sh\n# another tool's\n").unwrap();
    assert_eq!(init(&home, &words).0, 0);
    assert_eq!(
        std::fs::read(hooks.join("pre-commit.gaia-kept")).unwrap(),
        [0x7f, b'E', 0xff]
    );
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 1, "another tool's hook is in the way: {text}");
    std::fs::remove_file(&hook).unwrap();
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    assert_eq!(all(&repo), before);
}
