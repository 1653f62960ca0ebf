//! What the commands on tasks, sessions, accounts and the set-up say: for
//! people and as JSON, with good and bad input.

use std::process::Command;

use crate::home::Home;
use crate::told::{check, check_both, check_reading};

/// A private home with a git repository in its work folder.
fn repository() -> Home {
    let home = Home::new();
    has_repository(&home);
    home
}

pub fn has_repository(home: &Home) {
    let made = Command::new("git")
        .args(["init", "--quiet", "--initial-branch=main"])
        .arg(home.path("work/repo"))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home.path(""))
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn the_queue() {
    check_both(
        "queue",
        &[
            &["tasks"],
            &["send", "tidy up", "--dir", ".", "--priority", "5"],
            &[
                "send",
                "read it",
                "--read-only",
                "--dir",
                ".",
                "--after",
                "1",
            ],
            &[
                "send",
                "for ben",
                "--target",
                "ben",
                "--timeout",
                "90s",
                "--retry",
            ],
            &["tasks"],
            &["tasks", "--status", "failed"],
            &["task", "show", "2"],
            &["why", "1"],
            &["why", "2"],
            &["why", "3"],
            &["task", "log", "1"],
            &["task", "wait", "1", "--timeout", "0"],
            &["task", "reassign", "3", "--anybody"],
            &["task", "cancel", "1"],
            &["task", "cancel", "1"],
            &["task", "wait", "1"],
            &["task", "retry", "1"],
            &["task", "retry", "1"],
            &["tasks", "retry-failed"],
            &["tasks", "clear", "--days", "0"],
            &["tasks"],
        ],
    );
}

#[test]
fn bad_words_about_tasks() {
    let long = "x".repeat(4_000_001);
    check_reading(
        "queue_bad_input",
        &Home::new(),
        &[
            (&["send"], ""),
            (&["send", ""], ""),
            (&["send", "-"], ""),
            (&["send", "-"], &long),
            (&["send", "--file", "none.txt"], ""),
            (&["send", "x", "--dir", ""], ""),
            (&["send", "x", "--after", "77"], ""),
            (&["send", "x", "--after", "one"], ""),
            (&["send", "x", "--timeout", "never"], ""),
            (&["send", "x", "--max-retries", "0"], ""),
            (&["send", "x", "--priority", "high"], ""),
            (&["send", "x", "--target", ""], ""),
            (&["--json", "send", "x", "--after", "77"], ""),
            (&["--json", "task", "show", "9"], ""),
            (&["task", "show", "9"], ""),
            (&["task", "show", "nine"], ""),
            (&["task", "cancel", "9"], ""),
            (&["task", "log", "9"], ""),
            (&["task", "wait", "9"], ""),
            (&["task", "take"], ""),
            (&["task", "take", "--session", "nobody"], ""),
            (&["task", "reassign", "9"], ""),
            (&["tasks", "--status", "lost"], ""),
            (&["tasks", "clear", "--days", "-1"], ""),
        ],
    );
}

#[test]
fn the_sessions() {
    check_both(
        "sessions",
        &[
            &["sessions"],
            &[
                "session",
                "add",
                "ana",
                "--process",
                "sh -c {prompt}",
                "--dir",
                ".",
            ],
            &[
                "session",
                "add",
                "far",
                "--remote",
                "--provider",
                "claude",
                "--lease",
                "5m",
            ],
            &["session", "add", "ana", "--process", "sh"],
            &["sessions"],
            &["send", "true", "--target", "far", "--dir", "."],
            &["task", "take", "--session", "far"],
            &["task", "take", "--session", "far"],
            &["task", "done", "1", "--session", "far"],
            &["task", "done", "1", "--session", "far"],
            &["sessions"],
            &["session", "remove", "ana"],
            &["session", "remove", "ana"],
            &["session", "add", "", "--remote"],
            &["session", "add", "x"],
            &["session", "add", "x", "--process", ""],
            &["session", "add", "x", "--process", "sh \"unclosed"],
            &["session", "add", "x", "--process", "sh", "--dir", "nowhere"],
            &["session", "add", "x", "--remote", "--lease", "soon"],
        ],
    );
}

#[test]
fn the_assigner() {
    let home = Home::new();
    check(
        "assigner",
        &home,
        &[
            &["assigner", "--until-idle"],
            &[
                "session",
                "add",
                "ana",
                "--process",
                "sh -c {prompt}",
                "--dir",
                ".",
            ],
            &["send", "echo hello", "--dir", "."],
            &["send", "echo oh >&2; exit 3", "--dir", "."],
            &["assigner", "--until-idle"],
            &["tasks"],
            &["task", "log", "1"],
            &["task", "wait", "1"],
            &["task", "wait", "2"],
            &["--json", "task", "wait", "2"],
            &["task", "show", "2"],
            &["assigner", "--patience", "long"],
            &["assigner", "--uncommitted", "burn"],
            &["up", "--listen", "here"],
            &["up", "--listen", "0.0.0.0:0"],
            &["--json", "serve", "--listen", "0.0.0.0:0"],
            &["serve", "--tls-cert", "none.pem"],
        ],
    );
}

#[test]
fn the_accounts() {
    check_reading(
        "accounts",
        &Home::new(),
        &[
            (&["user", "list"], ""),
            (
                &["user", "add", "ann", "--role", "admin"],
                "correct horse battery\n",
            ),
            (&["user", "add", "ann"], "correct horse battery\n"),
            (&["user", "add", "bob"], "short\n"),
            (&["user", "add", ""], "correct horse battery\n"),
            (&["user", "add", "eve", "--role", "queen"], ""),
            (&["--json", "user", "list"], ""),
            (&["user", "password", "nobody"], "correct horse battery\n"),
            (&["user", "password", "ann"], "another horse battery\n"),
            (&["token", "list"], ""),
            (&["--json", "token", "list"], ""),
            (&["token", "create", "ci"], ""),
            (
                &[
                    "token",
                    "create",
                    "ci",
                    "--role",
                    "agent",
                    "--expires",
                    "soon",
                ],
                "",
            ),
            (&["token", "revoke", "7"], ""),
            (&["user", "remove", "nobody"], ""),
            (&["user", "remove", "ann"], ""),
            (&["user", "list"], ""),
            (&["audit"], ""),
            (&["--json", "audit", "--limit", "0"], ""),
        ],
    );
}

#[test]
fn hooks_and_the_guard() {
    let home = repository();
    let repo = home.path("work/repo");
    let repo = repo.to_str().unwrap();
    let write = format!(
        r#"{{"session_id":"s","cwd":"{repo}","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{{"file_path":"{repo}/a","content":""}}}}"#
    );
    check_reading(
        "hooks",
        &home,
        &[
            (&["hook", "claude"], ""),
            (&["hook", "claude"], "no json"),
            (&["hook", "generic"], "{}"),
            (&["hook", "nobody"], ""),
            (&["acquire", "repo", "--session", "ben"], ""),
            (&["hook", "claude"], &write),
            (&["guard", "check", "repo"], ""),
            (&["guard", "install", "repo"], ""),
            (&["guard", "install", "repo"], ""),
            (&["guard", "check", "repo"], ""),
            (&["--json", "guard", "check", "repo"], ""),
            (&["guard", "remove", "repo"], ""),
            (&["guard", "remove", "repo"], ""),
            (&["guard", "install", "nowhere"], ""),
            (&["--json", "guard", "install", "."], ""),
        ],
    );
}

#[test]
fn the_set_up() {
    let home = repository();
    check(
        "set_up",
        &home,
        &[
            &["init", "repo", "--local", "--yes"],
            &["init", "repo", "--local", "--yes"],
            &["--json", "init", "repo", "--local", "--yes"],
            &["init", "nowhere", "--yes"],
            &["init", "repo"],
            &["init", "repo", "--agent", "nobody"],
            &["init", "repo", "--undo", "--yes"],
            &["migrate", "--dry-run"],
            &["migrate"],
            &["--json", "migrate"],
            &["--database", "sqlite:///nowhere/x.db", "migrate"],
        ],
    );
}

#[test]
fn pages_and_completions() {
    let home = Home::new();
    check(
        "pages",
        &home,
        &[
            &["man"],
            &["man", "pages"],
            &["--json", "man", "pages"],
            &["man", "/proc/pages"],
            &["completions"],
            &["completions", "csh"],
            &["top"],
            &["--json", "top"],
        ],
    );
    for (shell, begins) in [
        ("bash", "_gaia"),
        ("zsh", "#compdef gaia"),
        ("fish", "# Print"),
    ] {
        let output = home.output(&["completions", shell]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.starts_with(begins),
            "{shell}: {text:.80}"
        );
        assert!(text.contains("force-release"), "{shell}");
    }
    let page = std::fs::read_to_string(home.path("work/pages/gaia-run.1")).unwrap();
    assert!(page.contains("Hold the lock on folders"), "{page}");
}

#[test]
fn proofs_and_measurements() {
    let home = Home::new();
    check(
        "proofs",
        &home,
        &[
            &["check", "--processes", "0"],
            &["check", "--seconds", "-1"],
            &["check", "--judge", "nowhere"],
            &["--json", "check", "--judge", "nowhere"],
            &["demo", "--judge", "nowhere"],
            &["--json", "demo", "--judge", "nowhere"],
            &["bench", "--only", "N99"],
            &["--json", "bench", "--only", "N99"],
        ],
    );
    let proof = home.json(&["check", "--processes", "2", "--seconds", "1"]);
    assert_eq!(proof["violations"], serde_json::json!([]), "{proof}");
}
