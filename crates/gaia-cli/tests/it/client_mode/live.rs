//! What shows live what there is, while its server is away.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::served::Served;
use crate::home::{Guard, Home, loudly};
use crate::terminal::Terminal;

/// Lines as they come.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn line_with(lines: &Receiver<String>, text: &str) -> String {
    loop {
        let line = lines.recv_timeout(Duration::from_secs(20));
        let line = line.unwrap_or_else(|error| panic!("no line with {text:?}: {error}"));
        if line.contains(text) {
            return line;
        }
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_watch_says_that_its_server_is_away_and_goes_on_when_it_is_back() {
    let mut served = Served::start();
    let mut watch = served.spawn(&["--json", "status", "--watch"]);
    let mut words = served.spawn(&["status", "--watch"]);
    let objects = lines(watch.0.stdout.take().unwrap());
    let said = lines(words.0.stderr.take().unwrap());
    let shown = lines(words.0.stdout.take().unwrap());
    assert_eq!(json(&line_with(&objects, ""))["count"], 0);
    line_with(&shown, "No active locks");
    served.kill();
    let error = json(&line_with(&objects, ""));
    assert_eq!(error["error"]["code"], "server_unreachable", "{error}");
    line_with(&said, "trying again");
    served.restart();
    assert_eq!(json(&line_with(&objects, ""))["count"], 0, "it is back");
    line_with(&said, "answers again");
    assert_eq!(served.status(&["acquire", "a", "--session", "ann"]), 0);
    assert_eq!(json(&line_with(&objects, ""))["count"], 1);
    line_with(&shown, "ann");
    running(&mut watch);
    running(&mut words);
}

fn running(one: &mut Guard) {
    assert!(one.0.try_wait().unwrap().is_none());
}

/// A look at a server that hangs takes seconds before it fails.
#[test]
fn what_is_not_known_is_so_since_the_last_look_that_ended_well() {
    let served = Served::start();
    let mut watch = served.spawn(&["status", "--watch"]);
    let said = lines(watch.0.stderr.take().unwrap());
    let shown = lines(watch.0.stdout.take().unwrap());
    line_with(&shown, "No active locks");
    let home = Home::new();
    let terminal = Terminal::of_size(&home, "100", "24");
    if let Some(terminal) = &terminal {
        terminal.type_line(&served.line("TZ=UTC gaia top"));
        terminal.until_shown("No active locks");
    }
    let (frozen, started) = (seconds_of_the_day(), Instant::now());
    served.freeze();
    let line = line_with(&said, "not known since");
    assert!(
        started.elapsed() > Duration::from_secs(5),
        "it did not hang"
    );
    let is_right = |line: &str| {
        let since = line.split("not known since ").nth(1).unwrap();
        let since = since.split_once(',').unwrap().0;
        let time: Vec<i64> = since[since.len() - 8..]
            .split(':')
            .map(|part| part.parse().unwrap())
            .collect();
        let since = (time[0] * 60 + time[1]) * 60 + time[2];
        let off = (since - frozen).rem_euclid(24 * 3600);
        assert!(off <= 1 || off >= 24 * 3600 - 3, "{line}: {off} seconds");
    };
    is_right(&line);
    match terminal {
        None => loudly("gaia top in a terminal: there is no tmux"),
        Some(terminal) => {
            terminal.until_shown("not known since");
            is_right(terminal.screen().lines().next().unwrap());
        }
    }
}

fn seconds_of_the_day() -> i64 {
    jiff::Timestamp::now().as_second().rem_euclid(24 * 3600)
}

#[test]
fn a_watch_of_a_server_that_was_never_there_ends_with_5() {
    let mut served = Served::start();
    served.kill();
    assert_eq!(served.status(&["status", "--watch"]), 5);
}

#[test]
fn a_log_that_is_followed_goes_on_where_it_was_when_its_server_is_back() {
    let mut served = Served::start();
    let home = &served.home;
    let go = home.path("go");
    let script = format!(
        "echo one; until [ -e {0} ]; do sleep 0.05; done; echo two",
        go.display()
    );
    assert_eq!(
        home.status(&["session", "add", "ivy", "--process", "sh"]),
        0
    );
    assert_eq!(home.status(&["send", &script]), 0);
    let assigner = home.spawn(&["assigner"]);
    let mut log = served.spawn(&["task", "log", "-f", "1"]);
    let printed = lines(log.0.stdout.take().unwrap());
    let said = lines(log.0.stderr.take().unwrap());
    line_with(&printed, "one");
    served.kill();
    line_with(&said, "trying again");
    served.restart();
    line_with(&said, "answers again");
    std::fs::write(go, "").unwrap();
    let next = printed.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(next, "two", "nothing twice");
    assert_eq!(log.end().0, 0);
    drop(assigner);
}

#[test]
fn top_says_that_its_server_is_away_answers_keys_and_goes_on_when_it_is_back() {
    let mut served = Served::start();
    assert_eq!(served.status(&["acquire", "web", "--session", "ann"]), 0);
    let home = Home::new();
    let Some(terminal) = Terminal::of_size(&home, "100", "24") else {
        return loudly("gaia top in a terminal: there is no tmux");
    };
    terminal.type_line(&served.line("gaia top; echo ended=$?"));
    terminal.until_shown("/work/web");
    served.kill();
    terminal.until_shown("trying again");
    assert!(terminal.screen().contains("/work/web"), "how it was stays");
    terminal.keys(&["?"]);
    terminal.until_shown("the log of the row's task");
    terminal.keys(&["?"]);
    served.restart();
    assert_eq!(served.status(&["acquire", "docs", "--session", "ben"]), 0);
    terminal.until_shown("/work/docs");
    assert!(!terminal.screen().contains("trying again"));
    terminal.keys(&["q"]);
    terminal.until_shown("ended=0");
}
