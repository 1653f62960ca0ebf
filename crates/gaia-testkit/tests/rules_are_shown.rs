//! `docs/testing.md` and the tests agree.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gaia_testkit::conformance::CASES;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/testing.md")).unwrap()
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

/// A rule's mark at the start of a name, `r08_` or `alone_r08_`: its letter and
/// number.
fn rule_of(name: &str) -> Option<(char, u32)> {
    let name = name
        .trim_start_matches("alone_")
        .trim_start_matches("heavy_");
    let letter = name
        .chars()
        .next()
        .filter(|letter| "rt".contains(*letter))?;
    let number = name.get(1..3)?.parse().ok()?;
    (name.get(3..4) == Some("_")).then_some((letter, number))
}

/// The names of all tests that bear a rule's name: functions behind `#[test]`
/// and cases of the suite. (Tests that a macro makes are known by their name
/// and a colon.)
fn shown() -> BTreeSet<String> {
    let mut texts = Vec::new();
    sources(&root().join("crates"), &mut texts);
    let word = |line: &str| -> Option<String> {
        let line = line.trim_start();
        let name = line
            .strip_prefix("fn ")
            .or_else(|| line.contains(": ").then_some(line))?;
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        rule_of(&name[..end]).map(|_| name[..end].to_owned())
    };
    let written = texts.iter().flat_map(|text| text.lines()).filter_map(word);
    written
        .chain(CASES.iter().map(|case| case.name.to_owned()))
        .collect()
}

#[test]
fn every_rule_of_the_locks_has_a_test_and_a_row() {
    let (shown, page) = (shown(), page());
    for rule in 1..=18 {
        let tests = shown
            .iter()
            .filter(|name| rule_of(name) == Some(('r', rule)))
            .count();
        assert!(tests > 0, "no test shows R{rule}");
        assert!(
            page.contains(&format!("\n| R{rule} | ")),
            "docs/testing.md has no row for R{rule}"
        );
    }
}

/// The rules of tasks that this version keeps.
#[test]
fn every_rule_of_the_tasks_has_a_test_and_a_row() {
    let (shown, page) = (shown(), page());
    for rule in [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 15] {
        let is_shown = shown.iter().any(|name| rule_of(name) == Some(('t', rule)));
        assert!(is_shown, "no test shows T{rule}");
        assert!(
            page.contains(&format!("\n| T{rule} | ")),
            "docs/testing.md has no row for T{rule}"
        );
    }
}

#[test]
fn every_rule_of_the_suite_is_shown_more_than_once() {
    for rule in (1..=17).filter(|rule| *rule != 14) {
        let cases = CASES
            .iter()
            .filter(|case| rule_of(case.name) == Some(('r', rule)))
            .count();
        assert!(cases > 1, "R{rule} has {cases} cases");
    }
}

#[test]
fn whatever_the_page_names_exists() {
    let (shown, page) = (shown(), page());
    let named = page.split('`').skip(1).step_by(2);
    let mut count = 0;
    for name in named.filter(|name| rule_of(name).is_some() && !name.contains('…')) {
        assert!(
            shown.contains(name),
            "docs/testing.md names {name}, which is no test"
        );
        count += 1;
    }
    assert!(count > 20, "{count} names were looked at");
    for path in page.split('`').filter(|word| word.starts_with("crates/")) {
        assert!(
            root().join(path).try_exists().unwrap(),
            "docs/testing.md names {path}"
        );
    }
}

#[test]
fn no_case_is_there_twice() {
    let names: BTreeSet<&str> = CASES.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), CASES.len());
}
