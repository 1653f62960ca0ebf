//! What the README shows is what happens: every ```console block is run in order, in a home of its
//! own, and must print what the README prints. Times differ from run to run and count as equal;
//! whether somebody had to wait may differ too.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// A command and the lines that it is said to print.
struct Step {
    command: String,
    output: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        let (block, _) = block.split_once("\n```").unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    command: command.to_owned(),
                    output: Vec::new(),
                }),
                None => steps.last_mut().unwrap().output.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Runs a command as typed, both outputs in one stream.
fn typed(command: &str, home: &Path) -> String {
    let gaia = PathBuf::from(env!("CARGO_BIN_EXE_gaia"));
    let path = format!(
        "{}:/usr/local/bin:/usr/bin:/bin",
        gaia.parent().unwrap().display()
    );
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .env_clear()
        .env("HOME", home)
        .env("PATH", path)
        .env("TZ", "UTC")
        .env("GAIA_LISTEN", "127.0.0.1:0")
        .current_dir(home)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A line without what differs between two runs: spaces, times, process ids, links.
fn settled(line: &str, home: &Path) -> String {
    let line = line.replace(home.to_str().unwrap(), "/home/you");
    let line = line.replace("just now", "0s ago");
    // Late in the evening a lease ends on another day, and its date is shown.
    let words = line.split_whitespace().filter(|word| !is_date(word));
    let words = words.map(settled_word);
    words.collect::<Vec<_>>().join(" ")
}

fn is_date(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let digits = |part: &&str| part.chars().all(|c| c.is_ascii_digit());
    word.len() == 10 && parts.len() == 3 && parts.iter().all(digits)
}

fn settled_word(word: &str) -> &str {
    let bare = word.trim_matches(['(', ')', ',', ';']);
    let has_digit = bare.starts_with(|c: char| c.is_ascii_digit());
    let is_time = |c: char| c.is_ascii_digit() || "dhms:.-TZ".contains(c);
    let is_number = bare.chars().all(|c| c.is_ascii_digit());
    match word {
        _ if has_digit && !is_number && bare.chars().all(is_time) => "TIME",
        _ if word.starts_with("pid=") => "pid",
        _ if word.starts_with("http://127.0.0.1:") => "link",
        _ if word.starts_with("url=") => "url",
        _ => word,
    }
}

fn compared<'a>(lines: impl Iterator<Item = &'a str>, home: &Path) -> Vec<String> {
    lines
        .filter(|line| !line.starts_with("gaia: waiting"))
        .map(|line| settled(line, home))
        .collect()
}

#[test]
fn what_the_readme_shows_is_what_happens() {
    let dir = tempfile::Builder::new()
        .prefix("gaia-readme")
        .tempdir()
        .unwrap();
    let home = dir.path().canonicalize().unwrap();
    let steps = steps(README);
    assert!(steps.len() > 10, "only {} commands were found", steps.len());
    for step in steps {
        let printed = typed(&step.command, &home);
        assert_eq!(
            compared(printed.lines(), &home),
            compared(step.output.iter().map(String::as_str), &home),
            "$ {}\n{printed}",
            step.command
        );
    }
}

#[test]
fn what_differs_between_runs_counts_as_equal_and_nothing_else() {
    let home = Path::new("/tmp/home");
    let same = |left: &str, right: &str| settled(left, home) == settled(right, home);
    assert!(same("until 11:26:25 (2h)", "until  09:00:01  (1h59m)"));
    assert!(same("until 11:26:25", "until 2026-11-28 00:09:35"));
    assert!(same(
        "since just now, /tmp/home/x",
        "since 3s ago, /home/you/x"
    ));
    assert!(same(
        "2026-11-23T09:26:28.4Z pid=1",
        "2027-01-01T00:00:00.123Z pid=22"
    ));
    assert!(!same("token 2", "token 3"));
    assert!(!same("locked", "released"));
}
