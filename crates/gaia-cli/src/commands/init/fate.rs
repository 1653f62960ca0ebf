//! What becomes of a change when it is undone.
//!
//! A file is put back byte for byte, if it is still as init left it. One that
//! somebody has changed since is theirs: it is left alone and named. Clients
//! write into their own settings all the time, so from those GAIA's part is
//! taken out, and the rest stays. A folder is removed when nothing is in it, a
//! database when nobody ever used it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use gaia_agent::clients;
use gaia_agent::hook::Client;

use super::database;
use super::plan::{Change, OfClient, Text, What, on_disk};
use super::show::Action;
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
        }
    }
}

/// The files as they are once what came before is undone.
#[derive(Default)]
struct Files {
    texts: HashMap<PathBuf, Option<Text>>,
    /// Names that a file has again which init had moved aside.
    taken: HashSet<PathBuf>,
}

impl Files {
    /// A file's text; the error: another file has its name by then.
    fn now(&self, path: &Path) -> Result<Result<Option<Text>, Taken>, Failure> {
        if self.taken.contains(path) {
            return Ok(Err(Taken));
        }
        match self.texts.get(path) {
            Some(known) => Ok(Ok(known.clone())),
            None => on_disk(path).map(Ok),
        }
    }

    fn is_there(&self, path: &Path) -> bool {
        match self.texts.get(path) {
            _ if self.taken.contains(path) => true,
            Some(known) => known.is_some(),
            None => path.symlink_metadata().is_ok(),
        }
    }
}

/// Another file has the name.
struct Taken;

/// What becomes of each change; the newest is taken back first. None for what
/// was not meant.
pub fn fates(
    context: &Context,
    changes: &[Change],
    repos: &[PathBuf],
) -> Result<Vec<Option<Fate>>, Failure> {
    let mut files = Files::default();
    let mut fates: Vec<Option<Fate>> = Vec::with_capacity(changes.len());
    for change in changes.iter().rev() {
        let repo = change.repo.as_ref();
        let meant = repos.is_empty() || repo.is_some_and(|repo| repos.contains(repo));
        fates.push(match meant {
            true => Some(fate(context, change, &mut files)?),
            false => None,
        });
    }
    fates.reverse();
    Ok(fates)
}

fn fate(context: &Context, change: &Change, files: &mut Files) -> Result<Fate, Failure> {
    match &change.what {
        What::Folder | What::PrivateFolder => {
            Ok(Fate::new(Action::Remove, "if nothing else is in it"))
        }
        What::Database => database::fate(context, &change.path),
        What::Moved { to } => Ok(moved(&change.path, to, files)),
        What::File { before, after } => {
            let Ok(now) = files.now(&change.path)? else {
                return Ok(kept());
            };
            let fate = of_file(change.of.as_ref(), now, before.as_ref(), after.as_ref());
            if fate.action != Action::Keep {
                let then = fate.then.clone();
                files.texts.insert(change.path.clone(), then);
            }
            Ok(fate)
        }
    }
}

fn moved(path: &Path, to: &Path, files: &mut Files) -> Fate {
    match (files.is_there(path), to.symlink_metadata().is_ok()) {
        (false, true) => {
            files.taken.insert(path.to_owned());
            Fate::new(Action::Restore, "it has its own name again")
        }
        (_, false) => Fate::new(Action::Remove, "it is not there any more"),
        (true, true) => Fate::new(Action::Keep, "another file has its name now"),
    }
}

fn of_file(
    of: Option<&OfClient>,
    now: Option<Text>,
    before: Option<&Text>,
    after: Option<&Text>,
) -> Fate {
    let is =
        |other: Option<&Text>| now.as_ref().map(|text| &text.text) == other.map(|text| &text.text);
    let fate = match (before, &now) {
        _ if is(after) || is(before) => match before {
            None => Fate::new(Action::Remove, "it was not there before"),
            Some(_) => Fate {
                then: before.cloned(),
                ..Fate::new(Action::Restore, "as it was before")
            },
        },
        (_, Some(now)) => of
            .and_then(|of| without(of, now, before))
            .unwrap_or_else(kept),
        (_, None) => kept(),
    };
    Fate { now, ..fate }
}

fn kept() -> Fate {
    Fate::new(Action::Keep, "changed since by somebody, and is theirs now")
}

/// A client's settings that were changed since, without what is GAIA's.
fn without(of: &OfClient, now: &Text, before: Option<&Text>) -> Option<Fate> {
    let client = Client::from_word(&of.client)?;
    let before = before.map(|text| text.text.as_str());
    let left = clients::without(client, of.part, &now.text, before).ok()?;
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
