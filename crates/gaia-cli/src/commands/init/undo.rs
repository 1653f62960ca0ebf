//! `gaia init --undo`: takes back what the journal knows, newest first, as
//! `fate` judges it.
//!
//! It is judged twice: for whoever is asked, and again once they have answered.
//! They may take their time, and meanwhile somebody uses what nobody used.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ask::{is_asked, yes_to};
use super::fate::{Fate, fates};
use super::journal::Journal;
use super::meant::Meant;
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

/// Shows, asks, takes back.
pub fn run(context: &Context, args: &InitArgs, repos: &[PathBuf]) -> Ended {
    let home = &context.settings()?.home;
    let meant = Meant::new(args, repos);
    let known = || -> Result<Vec<Change>, Failure> {
        let journal = Journal::open(home)?;
        Ok(journal.map_or_else(Vec::new, |journal| journal.changes().to_vec()))
    };
    let changes = known()?;
    let judged = fates(context, &changes, &meant.of(&changes));
    if !agreed(context, args, &shown(&changes, &judged))? {
        return told(context, false, &changes, &judged);
    }
    let Some(mut journal) = Journal::open(home)? else {
        return told(context, true, &changes, &judged);
    };
    let changes = journal.changes().to_vec();
    let judged = fates(context, &changes, &meant.of(&changes));
    let mut undone = vec![false; changes.len()];
    let taken_back = take_back(&changes, &judged, &mut undone);
    keep_folders_in_use(&changes, &mut undone, journal.file());
    journal.strike(&undone)?;
    drop(journal);
    remove_folders(&changes, &undone);
    taken_back?;
    told(context, true, &changes, &judged)
}

fn told(context: &Context, done: bool, changes: &[Change], fates: &[Option<Fate>]) -> Ended {
    let undone = shown(changes, fates);
    let left = undone.iter().any(Shown::is_left);
    let answer = Answer { done, undone };
    context
        .out
        .answer(&answer, |style| in_words(style, &answer))?;
    Ok(if left { Status::Failed } else { Status::Done }.into())
}

/// Takes back what can be, newest first, and marks what the journal need not
/// know any longer: also where something then stands in the way.
fn take_back(
    changes: &[Change],
    fates: &[Option<Fate>],
    undone: &mut [bool],
) -> Result<(), Failure> {
    for (index, change) in changes.iter().enumerate().rev() {
        let Some(fate) = fates[index].as_ref().filter(|fate| !fate.is_put_off) else {
            continue;
        };
        match (&change.what, fate.action) {
            // What people did is theirs from now on, and is not ours to know.
            (_, Action::Keep | Action::Nothing) => {}
            // Once the journal is written, see [`remove_folders`].
            (What::Folder | What::PrivateFolder, _) => {}
            (What::Database, _) => database::remove(&change.path)?,
            (What::Moved { to }, _) => write::move_back(&change.path, to)?,
            (What::File { .. }, _) => restore(&change.path, fate.then.as_ref())?,
        }
        undone[index] = true;
    }
    Ok(())
}

fn restore(path: &Path, then: Option<&Text>) -> Result<(), Failure> {
    if on_disk(path)?.as_ref() != then {
        write::put(path, then).map_err(|error| unusable(path, &error))?;
    }
    Ok(())
}

/// A folder in which something is left that can be taken back another time,
/// or the note of it, is still ours to remove then.
fn keep_folders_in_use(changes: &[Change], undone: &mut [bool], journal: &Path) {
    let left = changes.iter().zip(&*undone);
    let left = left.filter(|(change, undone)| !**undone && !change.what.is_folder());
    let mut left: Vec<&Path> = left.map(|(change, _)| change.path.as_path()).collect();
    if !left.is_empty() {
        left.push(journal);
    }
    for (change, undone) in changes.iter().zip(undone) {
        let in_use = left.iter().any(|path| path.starts_with(&change.path));
        *undone = *undone && !(change.what.is_folder() && in_use);
    }
}

/// Once the journal is written: it lies in one of them.
fn remove_folders(changes: &[Change], undone: &[bool]) {
    let folders = changes.iter().zip(undone).rev();
    for (change, _) in folders.filter(|(change, undone)| **undone && change.what.is_folder()) {
        // One that others use is not empty, and stays.
        drop(std::fs::remove_dir(&change.path));
    }
}

fn shown<'a>(changes: &'a [Change], fates: &'a [Option<Fate>]) -> Vec<Shown<'a>> {
    let meant = changes.iter().zip(fates).rev();
    meant
        .filter_map(|(change, fate)| Some(Shown::undone(change, fate.as_ref()?)))
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
