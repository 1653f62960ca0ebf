//! `gaia init --undo`: takes back what the journal knows, newest first.
//!
//! A file is put back byte for byte, if it is still as init left it. One that
//! somebody has changed since is theirs: it is left alone and named, and the
//! journal keeps it. A folder is removed when nothing is in it, a database when
//! nobody ever used it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ask::{is_asked, yes_to};
use super::journal::Journal;
use super::plan::{Change, Text, What, on_disk, unusable};
use super::show::{Action, Shown};
use super::{InitArgs, database, write};
use crate::context::Context;
use crate::exit::{Ended, Failure, Status};
use crate::output::human::Style;
use crate::tell;

#[derive(Serialize)]
struct Answer<'a> {
    done: bool,
    undone: Vec<Shown<'a>>,
}

/// What becomes of one change.
pub struct Fate {
    action: Action,
    why: String,
}

/// Shows, asks, takes back.
pub fn run(context: &Context, args: &InitArgs, repos: &[PathBuf]) -> Ended {
    let home = &context.settings()?.home;
    let mut journal = Journal::open(home)?;
    let changes = journal
        .as_ref()
        .map_or_else(Vec::new, |journal| journal.changes().to_vec());
    let fates = fates(context, &changes, repos)?;
    let shown = shown(&changes, &fates);
    let done = agreed(context, args, &shown)?;
    if let Some(mut journal) = journal.take().filter(|_| done) {
        let mut undone = take_back(&changes, &fates)?;
        keep_folders_in_use(&changes, &mut undone, journal.file());
        journal.strike(&undone)?;
        drop(journal);
        remove_folders(&changes, &undone);
    }
    let left = shown.iter().any(Shown::is_left);
    let answer = Answer {
        done,
        undone: shown,
    };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(if left { Status::Failed } else { Status::Done }.into())
}

/// What becomes of each change; the newest is taken back first. None for what was not meant.
fn fates(
    context: &Context,
    changes: &[Change],
    repos: &[PathBuf],
) -> Result<Vec<Option<Fate>>, Failure> {
    let mut files = HashMap::new();
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(changes.len());
    for change in changes.iter().rev() {
        let meant = repos.is_empty()
            || change
                .repo
                .as_ref()
                .is_some_and(|repo| repos.contains(repo));
        fates.push(match meant {
            true => Some(fate(context, change, &mut files)?),
            false => None,
        });
    }
    fates.reverse();
    Ok(fates)
}

fn fate(
    context: &Context,
    change: &Change,
    files: &mut HashMap<PathBuf, Option<Text>>,
) -> Result<Fate, Failure> {
    match &change.what {
        What::Folder => Ok(Fate::new(Action::Remove, "if nothing else is in it")),
        What::Database => database::fate(context, &change.path),
        What::File { before, after } => {
            let now = match files.get(&change.path) {
                Some(known) => known.clone(),
                None => on_disk(&change.path)?,
            };
            let fate = file_fate(now.as_ref(), before.as_ref(), after.as_ref());
            if fate.action != Action::Keep {
                files.insert(change.path.clone(), before.clone());
            }
            Ok(fate)
        }
    }
}

fn file_fate(now: Option<&Text>, before: Option<&Text>, after: Option<&Text>) -> Fate {
    let same = |left: Option<&Text>, right: Option<&Text>| {
        left.map(|text| &text.text) == right.map(|text| &text.text)
    };
    match before {
        _ if !same(now, after) && !same(now, before) => {
            Fate::new(Action::Keep, "changed since by somebody, and is theirs now")
        }
        None => Fate::new(Action::Remove, "it was not there before"),
        Some(_) => Fate::new(Action::Restore, "as it was before"),
    }
}

impl Fate {
    /// What is done, and why.
    pub fn new(action: Action, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { action, why }
    }
}

/// Takes back what can be, newest first; which changes the journal need not
/// know any longer.
fn take_back(changes: &[Change], fates: &[Option<Fate>]) -> Result<Vec<bool>, Failure> {
    let mut undone = vec![false; changes.len()];
    for (index, change) in changes.iter().enumerate().rev() {
        let Some(Fate { action, .. }) = &fates[index] else {
            continue;
        };
        undone[index] = match (&change.what, action) {
            (What::Folder, _) => true,
            (What::Database, Action::Remove) => database::remove(&change.path)?,
            // It holds what people did: theirs from now on.
            (What::Database, _) => true,
            (What::File { .. }, Action::Keep) => false,
            (What::File { before, .. }, _) => restore(&change.path, before.as_ref())?,
        };
    }
    Ok(undone)
}

fn restore(path: &Path, before: Option<&Text>) -> Result<bool, Failure> {
    if on_disk(path)?.as_ref() != before {
        write::put(path, before).map_err(|error| unusable(path, &error))?;
    }
    Ok(true)
}

/// A folder in which something is left that can be taken back another time,
/// or the note of it, is still ours to remove then.
fn keep_folders_in_use(changes: &[Change], undone: &mut [bool], journal: &Path) {
    let left = changes.iter().zip(&*undone);
    let left = left.filter(|(change, undone)| !**undone && change.what != What::Folder);
    let mut left: Vec<&Path> = left.map(|(change, _)| change.path.as_path()).collect();
    if !left.is_empty() {
        left.push(journal);
    }
    for (change, undone) in changes.iter().zip(undone) {
        let in_use = left.iter().any(|path| path.starts_with(&change.path));
        *undone = *undone && !(change.what == What::Folder && in_use);
    }
}

/// Once the journal is written: it lies in one of them.
fn remove_folders(changes: &[Change], undone: &[bool]) {
    let folders = changes.iter().zip(undone).rev();
    for (change, _) in folders.filter(|(change, undone)| **undone && change.what == What::Folder) {
        // One that others use is not empty, and stays.
        drop(std::fs::remove_dir(&change.path));
    }
}

fn shown<'a>(changes: &'a [Change], fates: &'a [Option<Fate>]) -> Vec<Shown<'a>> {
    let meant = changes.iter().zip(fates).rev();
    meant
        .filter_map(|(change, fate)| {
            let Fate { action, why } = fate.as_ref()?;
            Some(Shown::undone(change, *action, why))
        })
        .collect()
}

fn agreed(context: &Context, args: &InitArgs, shown: &[Shown<'_>]) -> Result<bool, Failure> {
    if shown.is_empty() || !is_asked(context, args) {
        return Ok(args.yes);
    }
    tell::line(&lines(&tell::style(), shown));
    yes_to("Take this back?")
}

fn in_words(style: &Style, answer: &Answer<'_>) -> String {
    if answer.undone.is_empty() {
        return "nothing that gaia init set up is known here".to_owned();
    }
    let lines = lines(style, &answer.undone);
    match answer.done {
        true => format!("{lines}\n{}", style.green("taken back")),
        false => format!(
            "{lines}\n{} --yes takes it back",
            style.yellow("nothing was changed:")
        ),
    }
}

fn lines(style: &Style, shown: &[Shown<'_>]) -> String {
    let lines: Vec<String> = shown.iter().map(|shown| shown.in_words(style)).collect();
    lines.join("\n")
}
