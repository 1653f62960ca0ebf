//! A session that works although its hooks fell silent.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use crate::home::{Home, loudly, until};
use crate::terminal::Terminal;

/// A session of this process says through its hooks that it works.
fn works(home: &Home, session: &str, folder: &str) {
    let folder = home.path(folder);
    let told = json!({"event": "prompt", "session": session, "cwd": folder,
        "pid": std::process::id(), "text": "work"});
    let mut hook = home.gaia(&["hook", "generic"]);
    let mut hook = hook.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = hook.stdin.take().unwrap();
    input.write_all(told.to_string().as_bytes()).unwrap();
    drop(input);
    assert!(hook.wait().unwrap().success());
}

/// Its hooks were last heard 16 minutes ago.
fn fall_silent(home: &Home, session: &str) {
    let file = home.path(".gaia/locks/assigner.db");
    let database = rusqlite::Connection::open(file).unwrap();
    let earlier = "UPDATE agent_sessions SET heard_ns = heard_ns - 960000000000,
        heard_at = datetime(heard_at, '-960 seconds') WHERE name = ?1";
    assert_eq!(database.execute(earlier, [session]).unwrap(), 1);
}

fn words(home: &Home, words: &[&str]) -> String {
    String::from_utf8(home.output(words).stdout).unwrap()
}

#[test]
fn status_says_whose_hooks_are_missed() {
    let home = Home::new();
    for folder in ["web", "docs"] {
        std::fs::create_dir(home.path("work").join(folder)).unwrap();
    }
    for (session, folder) in [("ann", "work/web"), ("ivy", "work/docs")] {
        works(&home, session, folder);
    }
    assert!(home.json(&["status"]).get("unprotected").is_none());
    assert!(!words(&home, &["status"]).contains("UNPROTECTED"));
    fall_silent(&home, "ann");
    assert_eq!(home.json(&["status"])["unprotected"], json!(["ann"]));
    let shown = words(&home, &["status"]);
    assert!(
        shown.contains("UNPROTECTED") && shown.contains("16m"),
        "{shown}"
    );
    assert!(shown.contains("their hooks are silent"), "{shown}");
    // Where it does not work and by whom it is not, it is not told.
    for other in [
        ["status", "docs"].as_slice(),
        &["status", "--session", "ivy"],
    ] {
        assert!(home.json(other).get("unprotected").is_none(), "{other:?}");
    }
    for its in [
        ["status", "web"].as_slice(),
        &["status", "--session", "ann"],
    ] {
        assert_eq!(home.json(its)["unprotected"], json!(["ann"]), "{its:?}");
    }
    works(&home, "ann", "work/web");
    assert!(home.json(&["status"]).get("unprotected").is_none());
}

#[test]
fn whoever_watches_sees_it_come() {
    let home = Home::new();
    works(&home, "ann", "work");
    let Some(terminal) = Terminal::of_size(&home, "80", "24") else {
        return loudly("status --watch in a terminal: there is no tmux");
    };
    terminal.type_line("gaia status --watch");
    terminal.until_shown("No active locks");
    fall_silent(&home, "ann");
    terminal.until_shown("UNPROTECTED");
    terminal.keys(&["C-c"]);
    terminal.type_line("gaia top");
    terminal.until_shown("4 sessions 1");
    terminal.keys(&["4"]);
    terminal.until_shown("UNPROTECTED");
    works(&home, "ann", "work");
    until("it is heard", || !terminal.screen().contains("UNPROTECTED"));
}
