//! What `gaia doctor` finds of agent clients: their folders and programs are
//! stand-ins, what GAIA writes into them is its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::home::Home;

/// What is said of agents, each as state, finding and remedy.
fn agents(home: &Home) -> Vec<(String, String)> {
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    let output = home
        .gaia(&["--json", "doctor"])
        .env("PATH", path)
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = found["checks"].as_array().unwrap().iter();
    let agents = checks.filter(|check| check["name"] == "agents");
    agents
        .map(|check| {
            let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
            (text("state"), text("finding"))
        })
        .collect()
}

fn the_one(home: &Home) -> (String, String) {
    let found = agents(home);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn script(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// A home in which a client is set up and was heard of.
fn set_up(client: &str) -> Home {
    let home = Home::new();
    std::fs::create_dir_all(home.path(&format!(".{client}"))).unwrap();
    assert_eq!(home.status(&["init", "--agent", client, "--yes"]), 0);
    let heard = "{\"hook_event_name\": \"SessionStart\", \"session_id\": \"s\"}";
    let line = format!(
        "echo '{heard}' | {} hook {client}",
        env!("CARGO_BIN_EXE_gaia")
    );
    let heard = std::process::Command::new("sh")
        .args(["-c", &line])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path(""))
        .status();
    assert!(heard.unwrap().success());
    home
}

fn change(home: &Home, name: &str, change: impl Fn(String) -> String) {
    let path = home.path(name);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, change(text)).unwrap();
}

#[test]
fn a_client_that_asks_is_well_and_one_that_was_not_set_up_is_not() {
    let home = set_up("claude");
    assert_eq!(the_one(&home).0, "ok");
    std::fs::create_dir(home.path(".gemini")).unwrap();
    let found = agents(&home);
    assert_eq!(found[1].0, "warning", "{found:?}");
    assert!(found[1].1.contains("does not ask"), "{found:?}");
}

#[test]
fn hooks_that_are_turned_off_are_a_problem() {
    let home = set_up("claude");
    let off = |text: String| text.replacen('{', "{\"disableAllHooks\": true,", 1);
    change(&home, ".claude/settings.json", off);
    let (state, finding) = the_one(&home);
    assert!(
        state == "problem" && finding.contains("turned off"),
        "{finding}"
    );
}

#[test]
fn a_hook_that_is_gone_breaks_off_or_is_late_is_a_problem() {
    let gaia = env!("CARGO_BIN_EXE_gaia");
    for (text, word) in [
        (None, "cannot be run"),
        (Some("kill -SEGV $$"), "breaks off"),
        (Some("exec sleep 60"), "within 5 s"),
    ] {
        let home = set_up("claude");
        let other = match text {
            Some(text) => script(&home, "other/gaia", text),
            None => home.path("nowhere/gaia"),
        };
        let other = other.to_str().unwrap().to_owned();
        change(&home, ".claude/settings.json", |text| {
            text.replace(gaia, &other)
        });
        let (state, finding) = the_one(&home);
        assert!(state == "problem" && finding.contains(word), "{finding}");
    }
    // Through a shell.
    let home = set_up("gemini");
    change(&home, ".gemini/settings.json", |text| {
        text.replace(gaia, "/nowhere/gaia")
    });
    let (state, finding) = the_one(&home);
    assert!(
        state == "problem" && finding.contains("is not there"),
        "{finding}"
    );
}

#[test]
fn a_codex_that_does_not_trust_the_hooks_is_a_problem() {
    let home = set_up("codex");
    let (state, finding) = the_one(&home);
    assert!(
        state == "problem" && finding.contains("not trusted"),
        "{finding}"
    );
    let key = home.path(".codex/hooks.json");
    let trusted = format!(
        "[hooks.state.\"{}:pre_tool_use:0:0\"]\ntrusted_hash = \"sha256:00\"\n",
        key.display()
    );
    change(&home, ".codex/config.toml", |text| {
        format!("{text}\n{trusted}")
    });
    assert_eq!(the_one(&home).0, "ok");
}

#[test]
fn a_client_that_is_too_old_to_block_or_lacks_the_server_is_named() {
    let home = set_up("claude");
    script(&home, "bin/claude", "echo '2.1.294 (Claude Code)'");
    let (state, finding) = the_one(&home);
    assert!(
        state == "warning" && finding.contains("2.1.294"),
        "{finding}"
    );
    script(&home, "bin/claude", "echo '2.1.295 (Claude Code)'");
    assert_eq!(the_one(&home).0, "ok");
    std::fs::remove_file(home.path(".claude.json")).unwrap();
    let (state, finding) = the_one(&home);
    assert!(
        state == "warning" && finding.contains("MCP server"),
        "{finding}"
    );
}

#[test]
fn a_session_that_starts_claude_without_hooks_is_a_problem() {
    let home = set_up("claude");
    let command = "claude --bare -p {prompt}";
    assert_eq!(
        home.status(&["session", "add", "b", "--process", command]),
        0
    );
    let found = agents(&home);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[1].0 == "problem" && found[1].1.contains("--bare"),
        "{found:?}"
    );
}

#[test]
fn a_client_that_does_not_say_its_version_is_not_waited_for() {
    let home = set_up("claude");
    script(&home, "bin/claude", "exec sleep 600");
    let (state, _) = the_one(&home);
    assert_eq!(state, "ok");
}

#[test]
fn a_client_that_is_set_up_in_the_project_that_one_is_in_is_well() {
    let home = Home::new();
    std::fs::create_dir(home.path(".claude")).unwrap();
    let made = std::process::Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(home.path("work"))
        .status();
    assert!(made.unwrap().success());
    assert_eq!(the_one(&home).0, "warning");
    let words = ["init", "--agent", "claude", "--project", "--yes"];
    assert_eq!(home.status(&words), 0);
    let (_, finding) = the_one(&home);
    assert!(finding.contains("was never heard of"), "{finding}");
}
