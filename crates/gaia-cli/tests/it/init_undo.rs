//! What `gaia init` has set up is taken back: as it was, or as far as that is
//! still GAIA's.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::home::{Home, until};
use crate::init::{git, init, repository};
use crate::mcp::client::{Client, Era};

#[test]
fn a_file_that_somebody_changed_since_is_theirs_and_named_once() {
    let home = Home::new();
    assert_eq!(init(&home, &["--yes"]).0, 0);
    let example = home.path(".gaia/.env.example");
    std::fs::write(&example, "theirs\n").unwrap();
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 1, "{text}");
    let named = format!("keep     {}", example.display());
    assert!(
        text.contains(&named) && text.contains("changed since"),
        "{text}"
    );
    assert_eq!(std::fs::read_to_string(&example).unwrap(), "theirs\n");
    assert!(!home.path(".gaia/locks").exists(), "the rest is taken back");
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert!(!home.path(".gaia/init.json").exists());
}

#[test]
fn from_what_git_ignores_only_the_line_of_gaia_goes() {
    let home = Home::new();
    let names = ["added", "gone", "taken-out"];
    let repos = names.map(|name| repository(&home, name));
    let words = repos.each_ref().map(|repo| repo.to_str().unwrap());
    assert_eq!(init(&home, &[&words[..], &["--yes"]].concat()).0, 0);
    let ignore = repos.each_ref().map(|repo| repo.join(".gitignore"));
    std::fs::write(&ignore[0], ".gaia*\ntheirs\n").unwrap();
    std::fs::remove_file(&ignore[1]).unwrap();
    std::fs::write(&ignore[2], "theirs\n").unwrap();
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    for file in [&ignore[0], &ignore[2]] {
        assert_eq!(std::fs::read_to_string(file).unwrap(), "theirs\n");
    }
    assert!(
        !ignore[1].exists() && !home.path(".gaia").exists(),
        "{text}"
    );
}

/// The client's folder is a file by now: nothing is left there to be undone.
#[test]
fn settings_whose_folder_is_gone_keep_nothing_else_from_being_undone() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let words = [repo.to_str().unwrap(), "--agent", "claude", "--yes"];
    assert_eq!(init(&home, &words).0, 0);
    std::fs::remove_dir_all(home.path(".claude")).unwrap();
    std::fs::write(home.path(".claude"), "").unwrap();
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert!(!repo.join(".gitignore").exists() && !home.path(".gaia").exists());
}

#[test]
fn permissions_that_were_changed_since_stay() {
    let home = Home::new();
    std::fs::create_dir(home.path(".claude")).unwrap();
    let settings = home.path(".claude/settings.json");
    std::fs::write(&settings, "{}\n").unwrap();
    std::fs::set_permissions(&settings, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(init(&home, &["--agent", "claude", "--yes"]).0, 0);
    std::fs::set_permissions(&settings, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    let mode = settings.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), "{}\n");
}

#[test]
fn what_was_done_twice_is_taken_back_twice() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let ignore = repo.join(".gitignore");
    let words = [repo.to_str().unwrap(), "--yes"];
    assert_eq!(init(&home, &words).0, 0);
    std::fs::write(&ignore, "theirs\n").unwrap();
    assert_eq!(init(&home, &words).0, 0);
    assert_eq!(
        std::fs::read_to_string(&ignore).unwrap(),
        "theirs\n.gaia*\n"
    );
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "theirs\n");
}

/// Killed between the note and the change, or in the middle of all changes.
#[test]
fn what_was_noted_but_not_done_has_nothing_to_be_taken_back() {
    let home = Home::new();
    let repo = repository(&home, "repo");
    let ignore = repo.join(".gitignore");
    std::fs::write(&ignore, "mine\n").unwrap();
    assert_eq!(init(&home, &[repo.to_str().unwrap(), "--yes"]).0, 0);
    std::fs::write(&ignore, "mine\n").unwrap();
    std::fs::remove_file(home.path(".gaia/.env.example")).unwrap();
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "mine\n");
    assert!(!home.path(".gaia").exists(), "{text}");
}

#[test]
fn a_database_on_which_gaia_up_works_is_kept_though_nobody_has_used_it() {
    let home = Home::new();
    assert_eq!(init(&home, &["--yes"]).0, 0);
    let up = home.spawn(&["up"]);
    let there = home.path(".gaia/locks/assigner.db-up");
    crate::home::until("it runs", || {
        there.metadata().is_ok_and(|found| found.len() > 0)
    });
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert!(status == 0 && text.contains("works on it"), "{text}");
    assert!(home.path(".gaia/locks/assigner.db").is_file());
    drop(up);
}

fn database(home: &Home) -> std::path::PathBuf {
    home.path(".gaia/locks/assigner.db")
}

/// Whoever has it open would go on in the deleted file, beside others in a new one.
#[test]
fn r01_a_database_that_somebody_has_open_is_kept_though_nobody_has_used_it() {
    let home = Home::new();
    assert_eq!(init(&home, &["--yes"]).0, 0);
    let mut gaia = home.gaia(&["mcp"]);
    gaia.env("GAIA_MARKERS", "off").env("GAIA_SESSION", "agent");
    let mut agent = Client::start(gaia, Era::Handshake);
    agent.call("lock_status", json!({}));
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("another process has it open"), "{text}");
    let folder = home.path("work").to_str().unwrap().to_owned();
    let granted = agent.call("acquire_folder", json!({"folder": folder}));
    assert_eq!(granted["granted"], true, "{granted}");
    assert_eq!(home.status(&["acquire", ".", "--session", "other"]), 3);
}

#[test]
fn a_database_on_which_a_server_stands_or_a_pause_is_kept() {
    let home = Home::new();
    assert_eq!(init(&home, &["--yes"]).0, 0);
    let server = home.spawn(&["serve"]);
    until("it has the database open", || {
        database(&home).with_extension("db-shm").exists()
    });
    let (_, text) = init(&home, &["--undo", "--yes"]);
    assert!(text.contains("another process has it open"), "{text}");
    drop(server);
    let other = Home::new();
    assert_eq!(init(&other, &["--yes"]).0, 0);
    assert_eq!(other.status(&["pause", "--reason", "x"]), 0);
    let (_, text) = init(&other, &["--undo", "--yes"]);
    assert!(text.contains("it has been used"), "{text}");
    assert!(database(&other).exists());
}

/// A repository with a hook of its own.
fn with_hook(home: &Home) -> (std::path::PathBuf, std::path::PathBuf) {
    let repo = repository(home, "repo");
    let hook = repo.join(".git/hooks/pre-commit");
    std::fs::write(&hook, "#!/bin/sh\n# mine\n").unwrap();
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    (repo, hook)
}

fn is_mine(hook: &Path) -> bool {
    let kept = hook.with_file_name("pre-commit.gaia-kept");
    std::fs::read_to_string(hook).unwrap().contains("mine") && !kept.exists()
}

#[test]
fn two_work_trees_of_one_repository_are_guarded_at_once_and_freed_of_it() {
    let home = Home::new();
    let (repo, hook) = with_hook(&home);
    git(
        &repo,
        &["commit", "-q", "--allow-empty", "--no-verify", "-m", "a"],
    );
    git(&repo, &["worktree", "add", "-q", "../linked"]);
    let linked = home.path("linked");
    let words = [repo.to_str().unwrap(), linked.to_str().unwrap()];
    let (status, text) = init(&home, &[&words[..], &["--guard", "--yes"]].concat());
    assert_eq!(status, 0, "{text}");
    assert_eq!(home.status(&["guard", "check", words[1]]), 0);
    let (status, text) = init(&home, &["--undo", "--yes"]);
    assert_eq!(status, 0, "{text}");
    assert!(is_mine(&hook), "{text}");
}

/// Noted and not made, by somebody who was killed; then once more and made.
#[test]
fn a_guard_that_was_noted_and_not_made_has_nothing_to_be_taken_back() {
    for again in [false, true] {
        let home = Home::new();
        let (repo, hook) = with_hook(&home);
        let words = [repo.to_str().unwrap(), "--guard", "--yes"];
        assert_eq!(init(&home, &words).0, 0);
        std::fs::rename(hook.with_file_name("pre-commit.gaia-kept"), &hook).unwrap();
        if again {
            assert_eq!(init(&home, &words).0, 0);
            assert!(!is_mine(&hook));
        }
        let (status, text) = init(&home, &["--undo", "--yes"]);
        assert_eq!(status, 0, "{text}");
        assert!(is_mine(&hook), "{text}");
        assert!(!home.path(".gaia").exists(), "{text}");
    }
}

#[test]
fn with_a_client_or_the_guard_named_only_that_is_taken_back() {
    let home = Home::new();
    let (repo, hook) = with_hook(&home);
    let repo = repo.to_str().unwrap();
    let words = [repo, "--guard", "--agent", "claude,codex", "--yes"];
    assert_eq!(init(&home, &words).0, 0);
    assert_eq!(init(&home, &["--agent", "codex", "--undo", "--yes"]).0, 0);
    assert!(!home.path(".codex").exists() && home.path(".claude/settings.json").exists());
    assert!(!is_mine(&hook));
    assert_eq!(init(&home, &["--guard", "--undo", "--yes"]).0, 0);
    assert!(is_mine(&hook) && home.path(".claude/settings.json").exists());
    assert!(database(&home).exists() && Path::new(repo).join(".gitignore").exists());
    assert_eq!(init(&home, &["--undo", "--yes"]).0, 0);
    assert!(!home.path(".claude").exists() && !home.path(".gaia").exists());
}

#[test]
fn what_is_for_a_repository_is_refused_without_one_and_beside_a_service() {
    let home = Home::new();
    for words in [
        &["--guard"][..],
        &["--agent", "claude", "--project"],
        &["--service", "--guard"],
        &["--service", "--agent", "claude"],
    ] {
        let (status, text) = init(&home, &[words, &["--yes"]].concat());
        assert_eq!(status, 2, "{text}");
    }
    assert!(!home.path(".gaia").exists());
}
