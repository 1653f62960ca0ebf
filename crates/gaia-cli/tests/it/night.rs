//! A machine that slept for a day, as a time namespace shows it to what is
//! started in it: the boot clock has gone on, and nobody was heard meanwhile.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::home::Home;

const ASLEEP: [&str; 5] = ["--time", "--boottime", "86400", "--fork", "--"];

/// `gaia`, a day later.
fn later(home: &Home, words: &[&str]) -> Command {
    let gaia = home.gaia(words);
    let mut command = Command::new("unshare");
    command.args(ASLEEP).arg(gaia.get_program());
    command.args(gaia.get_args()).env_clear();
    let set = gaia
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.envs(set).current_dir(home.path("work"));
    command
}

#[expect(
    clippy::print_stderr,
    reason = "whoever runs the tests must see what was left out"
)]
fn is_possible() -> bool {
    let tried = Command::new("unshare").args(ASLEEP).arg("true").output();
    let allowed = tried.is_ok_and(|done| done.status.success());
    if !allowed {
        eprintln!("\n!!! NOT TESTED: no time namespace is allowed here\n");
    }
    allowed
}

#[test]
fn t08_a_remote_session_that_was_not_heard_for_a_day_has_lost_its_task_to_another() {
    if !is_possible() {
        return;
    }
    let home = Home::new();
    std::fs::create_dir(home.path("work/repo")).unwrap();
    let done = |words: &[&str]| assert_eq!(home.status(words), 0, "{words:?}");
    done(&["session", "add", "far", "--remote", "--lease", "15m"]);
    done(&["send", "echo done", "--dir", "repo"]);
    done(&["task", "take", "--session", "far"]);
    done(&["acquire", "plain", "--session", "ana"]);
    done(&["session", "add", "near", "--process", "sh -c {prompt}"]);

    let slept = later(&home, &["assigner", "--until-idle"])
        .output()
        .unwrap();
    assert!(slept.status.success(), "{slept:?}");

    let task = home.json(&["task", "show", "1"])["task"].clone();
    assert_eq!(task["status"], "completed", "{task}");
    assert_eq!(task["assigned_session"], "near", "{task}");
    assert_eq!(task["retry_count"], 1, "{task}");
    let history = home.json(&["history"]);
    let of = |id: i64| {
        let locks = history["locks"].as_array().unwrap();
        locks.iter().find(|lock| lock["id"] == id).unwrap().clone()
    };
    assert_eq!(of(1)["end_reason"], "lapsed", "{history}");
    assert_eq!(of(2)["end_reason"], "lapsed", "{history}");
}
