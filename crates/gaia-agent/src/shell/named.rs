//! Paths that stand in a text, wherever in it: what a program may write of
//! which nobody knows what it does.
//!
//! Only those count that may lie outside the folder where the program runs,
//! which is thought of anyway: absolute ones, those with `..`, and those that
//! go through a folder, because it may be a link. `--out=/x`, `-C/x`,
//! `open("/x/y", "w")` and `s#/a#b#` all are texts with paths in them. One too
//! many is no harm: it is only looked whether another holds it.

use std::path::{Path, PathBuf};

/// A text has at most so many.
const MOST: usize = 100;

/// The paths in a text, each once.
pub(crate) fn paths_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut note = |path: &str| {
        if leads_elsewhere(path) && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
        found.len() < MOST
    };
    // A name may hold spaces: the whole text may be one path.
    if !text.contains('\n') && !text.starts_with('-') {
        note(text);
    }
    for part in text.split(|letter: char| !is_of_a_path(letter)) {
        if !note(without_option(part)) {
            break;
        }
    }
    found
}

/// A path out of a text as it is meant in a folder: `~` stands for the user's
/// home.
pub(crate) fn path_in(folder: &Path, path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    }
}

fn is_of_a_path(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '/' | '.' | '_' | '-' | '~' | '+' | '@' | '%')
}

/// `-C/x` and `-I../x` name a path behind an option.
fn without_option(part: &str) -> &str {
    let Some(rest) = part.strip_prefix('-') else {
        return part;
    };
    let at = rest
        .find(['/', '~'])
        .into_iter()
        .chain(rest.find(".."))
        .min();
    at.and_then(|at| rest.get(at..)).unwrap_or_default()
}

fn leads_elsewhere(path: &str) -> bool {
    path == ".." || (path.contains('/') && !path.trim_matches('/').is_empty())
}
