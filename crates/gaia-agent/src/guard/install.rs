//! Putting the guard into a repository, and taking it out.

use std::fs;
use std::path::{Path, PathBuf};

use super::hook::{self, ASKED, Stand, did};
use super::place::Place;
use super::{GuardError, git};

/// The other hooks that git calls, those of a repository that is pushed to too.
const OTHERS: [&str; 20] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-pre-submit",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
];

/// Those that change what git does, or how fast, by being there: they are passed
/// on only where the other place has them.
const WITH_EFFECT: [&str; 5] = [
    "fsmonitor-watchman",
    "post-index-change",
    "reference-transaction",
    "push-to-checkout",
    "proc-receive",
];

/// How it stands with the guard in a work tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// It is there.
    Installed {
        /// The hook.
        hook: PathBuf,
        /// The hook that runs after it, if there is one.
        then: Option<PathBuf>,
    },
    /// It is not, or does not do its work.
    Missing {
        /// Why not, where it was once and something took it out or broke it.
        why: Option<String>,
    },
}

/// Puts the guard into the repository around a folder, and into its submodules.
/// `check` is the command that the hook runs. Gives the hooks that were
/// written.
///
/// # Errors
/// When git cannot be asked, a file cannot be written, or git would not call
/// what was written.
pub fn install(folder: &Path, check: &str) -> Result<Vec<PathBuf>, GuardError> {
    let mut written = Vec::new();
    for tree in trees(folder)? {
        let place = Place::of(&tree)?;
        written.extend(match (&place.hooks_path, place.is_ours()) {
            (None, _) => beside(&place.usual, check)?,
            (Some(_), true) => in_front(&place, check, place.before().as_deref())?,
            (Some(before), false) => {
                place.remember()?;
                in_front(&place, check, Some(before))?
            }
        });
        refuse_if_not_called(&tree)?;
    }
    Ok(written)
}

/// Git's configuration has places that are not written to here, such as its
/// environment.
fn refuse_if_not_called(tree: &Path) -> Result<(), GuardError> {
    let place = Place::of(tree)?;
    match &place.hooks_path {
        Some(path) if !place.is_ours() => Err(GuardError::NotCalled {
            tree: tree.to_owned(),
            hooks: path.clone(),
        }),
        _ => Ok(()),
    }
}

/// Takes it out again; what was there before is as it was. Gives the hooks that
/// were taken away.
///
/// # Errors
/// As [`install`].
pub fn remove(folder: &Path) -> Result<Vec<PathBuf>, GuardError> {
    let mut removed = Vec::new();
    for tree in trees(folder)? {
        let place = Place::of(&tree)?;
        for name in ASKED {
            for hook in [name.to_owned(), hook::legacy(name)] {
                removed.extend(take_out(&place.usual, &hook, name)?);
            }
        }
        if place.own.is_dir() {
            place.forget()?;
            did(&place.own, "removed", fs::remove_dir_all(&place.own))?;
            removed.push(place.own.join("pre-commit"));
        }
    }
    Ok(removed)
}

/// Takes the guard out of one file. A kept hook takes its place, unless it is
/// the tool's that stands in front and has called the guard.
fn take_out(hooks: &Path, file: &str, name: &str) -> Result<Option<PathBuf>, GuardError> {
    let guard = hooks.join(file);
    let Some(kept) = hook::kept_by(&guard, name) else {
        return Ok(None);
    };
    let kept = hooks.join(kept);
    let is_there = kept.symlink_metadata().is_ok();
    if is_there && !hook::are_one_tool(&kept, &hooks.join(name)) {
        did(&guard, "moved", fs::rename(&kept, &guard))?;
        return Ok(Some(guard));
    }
    if is_there {
        did(&kept, "removed", fs::remove_file(&kept))?;
    }
    did(&guard, "removed", fs::remove_file(&guard))?;
    Ok(Some(guard))
}

/// How it stands with the guard in the work tree around a folder.
///
/// # Errors
/// When git cannot be asked.
pub fn look(folder: &Path) -> Result<Found, GuardError> {
    let place = Place::of(folder)?;
    let (guard, then) = match (&place.hooks_path, place.is_ours()) {
        (None, _) => {
            let stand = Stand::of(&place.usual, "pre-commit");
            let kept = stand.kept_at();
            if stand.is_moved && kept.with_extension("gaia-kept").is_file() {
                let hook = stand.hook.display();
                let why = format!("{hook} was written anew after it was installed");
                return Ok(Found::Missing { why: Some(why) });
            }
            (stand.hook, Some(kept))
        }
        (Some(_), true) => {
            let then = place.before().map(|path| place.root.join(path));
            (
                place.own.join("pre-commit"),
                then.map(|path| path.join("pre-commit")),
            )
        }
        (Some(path), false) => {
            let path = path.display();
            let is_ours = place.own.is_dir();
            let why = format!("core.hooksPath was set to {path} after it was installed");
            return Ok(Found::Missing {
                why: is_ours.then_some(why),
            });
        }
    };
    if hook::guard_text(&guard).is_none() {
        return Ok(Found::Missing { why: None });
    }
    Ok(match hook::fault(&guard) {
        Some(why) => Found::Missing { why: Some(why) },
        None => Found::Installed {
            then: then.filter(|then| then.is_file()),
            hook: guard,
        },
    })
}

fn trees(folder: &Path) -> Result<Vec<PathBuf>, GuardError> {
    let root = git::root(folder)?;
    let inside = git::submodules(&root);
    Ok(std::iter::once(root).chain(inside).collect())
}

/// The guard in the repository's own folder of hooks, older hooks kept.
fn beside(hooks: &Path, check: &str) -> Result<Vec<PathBuf>, GuardError> {
    did(hooks, "made", fs::create_dir_all(hooks))?;
    let mut written = Vec::new();
    for name in ASKED {
        let stand = Stand::of(hooks, name);
        if stand.is_moved {
            let moved = fs::rename(&stand.hook, stand.kept_at());
            did(&stand.hook, "moved", moved)?;
        }
        hook::write(&stand.hook, &hook::text(check, name, &stand.kept))?;
        written.push(stand.hook);
    }
    Ok(written)
}

/// What [`install`] would write into the work tree around a folder, for whoever
/// shows it first. `None`: hooks lie elsewhere, so that git's configuration
/// changes too.
///
/// # Errors
/// When git cannot be asked.
pub fn planned(folder: &Path, check: &str) -> Result<Option<Vec<Planned>>, GuardError> {
    let place = Place::of(folder)?;
    let hooks = ASKED.map(|name| {
        let stand = Stand::of(&place.usual, name);
        Planned {
            text: hook::text(check, name, &stand.kept),
            kept: stand.is_moved.then(|| stand.kept_at()),
            hook: stand.hook,
        }
    });
    Ok(place.hooks_path.is_none().then(|| hooks.into()))
}

/// A hook that is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    /// Where.
    pub hook: PathBuf,
    /// Its text.
    pub text: String,
    /// Where the hook that is there goes first, unless it is the guard.
    pub kept: Option<PathBuf>,
}

/// The guard in a folder of its own, in front of the hooks of another place.
fn in_front(place: &Place, check: &str, before: Option<&Path>) -> Result<Vec<PathBuf>, GuardError> {
    let own = &place.own;
    did(own, "made", fs::create_dir_all(own))?;
    let before = before.unwrap_or(&place.usual);
    let is_there = |name: &&str| place.root.join(before).join(name).is_file();
    for name in OTHERS
        .into_iter()
        .chain(WITH_EFFECT.into_iter().filter(is_there))
    {
        hook::write(&own.join(name), &hook::passing_on(&before.join(name)))?;
    }
    let mut written = Vec::new();
    for name in ASKED {
        let guard = own.join(name);
        hook::write(&guard, &hook::text_in_front(check, &before.join(name)))?;
        written.push(guard);
    }
    place.point_to_own()?;
    Ok(written)
}
