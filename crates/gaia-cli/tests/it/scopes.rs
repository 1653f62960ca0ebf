//! Two machines on one database: whose folder it is.

use serde_json::Value;

use crate::client_mode::served::Served;
use crate::home::{Home, loudly, until};
use crate::terminal::Terminal;

/// What another machine's `gaia` prints on the same database.
fn there(home: &Home, words: &[&str]) -> String {
    let output = home.gaia(words).env("GAIA_SCOPE", "machine-b").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn words(home: &Home, words: &[&str]) -> String {
    String::from_utf8(home.output(words).stdout).unwrap()
}

/// Both hold their `web`; in `docs` there somebody waits, and `web` there is paused.
fn two_machines() -> (Home, crate::home::Guard) {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "web", "--session", "ana"]), 0);
    there(&home, &["acquire", "web", "docs", "--session", "ben"]);
    let mut waits = home.gaia(&["acquire", "docs", "--session", "cid", "--wait"]);
    let waits = waits.env("GAIA_SCOPE", "machine-b").spawn().unwrap();
    let waits = crate::home::Guard(waits);
    until("it stands in line", || home.waiters() == 1);
    there(&home, &["pause", "web", "--reason", "moved"]);
    (home, waits)
}

#[test]
fn what_lies_on_another_machine_is_said_to() {
    let (home, _waits) = two_machines();
    let here = home.path("work").display().to_string();
    let shown = words(&home, &["status"]);
    let count = |text: &str, part: &str| text.matches(part).count();
    // Two locks, a place in line, a pause.
    assert_eq!(count(&shown, &format!(" machine-b:{here}/")), 4, "{shown}");
    assert_eq!(count(&shown, &format!(" {here}/web")), 1, "{shown}");
    let shown = there(&home, &["status"]);
    assert_eq!(count(&shown, &format!(" local:{here}/web")), 1, "{shown}");
    assert_eq!(count(&shown, "machine-b"), 0, "{shown}");
    let status = home.json(&["status"]);
    let scope = |of: &str| status[of][0]["scope"].clone();
    assert_eq!(
        (scope("waiters"), scope("paused")),
        ("machine-b".into(), "machine-b".into())
    );
    let past = words(&home, &["history"]);
    assert_eq!(count(&past, &format!(" machine-b:{here}/")), 2, "{past}");
    assert_eq!(count(&past, &format!(" {here}/web")), 1, "{past}");
}

#[test]
fn what_is_asked_of_a_folder_is_asked_of_the_one_here() {
    let (home, _waits) = two_machines();
    let past = home.json(&["history", "--folder", "web"]);
    assert_eq!(
        (&past["count"], &past["locks"][0]["session_id"]),
        (&1.into(), &"ana".into())
    );
    let past = there(&home, &["--json", "history", "--folder", "web"]);
    assert!(past.contains("ben") && !past.contains("ana"), "{past}");
    let why = words(&home, &["why", "web"]);
    assert!(
        why.contains("is held by session ana") && !why.contains("paused"),
        "{why}"
    );
    assert!(there(&home, &["why", "web"]).contains("is paused"));
    assert_eq!(home.status(&["send", "true", "--dir", "web"]), 0);
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    let why = words(&home, &["why", "1"]);
    assert!(
        why.contains("is held by session ana") && !why.contains("paused"),
        "{why}"
    );
}

#[test]
fn through_a_server_each_machine_asks_about_its_own() {
    let served = Served::start();
    assert_eq!(served.status(&["acquire", "web", "--session", "ana"]), 0);
    let there = |words: &[&str]| -> Value {
        let words = [&["--json"], words].concat();
        let output = served.gaia(&words).env("GAIA_SCOPE", "machine-b").output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    };
    there(&["acquire", "web", "--session", "ben"]);
    there(&["pause", "web", "--reason", "moved"]);
    let past = served.json(&["history", "--folder", "web"]);
    assert_eq!(
        (&past["count"], &past["locks"][0]["session_id"]),
        (&1.into(), &"ana".into())
    );
    let past = there(&["history", "--folder", "web"]);
    assert_eq!(
        (&past["count"], &past["locks"][0]["session_id"]),
        (&1.into(), &"ben".into())
    );
    let shown = String::from_utf8(served.output(&["status"]).stdout).unwrap();
    assert_eq!(shown.matches(" machine-b:/").count(), 2, "{shown}");
    assert_eq!(
        served.json(&["why", "web"])["paused"],
        Value::Array(Vec::new())
    );
}

#[test]
fn top_says_it_too_however_long_the_path() {
    let home = Home::new();
    let Some(terminal) = Terminal::of_size(&home, "80", "24") else {
        return loudly("gaia top in a terminal: there is no tmux");
    };
    let deep = "a/long/path/".repeat(10) + "web";
    assert_eq!(home.status(&["acquire", &deep, "--session", "ana"]), 0);
    there(&home, &["acquire", &deep, "--session", "ben"]);
    terminal.type_line("gaia top");
    terminal.until_shown("machine-b:…");
    let screen = terminal.screen();
    let rows: Vec<&str> = screen
        .lines()
        .filter(|row| row.contains("path/web"))
        .collect();
    assert_eq!(rows.len(), 2, "{screen}");
    let own = rows.iter().find(|row| row.contains("ana")).unwrap();
    assert!(own.starts_with('…'), "{screen}");
    terminal.keys(&["/", "-b", "Enter", "x"]);
    terminal.until_shown("ben holds on machine-b");
}
