//! What each command says: a table with a row for every command that help
//! shows. A row has four cells, good and bad words for people and for programs;
//! its snapshot holds stdout, stderr and exit status of each. What cannot have a
//! snapshot says in its cell why, and which test shows it instead.
//!
//! That no command lacks a row is seen by the parser's own list.

mod fleet;
mod locks;
mod machine;
mod server;
mod set_up;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::home::Home;
use crate::told;

/// A row.
pub struct Row {
    /// As it is typed: `task show`.
    command: &'static str,
    /// What makes a home ready for it, each ending with 0; not shown. What asks
    /// for a password reads [`PASSWORD`].
    before: &'static [&'static [&'static str]],
    good: Cell,
    bad: Cell,
}

/// Two cells: what is typed after the command, for people and for programs.
/// `[TMP]` in it stands for the home.
pub enum Cell {
    /// Only words.
    Words(&'static [&'static str]),
    /// Words, and what it reads.
    Reads(&'static [&'static str], &'static str),
    /// It goes on until it is told to end, by a signal as soon as it has said
    /// something with this word.
    Until(&'static [&'static str], &'static str),
    /// Only words; what it says is as this machine is, so figures are blotted out.
    Figures(&'static [&'static str]),
    /// No snapshot can be taken: why, and the test that shows it.
    Elsewhere {
        why: &'static str,
        test: &'static str,
    },
}

use Cell::{Elsewhere, Figures, Reads, Until, Words};

/// The password of accounts that were there before.
const PASSWORD: &str = "correct horse battery\n";

/// All rooms of the table.
const ROWS: [&[Row]; 5] = [
    locks::ROWS,
    fleet::ROWS,
    server::ROWS,
    set_up::ROWS,
    machine::ROWS,
];

/// Takes the snapshots of a room's rows, each form in a home of its own.
fn check(rows: &[Row], ready: impl Fn(&Home)) {
    for row in rows {
        let mut told = Vec::new();
        for form in [&[][..], &["--json"]] {
            let home = Home::new();
            ready(&home);
            told.extend(row.told(&home, form));
        }
        let name = row.command.replace(' ', "-");
        told::compare_in("snapshots/each", &name, &told.join("\n"));
    }
}

fn as_it_is(_: &Home) {}

impl Row {
    /// What it says in one form.
    fn told(&self, home: &Home, form: &[&str]) -> Vec<String> {
        for words in self.before {
            let words: Vec<String> = words.iter().map(|word| told::in_home(home, word)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = told::said(home, &words, PASSWORD);
            assert!(output.status.success(), "{words:?}: {output:?}");
        }
        let cells = [&self.good, &self.bad].into_iter();
        cells.map(|cell| self.one(home, form, cell)).collect()
    }

    fn one(&self, home: &Home, form: &[&str], cell: &Cell) -> String {
        let (words, input, ready) = match cell {
            Words(words) | Figures(words) => (*words, "", None),
            Reads(words, input) => (*words, *input, None),
            Until(words, ready) => (*words, "", Some(*ready)),
            Elsewhere { why, test } => {
                let form = form.iter().copied().chain([self.command]);
                let words: Vec<&str> = form.collect();
                return format!("$ gaia {}\n{why}: see {test}\n", words.join(" "));
            }
        };
        let command = self.command.split(' ');
        let all = form
            .iter()
            .copied()
            .chain(command)
            .chain(words.iter().copied());
        let all: Vec<String> = all.map(|word| told::in_home(home, word)).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let input = told::in_home(home, input);
        let mut output = match ready {
            None => told::said(home, &all, &input),
            Some(ready) => told::said_until(home, &all, ready),
        };
        if let Figures(_) = cell {
            output.stdout = without_figures(&output.stdout, home);
            output.stderr = without_figures(&output.stderr, home);
        }
        told::placed(home, &told::shown(&all, &input, &output))
    }
}

/// What was said, with `#` for each number and its unit, whatever became of a
/// goal.
fn without_figures(said: &[u8], home: &Home) -> Vec<u8> {
    let said = told::placed(home, std::str::from_utf8(said).unwrap());
    let mut plain = String::new();
    let mut letters = said.chars().peekable();
    while let Some(letter) = letters.next() {
        let digit_follows = letters.peek().is_some_and(char::is_ascii_digit);
        let goes_on = plain.ends_with('#') && ".,-".contains(letter) && digit_follows;
        match letter.is_ascii_digit() {
            true if plain.ends_with('#') => {}
            true => plain.push('#'),
            false if goes_on => {}
            false => plain.push(letter),
        }
    }
    let varied = [
        ("# µs", "#"),
        ("# ms", "#"),
        ("MISSED", "reached"),
        ("false", "true"),
    ];
    let same = varied
        .iter()
        .fold(plain, |text, (one, other)| text.replace(one, other));
    same.into_bytes()
}

#[test]
fn every_command_that_help_shows_has_a_row() {
    let home = Home::new();
    assert_eq!(home.status(&["man", "pages"]), 0);
    // The manual has a page for each, made from what the parser knows.
    let pages = fs::read_dir(home.path("work/pages")).unwrap();
    let pages = pages.map(|page| page.unwrap().file_name().into_string().unwrap());
    let known: BTreeSet<String> = pages
        .filter_map(|page| Some(page.strip_prefix("gaia-")?.strip_suffix(".1")?.to_owned()))
        .collect();
    let rows = ROWS.iter().copied().flatten();
    let shown: BTreeSet<String> = rows.map(|row| row.command.replace(' ', "-")).collect();
    assert!(known.len() > 30, "{known:?}");
    assert_eq!(known, shown);
}

#[test]
fn what_has_no_snapshot_names_a_test_that_exists() {
    let mut sources = String::new();
    read_below(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"),
        &mut sources,
    );
    for row in ROWS.iter().copied().flatten() {
        for cell in [&row.good, &row.bad] {
            if let Elsewhere { test, .. } = cell {
                assert!(
                    sources.contains(&format!("fn {test}(")),
                    "{}: {test}",
                    row.command
                );
            }
        }
    }
}

fn read_below(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_below(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            *into += &fs::read_to_string(&path).unwrap();
        }
    }
}
