//! Putting the guard into a repository, and taking it out.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{GuardError, git};

/// What the guard's own files begin with.
const MARK: &str = "# gaia guard:";
/// Where an older hook is kept; `-2` and so on follow where that name is taken.
const KEPT: &str = "pre-commit.gaia-kept";
/// Where other tools put a hook that was there before them, to be run by theirs:
/// the guard too.
const LEGACY: &str = "pre-commit.legacy";
/// What stands around that name in the guard.
const NAMES_KEPT: (&str, &str) = ("kept=\"$(dirname \"$0\")/", "\"");
/// The guard's own folder of hooks, where hooks lie elsewhere.
const OWN: &str = "gaia-hooks";
/// Where git looked before.
const BEFORE: &str = "gaia.hooksPathBefore";

/// The hooks that git calls in a work tree.
const HOOKS: [&str; 20] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
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
    "fsmonitor-watchman",
    "post-index-change",
    "reference-transaction",
    "push-to-checkout",
    "p4-pre-submit",
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
    /// It is not.
    Missing {
        /// Why not, where it was once and something took it out.
        why: Option<String>,
    },
}

/// Where the hooks of a work tree lie.
struct Place {
    root: PathBuf,
    common: PathBuf,
    /// What `core.hooksPath` says, wherever it is said.
    hooks_path: Option<PathBuf>,
    /// What the repository's own configuration says of it.
    local: Option<PathBuf>,
}

impl Place {
    fn of(folder: &Path) -> Result<Self, GuardError> {
        let root = git::root(folder)?;
        Ok(Self {
            common: git::common(&root)?,
            hooks_path: git::setting(&root, &["--type=path"], "core.hooksPath"),
            local: git::setting(&root, &["--local", "--type=path"], "core.hooksPath"),
            root,
        })
    }

    fn own(&self) -> PathBuf {
        self.common.join(OWN)
    }

    fn is_ours(&self) -> bool {
        self.hooks_path
            .as_ref()
            .is_some_and(|path| self.root.join(path) == self.own())
    }

    fn usual(&self) -> PathBuf {
        self.common.join("hooks")
    }
}

/// Puts the guard into the repository around a folder, and into its submodules.
/// `check` is the command that the hook runs. Gives the hooks that were
/// written.
///
/// # Errors
/// When git cannot be asked or a file cannot be written.
pub fn install(folder: &Path, check: &str) -> Result<Vec<PathBuf>, GuardError> {
    let mut written = Vec::new();
    for tree in trees(folder)? {
        let place = Place::of(&tree)?;
        written.push(match (&place.hooks_path, place.is_ours()) {
            (None, _) => beside(&place.usual(), check)?,
            (Some(_), true) => in_front(
                &place,
                check,
                git::setting(&tree, &["--local"], BEFORE).as_deref(),
            )?,
            (Some(before), false) => {
                remember(&place)?;
                in_front(&place, check, Some(before))?
            }
        });
    }
    Ok(written)
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
        for name in ["pre-commit", LEGACY] {
            let hook = place.usual().join(name);
            let Some(kept) = kept_by(&hook) else { continue };
            let kept = place.usual().join(kept);
            match kept.symlink_metadata().is_ok() {
                true => did(&hook, "moved", fs::rename(&kept, &hook))?,
                false => did(&hook, "removed", fs::remove_file(&hook))?,
            }
            removed.push(hook);
        }
        if place.own().is_dir() {
            forget(&place)?;
            did(&place.own(), "removed", fs::remove_dir_all(place.own()))?;
            removed.push(place.own().join("pre-commit"));
        }
    }
    Ok(removed)
}

/// How it stands with the guard in the work tree around a folder.
///
/// # Errors
/// When git cannot be asked.
pub fn look(folder: &Path) -> Result<Found, GuardError> {
    let place = Place::of(folder)?;
    let (hook, kept) = match (&place.hooks_path, place.is_ours()) {
        (None, _) => {
            let hook = place.usual().join("pre-commit");
            let kept = kept_by(&hook).unwrap_or_else(|| KEPT.to_owned());
            (hook, Some(place.usual().join(kept)))
        }
        (Some(_), true) => {
            let before = git::setting(&place.root, &["--local"], BEFORE);
            (
                place.own().join("pre-commit"),
                before.map(|path| place.root.join(path).join("pre-commit")),
            )
        }
        (Some(path), false) => {
            let shown = path.display();
            let why = place
                .own()
                .is_dir()
                .then(|| format!("core.hooksPath was set to {shown} after it was installed"));
            return Ok(Found::Missing { why });
        }
    };
    if !is_guard(&hook) {
        let why = kept.filter(|kept| kept.ends_with(KEPT) && kept.is_file());
        let why =
            why.map(|_| format!("{} was written anew after it was installed", hook.display()));
        return Ok(Found::Missing { why });
    }
    Ok(Found::Installed {
        then: kept.filter(|kept| kept.is_file()),
        hook,
    })
}

fn trees(folder: &Path) -> Result<Vec<PathBuf>, GuardError> {
    let root = git::root(folder)?;
    let inside = git::submodules(&root);
    Ok(std::iter::once(root).chain(inside).collect())
}

/// The guard in the repository's own folder of hooks, an older hook kept.
fn beside(hooks: &Path, check: &str) -> Result<PathBuf, GuardError> {
    let hook = hooks.join("pre-commit");
    did(hooks, "made", fs::create_dir_all(hooks))?;
    let kept = keeps(hooks);
    if kept.is_moved {
        let to = hooks.join(&kept.name);
        did(&hook, "moved", fs::rename(&hook, to))?;
    }
    write(&hook, &beside_text(check, &kept.name))?;
    Ok(hook)
}

/// Where the guard keeps an older hook.
struct Keeps {
    name: String,
    /// Whether the hook that is there has to go to that name.
    is_moved: bool,
}

/// A hook that another tool wrote over the guard gets a name that is free: the
/// hook that was kept before may be run by it, through a guard that the tool has
/// put aside, and neither may come to call itself.
fn keeps(hooks: &Path) -> Keeps {
    let hook = hooks.join("pre-commit");
    if let Some(name) = kept_by(&hook) {
        return Keeps {
            name,
            is_moved: false,
        };
    }
    let is_moved = hook.symlink_metadata().is_ok();
    let mut name = KEPT.to_owned();
    let mut count = 1;
    while is_moved && hooks.join(&name).symlink_metadata().is_ok() {
        count += 1;
        name = format!("{KEPT}-{count}");
    }
    Keeps { name, is_moved }
}

/// The guard's hook, which runs the kept one after it.
fn beside_text(check: &str, kept: &str) -> String {
    let (begin, end) = NAMES_KEPT;
    format!(
        "{}{begin}{kept}{end}\n[ -x \"$kept\" ] || exit 0\nexec \"$kept\" \"$@\"\n",
        head(check)
    )
}

/// What [`install`] would write into the work tree around a folder, for whoever
/// shows it first. `None`: hooks lie elsewhere, so that git's configuration
/// changes too.
///
/// # Errors
/// When git cannot be asked.
pub fn planned(folder: &Path, check: &str) -> Result<Option<Planned>, GuardError> {
    let place = Place::of(folder)?;
    Ok(place.hooks_path.is_none().then(|| {
        let hooks = place.usual();
        let kept = keeps(&hooks);
        Planned {
            hook: hooks.join("pre-commit"),
            text: beside_text(check, &kept.name),
            kept: kept.is_moved.then(|| hooks.join(&kept.name)),
        }
    }))
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
fn in_front(place: &Place, check: &str, before: Option<&Path>) -> Result<PathBuf, GuardError> {
    let own = place.own();
    did(&own, "made", fs::create_dir_all(&own))?;
    let usual = place.usual();
    let before = before.unwrap_or(&usual);
    for name in HOOKS {
        let other = quoted(&before.join(name).to_string_lossy());
        let then = format!("[ -x {other} ] || exit 0\nexec {other} \"$@\"\n");
        let text = match name {
            "pre-commit" => format!("{}{then}", head(check)),
            // A hook that is there changes what git does: only those are
            // passed on that the other place has.
            _ if !place.root.join(before).join(name).is_file() => continue,
            _ => format!("#!/bin/sh\n{MARK} passes on to the hooks that were here before\n{then}"),
        };
        write(&own.join(name), &text)?;
    }
    git::ask(
        &place.root,
        &[
            "config",
            "--local",
            "core.hooksPath",
            &own.to_string_lossy(),
        ],
    )?;
    Ok(own.join("pre-commit"))
}

/// Where git looked before, as it was written.
fn remember(place: &Place) -> Result<(), GuardError> {
    let before = place.hooks_path.clone().unwrap_or_default();
    git::ask(
        &place.root,
        &["config", "--local", BEFORE, &before.to_string_lossy()],
    )?;
    let was_local = if place.local.is_some() {
        "true"
    } else {
        "false"
    };
    git::ask(
        &place.root,
        &["config", "--local", "gaia.hooksPathWasLocal", was_local],
    )
    .map(drop)
}

fn forget(place: &Place) -> Result<(), GuardError> {
    let before = git::setting(&place.root, &["--local"], BEFORE);
    let was_local = git::setting(&place.root, &["--local"], "gaia.hooksPathWasLocal");
    if place.is_ours() {
        match (
            before,
            was_local.is_some_and(|word| word == Path::new("true")),
        ) {
            (Some(before), true) => {
                git::ask(
                    &place.root,
                    &[
                        "config",
                        "--local",
                        "core.hooksPath",
                        &before.to_string_lossy(),
                    ],
                )?;
            }
            _ => drop(git::ask(
                &place.root,
                &["config", "--local", "--unset", "core.hooksPath"],
            )?),
        }
    }
    // The section goes with its last word; a missing one is no harm.
    let _ = git::ask(
        &place.root,
        &["config", "--local", "--remove-section", "gaia"],
    );
    Ok(())
}

fn head(check: &str) -> String {
    format!(
        "#!/bin/sh\n{MARK} a commit that touches a folder held by another is refused.\n\
         # `gaia guard remove` takes this away and puts back what was here before.\n\
         {check} || exit 1\n"
    )
}

/// A link is never the guard: what it leads to is somebody's own file.
fn is_guard(hook: &Path) -> bool {
    guard_text(hook).is_some()
}

fn guard_text(hook: &Path) -> Option<String> {
    if hook.is_symlink() {
        return None;
    }
    let text = fs::read_to_string(hook).ok()?;
    let is_marked = text.lines().nth(1)?.starts_with(MARK);
    is_marked.then_some(text)
}

/// The name under which the guard keeps an older hook; none if it is no guard.
fn kept_by(hook: &Path) -> Option<String> {
    let text = guard_text(hook)?;
    let (begin, end) = NAMES_KEPT;
    let named = |line: &str| {
        line.strip_prefix(begin)?
            .strip_suffix(end)
            .map(str::to_owned)
    };
    Some(
        text.lines()
            .find_map(named)
            .unwrap_or_else(|| KEPT.to_owned()),
    )
}

/// Whole or not at all, and never through a link.
fn write(path: &Path, text: &str) -> Result<(), GuardError> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".gaia-{}", std::process::id()));
    let new = PathBuf::from(new);
    did(path, "written", fs::write(&new, text))?;
    let mode = fs::Permissions::from_mode(0o755);
    did(path, "written", fs::set_permissions(&new, mode))?;
    did(path, "written", fs::rename(&new, path))
}

fn did<T>(path: &Path, verb: &'static str, result: io::Result<T>) -> Result<T, GuardError> {
    result.map_err(|source| GuardError::File {
        path: path.to_owned(),
        verb,
        source,
    })
}

/// A word as a shell reads it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
