//! Where the answer cannot be written: nobody is left with a lock of which
//! nobody was told, and nobody waits for a reader who has left.

use std::fs::OpenOptions;
use std::process::{Output, Stdio};

use crate::home::{Guard, Home, loudly, until};

/// With a stdout on which nothing can be written, as on a full disk.
fn on_full(home: &Home, words: &[&str]) -> Output {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = home.gaia(words);
    command.stdout(full).output().unwrap()
}

/// With a stdout whose reader has left.
fn to_nobody(home: &Home, words: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.gaia(words);
    command.stdout(writer).output().unwrap()
}

fn said(output: &Output) -> (i32, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), said)
}

fn has_full() -> bool {
    let has = std::path::Path::new("/dev/full").exists();
    if !has {
        loudly("there is no /dev/full here");
    }
    has
}

#[test]
fn a_lock_of_which_nobody_could_be_told_is_given_back() {
    let home = Home::new();
    for json in [&["acquire"][..], &["--json", "acquire"]] {
        let words = [json, &["a", "b", "--session", "s"]].concat();
        let mut told = vec![said(&to_nobody(&home, &words))];
        if has_full() {
            told.push(said(&on_full(&home, &words)));
        }
        for (status, said) in told {
            assert_eq!(status, 1, "{said}");
            assert!(said.contains("stdout cannot be written"), "{said}");
            assert!(said.contains("what was locked is given back"), "{said}");
            assert!(home.locks().is_empty());
        }
    }
}

#[test]
fn what_was_held_before_is_held_on_when_nobody_can_be_told() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "s"]), 0);
    let (status, said) = said(&to_nobody(&home, &["acquire", "a", "b", "--session", "s"]));
    assert_eq!(status, 1, "{said}");
    let locks = home.locks();
    assert_eq!(locks.len(), 1, "{locks:?}");
    assert_eq!(locks[0]["id"], 1);
}

#[test]
fn a_turn_of_which_nobody_could_be_told_is_given_back() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut waiter = home.gaia(&["acquire", "a", "--session", "waiter", "--wait"]);
    let waiter = Guard(waiter.stdout(writer).spawn().unwrap());
    until("it waits", || home.waiters() == 1);
    assert_eq!(home.status(&["release", "a", "--session", "holder"]), 0);
    let (status, _, said) = waiter.end();
    assert_eq!(status, 1, "{said}");
    assert!(home.locks().is_empty(), "{said}");
}

#[test]
fn what_was_queued_is_said_beside_it_when_the_answer_cannot_be_written() {
    let home = Home::new();
    let (status, said) = said(&to_nobody(&home, &["send", "a task"]));
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("task 1 was queued all the same"), "{said}");
}

#[test]
fn a_refusal_and_an_error_are_said_beside_it_when_json_cannot_be_written() {
    let home = Home::new();
    assert_eq!(home.status(&["acquire", "a", "--session", "holder"]), 0);
    let acquire = ["--json", "acquire", "a", "--session", "s"];
    let run = ["--json", "run", "a", "--", "true"];
    for words in [&acquire[..], &run] {
        let (status, said) = said(&to_nobody(&home, words));
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("is held by session holder"), "{said}");
    }
    let (status, said) = said(&to_nobody(&home, &["--json", "task", "show", "7"]));
    assert_eq!(status, 1, "{said}");
    assert!(said.contains('7'), "{said}");
}

#[test]
fn who_only_looked_is_not_blamed_for_a_reader_who_left() {
    let home = Home::new();
    assert_eq!(to_nobody(&home, &["status"]).status.code(), Some(0));
    if has_full() {
        let (status, said) = said(&on_full(&home, &["status"]));
        assert_eq!(status, 1);
        assert!(said.contains("stdout cannot be written"), "{said}");
    }
}

#[test]
fn a_watch_ends_when_its_reader_has_left() {
    let home = Home::new();
    let mut watch = home.gaia(&["status", "--watch"]);
    let mut watch = Guard(watch.stdout(Stdio::piped()).spawn().unwrap());
    let mut first = String::new();
    let mut reader = std::io::BufReader::new(watch.0.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut first).unwrap();
    assert!(first.contains("No active locks"), "{first}");
    drop(reader);
    until("it has ended", || watch.0.try_wait().unwrap().is_some());
}
