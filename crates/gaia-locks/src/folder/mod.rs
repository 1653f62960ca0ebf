//! One folder, one identity [R12].
//!
//! Two requests for one folder must meet, however each was spelled: with `..`, doubled slashes,
//! through links, through a bind mount, in another case where the file system does not care. So
//! a path is resolved to one canonical spelling before it is compared. That alone is not enough,
//! since links can be turned later: a lock therefore covers two spellings, the one it resolved to
//! when granted and the one that was written, and requests are compared with both.
//!
//! A [`Folder`] is a plain value. Making one from a path looks at the file system
//! ([`Folder::resolve`]); everything after that is comparing strings, so rules and stores can do
//! it anywhere. What is compared are *keys*: a key is the spelling itself, but where the file
//! system takes several names for one ([`Names`](crate::os::Names)) the names in the key are
//! folded to one of them. The spelling is for people, the key is for machines:
//!
//! * equal folders have an equal key among their one or two ([`Folder::same`]);
//! * a folder lies in another when its key begins with the other's and a slash, which an index
//!   answers by a list of equalities ([`ancestors`]) or by a range ([`descendant_range`]).
//!
//! Not promised: that a folder which a link *inside* a locked folder leads to is locked too, and
//! that hard links to one file are one.

mod clean;
mod error;
mod fold;
mod keys;
mod resolve;

#[cfg(test)]
mod tests;

use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub use error::{InvalidFolder, Reason};
pub use fold::{NameRules, SystemNames, fold_name};
pub use keys::{ancestors, descendant_range, is_within};

use crate::os::Inode;

/// A folder's identity: what a lock is on. See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Folder {
    path: Spelling,
    written: Option<Spelling>,
    found: Sight,
}

/// What stood under the name at a look. It is no part of what a folder is: a lock is on the name,
/// and two looks at one name are looks at one folder.
#[derive(Debug, Clone, Copy, Default)]
struct Sight(Option<Inode>);

impl PartialEq for Sight {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Sight {}

impl Hash for Sight {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Spelling {
    shown: String,
    /// Only where it differs from what is shown.
    key: Option<String>,
}

/// A folder as a store keeps it. Columns for the keys may be left empty where they equal the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct StoredFolder {
    /// [`Folder::path`].
    pub path: String,
    /// [`Folder::path_key`], or None if it is the path.
    pub path_key: Option<String>,
    /// [`Folder::written`].
    pub written: Option<String>,
    /// [`Folder::written_key`], or None if it is the written path.
    pub written_key: Option<String>,
    /// [`Folder::found`].
    pub found: Option<Inode>,
}

/// What stands under a folder's name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FolderState {
    /// Something does; another inode than before means another folder, the same one most likely
    /// the same folder (numbers are used again after a deletion).
    Present(Inode),
    /// Nothing does.
    Gone,
    /// It cannot be looked at from here (no permission on the way).
    Hidden,
}

impl Folder {
    /// The folder that a path means on this machine now. A relative path counts from `base`.
    pub fn resolve(path: &Path, base: &Path) -> Result<Self, InvalidFolder> {
        Self::resolve_with(path, base, &SystemNames)
    }

    /// As [`Folder::resolve`], with somebody else's word on which directories fold names.
    pub fn resolve_with(
        path: &Path,
        base: &Path,
        names: &dyn NameRules,
    ) -> Result<Self, InvalidFolder> {
        let found = resolve::resolve(path, base)?;
        if names.nothing_folds() {
            return Ok(Self::new(
                Spelling::plain(found.resolved),
                found.written.map(Spelling::plain),
                found.found,
            ));
        }
        let spell = |shown: String| {
            let key = fold::key_of(&shown, names);
            Spelling { shown, key }
        };
        Ok(Self::new(
            spell(found.resolved),
            found.written.map(spell),
            found.found,
        ))
    }

    /// The folder that a path means where it comes from: in another scope, whose files cannot be
    /// seen here. It is only cleaned: absolute it must be, and `..` is taken at its word.
    pub fn clean(path: &str) -> Result<Self, InvalidFolder> {
        Ok(Self::new(
            Spelling::plain(clean::clean_elsewhere(path)?),
            None,
            None,
        ))
    }

    /// Reads back what [`Folder::to_stored`] gave. Nothing is looked at or checked.
    #[must_use]
    pub fn from_stored(stored: StoredFolder) -> Self {
        let written = stored
            .written
            .map(|shown| Spelling::keyed(shown, stored.written_key));
        let path = Spelling::keyed(stored.path, stored.path_key);
        Self::new(path, written, stored.found)
    }

    /// What a store keeps of it.
    #[must_use]
    pub fn to_stored(&self) -> StoredFolder {
        StoredFolder {
            path: self.path.shown.clone(),
            path_key: self.path.key.clone(),
            written: self.written.as_ref().map(|written| written.shown.clone()),
            written_key: self
                .written
                .as_ref()
                .and_then(|written| written.key.clone()),
            found: self.found(),
        }
    }

    fn new(path: Spelling, written: Option<Spelling>, found: Option<Inode>) -> Self {
        let written = written.filter(|written| written.key() != path.key());
        Self {
            path,
            written,
            found: Sight(found),
        }
    }

    /// What stood under the canonical path when it was resolved: a directory or a file; none where
    /// nothing did, or nobody looked. Equal folders may differ in it.
    #[must_use]
    pub fn found(&self) -> Option<Inode> {
        self.found.0
    }

    /// The canonical path, as people know it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path.shown
    }

    /// The path as it was written, where that is another folder by name: absolute, clean, and with
    /// its links left in it.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        self.written.as_ref().map(|written| written.shown.as_str())
    }

    /// What the canonical path is compared by.
    #[must_use]
    pub fn path_key(&self) -> &str {
        self.path.key()
    }

    /// What the written path is compared by, if there is one.
    #[must_use]
    pub fn written_key(&self) -> Option<&str> {
        self.written.as_ref().map(Spelling::key)
    }

    /// All that it is compared by: one key or two.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.path_key()).chain(self.written_key())
    }

    /// Whether the other is this folder or lies in it, by any of their keys.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.keys()
            .any(|key| other.keys().any(|inner| is_within(inner, key)))
    }

    /// Whether the two are one, or one lies in the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether the two are one folder.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.keys()
            .any(|key| other.keys().any(|others| key == others))
    }

    /// What stands under the canonical path now. A lock is on the name: this changes nothing for
    /// it, but `status` says so.
    #[must_use]
    pub fn identity_now(&self) -> FolderState {
        match fs::metadata(&self.path.shown) {
            Ok(found) => FolderState::Present(Inode {
                dev: found.dev(),
                ino: found.ino(),
            }),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => FolderState::Hidden,
            Err(_) => FolderState::Gone,
        }
    }
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path())
    }
}

impl Spelling {
    fn plain(shown: String) -> Self {
        Self { shown, key: None }
    }

    fn keyed(shown: String, key: Option<String>) -> Self {
        let key = key.filter(|key| *key != shown);
        Self { shown, key }
    }

    fn key(&self) -> &str {
        self.key.as_ref().unwrap_or(&self.shown)
    }
}
