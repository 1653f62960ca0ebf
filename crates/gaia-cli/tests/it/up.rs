//! `gaia up`: one for each database, and what it says when it starts.

use std::io::{BufRead, BufReader};
use std::process::{ChildStderr, Stdio};

use crate::home::{Guard, Home, line_of, until};

/// At work, with what it says.
struct Up {
    gaia: Guard,
    said: BufReader<ChildStderr>,
}

fn up(home: &Home, words: &[&str]) -> Up {
    let mut gaia = home.spawn(words);
    let said = BufReader::new(gaia.0.stderr.take().unwrap());
    Up { gaia, said }
}

impl Up {
    /// What it said up to the line that holds these words.
    fn said_until(&mut self, words: &str) -> String {
        let mut said = String::new();
        loop {
            let from = said.len();
            let read = self.said.read_line(&mut said).unwrap();
            assert!(read > 0, "it ended before it said {words:?}: {said}");
            if said[from..].contains(words) {
                return said;
            }
        }
    }

    /// Told to end, it does.
    fn end(mut self) {
        self.gaia.signal("TERM");
        self.said_until("assigner ended");
        assert_eq!(self.gaia.end().0, 0);
    }
}

#[test]
fn it_says_what_it_works_on_and_what_is_missing() {
    let home = Home::new();
    let mut first = up(&home, &["up"]);
    let said = first.said_until("assigner started");
    let place = |name: &str| home.path(name).to_str().unwrap().to_owned();
    for words in [
        "gaia up gives tasks to sessions until Ctrl-C",
        &place(".gaia/locks/assigner.db"),
        &place(".gaia/logs"),
        "0: 0 idle, 0 busy",
        "0 pending, 0 running",
        "no session yet",
        "gaia session add NAME",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    first.end();
    let add = ["session", "add", "ivy", "--process", "sh"];
    assert_eq!(home.status(&add), 0);
    let mut second = up(&home, &["up"]);
    let said = second.said_until("assigner started");
    assert!(said.contains("1: 1 idle, 0 busy"), "{said}");
    assert!(said.contains("no task yet"), "{said}");
    second.end();
}

#[test]
fn a_second_one_is_told_of_the_first_and_an_assigner_may_run_beside_it() {
    let home = Home::new();
    let mut first = up(&home, &["up"]);
    first.said_until("assigner started");
    let second = home.output(&["up"]);
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{said}");
    let who = format!("runs already as process {}, since ", first.gaia.pid());
    assert!(said.contains(&who), "{said}");
    assert!(
        said.contains(&format!("kill {}", first.gaia.pid())),
        "{said}"
    );
    assert_eq!(home.json(&["up"])["error"]["code"], "up_already");
    let beside = up(&home, &["assigner"]);
    let other = up(
        &home,
        &["up", "--locks-dir", home.path("other").to_str().unwrap()],
    );
    for mut at_work in [beside, other] {
        at_work.said_until("assigner started");
        at_work.end();
    }
    first.end();
    let mut third = up(&home, &["up"]);
    third.said_until("assigner started");
    third.end();
}

/// A keeper outlives it and must not keep the next one out.
#[test]
fn t08_killed_while_a_task_runs_it_can_be_started_again_and_takes_it_over() {
    let home = Home::new();
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    let (began, end) = (home.path("began"), home.path("end"));
    let text = format!(
        "echo yes > {}; while [ ! -e {} ]; do sleep 0.02; done",
        began.display(),
        end.display()
    );
    assert_eq!(home.status(&["send", &text, "--dir", "."]), 0);
    let mut first = up(&home, &["up"]);
    first.said_until("task assigned");
    line_of(&began);
    first.gaia.signal("KILL");
    drop(first);
    let mut second = up(&home, &["up"]);
    let said = second.said_until("running task taken over");
    assert!(said.contains("0 pending, 1 running"), "{said}");
    std::fs::write(&end, "").unwrap();
    second.said_until("task completed");
    second.end();
}

#[test]
fn programs_are_told_on_stdout_and_in_the_log_of_machines() {
    let home = Home::new();
    let mut gaia = home.gaia(&["up", "--json", "--until-idle"]);
    let output = gaia
        .env("GAIA_LOG_FORMAT", "json")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let start: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(start["up"], true);
    assert_eq!(start["sessions"]["count"], 0);
    let log = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: Vec<_> = lines
        .iter()
        .map(|line| &line["fields"]["message"])
        .collect();
    assert_eq!(said, ["gaia up", "assigner started", "assigner ended"]);
    assert_eq!(lines[0]["fields"]["database"], start["database"]);
}

/// Only where a person starts the main job: an agent's repository must not
/// choose the database.
#[test]
fn it_reads_the_settings_of_the_folder_it_is_started_in() {
    let home = Home::new();
    std::fs::write(home.path("work/.env"), "GAIA_LOCKS_DIR=here\n").unwrap();
    assert_eq!(home.status(&["up", "--until-idle"]), 0);
    until("its database is there", || {
        home.path("work/here/assigner.db").exists()
    });
    assert!(!home.path(".gaia/locks").exists());
}
