//! What tasks were passed over for, so that one look at it speaks for all of
//! them.
//!
//! Looking at each task that waits costs more the more there are. So whoever
//! is passed over goes into a region: the folder in whose way something was.
//! While something is in the way of the region, it is in the way of every task
//! in it, and none of them is looked at; when nothing is any more, the tasks
//! compete again, and not one row had to be touched for it. Being in a region
//! is never wrong: it says where to look first, and the lock rules say what is.

use gaia_locks::folder::{Folder, is_within};
use gaia_locks::service::InTheWay;

/// What a task was last passed over for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Region {
    /// Nothing yet.
    #[default]
    Anywhere,
    /// Something in the way of exactly this folder, as it is written.
    At(String),
    /// Something in the way of this folder and all that lies in it.
    In(String),
}

impl Region {
    /// As a column keeps it.
    pub fn word(&self) -> String {
        match self {
            Region::Anywhere => String::new(),
            Region::At(folder) => format!("at:{folder}"),
            Region::In(folder) => format!("in:{folder}"),
        }
    }

    /// The region of that word.
    pub fn from_word(word: &str) -> Self {
        match word.split_once(':') {
            Some(("at", folder)) => Region::At(folder.to_owned()),
            Some(("in", folder)) => Region::In(folder.to_owned()),
            _ => Region::Anywhere,
        }
    }

    /// Where a task belongs that wants this folder (as written) and has that
    /// in its way: the innermost folder that is in the way as a whole.
    pub fn of(written: &str, way: &InTheWay) -> Self {
        let covering = |key: &&str| is_clean(written) && is_within(written, key);
        let innermost = keys(way).filter(covering).max_by_key(|key| key.len());
        innermost.map_or_else(
            || Region::At(written.to_owned()),
            |key| Region::In(key.to_owned()),
        )
    }

    /// Where a task belongs that wants this folder (as written) when that
    /// other one was given away.
    pub fn beside(written: &str, given: &Folder) -> Self {
        let covering = |key: &&str| is_clean(written) && is_within(written, key);
        let key = given.keys().find(covering);
        key.map_or_else(
            || Region::At(written.to_owned()),
            |key| Region::In(key.to_owned()),
        )
    }

    /// Whether a task that wants this folder (as written) waits for nothing
    /// but what this region waits for.
    pub fn holds(&self, written: &str) -> bool {
        match self {
            Region::Anywhere => false,
            Region::At(folder) => folder == written,
            Region::In(folder) => is_clean(written) && is_within(written, folder),
        }
    }

    /// Whether a folder that was given away is in the way of all of it.
    pub fn is_shut_by(&self, given: &Folder) -> bool {
        match self {
            Region::Anywhere => false,
            Region::At(folder) => given
                .keys()
                .any(|key| is_within(folder, key) || is_within(key, folder)),
            Region::In(folder) => given.keys().any(|key| is_within(folder, key)),
        }
    }
}

/// Whether a path says by its letters alone where it lies.
pub fn is_clean(path: &str) -> bool {
    path == "/"
        || path.starts_with('/')
            && path
                .split('/')
                .skip(1)
                .all(|name| !matches!(name, "" | "." | ".."))
}

/// A path as its letters alone say where it lies, as far as they do: other
/// programs write `/w/` and `/a//b`.
pub fn cleaned(path: &str) -> String {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let names: Vec<&str> = names.collect();
    match path.starts_with('/') && !names.contains(&"..") {
        true => format!("/{}", names.join("/")),
        false => path.to_owned(),
    }
}

fn keys(way: &InTheWay) -> impl Iterator<Item = &str> {
    let locks = way.locks.iter().map(|lock| &lock.folder);
    let waiters = way.waiters.iter().flat_map(|waiter| &waiter.want.folders);
    let pauses = way.pauses.iter().map(|pause| &pause.folder);
    locks.chain(waiters).chain(pauses).flat_map(Folder::keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_alone_say_where_most_paths_lie() {
        for (path, clean) in [
            ("/w/", "/w"),
            ("/a//b", "/a/b"),
            ("/a/./b/.", "/a/b"),
            ("/", "/"),
            ("/a/../b", "/a/../b"),
            ("a/", "a/"),
        ] {
            assert_eq!(cleaned(path), clean);
        }
    }
}
