//! What becomes of a change when it is undone.
//!
//! A file is put back byte for byte, if it is still as init left it. One that
//! somebody has changed since is theirs: it is left alone, named once, and not
//! known any more. Clients write into their own settings all the time, and
//! people into the files that say what git ignores, so from those GAIA's part is
//! taken out, and the rest stays. A folder is removed when nothing is in it, a
//! database when nobody ever used it. What cannot be looked at is left for
//! another time, and keeps nothing else from being undone.

use std::path::Path;

use gaia_agent::clients;
use gaia_agent::hook::Client;

use super::files::Files;
use super::plan::{Change, OfClient, Text, What};
use super::show::Action;
use super::{database, ignore};
use crate::context::Context;
use crate::exit::Failure;

/// What becomes of one change.
pub struct Fate {
    /// What is done.
    pub action: Action,
    /// Why, in a few words.
    pub why: String,
    /// A file as it is now.
    pub now: Option<Text>,
    /// A file as it will be.
    pub then: Option<Text>,
    /// Whether it is noted on, to be undone another time.
    pub is_put_off: bool,
}

impl Fate {
    /// What is done, and why.
    pub fn new(action: Action, why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            action,
            why,
            now: None,
            then: None,
            is_put_off: false,
        }
    }

    /// Left for another time.
    fn put_off(why: impl Into<String>) -> Self {
        Self {
            is_put_off: true,
            ..Self::new(Action::Keep, why)
        }
    }
}

/// What becomes of each change that is meant; the newest is taken back first.
pub fn fates(context: &Context, changes: &[Change], meant: &[bool]) -> Vec<Option<Fate>> {
    let mut files = Files::default();
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(changes.len());
    for (index, change) in changes.iter().enumerate().rev() {
        let is_meant = meant.get(index).copied().unwrap_or(false);
        fates.push(is_meant.then(|| {
            let before = &changes[..index];
            fate(context, change, before, &mut files)
                .unwrap_or_else(|why| Fate::put_off(why.message))
        }));
    }
    fates.reverse();
    fates
}

fn fate(
    context: &Context,
    change: &Change,
    earlier: &[Change],
    files: &mut Files,
) -> Result<Fate, Failure> {
    match &change.what {
        What::Folder | What::PrivateFolder => {
            Ok(Fate::new(Action::Remove, "if nothing else is in it"))
        }
        What::Database => database::fate(context, &change.path),
        What::Moved { to } => Ok(moved(&change.path, to, files)),
        What::File { before, after } => {
            let fate = of_file(change, before.as_ref(), after.as_ref(), earlier, files)?;
            if !matches!(fate.action, Action::Keep | Action::Nothing) {
                files.put(&change.path, fate.then.clone());
            }
            Ok(fate)
        }
    }
}

fn moved(path: &Path, to: &Path, files: &mut Files) -> Fate {
    match (files.is_there(path), files.is_there(to)) {
        (false, true) => {
            files.move_back(path, to);
            Fate::new(Action::Restore, "it has its own name again")
        }
        (_, false) => nothing("it is under no other name"),
        // What was moved aside is somebody's own, and waits for its name.
        (true, true) => Fate::put_off("another file has its name now"),
    }
}

fn of_file(
    change: &Change,
    before: Option<&Text>,
    after: Option<&Text>,
    earlier: &[Change],
    files: &Files,
) -> Result<Fate, Failure> {
    let now = files.now(&change.path)?;
    let is = |other: Option<&Text>| {
        let now = now.as_ref().ok();
        now.map(|now| now.as_ref().map(|text| &text.text)) == Some(other.map(|text| &text.text))
    };
    if !is(after) && is_moved_back(&change.path, earlier, files) {
        return Ok(nothing("it was not put there, or is taken out already"));
    }
    let is_as_known = is(after) || is(before);
    let Ok(now) = now else {
        return Ok(kept());
    };
    let fate = match (before, &now) {
        (None, _) if is_as_known => Fate::new(Action::Remove, "it was not there before"),
        (Some(before), _) if is_as_known => Fate {
            then: Some(as_now(before, after, now.as_ref())),
            ..Fate::new(Action::Restore, "as it was before")
        },
        (_, Some(now)) => without(change, now, before).unwrap_or_else(kept),
        (_, None) => nothing("it is gone"),
    };
    Ok(Fate { now, ..fate })
}

/// Permissions that somebody has changed since are theirs.
fn as_now(before: &Text, after: Option<&Text>, now: Option<&Text>) -> Text {
    let changed = now.filter(|now| after.is_some_and(|after| after.mode != now.mode));
    Text {
        mode: changed.map_or(before.mode, |now| now.mode),
        ..before.clone()
    }
}

/// Whether a file stood in for one that was moved aside, and that has its own
/// name: it never went, or is back.
fn is_moved_back(path: &Path, earlier: &[Change], files: &Files) -> bool {
    let last = earlier.iter().rev().find(|change| change.path == path);
    match last.map(|change| &change.what) {
        Some(What::Moved { to }) => !files.is_there(to) && files.is_there(path),
        _ => false,
    }
}

fn nothing(why: &str) -> Fate {
    Fate::new(Action::Nothing, why)
}

fn kept() -> Fate {
    Fate::new(Action::Keep, "changed since by somebody, and is theirs now")
}

/// A file that was changed since, without what is GAIA's; none where that
/// cannot be told from the rest.
fn without(change: &Change, now: &Text, before: Option<&Text>) -> Option<Fate> {
    let left = match &change.of {
        Some(of) => without_client(of, now, before)?,
        None if change.planner == "ignore" => match ignore::without(&now.text) {
            None => return Some(nothing("nothing of GAIA's is in it")),
            Some(left) => Some(left).filter(|left| before.is_some() || !left.trim().is_empty()),
        },
        None => return None,
    };
    Some(match left {
        None => Fate::new(Action::Remove, "it was not there before"),
        Some(text) => Fate {
            then: Some(Text { text, ..*now }),
            ..Fate::new(
                Action::Change,
                "changed since; what is GAIA's goes, the rest stays",
            )
        },
    })
}

fn without_client(of: &OfClient, now: &Text, before: Option<&Text>) -> Option<Option<String>> {
    let client = Client::from_word(&of.client)?;
    let before = before.map(|text| text.text.as_str());
    clients::without(client, of.part, &now.text, before).ok()
}
